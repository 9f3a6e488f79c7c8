# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Recordings of a camera that moves over a rendered table, in the form of a robot's.

Topics: colour (JPEG, or raw), depth (16UC1, aligned; `compressedDepth` PNG, or raw), camera_info,
/tf from `world` to the optical frame, /tf_static from `world` to `table`, the true boxes as
Detection2DArray, and as Detection3DArray the boxes of the surfaces that are seen, in the optical
frame, with ids. All messages of one moment have the same stamp.

    python -m vit_perception.scenes.sample_bag --assets ASSETS --out samples/tabletop

writes the sample bag; options put other things on the table, your own meshes too:

    python -m vit_perception.scenes.sample_bag --assets ASSETS --assets mine \
        --objects my_cup,my_box,banana_ycb --seconds 10 --raw --sensor d435 --out my_bag
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from vit_perception.bags.detections_3d import objects_to_message
from vit_perception.bags.messages import (
    CAMERA_INFO,
    COMPRESSED_IMAGE,
    DETECTIONS,
    DETECTIONS_3D,
    IMAGE,
    TF,
    detections_to_message,
    make_header,
)
from vit_perception.bags.reader import BagError
from vit_perception.bags.writer import BagWriter
from vit_perception.bundle.samples import (
    CAMERA_INFO_TOPIC,
    COMPRESSED_DEPTH_TOPIC,
    COMPRESSED_TOPIC,
    DEPTH_TOPIC,
    GROUND_TRUTH_3D_TOPIC,
    GROUND_TRUTH_TOPIC,
    IMAGE_TOPIC,
)
from vit_perception.output.failure import OutputError
from vit_perception.processes.signals import raising_terminated, status_of
from vit_perception.scenes.catalogue import CatalogueError
from vit_perception.scenes.depth_noise import SENSORS
from vit_perception.scenes.frame_messages import (
    camera_info,
    compressed_pictures,
    raw_pictures,
    transform,
)
from vit_perception.scenes.moving_camera import (
    SAMPLE_OBJECTS,
    Arc,
    CameraFrame,
    render_moving_camera,
)
from vit_perception.scenes.scene_truth import ground_truth, ground_truth_3d
from vit_perception.scenes.surfaces import SurfaceError
from vit_perception.wording import printable, shown_path

TABLE, CAMERA = "table", "camera_color_optical_frame"
START = 1_767_225_600_000_000_000
"""2026-01-01 00:00:00 UTC: a fixed date, so that the bag has the same bytes in every run."""
SEED = 7


def write_sample_bag(path: Path, frames: Iterable[CameraFrame], *, raw: bool = False) -> int:
    """Writes a bag of rendered frames, pictures compressed or `raw`; returns their number.

    Raises:
        BagError: the folder already exists.
        OutputError: it cannot be written, or another process writes it.
    """
    count = 0
    with BagWriter(path) as bag:
        bag.add_topic("/tf_static", TF, latched=True)
        bag.add_topic("/tf", TF)
        bag.add_topic(CAMERA_INFO_TOPIC, CAMERA_INFO)
        for topic in (
            (IMAGE_TOPIC, DEPTH_TOPIC) if raw else (COMPRESSED_TOPIC, COMPRESSED_DEPTH_TOPIC)
        ):
            bag.add_topic(topic, IMAGE if raw else COMPRESSED_IMAGE)
        bag.add_topic(GROUND_TRUTH_TOPIC, DETECTIONS)
        bag.add_topic(GROUND_TRUTH_3D_TOPIC, DETECTIONS_3D)
        for frame in frames:
            if count == 0:
                bag.write("/tf_static", frame.stamp, transform(frame.stamp, TABLE, np.eye(4)))
            _write_frame(bag, frame, raw=raw)
            count += 1
    return count


