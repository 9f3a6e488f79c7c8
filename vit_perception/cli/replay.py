# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Subcommand `replay`: a bag in, a bag with detections out; no ROS, every frame, no timing."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vit_perception.cli.arguments import output_path
from vit_perception.cli.model import (
    add_bundle_arguments,
    add_detection_arguments,
    add_mask_argument,
    load_perceiver,
)
from vit_perception.wording import printable, shown_path

NAME = "replay"
HELP = "detect on every image of a bag and write the results as a bag"
EPILOG = """example:
  vit-perception replay recording/ --out detected_bag --vocabulary 'red mug, spoon'
  vit-perception replay recording/ --out detected_bag --taught mine

Reads rosbag1 and rosbag2 (sqlite3, mcap), also what a killed recorder left. Writes rosbag2
(mcap) with the node's topics, under the source's stamps and frame ids:
  /detector/detections   vision_msgs/Detection2DArray
  /detector/instances    sensor_msgs/Image in mono16, from a bundle with masks: n at the
                         pixels of detection n - 1
  /detector/label_info   vision_msgs/LabelInfo
  /detector/vision_info  vision_msgs/VisionInfo
The same bag, bundle and options give the same messages in every run."""

DEFAULT_TOPIC = "/detector/detections"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("bag", metavar="BAG", help=".bag file, rosbag2 folder, .mcap or .db3 file")
    parser.add_argument(
        "--out", type=output_path, required=True, metavar="DIR", help="folder of the new bag"
    )
    parser.add_argument("--topic", help="image topic (needed where the bag has several cameras)")
    parser.add_argument(
        "--output-topic",
        default=DEFAULT_TOPIC,
        help=f"of the detections; the others are written beside it ({DEFAULT_TOPIC})",
    )
    parser.add_argument(
        "--with-images", action="store_true", help="copy the images into the new bag as well"
    )
    add_detection_arguments(parser)
    add_mask_argument(parser)
    add_bundle_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Writes the bag; returns 0, or 1 if the bag had no usable image.

    Raises:
        BagDamageError: messages of the bag are missing; after what is there was written.
    """
    from vit_perception.bags.reader import BagDamageError
    from vit_perception.bags.replay import replay
    from vit_perception.cli.progress import progress_bar
    from vit_perception.output.input_files import refuse_inside

    bag = Path(args.bag)
    if bag.is_dir():
        refuse_inside(args.out, bag)
    perceiver = load_perceiver(args, masks=not args.no_masks)
    with progress_bar("detecting", None) as show:
        result = replay(
            bag,
            args.out,
            perceiver,
            topic=args.topic,
            output_topic=args.output_topic,
            with_images=args.with_images,
            progress=show,
            say=_say,
        )
    for line in result.broken_lines:
        _say(f"left out {line}")
    more = sum(result.broken.values()) - len(result.broken_lines)
    if more:
        _say(f"left out {more} more broken frames")
    broken = "".join(f", {count} broken ({cause})" for cause, count in result.broken.items())
    print(
        f"{shown_path(result.topic)}: {result.frames} frames{broken}, "
        f"{result.detections} detections on {shown_path(args.output_topic)} "
        f"-> {shown_path(args.out)}"
    )
    if result.damage:
        raise BagDamageError(result.damage)
    return 0 if result.frames else 1


def _say(line: str) -> None:
    print(f"vit-perception {NAME}: {printable(line)}", file=sys.stderr)
