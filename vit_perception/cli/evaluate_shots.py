# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The part of the subcommand `evaluate` that shows things in place of saying their names."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from vit_perception.cli.arguments import at_least

if TYPE_CHECKING:
    from vit_perception.evaluation.dataset import Dataset
    from vit_perception.evaluation.things import By

MOST_SHOTS = 100
DEFAULT_SEEDS = 3
BY: tuple[By, ...] = ("category", "object")
EPILOG = """With --shots, each thing is shown by boxes of other pictures (of other scenes, where
images have a 'scene') as by 'vit-perception teach', and looked for. A thing is a category or, with
--by object, what annotations call 'object' and describe by a 'caption':
  vit-perception evaluate my_dataset --shots 1,3,5 --seeds 3 --by object"""


def add_shots_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument(
        "--shots",
        type=_counts,
        metavar="K,...",
        help="show each thing by so many boxes of other pictures, e.g. 1,3,5, beside saying it",
    )
    parser.add_argument(
        "--seeds",
        type=at_least(1, 1000),
        default=DEFAULT_SEEDS,
        metavar="N",
        help=f"with --shots: the mean of N draws of the boxes ({DEFAULT_SEEDS})",
    )
    parser.add_argument(
        "--by",
        choices=BY,
        default=BY[0],
        help=f"with --shots: what a thing is ({BY[0]})",
    )


def measured_shots(
    document: dict[str, Any], data: Dataset, args: argparse.Namespace
) -> tuple[dict[str, Any], str]:
    """Returns the metrics of `evaluate_shots` with the conditions of measurement, and as text.

    Raises:
        EvaluationError: another option does not go with --shots, or see `things_from`.
    """
    from vit_perception.cli.asker import SCORE_THRESHOLD, Asker
    from vit_perception.cli.progress import progress_bar
    from vit_perception.evaluation.coco import DETECTIONS_PER_CATEGORY
    from vit_perception.evaluation.shots import look_at
    from vit_perception.evaluation.shots_report import evaluate_shots
    from vit_perception.evaluation.shots_table import format_shots
    from vit_perception.evaluation.things import things_from
    from vit_perception.perceiver.settings import GRAPH_ROWS

    _refuse_others(args)
    things = things_from(document, data, args.by)
    ask = Asker(args)
    look = ask.rows(things.texts)
    with progress_bar("looking", len(things.data.pictures)) as show:
        seen = look_at(things, look, lambda done, _: show(done))
    with progress_bar("showing", len(args.shots) * args.seeds) as show:
        metrics = evaluate_shots(
            things,
            seen,
            shots=args.shots,
            seeds=args.seeds,
            score_threshold=ask.published.score_threshold,
            iou_threshold=ask.published.iou_threshold,
            shown_power=ask.bundle.shown_power,
            progress=lambda done, _: show(done),
        )
    metrics |= {
        "by": args.by,
        "bundle": ask.bundle.name,
        "precision": args.precision,
        "limits": {
            "score_threshold": SCORE_THRESHOLD,
            "iou_threshold": ask.published.iou_threshold,
            "shown_per_picture": GRAPH_ROWS,
            "per_picture_and_name": DETECTIONS_PER_CATEGORY,
        },
    }
    return metrics, format_shots(metrics)


def shots_words(args: argparse.Namespace) -> list[str]:
    """Returns the options as words of the command; none without --shots."""
    if args.shots is None:
        return []
    words = ["--shots", ",".join(map(str, args.shots)), "--seeds", str(args.seeds)]
    return [*words, "--by", args.by] if args.by != "category" else words


def _refuse_others(args: argparse.Namespace) -> None:
    from vit_perception.evaluation.errors import EvaluationError

    refused = ("wordings", "taught", *(("names", "names_file") if args.by == "object" else ()))
    for option in refused:
        if getattr(args, option) is not None:
            raise EvaluationError(
                f"--shots: expected no --{option.replace('_', '-')} with --by {args.by}, found one"
            )


def _counts(text: str) -> tuple[int, ...]:
    counts = []
    for word in text.split(","):
        if not (word.strip().isdecimal() and 1 <= int(word) <= MOST_SHOTS):
            raise argparse.ArgumentTypeError(
                f"expected numbers of examples, 1 to {MOST_SHOTS}, such as 1,3,5, found {text!r}"
            )
        counts.append(int(word))
    return tuple(sorted(set(counts)))
