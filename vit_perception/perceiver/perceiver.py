# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Serves a bundle: frames in, detections out, the vocabulary changed in between."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vit_perception.bundle.bundle import Bundle
from vit_perception.detections import Detections
from vit_perception.engine.factory import open_session
from vit_perception.engine.session import Session, SessionError
from vit_perception.frame import Frame
from vit_perception.letterbox import Canvas
from vit_perception.perceiver.candidates import detections_from
from vit_perception.perceiver.contract import (
    GraphContractError,
    check_adaptor,
    check_detector,
    check_embeddings,
    check_results,
)
from vit_perception.perceiver.settings import PerceiverError, Settings, unknown_threshold_names
from vit_perception.perceiver.stages import StageTimes
from vit_perception.vocabulary import Vocabulary
from vit_perception.wording import shown, shown_path

__all__ = ["Perceiver", "PerceiverError", "Prepared", "Settings", "unknown_threshold_names"]

_TASKS = ("detection", "instance_segmentation")


@dataclass(frozen=True, slots=True, eq=False)
class _Active:
    """Everything of one frame that can be changed, replaced as a whole.

    class_embeddings float32 [C, E], None for a fixed vocabulary; class_thresholds float32 [C].
    """

    vocabulary: Vocabulary
    settings: Settings
    class_embeddings: NDArray[np.float32] | None
    class_thresholds: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A vocabulary and settings that fit a perceiver: from `Perceiver.prepare` to `commit`."""

    _active: _Active


class Perceiver:
    """A detector ready to run.

    Calls may come from several threads; they run one after the other, because the network's
    input is kept. Vocabulary and settings may be changed from any thread at any time: a call
    in flight ends with what it began with, and its result carries the names and version it
    was made with.

    Args:
        bundle: a bundle of task detection or instance_segmentation.
        vocabulary: None for the bundle's default names.
        settings: None for the bundle's thresholds.
        precision: a graph of the bundle, e.g. "fp32".
        provider, threads: see `open_session`.

    Raises:
        PerceiverError: a bundle of another task, a graph that breaks the contract, or a
            vocabulary that does not fit.
        SessionError: the engine refuses a graph or is absent.
        BundleError: a file changed since the bundle was loaded.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        vocabulary: Vocabulary | None = None,
        settings: Settings | None = None,
        precision: str = "fp32",
        provider: str = "cpu",
        threads: int = 0,
    ) -> None:
        where = shown_path(bundle.directory)
        if bundle.task not in _TASKS:
            raise PerceiverError(
                f"{where}: expected task {' or '.join(_TASKS)}, found {bundle.task}"
            )
        self.bundle = bundle
        self.precision = precision
        self._session = _opened(bundle, precision, bundle.graph(precision), provider, threads)
        adaptor = None if bundle.fixed_vocabulary else bundle.text_adaptor()
        self._adaptor: Session | None = None
        if adaptor is not None:
            self._adaptor = _opened(bundle, "text adaptor", adaptor, "cpu", threads)
        self._graph = bundle.directory / bundle.graphs[precision]
        with _naming(self._graph):
            check_detector(self._session, bundle)
        if self._adaptor is not None:
            with _naming(bundle.directory / str(bundle.text_adaptor_file)):
                check_adaptor(self._adaptor, self._session, bundle)
        self._canvas = Canvas(bundle.input_height, bundle.input_width, bundle.pad_value)
        self._run_lock = threading.Lock()
        self._change_lock = threading.Lock()
        self._active = self._prepared(
            bundle.default_vocabulary() if vocabulary is None else vocabulary,
            settings or Settings(bundle.score_threshold, bundle.iou_threshold),
            before=None,
        )

    @property
    def provider(self) -> str:
        """What runs the network, see `Session`."""
        return self._session.provider

    @property
    def vocabulary(self) -> Vocabulary:
        """What the next call looks for."""
        return self._active.vocabulary

    @property
    def settings(self) -> Settings:
        """What the next call uses."""
        return self._active.settings

    def set_vocabulary(self, vocabulary: Vocabulary) -> None:
        """Looks for other names from the next call on; see `change`."""
        self.change(vocabulary=vocabulary)

    def set_settings(self, settings: Settings) -> None:
        """Uses other settings from the next call on; see `change`."""
        self.change(settings=settings)

    def change(
        self, *, vocabulary: Vocabulary | None = None, settings: Settings | None = None
    ) -> None:
        """Changes either or both in one step, all or nothing.

        The text adaptor runs on the caller's thread; calls in flight do not wait for it.

        Args:
            vocabulary: None keeps the present one.
            settings: None keeps the present ones.

        Raises:
            PerceiverError: the vocabulary does not fit the bundle; nothing has changed.
            SessionError: the text adaptor failed; nothing has changed.
        """
        with self._change_lock:
            self._active = self._changed(vocabulary, settings)

    def prepare(
        self, *, vocabulary: Vocabulary | None = None, settings: Settings | None = None
    ) -> Prepared:
        """Does the work of `change` for a later `commit`, for callers that may still say no.

        Raises:
            PerceiverError, SessionError: as `change`.
        """
        with self._change_lock:
            return Prepared(self._changed(vocabulary, settings))

    def commit(self, prepared: Prepared) -> None:
        """Lets the next call see what `prepare` gave; undoes changes made in between."""
        with self._change_lock:
            self._active = prepared._active

    def warm_up(self) -> None:
        """One run on a grey image, so that the first frame meets allocated memory."""
        size = (self.bundle.input_height, self.bundle.input_width, 3)
        self(Frame(np.full(size, self.bundle.pad_value, np.uint8)))

    def __call__(self, frame: Frame, stages: StageTimes | None = None) -> Detections:
        """Finds the vocabulary's names in one frame.

        Args:
            frame: of any size.
            stages: receives the times of "letterbox", "inference", "nms" and, where masks
                are decoded, "masks".

        Returns:
            Detections in pixels of the frame's image, best first; with masks from a bundle
            that has them, unless the settings turn them off.

        Raises:
            SessionError: the engine failed.
            PerceiverError: the graph returned a class that does not exist or arrays of other
                shapes than the contract's, or the masks would take too much memory.
        """
        times = StageTimes() if stages is None else stages
        with self._run_lock:
            active = self._active
            with times.measure("letterbox"):
                letterbox = self._canvas.draw(frame.image)
            with times.measure("inference"), _naming(self._graph):
                outputs = self._session.run(self._inputs(active))
        with _naming(self._graph):
            check_results(outputs, self.bundle)
        return detections_from(outputs, letterbox, active.vocabulary, active.settings, times)

    def _inputs(self, active: _Active) -> dict[str, NDArray[np.uint8] | NDArray[np.float32]]:
        inputs: dict[str, NDArray[np.uint8] | NDArray[np.float32]] = {
            "image": self._canvas.pixels,
            "class_thresholds": active.class_thresholds,
        }
        if active.class_embeddings is not None:
            inputs["class_embeddings"] = active.class_embeddings
        return inputs

    def _changed(self, vocabulary: Vocabulary | None, settings: Settings | None) -> _Active:
        before = self._active
        return self._prepared(
            before.vocabulary if vocabulary is None else vocabulary,
            before.settings if settings is None else settings,
            before=before,
        )

    def _prepared(
        self, vocabulary: Vocabulary, settings: Settings, before: _Active | None
    ) -> _Active:
        if before is not None and vocabulary is before.vocabulary:
            embeddings = before.class_embeddings
        else:
            embeddings = self._class_embeddings(vocabulary)
        thresholds = [
            settings.class_thresholds.get(name, settings.score_threshold)
            for name in vocabulary.names
        ]
        return _Active(vocabulary, settings, embeddings, np.array(thresholds, np.float32))

    def _class_embeddings(self, vocabulary: Vocabulary) -> NDArray[np.float32] | None:
        bundle = self.bundle
        where = shown_path(bundle.directory)
        if bundle.fixed_vocabulary:
            if vocabulary.names != bundle.default_names:
                raise PerceiverError(
                    f"{where}: expected its fixed vocabulary {shown(list(bundle.default_names))}, "
                    f"found {shown(list(vocabulary.names))}"
                )
            return None
        if vocabulary.dimension != bundle.text_dimension:
            raise PerceiverError(
                f"{where}: expected embeddings of dimension {bundle.text_dimension} "
                f"({bundle.text_encoder_id}), found {vocabulary.dimension}"
            )
        if self._adaptor is None:
            return vocabulary.embeddings
        with _naming(bundle.directory / str(bundle.text_adaptor_file)):
            outputs = self._adaptor.run({"text_embeddings": vocabulary.embeddings})
            check_embeddings(outputs["class_embeddings"], vocabulary)
        return np.ascontiguousarray(outputs["class_embeddings"], np.float32)


@contextmanager
def _naming(graph: Path) -> Iterator[None]:
    try:
        yield
    except GraphContractError as error:
        raise PerceiverError(f"{shown_path(graph)}: {error}") from error
    except SessionError as error:
        raise SessionError(f"{shown_path(graph)}: {error}") from error


def _opened(bundle: Bundle, what: str, model: bytes, provider: str, threads: int) -> Session:
    try:
        return open_session(model, provider=provider, threads=threads)
    except SessionError as error:
        raise SessionError(f"{shown_path(bundle.directory)}: {what}: {error}") from error
