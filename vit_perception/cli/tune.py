# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Subcommand `tune`: thresholds for the recordings of somebody, as a parameter file of ROS."""

from __future__ import annotations

import argparse
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from vit_perception.cli.arguments import add_setting, at_least, output_path
from vit_perception.cli.evaluate_names import asked_names
from vit_perception.cli.model import add_bundle_arguments, refuse_auto
from vit_perception.cli.runs import refuse_read
from vit_perception.cli.sources import (
    add_name_arguments,
    add_source_arguments,
    given_names,
    opened_sources,
    source_files,
    source_notes,
)
from vit_perception.cli.streams import say
from vit_perception.perceiver.settings import GRAPH_ROWS, EngineSettings, Settings
from vit_perception.wording import printable, shown_path

if TYPE_CHECKING:
    from vit_perception.evaluation.samples.sources import Sources
    from vit_perception.perceiver.perceiver import Perceiver

NAME = "tune"
_say = partial(say, NAME)
HELP = "choose thresholds on labelled recordings or pictures"
EPILOG = f"""example:
  vit-perception tune samples/tabletop --per-class --out tuned.yaml
  vit-perception tune monday/ tuesday/ --metric recall@precision=0.9 --out tuned.yaml
  ros2 launch vit_perception perception.launch.py params_file:=tuned.yaml

Takes bags with labels and folders of pictures with labels, as 'evaluate' does. The network runs
once over all pictures, and thresholds are tried on what it gives of the first 70 % of each bag and
folder. Then it runs over the last 30 % with the thresholds that were found, and how much better
they are there than the present ones is told, with a 95 % interval. The file is written only if the
interval is above 0, and otherwise with --anyway; without a file the exit status is 1.

The metrics are taken of all names together, at IoU 0.5: f1, and recall@precision=P, the highest
recall at which at least P of the detections are true. ap is the mean over names of the average
precision; score thresholds do not act on it.

A graph gives {GRAPH_ROWS} pairs of box and name of a picture, so the weakest may be missing where
there are many names: it is told in how many pictures that matters. An export has room for all:
'vit-perception export BUNDLE --out evaluated --top-k 10000'."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="BAG|DATASET",
        help="bags, or folders with images/, annotations.json",
    )
    parser.add_argument(
        "--out", type=output_path, required=True, metavar="FILE", help="parameter file to write"
    )
    parser.add_argument(
        "--metric", default="f1", metavar="M", help="f1, ap or recall@precision=P (f1)"
    )
    parser.add_argument(
        "--parameter",
        action="append",
        default=[],
        metavar="NAME",
        help="score_threshold or iou_threshold, may be repeated (all that act on the metric)",
    )
    parser.add_argument(
        "--per-class",
        action="store_true",
        help="a score threshold of its own for each name that has ten objects or more",
    )
    add_name_arguments(parser)
    parser.add_argument(
        "--trials",
        type=at_least(0, 100_000),
        default=100,
        metavar="N",
        help="thresholds that Optuna tries beside the best by counting (100)",
    )
    parser.add_argument(
        "--seed", type=at_least(0), default=0, metavar="S", help="of Optuna's choices (0)"
    )
    parser.add_argument(
        "--anyway", action="store_true", help="write the file even if it may be no better"
    )
    group = parser.add_argument_group("present settings, which are compared with")
    for name in ("score_threshold", "iou_threshold", "max_detections"):
        add_setting(group, Settings, name, metavar=name[0].upper())
    group.add_argument(
        "--class-agnostic-nms",
        action="store_true",
        help="apply iou_threshold to boxes of different names as well",
    )
    add_source_arguments(parser)
    add_bundle_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Writes the parameter file; returns 0, or 1 if the thresholds are not surely better.

    Raises:
        BagDamageError: pictures of a bag are missing; after the file was written.
        EvaluationError: the options do not go together, or there is too little to choose on.
        BagError, BundleError, VocabularyError, OutputError, SessionError: see what each needs.
    """
    from vit_perception.bags.reader import BagDamageError
    from vit_perception.bundle.paths import find_bundle
    from vit_perception.cli.progress import progress_bar
    from vit_perception.cli.tune_report import comments, names_told, told
    from vit_perception.evaluation.report.frames_again import FramesAgain
    from vit_perception.evaluation.tuning.choice import Choice
    from vit_perception.evaluation.tuning.looking import asking
    from vit_perception.evaluation.tuning.metric import Metric, checked_parameters
    from vit_perception.evaluation.tuning.parameter_file import parameter_file
    from vit_perception.evaluation.tuning.search import Question
    from vit_perception.evaluation.tuning.tune import tune
    from vit_perception.output.write import try_writing, write

    for package in ("hotcoco", "optuna"):
        import_module(package)  # an absent one is told before the work
    refuse_auto(args)
    metric = Metric.parse(args.metric)
    parameters = checked_parameters(metric, tuple(args.parameter), args.per_class)
    refuse_read(args.out, source_files(args, [find_bundle(args.bundle)]))
    try_writing(args.out)
    sources = opened_sources(args)
    sequences = sources.sequences
    for line in source_notes(sources):
        _say(line)
    perceiver = _perceiver(args, _names(args, sources))
    present = perceiver.settings
    question = Question(
        names=perceiver.vocabulary.names,
        metric=metric,
        parameters=parameters,
        per_name=args.per_class,
        present=Choice(present.score_threshold, present.iou_threshold),
        most=args.max_detections,
        agnostic=args.class_agnostic_nms,
    )
    tuned = tune(
        sequences,
        question,
        asking(perceiver, agnostic=args.class_agnostic_nms),
        partial(FramesAgain, sequences),
        trials=args.trials,
        seed=args.seed,
        bar=lambda title, total: progress_bar(title, total or None),
    )
    for line in (*names_told(tuned, perceiver.bundle, args), *told(tuned)):
        print(printable(line))
    writes = tuned.verdict.better or args.anyway
    if writes:
        content = parameter_file(
            tuned.choice,
            vocabulary=given_names(args),
            others=_others(args),
            comments=comments(
                tuned, tuple(each.key for each in sequences), perceiver.bundle, args
            ),
        )
        write(args.out, content)
        print(f"-> {shown_path(args.out)}")
    else:
        print("no file is written; --anyway writes it")
    for line in tuned.seen.lines:
        _say(f"left out {line}")
    if tuned.seen.damage:
        raise BagDamageError("; ".join(tuned.seen.damage))
    return 0 if writes else 1


