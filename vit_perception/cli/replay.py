# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Subcommand `replay`: a bag in, a bag with detections out; no ROS, every frame, no timing."""

from __future__ import annotations

import argparse
from pathlib import Path

from vit_perception.cli.model import (
    add_bundle_arguments,
    add_detection_arguments,
    load_perceiver,
)

NAME = "replay"
HELP = "detect on every image of a bag and write the detections as a bag"
EPILOG = """example:
  vit-perception replay recording/ --out detected_bag --vocabulary 'red mug, spoon'

Reads rosbag1 and rosbag2 (sqlite3, mcap), writes rosbag2 (mcap) with
vision_msgs/Detection2DArray of the source's stamps and frame ids. The same bag, bundle and
options give the same messages in every run."""

DEFAULT_TOPIC = "/detector/detections"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("bag", metavar="BAG", help=".bag file, rosbag2 folder, .mcap or .db3 file")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the new bag")
    parser.add_argument("--topic", help="image topic (needed where the bag has several cameras)")
    parser.add_argument(
        "--output-topic", default=DEFAULT_TOPIC, help=f"of the detections ({DEFAULT_TOPIC})"
    )
    parser.add_argument(
        "--with-images", action="store_true", help="copy the images into the new bag as well"
    )
    add_detection_arguments(parser)
    add_bundle_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Writes the bag; returns 0, or 1 if the bag had no usable image."""
    from vit_perception.bags.replay import replay
    from vit_perception.cli.progress import progress_bar

    perceiver = load_perceiver(args)
    with progress_bar("detecting", None) as show:
        result = replay(
            Path(args.bag),
            Path(args.out),
            perceiver,
            topic=args.topic,
            output_topic=args.output_topic,
            with_images=args.with_images,
            progress=show,
        )
    broken = "".join(f", {count} broken ({cause})" for cause, count in result.broken.items())
    print(
        f"{result.topic}: {result.frames} frames{broken}, "
        f"{result.detections} detections on {args.output_topic} -> {args.out}"
    )
    return 0 if result.frames else 1
