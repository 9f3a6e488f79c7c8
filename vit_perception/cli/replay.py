# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Subcommand `replay`: a bag in, a bag with detections out; no ROS, every frame, no timing."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vit_perception.cli.arguments import number, output_path
from vit_perception.cli.model import (
    add_bundle_arguments,
    add_detection_arguments,
    add_mask_argument,
    add_tracking_arguments,
    load_perceiver,
    tracking_settings,
)
from vit_perception.cli.streams import say
from vit_perception.space.settings import SLOP
from vit_perception.wording import shown_path

if TYPE_CHECKING:
    from vit_perception.bags.placing_topics import Placing
    from vit_perception.tracking.tracker import Tracker

NAME = "replay"
_say = partial(say, NAME)
HELP = "detect on every image of a bag and write the results as a bag"
EPILOG = """example:
  vit-perception replay recording/ --out detected_bag --vocabulary 'red mug, spoon'
  vit-perception replay recording/ --out detected_bag --taught mine
  vit-perception replay samples/tabletop --out placed --localize --target-frame world

Reads rosbag1 and rosbag2 (sqlite3, mcap), also what a killed recorder left. Writes rosbag2
(mcap) with the node's topics, under the source's stamps and frame ids:
  /detector/detections   vision_msgs/Detection2DArray; with --track each detection of a thing
                         that was seen before has its id
  /detector/instances    sensor_msgs/Image in mono16, from a bundle with masks: n at the
                         pixels of detection n - 1
  /detector/label_info   vision_msgs/LabelInfo
  /detector/vision_info  vision_msgs/VisionInfo
  /detector/detections_3d  vision_msgs/Detection3DArray with --localize: boxes in space, from the
                         bag's depth, camera_info and /tf at the stamp of the image
The same bag, bundle and options give the same messages in every run."""

DEFAULT_TOPIC = "/detector/detections"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("bag", metavar="BAG", help=".bag file, rosbag2 folder, .mcap or .db3 file")
    parser.add_argument(
        "--out", type=output_path, required=True, metavar="DIR", help="folder of the new bag"
    )
    parser.add_argument(
        "--topic", metavar="TOPIC", help="image topic (needed where the bag has several cameras)"
    )
    parser.add_argument(
        "--output-topic",
        default=DEFAULT_TOPIC,
        metavar="TOPIC",
        help=f"of the detections; the others are written beside it ({DEFAULT_TOPIC})",
    )
    parser.add_argument(
        "--with-images", action="store_true", help="copy the images into the new bag as well"
    )
    add_tracking_arguments(parser, "the bag")
    _add_placing_arguments(parser)
    add_detection_arguments(parser)
    add_mask_argument(parser)
    add_bundle_arguments(parser)


def _add_placing_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("places in space")
    group.add_argument(
        "--localize", action="store_true", help="write boxes in space; the bag has to have depth"
    )
    group.add_argument(
        "--target-frame",
        default="",
        metavar="FRAME",
        help="of the boxes, by the bag's /tf (the optical frame of the image)",
    )
    group.add_argument(
        "--depth-topic",
        default="",
        metavar="TOPIC",
        help="of the depth (the only one with depth images)",
    )
    group.add_argument(
        "--camera-info-topic",
        default="",
        metavar="TOPIC",
        help="of the images (camera_info beside them)",
    )
    group.add_argument(
        "--depth-camera-info-topic",
        default="",
        metavar="TOPIC",
        help="of the depth (camera_info beside it, else that of the images)",
    )
    group.add_argument(
        "--slop",
        type=number(0.0, 10.0),
        default=SLOP,
        metavar="SECONDS",
        help=f"by which the stamps of image and depth may differ ({SLOP})",
    )


def _placing(args: argparse.Namespace) -> Placing | None:
    from vit_perception.bags.placing_topics import Placing
    from vit_perception.bags.reader import BagError

    given = {
        "depth": args.depth_topic,
        "camera_info": args.camera_info_topic,
        "depth_camera_info": args.depth_camera_info_topic,
        "target_frame": args.target_frame,
    }
    if args.localize:
        return Placing(**given, slop=args.slop)
    for name, value in given.items():
        if value:
            option = name if name == "target_frame" else f"{name}_topic"
            raise BagError(f"--{option.replace('_', '-')}: expected --localize beside it")
    return None


def run(args: argparse.Namespace) -> int:
    """Writes the bag; returns 0, or 1 if no image was usable, or none had what places need.

    Raises:
        BagDamageError: messages of the bag are missing; after what is there was written.
    """
    from vit_perception.bags.reader import BagDamageError
    from vit_perception.bags.replay import replay
    from vit_perception.cli.progress import progress_bar
    from vit_perception.output.input_files import refuse_inside
    from vit_perception.tracking.tracker import Tracker

    bag = Path(args.bag)
    if bag.is_dir():
        refuse_inside(args.out, bag)
    tracking = tracking_settings(args)
    tracker = Tracker(tracking) if tracking.tracking else None
    perceiver = load_perceiver(args, masks=not args.no_masks)
    with progress_bar("detecting", None) as show:
        result = replay(
            bag,
            args.out,
            perceiver,
            topic=args.topic,
            output_topic=args.output_topic,
            with_images=args.with_images,
            tracker=tracker,
            placing=_placing(args),
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
        f"{result.detections} detections{_of_things(tracker)} on {shown_path(args.output_topic)} "
        f"-> {shown_path(args.out)}"
    )
    if args.localize:
        for cause, (count, reason) in result.unplaced.items():
            _say(f"{count} frames without places ({cause}): {reason}")
        print(f"{result.objects} of {result.detections} detections placed in space")
    if result.damage:
        raise BagDamageError(result.damage)
    unplaced = sum(count for count, _ in result.unplaced.values())
    return 0 if result.frames > unplaced else 1


def _of_things(tracker: Tracker | None) -> str:
    return "" if tracker is None else f" of {tracker.counts.ids} followed things"
