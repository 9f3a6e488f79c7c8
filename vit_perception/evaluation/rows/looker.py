# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Looks at pictures with one run of a measurement, almost without a score threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vit_perception.bundle.bundle import Bundle
from vit_perception.detections import Detections
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.results import encoded
from vit_perception.evaluation.rows.looked_at import FrameRows
from vit_perception.evaluation.rows.run import LEAST_SCORE, PER_PICTURE, Run
from vit_perception.frame import Frame
from vit_perception.perceiver.network import Laid, Seen
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.settings import EngineSettings, Settings
from vit_perception.perceiver.stages import StageTimes
from vit_perception.text.builder import VocabularyBuilder
from vit_perception.wording import shown_path


@dataclass(frozen=True, slots=True)
class Engine:
    """What runs the networks of a measurement.

    Attributes:
        provider, threads: see `EngineSettings`.
        text_encoder: folder of the text encoder; "" finds the installed one.
    """

    provider: str = EngineSettings.provider
    threads: int = EngineSettings.threads
    text_encoder: str = ""


def run_of(
    key: str, directory: Path, precision: str, names: Sequence[str], published: Settings
) -> Run:
    """Returns the run of a bundle.

    Args:
        key: see `Run`.
        directory: of the bundle.
        precision: which graph.
        names: that are asked for.
        published: what a robot would use; the bundle's own thresholds are filled in.

    Raises:
        BundleError: there is no such bundle or precision.
    """
    bundle = Bundle.load(directory)
    settings = published.resolved(bundle)
    own, common = settings.class_thresholds, settings.score_threshold
    return Run(
        key=key,
        bundle=directory,
        precision=precision,
        sha256=bundle.sha256[bundle.graph_file(precision)],
        thresholds=tuple(float(own.get(name, common)) for name in names),
        iou_threshold=settings.iou_threshold,
        max_detections=settings.max_detections,
    )


class Looker:
    """One run, ready to look for the names of a measurement.

    Args:
        run: which bundle and precision.
        names: that are asked for, the same for all runs.
        engine: what runs the network.

    Attributes:
        run, names: as given.

    Raises:
        EvaluationError: the graph is another one than the run's.
        BundleError, PerceiverError, SessionError, VocabularyError: the bundle cannot be run or
            asked for these names.
    """

    def __init__(self, run: Run, names: Sequence[str], engine: Engine) -> None:
        bundle = Bundle.load(run.bundle)
        file = bundle.graph_file(run.precision)
        if bundle.sha256[file] != run.sha256:
            raise EvaluationError(
                f"{shown_path(run.bundle / file)}: expected the graph of this measurement, "
                f"sha256 {run.sha256[:12]}, found {bundle.sha256[file][:12]}"
            )
        self.run = run
        self.names = tuple(names)
        builder = VocabularyBuilder(bundle, text_encoder_dir=engine.text_encoder)
        self._perceiver = Perceiver(
            bundle,
            vocabulary=builder.build(names, 1),
            settings=Settings(
                score_threshold=LEAST_SCORE,
                iou_threshold=run.iou_threshold,
                max_detections=PER_PICTURE,
            ),
            precision=run.precision,
            provider=engine.provider,
            threads=engine.threads,
        )
        self._query = self._perceiver.query

    def lay(self, frame: Frame, stages: StageTimes) -> Laid:
        """Returns a picture as the network takes it, from any thread; takes "letterbox"."""
        laid = self._perceiver.lay(frame, self._query)
        stages.lap("letterbox")
        return laid

    def see(self, laid: Laid, stages: StageTimes) -> Seen:
        """Returns what the network made of a picture; see `Perceiver.see`."""
        return self._perceiver.see(laid, self._query, stages)

    def detections(self, seen: Seen, frame: Frame, stages: StageTimes) -> Detections:
        """Returns what was found, best first; from any thread; see `Perceiver.chosen`."""
        return self._perceiver.chosen(seen, frame, self._query, stages)


def rows_of(detections: Detections) -> FrameRows:
    """Returns detections as they are kept."""
    masks = detections.masks
    return FrameRows(
        boxes=detections.boxes,
        scores=detections.scores,
        labels=detections.labels,
        masks=None if masks is None else encoded(masks, range(len(masks))),
    )
