# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What `tune` says of thresholds, on the terminal and in the file that it writes."""

from __future__ import annotations

import argparse

from vit_perception.bundle.bundle import Bundle
from vit_perception.cli.told_command import told_command
from vit_perception.evaluation.tuning.choice import FEWEST_OBJECTS, Choice
from vit_perception.evaluation.tuning.metric import AP, Counts
from vit_perception.evaluation.tuning.tune import Tuned
from vit_perception.perceiver.settings import EngineSettings, Settings
from vit_perception.setting import settings_of
from vit_perception.wording import counted, shown_name

_OPTIONS = {
    "bundle": None,
    "precision": EngineSettings.precision,
    "truth_file": None,
    "metric": "f1",
    "names": None,
    "names_file": None,
    "trials": 100,
    "seed": 0,
    "topic": None,
    "truth_topic": None,
    "masks_topic": None,
    "parameter": None,
    **{
        name: settings_of(Settings)[name].default
        for name in ("score_threshold", "iou_threshold", "max_detections")
    },
    "per_class": False,
    "class_agnostic_nms": False,
    "anyway": False,
}


def told(tuned: Tuned) -> list[str]:
    """Returns the lines about thresholds and figures; the verdict is the last."""
    question, verdict = tuned.question, tuned.verdict
    values = (tuned.value_before, tuned.value_after)
    lines = [
        f"pictures: {tuned.chosen_on} to choose on, {tuned.held_out} held out with "
        f"{counted(tuned.objects, 'object')}; {counted(len(question.names), 'name')}",
        *_left_out(tuned),
        f"present: {_thresholds(question.present)}",
        f"found: {_thresholds(tuned.choice)}",
        *_apart(tuned),
        f"{question.metric} where they were chosen: "
        + " -> ".join("not reached" if value < 0 else _value(value) for value in values),
    ]
    if question.metric.kind != AP:
        lines.append(f"held out, present: {_counts(tuned.before)}")
        lines.append(f"held out, found: {_counts(tuned.after)}")
    if tuned.limited:
        lines.append(
            f"pairs with a score below {tuned.complete:.3f} are missing in up to {tuned.limited} "
            f"of {len(tuned.seen.frames)} pictures, as the graph gives only so many: lower "
            "thresholds were judged without them; an export with '--top-k 10000' gives more"
        )
    return [*lines, verdict.sentence]


def comments(
    tuned: Tuned, sources: tuple[str, ...], bundle: Bundle, args: argparse.Namespace
) -> list[str]:
    """Returns what stands above the parameters in the file.

    Args:
        tuned: thresholds and figures.
        sources: keys of the sequences.
        bundle: that was asked.
        args: of the command.
    """
    args = argparse.Namespace(**{**vars(args), "bundle": bundle.name})
    digest = bundle.sha256[bundle.graph_file(args.precision)]
    return [
        "Thresholds of detector_node, chosen by",
        f"  {told_command('tune', args, _OPTIONS, args.out.name)}",
        f"bundle: {bundle.name}, {args.precision}, sha256 of the graph {digest}",
        f"data: {', '.join(map(shown_name, sources))}",
        *names_told(tuned, bundle, args),
        *told(tuned),
    ]


def names_told(tuned: Tuned, bundle: Bundle, args: argparse.Namespace) -> list[str]:
    """Returns a line if the node looks for other names than the figures hold for."""
    names = tuned.question.names
    is_written = args.names is not None or args.names_file is not None
    if is_written or set(names) == set(bundle.default_names):
        return []
    return [
        f"the figures hold for the names that are labelled: {', '.join(map(shown_name, names))}; "
        f"the node looks for the {len(bundle.default_names)} of the bundle, unless its vocabulary "
        "is set, as --names does in this file"
    ]


def _left_out(tuned: Tuned) -> list[str]:
    parts = {"left out": tuned.seen.left_out, "labels of no picture": tuned.seen.unused}
    return [
        f"{title}: " + ", ".join(f"{count} ({cause})" for cause, count in counts.items())
        for title, counts in parts.items()
        if counts
    ]


def _apart(tuned: Tuned) -> list[str]:
    question = tuned.question
    if not question.per_name:
        return []
    common = [name for name in question.names if name not in tuned.apart]
    if not common:
        return []
    return [
        f"of fewer than {FEWEST_OBJECTS} objects, so with the common score_threshold: "
        + ", ".join(map(shown_name, common))
    ]


def _thresholds(choice: Choice) -> str:
    own = "".join(f", {shown_name(name)}={score:g}" for name, score in choice.own.items())
    return f"score_threshold {choice.score:g}, iou_threshold {choice.iou:g}{own}"


def _counts(counts: Counts) -> str:
    return (
        f"precision {_value(counts.precision)}, recall {_value(counts.recall)}, "
        f"F1 {_value(counts.f1)} ({counts.true} true, {counts.false} false, "
        f"{counts.objects - counts.true} missed)"
    )


def _value(value: float) -> str:
    return f"{value:.3f}"
