# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs a bundle's detector graph, and compares what it returns with the contract."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vit_perception.bundle.bundle import Bundle
from vit_perception.engine.factory import open_session
from vit_perception.frame import Frame
from vit_perception.letterbox import Canvas, Letterbox
from vit_perception.perceiver.candidates import (
    Outputs,
    rows_of_anything,
    rows_of_names,
    uses_masks,
)
from vit_perception.perceiver.contract import (
    GraphContractError,
    check_anything,
    check_detector,
    check_numbers,
    check_results,
)
from vit_perception.perceiver.query import Query
from vit_perception.perceiver.settings import BF16, EngineSettings, PerceiverError
from vit_perception.perceiver.stages import StageTimes
from vit_perception.wording import shown_path


class Laid(NamedTuple):
    """A frame, or its region, as the network takes it.

    Attributes:
        pixels: uint8 [1, height, width, 3].
        letterbox: where the frame lies in them.
    """

    pixels: NDArray[np.uint8]
    letterbox: Letterbox


class Seen(NamedTuple):
    """What the graph made of one frame.

    Attributes:
        named: rows of said names.
        anything: rows of anything; None if they were not asked for.
        letterbox: where the frame, or its region, lay in the network's input.
    """

    named: Outputs
    anything: Outputs | None
    letterbox: Letterbox


class Network:
    """The detector graph of one precision, in an engine.

    Calls may come from several threads and run one after the other: the input buffer is reused.

    Args:
        bundle: whose graph it is.
        engine: what runs it.
        graph: ONNX file to run in place of the bundle's, of the same contract; the precision
            then tells the arithmetic alone.

    Raises:
        PerceiverError: a graph that breaks the contract.
        SessionError: the engine refuses the graph or is absent.
        BundleError: the file changed since the bundle was loaded.
    """

    def __init__(self, bundle: Bundle, engine: EngineSettings, graph: bytes | None = None) -> None:
        file = bundle.graphs.get(engine.precision, engine.precision)
        self.session = open_session(
            bundle.graph(engine.precision) if graph is None else graph,
            provider=engine.provider,
            threads=engine.threads,
            name=f"{shown_path(bundle.directory)}/{file}",
            bfloat16=engine.precision == BF16,
        )
        try:
            check_detector(self.session, bundle)
        except GraphContractError as error:
            raise PerceiverError(f"{self.session.name}: {error}") from error
        self._bundle = bundle
        self._canvas = Canvas(bundle.input_height, bundle.input_width, bundle.pad_value)
        self._constant: dict[str, NDArray[np.float32]] = {}
        if bundle.regions is not None:
            self._constant["anything_embedding"] = bundle.regions.anything[None]
        self._checked: Mapping[str, object] = {}
        self._lock = threading.Lock()

    def lay(self, frame: Frame, query: Query) -> Laid:
        """Returns what `run` takes of a frame; from any thread, also while the graph runs.

        Raises:
            RegionError: the region of the query's settings lies beside the image.
        """
        _, height, width, _ = self._canvas.pixels.shape
        canvas = Canvas(height, width, self._bundle.pad_value)
        letterbox = canvas.draw(_part(frame, query))
        return Laid(canvas.pixels, letterbox)

    def look(
        self, frame: Frame, query: Query, stages: StageTimes, *, anything: bool = False
    ) -> Seen:
        """Runs the graph on a frame, or on the region of the query's settings.

        Args:
            frame: of any size.
            query: what is looked for.
            stages: receives the times of "letterbox" and "inference".
            anything: whether the rows of anything are needed, of a bundle that has them.

        Raises:
            SessionError: the engine failed.
            PerceiverError: the results break the contract.
            RegionError: the region lies beside the image.
        """
        part = _part(frame, query)
        with self._lock:
            letterbox = self._canvas.draw(part)
            stages.lap("letterbox")
            results = self._results(self._canvas.pixels, query, stages)
        return self._seen(results, letterbox, query, anything=anything)

    def run(self, laid: Laid, query: Query, stages: StageTimes, *, anything: bool = False) -> Seen:
        """Runs the graph on a frame that was laid out before; see `look`.

        Args:
            laid: what `lay` returned for the frame and a query with the same region.
            query, anything: see `look`.
            stages: receives the time of "inference".

        Raises:
            SessionError, PerceiverError: as `look`.
        """
        with self._lock:
            results = self._results(laid.pixels, query, stages)
        return self._seen(results, laid.letterbox, query, anything=anything)

    def inputs(self, pixels: NDArray[np.uint8], query: Query) -> dict[str, NDArray[Any]]:
        """Returns what the graph takes for pixels that were laid out, by name."""
        return {**query.inputs, **self._constant, "image": pixels}

    def _results(
        self, pixels: NDArray[np.uint8], query: Query, stages: StageTimes
    ) -> dict[str, NDArray[Any]]:
        results = self.session.run(self.inputs(pixels, query))
        stages.lap("inference")
        return results

    def _seen(
        self,
        results: Mapping[str, NDArray[Any]],
        letterbox: Letterbox,
        query: Query,
        *,
        anything: bool,
    ) -> Seen:
        # A graph may leave axes open in its declaration.
        shapes = {name: (value.dtype, value.shape) for name, value in results.items()}
        try:
            if shapes != self._checked:
                check_results(results, self._bundle)
                self._checked = shapes
            named = rows_of_names(results)
            masks = uses_masks(named, query.settings)
            check_numbers(named, max(1, len(query.vocabulary.said)), masks=masks)
            others = rows_of_anything(results) if anything else None
            if others is not None:
                check_anything(others, masks=masks)
        except GraphContractError as error:
            raise PerceiverError(f"{self.session.name}: {error}") from error
        return Seen(named, others, letterbox)


def _part(frame: Frame, query: Query) -> NDArray[np.uint8]:
    region = query.settings.region
    return (frame if region is None else region.of(frame)).image
