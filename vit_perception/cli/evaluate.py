# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Subcommand `evaluate`: metrics of bundles on recordings and labelled pictures."""

from __future__ import annotations

import argparse
from pathlib import Path

from vit_perception.cli.arguments import add_setting, at_least, number, output_path
from vit_perception.cli.evaluate_shots import EPILOG as EPILOG_OF_SHOTS
from vit_perception.cli.evaluate_shots import add_shots_arguments
from vit_perception.cli.model import add_taught_argument, refuse_auto
from vit_perception.cli.runs import add_runs_arguments
from vit_perception.cli.sources import add_name_arguments, add_source_arguments
from vit_perception.perceiver.settings import Settings
from vit_perception.ros.playing.pace import FASTEST, SLOWEST

NAME = "evaluate"
HELP = "measure bundles on recordings and labelled pictures (COCO, LVIS)"
EPILOG = (
    """example:
  vit-perception evaluate my_bag --precision fp32,int8 --out report
  vit-perception evaluate monday/ tuesday/ --bundle tabletop_nano --bundle mine --out report
  vit-perception evaluate my_bag --realtime --rate 2 --out report
  vit-perception evaluate my_dataset --bundle tabletop_nano --json metrics.json
  vit-perception evaluate my_dataset --wordings recipes/wordings.yaml --precision int8
  vit-perception evaluate my_dataset --taught mine
  vit-perception evaluate lvis_v1_val.json --images coco --bundle evaluated

With --out, each bundle and precision looks at every picture of bags and folders, in order and
without a clock, and FOLDER gets:
  report.html      which is better and how sure, curves, errors, the worst pictures; one file
  metrics.json     all figures; the same bytes each time. names.csv, frames.csv, errors.csv
  timing.json      how long it took, and with --realtime what the live node made of it
  detections.mcap  what was found and what is true, for rviz and Foxglove
  rows/, times/    what the figures are made of: the same command goes on where it was ended
Bags hold their labels as Detection2DArray, or --truth-file has them. Images without labels are
looked at and not measured; 'compare' and 'label' need no labels at all. The exit status is 1 if a
source is damaged or cannot be read; what is whole of it is measured.

--realtime also plays the bag over ROS to the live node at its own pace, --rate times as fast: what
a planner would have believed at each moment, and where pictures went.

Without --out, tables of one bundle on labelled pictures are printed.
The folder holds images/ and annotations.json (COCO). An annotation may have a 'part' such as
train, val_instances or novel, then each part is measured on its own as well, and compressed run
lengths as 'segmentation', then masks are measured as well. An image may have 'asks' (attribute
pairs): each phrase is asked for alone, and the surest box has to lie on the object it means.
All category names of the dataset are asked for at once, or those of --names: categories that
are not asked for are measured only as boxes without names, names without a category only as
false alarms.

--taught FILE looks for category names that were shown with 'vit-perception teach' by what was
shown, and for the others by their words; with --said-too for all of them by their words as well.
Pictures that were shown have to be left out of the dataset, or the figures flatter.

Limits, the same for every bundle: detections with a score of 0.001 and more, 10000 a picture,
100 a picture and name; masks of the best 300 a picture; the best 100 boxes without names, after
suppression of all names together at IoU 0.7. A graph for robots gives 300 pairs of box and name;
with hundreds of names that hides objects, so measure an export with more:
'vit-perception export BUNDLE --out evaluated --top-k 10000'.

Of a bundle of class maps, the data set has class_maps/ as 'scenes --class-maps' writes them;
measured are IoU over the pixels of all pictures, and F1 of the boundaries within 0.75 % of a
picture's diagonal.

LVIS v1 is known by its neg_category_ids: a folder as above, or its json, with --images for the
folder of val2017/ and train2017/. Measured are boxes, under the first synonyms of all categories
asked at once: AP of the best 300 of a picture, and Fixed AP of the best 10000 of each category
over all pictures. That takes an export with '--top-k 30000' (of a released DOSOD: 'vit-perception
import … --top-k 30000').

"""
    + EPILOG_OF_SHOTS
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="BAG|DATASET",
        help="bags; folders with images/, annotations.json; or an LVIS json",
    )
    parser.add_argument(
        "--out", type=output_path, metavar="FOLDER", help="write the report and all results there"
    )
    add_name_arguments(parser)
    for name, note in (
        ("iou_threshold", "the bundle's own; LVIS: 0.7"),
        ("score_threshold", "the bundle's own; decides what is published and a false alarm"),
    ):
        add_setting(parser, Settings, name, metavar=name[0].upper(), optional=True, note=note)
    add_source_arguments(parser)
    _add_measuring_arguments(parser)
    _add_table_arguments(parser)
    add_runs_arguments(parser)


