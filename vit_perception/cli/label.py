# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Subcommand `label`: proposals for annotation tools, and their corrections as a data set."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vit_perception.cli.arguments import add_setting, at_least, number, output_path
from vit_perception.cli.model import add_bundle_arguments, add_mask_argument, tell_choice
from vit_perception.cli.runs import refuse_read
from vit_perception.cli.sources import add_name_arguments, given_names
from vit_perception.cli.streams import say
from vit_perception.perceiver.settings import Settings
from vit_perception.wording import counted, shown, shown_path

if TYPE_CHECKING:
    from vit_perception.perceiver.perceiver import Perceiver

NAME = "label"
HELP = "propose labels for recordings, and read what people made of them"
EPILOG = """example:
  vit-perception label monday/ --seconds 2 --out labels
  vit-perception label --read export.json --pictures labels --out dataset
  vit-perception evaluate monday/ --truth-file dataset/annotations.json --out report

Looks at images of bags and writes to the folder --out what was found, to be corrected:
  images/            the pictures; JPEG and PNG images as they were recorded, others as PNG
  annotations.json   COCO, with stamp, topic, index and recording of each picture; by it,
                     corrections are read again. Masks are run lengths, or with --polygons outlines
  label_studio.json  tasks for Label Studio, and label_studio.xml, its labelling interface
  cvat.xml           'CVAT for images 1.1', and cvat_labels.json, the labels of a task (Raw)

For Label Studio and CVAT masks are outlines, whose holes are filled, and without specks below a
hundredth of the thing.

Label Studio shows pictures of its computer where that is allowed:
  LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true \\
  LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT=$PWD/labels label-studio start
Make a project with label_studio.xml as its interface, add the folder labels/images to it as local
storage (without syncing it), and import label_studio.json. Where pictures are served in another
way, --image-url says how their addresses begin.
CVAT: make a task with cvat_labels.json and the pictures, then upload cvat.xml as annotations.

--read takes a corrected COCO json, Label Studio's export 'JSON' or CVAT's XML, and writes a data
set to --out: images/ and annotations.json, for evaluate, tune and train. Only pictures that were
submitted in Label Studio are taken; of the other two, all pictures that the file lists. Rotated
rectangles become the boxes around them; brush strokes are read from CVAT, and from Label Studio by
its export as COCO. Polygons of one name are one thing where CVAT groups them, or where Label
Studio has one below the other."""

FORMATS = ("coco", "label-studio", "cvat")
_say = partial(say, NAME)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument(
        "bags", nargs="*", metavar="BAG", help=".bag file, rosbag2 folder, .mcap or .db3 file"
    )
    parser.add_argument(
        "--out", type=output_path, required=True, metavar="DIR", help="folder to make"
    )
    group = parser.add_argument_group("proposals")
    group.add_argument(
        "--topic",
        action="append",
        default=[],
        metavar="TOPIC",
        help="of images, may be repeated (all cameras)",
    )
    some = group.add_mutually_exclusive_group()
    some.add_argument(
        "--every", type=at_least(1), default=1, metavar="N", help="only every Nth image (1)"
    )
    some.add_argument(
        "--seconds",
        type=number(0.0, 1e9),
        default=0.0,
        metavar="S",
        help="only images that lie so far apart",
    )
    add_name_arguments(group, "the bundle's default names")
    for name in ("score_threshold", "iou_threshold", "max_detections"):
        add_setting(group, Settings, name, metavar=name[0].upper())
    group.add_argument(
        "--format",
        type=_formats,
        default=FORMATS,
        metavar="LIST",
        help=f"files beside annotations.json ({','.join(FORMATS)})",
    )
    group.add_argument(
        "--polygons", action="store_true", help="outlines in place of run lengths in COCO"
    )
    group.add_argument(
        "--image-url",
        metavar="URL",
        help="what stands before a picture's name in Label Studio (its local files)",
    )
    add_mask_argument(parser)
    back = parser.add_argument_group("corrections")
    back.add_argument("--read", type=Path, metavar="FILE", help="what an annotation tool exported")
    back.add_argument(
        "--pictures", type=Path, metavar="DIR", help="folder of the proposals it was made from"
    )
    add_bundle_arguments(parser)


def _formats(text: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(each.strip() for each in text.split(",")))
    if not set(found) <= set(FORMATS):
        raise argparse.ArgumentTypeError(
            f"expected some of {', '.join(FORMATS)}, found {shown(text)}"
        )
    return found


