# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""From parameters to a running perceiver, and from changed parameters to a changed one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from vit_perception.bundle import Bundle
from vit_perception.bundle_paths import find_bundle
from vit_perception.detections import Detections
from vit_perception.frame import Frame
from vit_perception.parameters import BUNDLE_DEFAULT, DetectorParameters
from vit_perception.perceiver import Perceiver, Prepared, Settings, unknown_threshold_names
from vit_perception.stages import StageTimes
from vit_perception.text.builder import VocabularyBuilder
from vit_perception.vocabulary import Vocabulary


class Detector(Protocol):
    """What the node needs of a perceiver; tests put a gate in front of one."""

    def __call__(self, frame: Frame, stages: StageTimes | None = None) -> Detections: ...


def as_it_is(perceiver: Perceiver) -> Detector:
    """Put nothing around the perceiver."""
    return perceiver


class Engine:
    """A bundle, its perceiver and the vocabulary builder; `load` makes one."""

    def __init__(
        self,
        bundle: Bundle,
        builder: VocabularyBuilder,
        perceiver: Perceiver,
        parameters: DetectorParameters,
        wrap: Callable[[Perceiver], Detector],
    ) -> None:
        self.bundle = bundle
        self.perceiver = perceiver
        self.detect = wrap(perceiver)
        self._builder = builder
        self._parameters = parameters

    @classmethod
    def load(
        cls,
        parameters: DetectorParameters,
        *,
        version: int,
        wrap: Callable[[Perceiver], Detector] = as_it_is,
    ) -> Engine:
        """Read and check the bundle, build the vocabulary and the session, warm up.

        Args:
            parameters: see DetectorParameters.
            version: of the first vocabulary.
            wrap: what to put around the perceiver.

        Raises:
            NotInstalledError, BundleError, VocabularyError, TextEncoderError, SessionError:
                one line that says what was expected and what was found.

        """
        bundle = Bundle.load(find_bundle(parameters.bundle))
        directory = Path(parameters.text_encoder_dir) if parameters.text_encoder_dir else None
        builder = VocabularyBuilder(bundle, text_encoder_dir=directory)
        perceiver = Perceiver(
            bundle,
            vocabulary=_vocabulary(bundle, builder, parameters.vocabulary, version),
            settings=_settings(bundle, parameters),
            precision=parameters.precision,
            provider=parameters.provider,
            threads=parameters.threads,
        )
        perceiver.warm_up()
        return cls(bundle, builder, perceiver, parameters, wrap)

    def prepare(self, parameters: DetectorParameters) -> Prepared:
        """Do what takes time or can fail for `parameters`; nothing changes yet.

        Raises: as `load` does.
        """
        vocabulary = None
        if parameters.vocabulary != self._parameters.vocabulary:
            vocabulary = _vocabulary(
                self.bundle, self._builder, parameters.vocabulary, self.version + 1
            )
        return self.perceiver.prepare(
            vocabulary=vocabulary, settings=_settings(self.bundle, parameters)
        )

    def apply(self, prepared: Prepared, parameters: DetectorParameters) -> None:
        """Let the next frame see what was prepared for `parameters`."""
        self._parameters = parameters
        self.perceiver.commit(prepared)

    @property
    def version(self) -> int:
        """Version of the vocabulary that the next frame is looked at with."""
        return self.perceiver.vocabulary.version

    @property
    def idle_thresholds(self) -> tuple[str, ...]:
        """Names in class_thresholds that the vocabulary lacks: perhaps misspelled."""
        return unknown_threshold_names(self.perceiver.settings, self.perceiver.vocabulary)

    def description(self) -> Mapping[str, str]:
        """Return what runs, for diagnostics."""
        precision = self._parameters.precision
        return {
            "model.bundle": self.bundle.name,
            "model.directory": str(self.bundle.directory),
            "model.architecture": self.bundle.architecture,
            "model.sha256": self.bundle.sha256[self.bundle.graphs[precision]],
            "model.precision": precision,
            "model.provider": self.perceiver.provider,
            "model.input": f"{self.bundle.input_width}x{self.bundle.input_height}",
            "vocabulary.version": str(self.version),
            "vocabulary.names": str(len(self.perceiver.vocabulary)),
            "class_thresholds.idle": ", ".join(self.idle_thresholds),
        }


def _vocabulary(
    bundle: Bundle, builder: VocabularyBuilder, names: tuple[str, ...], version: int
) -> Vocabulary:
    if not names:
        return replace(bundle.default_vocabulary(), version=version)
    return builder.build(names, version)


def _settings(bundle: Bundle, parameters: DetectorParameters) -> Settings:
    score, iou = parameters.score_threshold, parameters.iou_threshold
    return Settings(
        score_threshold=bundle.score_threshold if score == BUNDLE_DEFAULT else score,
        iou_threshold=bundle.iou_threshold if iou == BUNDLE_DEFAULT else iou,
        max_detections=parameters.max_detections,
        class_agnostic_nms=parameters.class_agnostic_nms,
        class_thresholds=parameters.thresholds_by_name,
        masks=parameters.masks,
    )