def _add_measuring_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("with --out")
    group.add_argument(
        "--jobs",
        type=at_least(1, 1024),
        default=1,
        metavar="N",
        help="processes, each for one camera of one bag or a folder at a time (1)",
    )
    group.add_argument(
        "--ray",
        nargs="?",
        const="",
        metavar="ADDRESS",
        help="spread over a Ray cluster; without an address, over this machine",
    )
    group.add_argument(
        "--realtime", action="store_true", help="play the bag to the live node as well; needs ROS"
    )
    group.add_argument(
        "--rate",
        type=number(SLOWEST, FASTEST),
        metavar="R",
        help="with --realtime: so many times as fast as it was recorded (1)",
    )
    group.add_argument(
        "--overlays",
        action="store_true",
        help="draw what was found into every image of detections.mcap, not the worst alone",
    )


def _add_table_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("without --out")
    group.add_argument(
        "--images", metavar="FOLDER", help="pictures of LVIS (images/ beside the json)"
    )
    group.add_argument(
        "--json", type=output_path, metavar="FILE", help="write the metrics as JSON as well"
    )
    group.add_argument("--limit", type=at_least(1), metavar="N", help="only the first N pictures")
    group.add_argument(
        "--wordings",
        metavar="FILE",
        help="YAML, kind: {category: phrase}; also ask for these categories in other words",
    )
    add_taught_argument(
        group, "look for names that 'vit-perception teach' was shown as they were shown"
    )
    group.add_argument(
        "--said-too", action="store_true", help="look for the names of --taught by their words too"
    )
    add_shots_arguments(parser)


_OF_TABLES = ("images", "json", "limit", "wordings", "taught", "shots")
_OF_MEASURING = ("topic", "truth_topic", "masks_topic", "truth_file", "ray", "rate")


def run(args: argparse.Namespace) -> int:
    """Writes the report, or prints the tables; returns 0, or 1 if a source is damaged.

    Raises:
        EvaluationError: options that do not go together.
        PerceiverError: no single graph and engine is named.
    """
    from vit_perception.bags.recording import holds_bag
    from vit_perception.evaluation.errors import EvaluationError

    refuse_auto(args)
    if args.out is not None:
        from vit_perception.cli.evaluate_recordings import evaluate_recordings

        _refuse(args, _OF_TABLES, "without --out")
        if args.rate is not None and not args.realtime:
            raise EvaluationError("--rate: expected --realtime beside it, found none")
        return evaluate_recordings(args)
    from vit_perception.cli.evaluate_pictures import evaluate_pictures

    several = len(args.sources) > 1 or len(args.bundle) > 1 or len(args.precision) > 1
    if several or args.realtime or any(holds_bag(Path(each)) for each in args.sources):
        raise EvaluationError(
            "--out: expected a folder for the report of recordings, of several sources or of "
            "several bundles, found none"
        )
    _refuse(args, _OF_MEASURING, "with --out")
    args.dataset, (args.precision,) = args.sources[0], args.precision
    args.bundle = args.bundle[0] if args.bundle else ""
    return evaluate_pictures(args)


def _refuse(args: argparse.Namespace, options: tuple[str, ...], where: str) -> None:
    from vit_perception.evaluation.errors import EvaluationError

    for option in options:
        if getattr(args, option) not in (None, []):
            raise EvaluationError(f"--{option.replace('_', '-')}: expected {where} only")
