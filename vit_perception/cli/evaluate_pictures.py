# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The part of the subcommand `evaluate` that prints tables of one bundle on labelled pictures."""

from __future__ import annotations

import argparse
import shlex
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vit_perception.cli.asker import Asker, refuse_to_overwrite
from vit_perception.cli.evaluate_shots import measured_shots, shots_words
from vit_perception.perceiver.settings import EngineSettings
from vit_perception.wording import shown, shown_path

if TYPE_CHECKING:
    from vit_perception.evaluation.dataset import Dataset
    from vit_perception.examples import Examples

_OPTIONS = (
    "limit",
    "iou_threshold",
    "score_threshold",
    "names",
    "names_file",
    "wordings",
    "taught",
)


def evaluate_pictures(args: argparse.Namespace) -> int:
    """Prints the tables of a COCO folder or an LVIS file; returns 0.

    Args:
        args: with one `dataset`, `bundle` and `precision`.
    """
    from vit_perception.bundle.bundle import MAPS, Bundle
    from vit_perception.bundle.paths import find_bundle
    from vit_perception.cli.detect_report import write_json
    from vit_perception.cli.evaluate_lvis import measured_lvis, refuse_others
    from vit_perception.cli.evaluate_maps import evaluate_maps
    from vit_perception.evaluation.coco_file import ANNOTATIONS, read_document
    from vit_perception.evaluation.dataset import dataset_from
    from vit_perception.evaluation.lvis_dataset import is_lvis
    from vit_perception.evaluation.tables import format_lvis, format_tables
    from vit_perception.output.write import try_writing

    if args.json is not None:
        # What cannot be written is told before the work, not after it.
        try_writing(args.json)
    bundle = Bundle.load(find_bundle(args.bundle))
    if bundle.task == MAPS:
        return evaluate_maps(args, bundle)
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
