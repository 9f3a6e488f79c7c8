# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Asks one bundle for any names, with the thresholds that metrics need."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vit_perception.bundle.bundle import Bundle
    from vit_perception.detections import Detections
    from vit_perception.evaluation.coco_entries import Picture
    from vit_perception.evaluation.results import Predict
    from vit_perception.evaluation.shots import Look
    from vit_perception.examples import Examples
    from vit_perception.frame import Frame
    from vit_perception.perceiver.settings import Settings
    from vit_perception.perceiver.taught import Rows
    from vit_perception.vocabulary import Vocabulary

# Average precision needs the uncertain detections too, as many as the graph gives; the metric
# has its own limit, 100 per category.
SCORE_THRESHOLD = 0.001
MAX_DETECTIONS = 10000


class Asker:
    """Makes predictors with one perceiver for any vocabulary.

    Args:
        args: with the options of `add_bundle_arguments`, score_threshold, iou_threshold, taught
            (a file of examples or None) and said_too (whether names that were shown are looked
            for by their words as well).
        iou_threshold: the default if the option is not given; None is the bundle's.
        max_detections: per picture.
    """

    def __init__(
        self,
        args: argparse.Namespace,
        *,
        iou_threshold: float | None = None,
        max_detections: int = MAX_DETECTIONS,
    ) -> None:
        from dataclasses import replace

        from vit_perception.bundle.bundle import Bundle
        from vit_perception.bundle.paths import find_bundle
        from vit_perception.perceiver.examples_file import read_examples_of
        from vit_perception.perceiver.perceiver import Perceiver
        from vit_perception.perceiver.settings import BUNDLE_DEFAULT, Settings
        from vit_perception.text.builder import VocabularyBuilder

        self.bundle: Bundle = Bundle.load(find_bundle(args.bundle))
        self.taught: Examples | None = (
            None if args.taught is None else read_examples_of(self.bundle, args.taught)
        )
        self._said_too: bool = args.said_too
        # The settings of a robot; metrics are measured almost without a score threshold.
        self.published = Settings(
            _given(args.score_threshold, BUNDLE_DEFAULT),
            _given(args.iou_threshold, _given(iou_threshold, BUNDLE_DEFAULT)),
        ).resolved(self.bundle)
        self._settings = replace(
            self.published,
            score_threshold=SCORE_THRESHOLD,
            max_detections=max_detections,
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
        """Returns a predictor for these names, without masks."""
        return self._predictor(names, self._settings)

    def with_masks(self, names: Sequence[str]) -> Predict | None:
        """Returns a predictor of the best few with masks; None if the bundle has no masks."""
        from dataclasses import replace

        from vit_perception.evaluation.results import MASKS_PER_PICTURE

        if self.bundle.task != "instance_segmentation":
            return None
        few = replace(self._settings, max_detections=MASKS_PER_PICTURE, masks=True)
        return self._predictor(names, few)

    def everything(self, names: Sequence[str]) -> Predict:
        """Returns a predictor for these names without thresholds and NMS: all the graph gives."""
        from dataclasses import replace

        return self._predictor(
            names, replace(self._settings, score_threshold=0.0, iou_threshold=1.0)
        )

    def rows(self, texts: Mapping[str, str]) -> Look:
        """Returns what gives all rows of a frame, of names and of anything.

        Args:
            texts: of each name, how it is said; several may be said in the same words.
        """
        from dataclasses import replace

        from vit_perception.text.builder import folded
        from vit_perception.vocabulary import Vocabulary

        said = {folded(text): text for text in texts.values()}
        at = {key: row for row, key in enumerate(said)}
        embeddings = self._builder.build(tuple(said.values()), 1).embeddings
        vocabulary = Vocabulary(
            tuple(texts), embeddings[[at[folded(text)] for text in texts.values()]], 1
        )
        settings = replace(self._settings, score_threshold=0.0, iou_threshold=1.0)
        perceiver = self._perceiver
        query = perceiver.prepare(vocabulary=vocabulary, settings=settings)

        def look(frame: Frame) -> tuple[Detections, Rows]:
            return perceiver.rows(frame, query)

        return look

    def learn(self, phrases: Sequence[str]) -> None:
        """Encodes phrases in one batch, which is faster than one at a time."""
        from vit_perception.text.builder import folded

        self._builder.build(tuple({folded(phrase): phrase for phrase in phrases}.values()), 1)

    def _predictor(self, names: Sequence[str], settings: Settings) -> Predict:
        from vit_perception.perceiver.stages import StageTimes

        perceiver = self._perceiver
        query = perceiver.prepare(vocabulary=self._vocabulary(names), settings=settings)

        def predict(frame: Frame) -> Detections:
            return perceiver.look(frame, query, StageTimes())

        return predict

    def _vocabulary(self, names: Sequence[str]) -> Vocabulary:
        """Returns names by what was shown of them, and by their words where that is wanted."""
        from vit_perception.vocabulary import vocabulary_of

        examples = None if self.taught is None else self.taught.of(names)
        if examples is None or not examples.names:
            return self._builder.build(names, 1)
        was_shown = frozenset(examples.names)
        said = [name for name in names if self._said_too or name not in was_shown]
        if not said:
            return vocabulary_of(examples, 1)
        return self._builder.build(said, 1).showing(examples)


def refuse_to_overwrite(
    args: argparse.Namespace, source: Path, pictures: Iterable[Picture]
) -> None:
    """Refuses to write the metrics over a file that the evaluation reads.

    Raises:
        OutputError: names the file.
        BundleError: there is no such bundle.
    """
    from vit_perception.bundle.paths import find_bundle
    from vit_perception.output.input_files import refuse_inputs

    if args.json is None:
        return
    options = (Path(file) for file in (args.names_file, args.wordings, args.taught) if file)
    bundle = find_bundle(args.bundle).rglob("*")
    paths = (picture.path for picture in pictures)
    refuse_inputs([args.json], (source, *options, *bundle, *paths))


def _given(option: float | None, otherwise: float) -> float:
    return otherwise if option is None else option
