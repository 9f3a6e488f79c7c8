# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Many short recordings of a moving camera, in which it is known which object is which.

    python -m vit_perception.scenes.sequences --assets ASSETS --out data/sequences --count 200

A recording is a folder with `0000.jpg`, `0001.jpg` and so on, and `truth.json`: the stamp of each
frame (ns) and its objects with id, category, names, box x1 y1 x2 y2 (pixels), visible fraction and
range (metres, 0: not measured). Objects of one category may lie on one table, but no object lies
there twice: its id is its identity. A run that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vit_perception.output.failure import OutputError
from vit_perception.output.write import write_file
from vit_perception.scenes.catalogue import Asset, CatalogueError, Part, load_catalogue
from vit_perception.scenes.choice import RandomChoice
from vit_perception.scenes.labels import Label
from vit_perception.scenes.lamps import Lighting, draw_light
from vit_perception.scenes.moving_camera import ATTEMPTS, Arc, CameraFrame, film, settled, thing_in
from vit_perception.scenes.surfaces import SurfaceError, Surfaces, load_surfaces
from vit_perception.scenes.tabletop import Arrangement
from vit_perception.wording import printable, shown_path

TRUTH = "truth.json"
FEWEST, MOST = 6, 15
"""Objects that are drawn for a table; what rolls off is left out."""
LONGEST_M = 0.45
"""Larger objects fall off, and hide the others."""
HARD_LIGHT = 0.35
QUALITY = 90


def render_sequence(
    assets: Sequence[Asset],
    surfaces: Surfaces,
    seed: int,
    folder: Path,
    size: tuple[int, int],
    length: float = 1.0,
) -> int:
    """Renders one recording of objects drawn from `assets` and returns its number of frames.

    `length`: of the path, see `draw_arc`.

    Raises:
        CatalogueError: the objects drawn do not stay on the table.
        OutputError: a file cannot be written.
    """
    rng = np.random.default_rng([seed, 1717])
    arrangement = _arrangement(assets, rng)
    arc = draw_arc(rng, length)
    frames: list[dict[str, Any]] = []
    for number, frame in enumerate(
        film(
            arrangement,
            surfaces,
            seed=seed,
            arc=arc,
            light=_light(arc, rng),
            width=size[0],
            height=size[1],
        )
    ):
        bgr = cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2BGR)
        jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
        write_file(folder / f"{number:04}.jpg", jpeg.tobytes())
        objects = [_entry(label, frame) for label in frame.labels if not label.ignored]
        frames.append({"stamp": frame.stamp, "objects": objects})
    # Last: a folder with it is complete.
    write_file(folder / TRUTH, json.dumps({"seed": seed, "frames": frames}).encode())
    return len(frames)


def draw_arc(rng: np.random.Generator, length: float = 1.0) -> Arc:
    """Draws a path: from any side, near or far, once up or down, for four to seven seconds.

    `length` makes it so many times as long, up to once around.
    """
    start, turn = rng.uniform(-180, 180), rng.choice([-1, 1]) * rng.uniform(30, 130)
    turn = float(np.clip(turn * length, -360, 360))
    elevations, distances = rng.uniform(20, 68, 2), rng.uniform(0.55, 1.25, 2)
    return Arc(
        seconds=float(rng.uniform(4, 7)) * length,
        azimuth=(float(start), float(start + turn)),
        elevation=(float(elevations[0]), float(elevations[1])),
        distance=(float(distances[0]), float(distances[1])),
    )


def _light(arc: Arc, rng: np.random.Generator) -> Lighting:
    angle = np.radians(arc.azimuth[0])
    return draw_light(HARD_LIGHT, (float(np.cos(angle)), float(np.sin(angle)), 0.5), rng)


def _arrangement(assets: Sequence[Asset], rng: np.random.Generator) -> Arrangement:
    choose = RandomChoice(tuple(assets), FEWEST, MOST)
    # Drawn twice, an object lies there once.
    least = max(min(FEWEST, len(assets) // 2), 1)
    # Drawn one by one, as each draw goes on with the same generator.
    drawn = ({each.id: each for each in choose(n, rng).assets} for n in range(ATTEMPTS))
    return settled(
        (([thing_in(each) for each in one.values()], rng) for one in drawn), 0.07, least
    )


def _entry(label: Label, frame: CameraFrame) -> dict[str, Any]:
    x, y, width, height = label.box
    # The middle of the box is less often table than its rim.
    middle = frame.depth[
        y + height // 4 : y + height - height // 4, x + width // 4 : x + width - width // 4
    ]
    measured = middle[middle > 0]
    return {
        "id": label.thing.asset,
        "category": label.thing.category,
        "names": label.thing.names,
        "box": [x, y, x + width, y + height],
        "visible": round(label.visible_fraction, 3),
        "range": round(float(np.median(measured)) / 1000, 3) if measured.size else 0.0,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Renders recordings; returns 0, or 2 with one line on stderr if that fails."""
    args = _parser().parse_args(arguments)
    part: Part = args.part
    try:
        assets = [
            asset
            for asset in load_catalogue(args.assets).parts(part)
            if asset.mesh is not None and max(asset.size_m) <= LONGEST_M
        ]
        surfaces = load_surfaces(args.assets, held_out=part != "train")
        if not assets:
            raise CatalogueError(
                f"{shown_path(args.assets)}: expected objects of {part}, found none"
            )
        for number in range(args.count):
            seed = args.seed * 100_000 + number
            folder = args.out / f"{seed:08}"
            if not (folder / TRUTH).exists():
                size = args.width, args.width * 3 // 4
                render_sequence(assets, surfaces, seed, folder, size, args.length)
            print(f"\r{number + 1} of {args.count}", end="", file=sys.stderr, flush=True)
    except (CatalogueError, OutputError, SurfaceError) as error:
        print(f"sequences: {printable(str(error))}", file=sys.stderr)
        return 2
    print(file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sequences", description="Record many rendered tables, each from a moving camera."
    )
    parser.add_argument("--assets", type=Path, required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--count", type=int, default=200, help="recordings (200)")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same bytes (1)")
    parser.add_argument(
        "--part",
        choices=("train", "val_instances"),
        default="train",
        help="which objects, and whether surfaces are those held out from training (train)",
    )
    parser.add_argument(
        "--length", type=float, default=1.0, help="1: paths of four to seven seconds (1)"
    )
    parser.add_argument("--width", type=int, default=480, help="of the pictures (480)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
