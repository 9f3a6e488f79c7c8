# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Subcommand `evaluate`: COCO metrics of a bundle on a labelled folder of pictures."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vit_perception.cli.model import add_bundle_arguments

if TYPE_CHECKING:
    from vit_perception.bundle import Bundle
    from vit_perception.detections import Detections
    from vit_perception.evaluation.dataset import Dataset
    from vit_perception.evaluation.results import Predict
    from vit_perception.frame import Frame
    from vit_perception.perceiver import Settings

NAME = "evaluate"
HELP = "measure a bundle on a folder of labelled pictures (COCO)"
EPILOG = """example:
  vit-perception evaluate my_dataset --bundle tabletop_nano --json metrics.json
  vit-perception evaluate my_dataset --wordings recipes/wordings.yaml --precision int8

The folder holds images/ and annotations.json (COCO). An annotation may have a 'part' such as
train, val_instances or novel, then each part is measured on its own as well, and compressed run
lengths as 'segmentation', then masks are measured as well. An image may have 'asks' (attribute
pairs): each phrase is asked for alone, and the surest box has to lie on the object it means.
All category names of the dataset are asked for at once, or those of --names: categories that
are not asked for are measured only as boxes without names, names without a category only as
false alarms.

Limits, the same for every bundle: detections with a score of 0.001 and more, 10000 a picture,
100 a picture and name; masks of the best 300 a picture; the best 100 boxes without names, after
suppression of all names together at IoU 0.7. A graph for robots gives 300 pairs of box and name;
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
    parser.add_argument(
        "--score-threshold",
        type=float,
        metavar="S",
        help="score from which boxes on the background are false alarms, 0..1 (the bundle's)",
    )
    names = parser.add_mutually_exclusive_group()
    names.add_argument("--names", metavar="NAMES", help="ask for 'can, box' (all of the dataset)")
    names.add_argument("--names-file", metavar="FILE", help="the same, one name a line")
    parser.add_argument(
        "--wordings",
        metavar="FILE",
        help="YAML, kind: {category: phrase}; also ask for these categories in other words",
    )
    add_bundle_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print the tables; return 0."""
    from vit_perception.cli.detect_report import write_json
    from vit_perception.evaluation.dataset import load_dataset
    from vit_perception.evaluation.tables import format_tables

    if args.json:
        Path(args.json).parent.stat()  # an absent folder is told before the work, not after it
    data = _asked(load_dataset(args.dataset, args.limit), args)
    metrics = _measured(data, _Asker(args), args)
    print(format_tables(metrics))
    if args.json:
        write_json(Path(args.json), metrics)
    return 0


def _asked(data: Dataset, args: argparse.Namespace) -> Dataset:
    from vit_perception.vocabulary import names_from_file, parse_names

    if args.names is not None:
        return data.asking(parse_names(args.names))
    if args.names_file is not None:
        return data.asking(names_from_file(args.names_file))
    return data


def _measured(data: Dataset, ask: _Asker, args: argparse.Namespace) -> dict[str, Any]:
    """All metrics, with what they were measured with, so that a bundle can quote them."""
    from vit_perception.cli.progress import progress_bar
    from vit_perception.evaluation.coco import DETECTIONS_PER_CATEGORY, summarize
    from vit_perception.evaluation.false_alarms import false_alarms
    from vit_perception.evaluation.pairs import evaluate_pairs
    from vit_perception.evaluation.results import predict_all
    from vit_perception.evaluation.wordings import evaluate_wordings, load_wordings, renamed

    wordings = load_wordings(Path(args.wordings)) if args.wordings else {}
    for phrases in wordings.values():
        renamed(data, phrases)  # refused now rather than after all pictures
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
    name = ask.bundle.name
    return {
        **metrics,
        "bundle": name,
        "precision": args.precision,
        "limits": {
            "score_threshold": SCORE_THRESHOLD,
            "iou_threshold": ask.published.iou_threshold,
            "per_picture": MAX_DETECTIONS,
            "per_picture_and_name": DETECTIONS_PER_CATEGORY,
        },
        "command": _command(metrics["dataset"], name, args),
    }


class _Asker:
    """Predictors of one perceiver for any vocabulary."""

    def __init__(self, args: argparse.Namespace) -> None:
        from dataclasses import replace

        from vit_perception.bundle import Bundle
        from vit_perception.bundle_paths import find_bundle
        from vit_perception.perceiver import Perceiver, Settings
        from vit_perception.text.builder import VocabularyBuilder

        self.bundle: Bundle = Bundle.load(find_bundle(args.bundle))
        # What a robot would publish with; measured is with as good as no threshold.
        self.published = Settings(
            _given(args.score_threshold, self.bundle.score_threshold),
            _given(args.iou_threshold, self.bundle.iou_threshold),
        )
        self._settings = replace(
            self.published,
            score_threshold=SCORE_THRESHOLD,
            max_detections=MAX_DETECTIONS,
            masks=False,
        )
        self._builder = VocabularyBuilder(self.bundle, text_encoder_dir=args.text_encoder)
        self._perceiver = Perceiver(
            self.bundle,
            settings=self._settings,
            precision=args.precision,
            provider=args.provider,
            threads=args.threads,
        )

    def __call__(self, names: Sequence[str]) -> Predict:
        """Detect these names, without masks."""
        return self._predictor(names, self._settings)

    def with_masks(self, names: Sequence[str]) -> Predict | None:
        """Detect the best few with masks; None from a bundle without."""
        from dataclasses import replace

        from vit_perception.evaluation.results import MASKS_PER_PICTURE

        if self.bundle.task != "instance_segmentation":
            return None
        few = replace(self._settings, max_detections=MASKS_PER_PICTURE, masks=True)
        return self._predictor(names, few)

    def learn(self, phrases: Sequence[str]) -> None:
        """Encode phrases together, which is faster than when each is asked for."""
        from vit_perception.text.builder import folded

        self._builder.build(tuple({folded(phrase): phrase for phrase in phrases}.values()), 1)

    def _predictor(self, names: Sequence[str], settings: Settings) -> Predict:
        perceiver = self._perceiver
        prepared = perceiver.prepare(vocabulary=self._builder.build(names, 1), settings=settings)

        def predict(frame: Frame) -> Detections:
            # Predictors of other names or settings share the perceiver.
            perceiver.commit(prepared)
            return perceiver(frame)

        return predict


def _given(option: float | None, otherwise: float) -> float:
    return otherwise if option is None else option


def _command(dataset: str, bundle: str, args: argparse.Namespace) -> str:
    words = ["vit-perception", "evaluate", dataset, "--bundle", bundle]
    if args.precision != "fp32":
        words += ["--precision", args.precision]
    for option in ("limit", "iou_threshold", "score_threshold", "names", "names_file", "wordings"):
        value = getattr(args, option)
        if value is not None:
            words += [f"--{option.replace('_', '-')}", str(value)]
    return shlex.join(words)