def _write_frame(bag: BagWriter, frame: CameraFrame, *, raw: bool) -> None:
    stamp, header = frame.stamp, make_header(frame.stamp, CAMERA)
    height, width = frame.rgb.shape[:2]
    boxes = ground_truth_3d(frame.truth, frame.labels, frame.intrinsics, frame.pose)
    messages = {
        "/tf": transform(stamp, CAMERA, frame.pose),
        CAMERA_INFO_TOPIC: camera_info(header, width, height, frame.intrinsics),
        **(raw_pictures(header, frame) if raw else compressed_pictures(header, frame)),
        GROUND_TRUTH_TOPIC: detections_to_message(ground_truth(frame.labels), stamp, CAMERA),
        GROUND_TRUTH_3D_TOPIC: objects_to_message(*boxes, stamp, CAMERA),
    }
    for topic, message in messages.items():
        bag.write(topic, stamp, message)


@contextmanager
def _counted(frames: Iterable[CameraFrame]) -> Iterator[Iterator[CameraFrame]]:
    """Shows how many frames have been written, on a line that ends with the block."""
    count = 0

    def each() -> Iterator[CameraFrame]:
        nonlocal count
        for frame in frames:
            yield frame
            count += 1
            print(f"\r{count} frames", end="", file=sys.stderr, flush=True)

    try:
        yield each()
    finally:
        if count:
            print(file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    """Renders and writes a bag; returns 0, or 2 with one line on stderr if that fails.

    130, 143 or 129: interrupted, by SIGTERM or by SIGHUP; nothing is left then.
    """
    args = _parser().parse_args(arguments)
    width, height = args.size
    frames = render_moving_camera(
        args.assets,
        seed=args.seed,
        objects=args.objects,
        arc=Arc(seconds=args.seconds, rate=args.rate),
        width=width,
        height=height,
        start_ns=START,
        sensor=SENSORS.get(args.sensor),
    )
    try:
        with raising_terminated(), _counted(frames) as counted:
            count = write_sample_bag(args.out, counted, raw=args.raw)
    except (BagError, CatalogueError, OutputError, SurfaceError) as error:
        print(f"sample_bag: {printable(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as error:
        print("sample_bag: interrupted", file=sys.stderr)
        return status_of(error)
    size = sum(path.stat().st_size for path in args.out.iterdir())
    print(f"{shown_path(args.out)}: {count} frames, {size / 1e6:.1f} MB")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sample_bag", description="Record a camera that moves over a rendered table."
    )
    parser.add_argument(
        "--assets",
        type=Path,
        required=True,
        action="append",
        metavar="DIR",
        help="asset folder; may be given again to add objects (surfaces: of the first)",
    )
    parser.add_argument("--out", type=Path, default=Path("samples/tabletop"), metavar="BAG")
    parser.add_argument(
        "--objects",
        type=lambda text: tuple(text.split(",")),
        default=SAMPLE_OBJECTS,
        metavar="ID,ID",
        help="what lies on the table, ids of the folders (those of the sample bag)",
    )
    parser.add_argument("--seed", type=_seed, default=SEED, help=f"same seed, same bytes ({SEED})")
    parser.add_argument("--seconds", type=_above_zero, default=6.0, help="duration (6)")
    parser.add_argument("--rate", type=_above_zero, default=10.0, help="frames a second (10)")
    parser.add_argument("--size", type=_size, default=(640, 480), metavar="WxH", help="(640x480)")
    parser.add_argument(
        "--sensor",
        choices=("exact", *SENSORS),
        default="exact",
        help="what measures the depth, with its noise, steps and holes (exact: to the millimetre)",
    )
    parser.add_argument(
        "--raw", action="store_true", help="sensor_msgs/Image for colour and depth, uncompressed"
    )
    return parser


def _seed(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"expected 0 or more, found {text}")
    return value


def _above_zero(text: str) -> float:
    value = float(text)
    if not 0 < value < np.inf:
        raise argparse.ArgumentTypeError(f"expected a number above 0, found {text}")
    return value


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{2,4})x(\d{2,4})", text, re.ASCII)
    if not found:
        raise argparse.ArgumentTypeError(f"expected WxH as in 640x480, found {text}")
    return int(found[1]), int(found[2])


if __name__ == "__main__":
    sys.exit(main())
