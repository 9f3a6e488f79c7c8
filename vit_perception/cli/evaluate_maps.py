# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The part of the subcommand `evaluate` for bundles of class maps."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vit_perception.bundle.bundle import Bundle

_OTHERS = (
    "images", "wordings", "taught", "shots", "names", "names_file", "score_threshold",
    "iou_threshold",
)  # fmt: skip


def evaluate_maps(args: argparse.Namespace, bundle: Bundle) -> int:
    """Prints IoU and boundaries of each class; returns 0.

    Raises:
        EvaluationError: an option of detectors, or a data set that has other classes.
        PerceiverError, SessionError: the graph cannot be served here.
    """
    from vit_perception.cli.detect_report import write_json
    from vit_perception.cli.progress import progress_bar
    from vit_perception.evaluation.class_map_data import load_class_maps
    from vit_perception.evaluation.class_maps import evaluate_class_maps
    from vit_perception.evaluation.errors import EvaluationError
    from vit_perception.output.input_files import refuse_inputs
    from vit_perception.perceiver.segmenter import Segmenter

    for option in _OTHERS:
        if getattr(args, option) is not None:
            raise EvaluationError(
                f"--{option.replace('_', '-')}: expected none with a bundle of class maps"
            )
    classes, pictures = load_class_maps([args.dataset])
    if classes != bundle.default_names:
        raise EvaluationError(
            f"{args.dataset}: expected the classes of {bundle.name}, "
            f"{', '.join(bundle.default_names)}, found {', '.join(classes)}"
        )
    pictures = pictures[: args.limit]
    if args.json is not None:
        refuse_inputs(
            [args.json], [file for each in pictures for file in (each.picture, each.map)]
        )
    segmenter = Segmenter(
        bundle, precision=args.precision, provider=args.provider, threads=args.threads
    )
    with progress_bar("evaluating", len(pictures)) as show:
        metrics = evaluate_class_maps(
            pictures, classes, lambda image: segmenter(image).labels, show
        )
    metrics |= {
        "dataset": Path(args.dataset).resolve().name,
        "bundle": bundle.name,
        "precision": args.precision,
    }
    print(_table(metrics))
    if args.json is not None:
        write_json(args.json, metrics)
    return 0


def _table(metrics: Mapping[str, Any]) -> str:
    rows = {
        "all": {"IoU": metrics["mIoU"], "boundary_F": metrics["boundary_F"]},
        **metrics["classes"],
    }
    width = max(map(len, rows))
    columns = ("share", "IoU", "precision", "recall", "boundary_F")
    lines = [
        f"{metrics['dataset']}: {metrics['pictures']} pictures, {metrics['bundle']} "
        f"{metrics['precision']}, {_percent(metrics['accuracy'])} % of the pixels right",
        "",
        " ".join([" " * width, *(f"{name.replace('_', ' '):>10}" for name in columns)]),
    ]
    lines += [
        " ".join([f"{name:<{width}}", *(f"{_percent(row.get(key)):>10}" for key in columns)])
        for name, row in rows.items()
    ]
    return "\n".join(
        [*lines, "", "Percent; the first row has means. '-': nothing there to measure."]
    )


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"
