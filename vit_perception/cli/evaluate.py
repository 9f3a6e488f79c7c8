# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Subcommand `evaluate`: COCO or LVIS metrics of a bundle on labelled pictures."""

from __future__ import annotations

import argparse
import shlex
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vit_perception.cli.arguments import add_setting, at_least, output_path
from vit_perception.cli.asker import Asker, refuse_to_overwrite
from vit_perception.cli.evaluate_shots import EPILOG as EPILOG_OF_SHOTS
from vit_perception.cli.evaluate_shots import add_shots_arguments, measured_shots, shots_words
from vit_perception.cli.model import add_bundle_arguments, add_taught_argument
from vit_perception.perceiver.settings import EngineSettings, Settings
from vit_perception.wording import shown, shown_path

if TYPE_CHECKING:
    from vit_perception.evaluation.dataset import Dataset
    from vit_perception.examples import Examples

NAME = "evaluate"
HELP = "measure a bundle on labelled pictures (COCO, LVIS)"
EPILOG = (
    """example:
  vit-perception evaluate my_dataset --bundle tabletop_nano --json metrics.json
  vit-perception evaluate my_dataset --wordings recipes/wordings.yaml --precision int8
  vit-perception evaluate my_dataset --taught mine
  vit-perception evaluate lvis_v1_val.json --images coco --bundle evaluated

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

LVIS v1 is known by its neg_category_ids: a folder as above, or its json, with --images for the
folder of val2017/ and train2017/. Measured are boxes, under the first synonyms of all categories
asked at once: AP of the best 300 of a picture, and Fixed AP of the best 10000 of each category
over all pictures. That takes an export with '--top-k 30000' (of a released DOSOD: 'vit-perception
import … --top-k 30000').

"""
    + EPILOG_OF_SHOTS
)