def run(args: argparse.Namespace) -> int:
    """Writes proposals or a data set; returns 0, or 1 if there is no picture.

    Raises:
        BagDamageError: messages of a bag are missing; after what is there was labelled.
        EvaluationError: bags and corrections are both given, or neither.
    """
    from vit_perception.evaluation.errors import EvaluationError
    from vit_perception.evaluation.labelling.folder import refuse_filled
    from vit_perception.output.write import try_new_folder

    is_back = args.read is not None or args.pictures is not None
    if is_back and (args.read is None or args.pictures is None):
        raise EvaluationError("--read and --pictures: expected both, found one of them")
    if is_back == bool(args.bags):
        found = "both" if args.bags else "neither"
        raise EvaluationError(f"expected bags, or --read with --pictures, found {found}")
    # What cannot be written is told before the work, not after it.
    refuse_filled(args.out)
    try_new_folder(args.out)
    return _read(args) if is_back else _propose(args)


def _propose(args: argparse.Namespace) -> int:
    from vit_perception.bags.reader import BagDamageError
    from vit_perception.bundle.paths import find_bundle
    from vit_perception.cli.progress import progress_bar
    from vit_perception.evaluation.labelling.folder import IMAGES, empty_folder, write_files
    from vit_perception.evaluation.labelling.label_studio import LOCAL_FILES
    from vit_perception.evaluation.labelling.propose import Choice, propose

    bags = [Path(bag) for bag in args.bags]
    refuse_read(args.out, [*bags, find_bundle(args.bundle)])
    perceiver = _perceiver(args)
    tell_choice(args, perceiver)
    names = perceiver.vocabulary.names
    with empty_folder(args.out) as folder:
        with progress_bar("labelling", None) as show:
            found = propose(
                bags,
                perceiver,
                folder / IMAGES,
                Choice(args.every, args.seconds),
                args.topic,
                show,
            )
        write_files(
            folder,
            found.pictures,
            names,
            args.format,
            model=f"{perceiver.bundle.name} {perceiver.precision}",
            address=LOCAL_FILES if args.image_url is None else args.image_url,
            as_polygons=args.polygons,
        )
    for line in found.lines:
        _say(line)
    left_out = "".join(f", {count} broken ({cause})" for cause, count in found.broken.items())
    things = sum(len(picture.things) for picture in found.pictures)
    print(
        f"{counted(len(found.pictures), 'picture')}{left_out}, {counted(things, 'thing')} "
        f"proposed -> {shown_path(args.out)}"
    )
    if found.damage:
        raise BagDamageError("; ".join(found.damage))
    return 0 if found.pictures else 1


def _read(args: argparse.Namespace) -> int:
    from vit_perception.evaluation.coco_file import ANNOTATIONS
    from vit_perception.evaluation.labelling.coco import read_pictures
    from vit_perception.evaluation.labelling.exports import read_corrections
    from vit_perception.evaluation.labelling.folder import empty_folder, write_dataset
    from vit_perception.output.input_files import refuse_inside

    refuse_inside(args.out, args.pictures)
    known, names = read_pictures(args.pictures / ANNOTATIONS, stored=True)
    corrections = read_corrections(args.read, known)
    with empty_folder(args.out) as folder:
        write_dataset(folder, args.pictures, corrections, set(names))
    for cause, count in sorted(corrections.notes.items()):
        _say(f"{count} {cause}")
    for alike in corrections.alike_names():
        _say(f"names that differ in case alone, taken as several: {', '.join(alike)}")
    pictures = corrections.pictures
    things = sum(len(each.things) for each in pictures)
    missing = len(known) - len(pictures)
    absent = f"; without {counted(missing, 'picture')} of {shown_path(args.pictures)}"
    print(
        f"{counted(len(pictures), 'picture')}, {counted(things, 'thing')}{absent * bool(missing)} "
        f"-> {shown_path(args.out)}"
    )
    return 0


def _perceiver(args: argparse.Namespace) -> Perceiver:
    from vit_perception.api import load

    return load(
        args.bundle,
        given_names(args),
        settings=Settings(
            score_threshold=args.score_threshold,
            iou_threshold=args.iou_threshold,
            max_detections=args.max_detections,
            masks=not args.no_masks,
        ),
        precision=args.precision,
        provider=args.provider,
        threads=args.threads,
        text_encoder_dir=args.text_encoder,
    )