def _others(args: argparse.Namespace) -> dict[str, bool | int | str]:
    """Returns the given settings that the figures hold for, beside the thresholds."""
    given = {
        "precision": (args.precision, EngineSettings.precision),
        "max_detections": (args.max_detections, Settings.max_detections),
        "class_agnostic_nms": (args.class_agnostic_nms, Settings.class_agnostic_nms),
    }
    return {name: value for name, (value, default) in given.items() if value != default}


def _names(args: argparse.Namespace, sources: Sources) -> tuple[str, ...]:
    """Returns the names to ask for: of a bundle that knows no others, its own.

    Raises:
        EvaluationError, VocabularyError: see `asked_names`.
    """
    from vit_perception.bundle.bundle import Bundle
    from vit_perception.bundle.paths import find_bundle

    names = asked_names(args, sources, _say)
    bundle = Bundle.load(find_bundle(args.bundle))
    is_given = given_names(args) is not None
    return bundle.default_names if bundle.fixed_vocabulary and not is_given else names


def _perceiver(args: argparse.Namespace, names: tuple[str, ...]) -> Perceiver:
    from vit_perception.api import load

    return load(
        args.bundle,
        names,
        settings=Settings(args.score_threshold, args.iou_threshold, masks=False),
        precision=args.precision,
        provider=args.provider,
        threads=args.threads,
        text_encoder_dir=args.text_encoder,
    )