_OPTIONS = (
    "limit",
    "iou_threshold",
    "score_threshold",
    "names",
    "names_file",
    "wordings",
    "taught",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument(
        "dataset", metavar="DATASET", help="folder with images/, annotations.json; or an LVIS json"
    )
    parser.add_argument(
        "--images", metavar="FOLDER", help="pictures of LVIS (images/ beside the json)"
    )
    parser.add_argument(
        "--json", type=output_path, metavar="FILE", help="write the metrics as JSON as well"
    )
    parser.add_argument("--limit", type=at_least(1), metavar="N", help="only the first N pictures")
    add_setting(
        parser,
        Settings,
        "iou_threshold",
        metavar="I",
        optional=True,
        note="the bundle's own; LVIS: 0.7",
    )
    add_setting(
        parser,
        Settings,
        "score_threshold",
        metavar="S",
        optional=True,
        note="the bundle's own; it only decides which boxes on the background are false alarms",
    )
    names = parser.add_mutually_exclusive_group()
    names.add_argument("--names", metavar="NAMES", help="ask for 'can, box' (all of the dataset)")
    names.add_argument("--names-file", metavar="FILE", help="the same, one name a line")
    parser.add_argument(
        "--wordings",
        metavar="FILE",
        help="YAML, kind: {category: phrase}; also ask for these categories in other words",
    )
    add_taught_argument(
        parser, "look for names that 'vit-perception teach' was shown as they were shown"
    )
    parser.add_argument(
        "--said-too", action="store_true", help="look for the names of --taught by their words too"
    )
    add_shots_arguments(parser)
    add_bundle_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Prints the tables; returns 0."""
    from vit_perception.cli.detect_report import write_json
    from vit_perception.cli.evaluate_lvis import measured_lvis, refuse_others
    from vit_perception.evaluation.coco_file import ANNOTATIONS, read_document
    from vit_perception.evaluation.dataset import dataset_from
    from vit_perception.evaluation.lvis_dataset import is_lvis
    from vit_perception.evaluation.tables import format_lvis, format_tables
    from vit_perception.output.write import try_writing

    if args.json is not None:
        # What cannot be written is told before the work, not after it.
        try_writing(args.json)
    import_module("hotcoco")  # and so is an absent package
    given = Path(args.dataset)
    is_file = given.suffix == ".json" and not given.is_dir()
    source = given if is_file else given / ANNOTATIONS
    document = read_document(source)
    if is_lvis(document):
        metrics = measured_lvis(document, source, args)
        text = format_lvis(metrics)
    else:
        if is_file or args.images is not None:
            refuse_others(source)
        data = _asked(dataset_from(document, given, args.limit), args)
        refuse_to_overwrite(args, source, data.pictures)
        if args.shots is not None:
            metrics, text = measured_shots(document, data, args)
        else:
            metrics = _taught_or_said(data, args)
            text = format_tables(metrics)
    metrics["command"] = _command(metrics["dataset"], metrics["bundle"], args)
    print(text)
    if args.json is not None:
        write_json(args.json, metrics)
    return 0


def _asked(data: Dataset, args: argparse.Namespace) -> Dataset:
    from vit_perception.names import names_from_file, parse_names

    if args.names is not None:
        return data.asking(parse_names(args.names))
    if args.names_file is not None:
        return data.asking(names_from_file(args.names_file))
    return data


def _taught_or_said(data: Dataset, args: argparse.Namespace) -> dict[str, Any]:
    ask = Asker(args)
    shown_names = () if ask.taught is None else _shown_names(ask.taught, data, args.taught)
    metrics = _measured(data, ask, args)
    if shown_names:
        metrics["taught"] = {"names": len(shown_names), "said_too": args.said_too}
    return metrics


def _shown_names(taught: Examples, data: Dataset, file: Path) -> tuple[str, ...]:
    """Returns the names that are asked for and were shown.

    Raises:
        ExamplesError: there are none.
    """
    from vit_perception.examples import ExamplesError

    asked = frozenset(data.names)
    known = tuple(name for name in taught.names if name in asked)
    if not known:
        raise ExamplesError(
            f"{shown_path(file)}: expected examples of names of the dataset "
            f"({shown(', '.join(data.names))}), found {shown(', '.join(taught.names))}"
        )
    others = len(taught.names) - len(known)
    if others:
        print(f"{others} names of {shown_path(file)} are not asked for", file=sys.stderr)
    return known


def _measured(data: Dataset, ask: Asker, args: argparse.Namespace) -> dict[str, Any]:
    """Returns all metrics and the conditions of measurement, which a bundle can quote."""
    from vit_perception.cli.asker import MAX_DETECTIONS, SCORE_THRESHOLD
    from vit_perception.cli.progress import progress_bar
    from vit_perception.evaluation.coco import DETECTIONS_PER_CATEGORY, summarize
    from vit_perception.evaluation.false_alarms import false_alarms
    from vit_perception.evaluation.pairs import evaluate_pairs
    from vit_perception.evaluation.results import predict_all
    from vit_perception.evaluation.wordings import evaluate_wordings, load_wordings, renamed

    wordings = load_wordings(Path(args.wordings)) if args.wordings else {}
    for phrases in wordings.values():
        renamed(data, phrases)  # refused now rather than after all pictures
    if 0 < data.unmasked < len(data.annotations):
        print(
            f"{data.unmasked} of {len(data.annotations)} objects have no mask: "
            "masks are not measured",
            file=sys.stderr,
        )
    with progress_bar("evaluating", len(data.pictures)) as show:
        masks = ask.with_masks(data.names) if data.has_masks else None
        results = predict_all(data, ask(data.names), masks, lambda done, _: show(done))
    metrics = summarize(data, results)
    metrics["false_alarms"] = false_alarms(data, results.boxes, ask.published.score_threshold)
    if data.asks:
        ask.learn([one.phrase for one in data.asks])
        with progress_bar("pairs", len({one.picture for one in data.asks})) as show:
            metrics["pairs"] = evaluate_pairs(data, ask, lambda done, _: show(done))
    if wordings:
        with progress_bar("wordings", len(wordings) * len(data.pictures)) as show:
            metrics["wordings"] = evaluate_wordings(
                data, results.boxes, ask, wordings, lambda done, _: show(done)
            )
    return {
        **metrics,
        "bundle": ask.bundle.name,
        "precision": args.precision,
        "limits": {
            "score_threshold": SCORE_THRESHOLD,
            "iou_threshold": ask.published.iou_threshold,
            "per_picture": MAX_DETECTIONS,
            "per_picture_and_name": DETECTIONS_PER_CATEGORY,
        },
    }


def _command(dataset: str, bundle: str, args: argparse.Namespace) -> str:
    words = ["vit-perception", "evaluate", dataset, "--bundle", bundle]
    if args.precision != EngineSettings.precision:
        words += ["--precision", args.precision]
    if args.images is not None:
        words += ["--images", Path(args.images).name]
    for option in _OPTIONS:
        value = getattr(args, option)
        if value is not None:
            words += [f"--{option.replace('_', '-')}", str(value)]
    if args.said_too:
        words.append("--said-too")
    return shlex.join(words + shots_words(args))
