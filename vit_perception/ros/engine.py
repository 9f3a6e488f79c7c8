# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""From parameters to a running perceiver, and from changed parameters to a changed one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.paths import find_bundle
from vit_perception.detections import Detections
from vit_perception.engine.cpu_affinity import format_cores, keep_process_to, usable_cores
from vit_perception.engine.factory import find_provider
from vit_perception.frame import Frame
from vit_perception.parameters.detector import BUNDLE_DEFAULT, DetectorParameters
from vit_perception.perceiver.perceiver import (
    Perceiver,
    Prepared,
    Settings,
    unknown_threshold_names,
)
from vit_perception.perceiver.region import Region
from vit_perception.perceiver.stages import StageTimes
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
        self._wrap = wrap
        self._detector = wrap(perceiver)
        self._builder = builder
        self._parameters = parameters
        self._region = Region.parse(parameters.roi)
        self.provider = parameters.provider
        # Between a change of names or settings and a change of the perceiver.
        self._lock = threading.Lock()

    def detect(self, frame: Frame, stages: StageTimes | None = None) -> Detections:
        """Look at the region of a frame that the parameters name.

        Raises:
            RegionError: it lies beside the image; else as Perceiver does.

        """
        region, detector = self._region, self._detector
        if region is None:
            return detector(frame, stages)
        return region.whole(detector(region.of(frame), stages), frame)

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
            AffinityError, NotInstalledError, BundleError, VocabularyError, TextEncoderError,
                SessionError: one line that says what was expected and what was found.

        """
        if parameters.cpu_affinity:
            keep_process_to(parameters.cpu_affinity)
        bundle = Bundle.load(find_bundle(parameters.bundle))
        directory = Path(parameters.text_encoder_dir) if parameters.text_encoder_dir else None
        builder = VocabularyBuilder(bundle, text_encoder_dir=directory)
        vocabulary = _vocabulary(bundle, builder, parameters.vocabulary, version)
        perceiver = _perceiver(bundle, vocabulary, _settings(bundle, parameters), parameters)
        return cls(bundle, builder, perceiver, parameters, wrap)

    def prepare(self, parameters: DetectorParameters) -> Prepared:
        """Do what takes time or can fail for `parameters`; nothing changes yet.

        Raises: as `load` does.
        """
        if not self.runs(parameters):
            # What can be refused without opening anything.
            self.bundle.graph_file(parameters.precision)
            find_provider(parameters.provider)
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
        with self._lock:
            self._parameters, self._region = parameters, Region.parse(parameters.roi)
            self.perceiver.commit(prepared)

    def runs(self, parameters: DetectorParameters) -> bool:
        """Whether the graph that is open is the one that `parameters` ask for."""
        wanted = (parameters.precision, parameters.provider)
        return (self.perceiver.precision, self.provider) == wanted

    def opened(self, parameters: DetectorParameters) -> Perceiver:
        """Open the graph that `parameters` ask for, and run it once; takes its time.

        Raises: as `load` does.
        """
        perceiver = self.perceiver
        return _perceiver(self.bundle, perceiver.vocabulary, perceiver.settings, parameters)

    def adopt(self, perceiver: Perceiver, provider: str) -> None:
        """Let the next frame be looked at by another perceiver, with the names of now.

        Args:
            perceiver: from `opened`.
            provider: that was asked for it.

        """
        with self._lock:
            now = self.perceiver
            perceiver.change(vocabulary=now.vocabulary, settings=now.settings)
            self.perceiver, self._detector = perceiver, self._wrap(perceiver)
            self.provider = provider

    @property
    def version(self) -> int:
        """Version of the vocabulary that the next frame is looked at with."""
        return self.perceiver.vocabulary.version

    @property
    def idle_thresholds(self) -> tuple[str, ...]:
        """Names in class_thresholds that the vocabulary lacks: perhaps misspelled."""
        return unknown_threshold_names(self.perceiver.settings, self.perceiver.vocabulary)

    def description(self, opening: str = "") -> Mapping[str, str]:
        """Return what runs, and what is being `opening`, for diagnostics."""
        precision = self.perceiver.precision
        return {
            "model.bundle": self.bundle.name,
            "model.directory": str(self.bundle.directory),
            "model.architecture": self.bundle.architecture,
            "model.sha256": self.bundle.sha256[self.bundle.graphs[precision]],
            "model.precision": precision,
            "model.provider": self.perceiver.provider,
            "model.provider_asked": self.provider,
            "model.opening": opening,
            "cpu.cores": format_cores(usable_cores()),
            "model.input": f"{self.bundle.input_width}x{self.bundle.input_height}",
            "vocabulary.version": str(self.version),
            "vocabulary.names": str(len(self.perceiver.vocabulary)),
            "class_thresholds.idle": ", ".join(self.idle_thresholds),
        }


def _perceiver(
    bundle: Bundle, vocabulary: Vocabulary, settings: Settings, parameters: DetectorParameters
) -> Perceiver:
    perceiver = Perceiver(
        bundle,
        vocabulary=vocabulary,
        settings=settings,
        precision=parameters.precision,
        provider=parameters.provider,
        threads=parameters.threads,
    )
    perceiver.warm_up()
    return perceiver


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
