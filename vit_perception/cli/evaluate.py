# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Subcommand `evaluate`: COCO metrics of a bundle on a labelled folder of pictures."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vit_perception.cli.model import add_bundle_arguments, build_vocabulary

if TYPE_CHECKING:
    from vit_perception.perceiver import Perceiver

NAME = "evaluate"
HELP = "measure a bundle on a folder of labelled pictures (COCO)"
EPILOG = """example:
  vit-perception evaluate my_dataset --bundle tabletop_nano --json metrics.json

The folder holds images/ and annotations.json (COCO; an annotation may have a 'part' such as
train, val_instances or novel, then each part is measured on its own as well). All category
names of the dataset are asked for at once. A graph for robots gives 300 pairs of box and name;
with hundreds of names that hides objects, so measure an export with more:
'vit-perception export BUNDLE --out evaluated --top-k 10000'."""

# Average precision needs the uncertain detections too, as many as the graph gives: the metric
# has its own limit, 100 a category.
SCORE_THRESHOLD = 0.001
MAX_DETECTIONS = 10000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("dataset", metavar="DATASET", help="folder with images/, annotations.json")
    parser.add_argument("--json", metavar="FILE", help="write the metrics as JSON as well")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N pictures")
    parser.add_argument("--iou-threshold", type=float, metavar="I", help="0..1 (the bundle's)")
    add_bundle_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print the table; return 0."""
    from vit_perception.cli.detect_report import write_json
    from vit_perception.cli.progress import progress_bar
    from vit_perception.evaluation.coco import evaluate_dataset, format_table
    from vit_perception.evaluation.dataset import load_dataset

    dataset = load_dataset(args.dataset, args.limit)
    perceiver = _load_perceiver(args, dataset.names)
    with progress_bar("evaluating", len(dataset.pictures)) as show:
        metrics = evaluate_dataset(dataset, perceiver, progress=lambda done, _: show(done))
    metrics = _described(metrics, args, perceiver)
    print(format_table(metrics))
    if args.json:
        write_json(Path(args.json), metrics)
    return 0


def _load_perceiver(args: argparse.Namespace, names: tuple[str, ...]) -> Perceiver:
    from vit_perception.bundle import Bundle
    from vit_perception.bundle_paths import find_bundle
    from vit_perception.perceiver import Perceiver, Settings

    bundle = Bundle.load(find_bundle(args.bundle))
    iou = bundle.iou_threshold if args.iou_threshold is None else args.iou_threshold
    return Perceiver(
        bundle,
        vocabulary=build_vocabulary(bundle, names, args.text_encoder),
        settings=Settings(
            score_threshold=SCORE_THRESHOLD, iou_threshold=iou, max_detections=MAX_DETECTIONS
        ),
        precision=args.precision,
        provider=args.provider,
        threads=args.threads,
    )


def _described(
    metrics: dict[str, Any], args: argparse.Namespace, perceiver: Perceiver
) -> dict[str, Any]:
    """Metrics with what they were measured with, so that a bundle can quote them."""
    name = perceiver.bundle.name
    return {
        **metrics,
        "bundle": name,
        "precision": args.precision,
        "command": f"vit-perception evaluate {metrics['dataset']} --bundle {name}",
    }
