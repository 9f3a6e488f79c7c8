# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What a graph finds in the user's pictures, as figures to compare with the float graph's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Literal

from vit_perception.bundle.bundle import Bundle
from vit_perception.compression.gate.frames import GateFrames
from vit_perception.compression.gate.layer_times import layer_times
from vit_perception.evaluation.agreement.pairing import mask_iou, paired
from vit_perception.evaluation.figures.coco_comparison import CocoComparison
from vit_perception.evaluation.figures.flat import flat_rows, flat_things
from vit_perception.evaluation.latency import take_turns
from vit_perception.evaluation.rows.looked_at import FrameRows
from vit_perception.evaluation.rows.looker import rows_of
from vit_perception.evaluation.rows.run import LEAST_SCORE, PER_PICTURE
from vit_perception.perceiver.candidates import detections_from
from vit_perception.perceiver.network import Network
from vit_perception.perceiver.query_maker import QueryMaker
from vit_perception.perceiver.settings import EngineSettings, Settings
from vit_perception.perceiver.stages import StageTimes
from vit_perception.text.builder import VocabularyBuilder

Metric = Literal["AP", "mask_AP", "agreement", "mask_agreement"]
AP: Metric = "AP"
MASK_AP: Metric = "mask_AP"
AGREEMENT: Metric = "agreement"
MASK_AGREEMENT: Metric = "mask_agreement"
_ROUNDS = 9
_SAME = 0.5
"""Intersection over union from which on two boxes or masks are of one thing."""

Figures = Mapping[str, float]
"""By name, each 1 at best."""


class Judge:
    """Measures graphs of one bundle on some pictures.

    With truth the figures are AP (IoU 0.50 to 0.95) of boxes and, where both sides have them, of
    masks. Without, they tell how far a graph agrees with the float graph: the share of what the
    two publish, weighted by score, that both find under the same name.

    Args:
        bundle: with a graph fp32.
        frames: at least one.
        threads: of the engine; 0 for its default.
        engine: what runs the graphs to be judged; None for what runs the float graph, ONNX
            Runtime on the CPU.

    Attributes:
        bundle, frames: as given.
        names: that are asked for.
        query: what is asked.
        metrics: names of the figures.
        reference: figures of the float graph.

    Raises:
        VocabularyError, TextEncoderError, SessionError, PerceiverError: the bundle cannot be run
            or asked for the names.
    """

    def __init__(
        self,
        bundle: Bundle,
        frames: GateFrames,
        *,
        threads: int = 0,
        engine: EngineSettings | None = None,
    ) -> None:
        self.bundle, self.frames, self._threads = bundle, frames, threads
        self._engine = engine or EngineSettings(threads=threads)
        self.names = frames.names or bundle.default_names
        least = LEAST_SCORE if frames.truths is not None else bundle.score_threshold
        settings = Settings(score_threshold=least, max_detections=PER_PICTURE)
        vocabulary = VocabularyBuilder(bundle).build(self.names, 1)
        self._network = Network(bundle, EngineSettings(threads=threads))
        self.query = QueryMaker(bundle, self._network.session, threads)(vocabulary, settings)
        self._float = self._rows(self._network)
        self.metrics: tuple[Metric, ...]
        masks = self._float[0].masks is not None
        if frames.truths is not None:
            masks = masks and all(truth.masks is not None for truth in frames.truths)
            self.metrics = (AP, MASK_AP) if masks else (AP,)
        else:
            self.metrics = (AGREEMENT, MASK_AGREEMENT) if masks else (AGREEMENT,)
        self.reference = self._figures(self._float)

    def fallen_most(self, found: Figures) -> Metric:
        """Returns the figure that is furthest below the reference."""
        return max(self.metrics, key=lambda name: self.reference[name] - found[name])

    def figures(self, graph: bytes) -> Figures:
        """Returns the figures of a graph.

        Raises:
            SessionError: the engine refuses the graph.
            PerceiverError: it breaks the contract.
        """
        return self._figures(self._rows(self.opened(graph)))

    def latencies_ms(self, graphs: Mapping[str, bytes]) -> dict[str, float]:
        """Returns the median time of each graph on one picture, all measured in turns.

        That of the name "fp32" runs where the float graph runs.

        Raises:
            SessionError: the engine refuses a graph.
        """
        laid = self.frames.laid[0]
        networks = {
            name: self._network if name == "fp32" else self.opened(graph)
            for name, graph in graphs.items()
        }
        calls = {
            name: partial(network.run, laid, self.query, StageTimes())
            for name, network in networks.items()
        }
        timing = take_turns(calls, _ROUNDS)
        return {name: timing.median_ms(name) for name in graphs}

    def layer_times(self, graph: bytes, layer_of: Mapping[str, str]) -> dict[str, float]:
        """Returns the milliseconds of each layer of a graph on one picture; see `layer_times`.

        Raises:
            OutputError: temporary files cannot be written.
        """
        inputs = self._network.inputs(self.frames.laid[0].pixels, self.query)
        return layer_times(graph, inputs, layer_of, self._threads)

    def opened(self, graph: bytes, threads: int | None = None) -> Network:
        """Returns a graph ready to run, with other threads than the judge's if they are given."""
        engine = self._engine if threads is None else replace(self._engine, threads=threads)
        return Network(self.bundle, engine, graph)

    def _rows(self, network: Network) -> list[FrameRows]:
        found = []
        for laid in self.frames.laid:
            seen = network.run(laid, self.query, StageTimes())
            found.append(
                rows_of(detections_from(seen.named, laid.letterbox, self.query, StageTimes()))
            )
        return found

    def _figures(self, rows: Sequence[FrameRows]) -> Figures:
        truths = self.frames.truths
        if truths is None:
            return {
                name: _agreement(self._float, rows, masks=name == MASK_AGREEMENT)
                for name in self.metrics
            }
        things, found = flat_things(truths, self.names), flat_rows(rows)
        boxes = CocoComparison(len(self.names))
        boxes.add(things, found, (0, len(truths)))
        figures: dict[str, float] = {AP: boxes.averages().ap() or 0.0}
        if MASK_AP in self.metrics:
            masks = CocoComparison(len(self.names), masks=True)
            masks.add_masks(
                things,
                found,
                (0, len(truths)),
                [mask for truth in truths for mask in truth.masks or ()],
                [mask for each in rows for mask in each.masks or ()],
            )
            figures[MASK_AP] = masks.averages().ap() or 0.0
        return figures


def drop_of(reference: Figures, found: Figures) -> float:
    """Returns by how much the figure that fell most is below the reference."""
    return max(reference[name] - found[name] for name in reference)


def _agreement(first: Sequence[FrameRows], second: Sequence[FrameRows], *, masks: bool) -> float:
    both = every = 0.0
    for one, other in zip(first, second, strict=True):
        every += float(one.scores.sum()) + float(other.scores.sum())
        pairs = paired(one, other)
        for row, column in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True):
            if one.labels[row] != other.labels[column]:
                continue
            if masks:
                assert one.masks is not None and other.masks is not None
                if mask_iou(one.masks[row], other.masks[column]) < _SAME:
                    continue
            both += float(one.scores[row]) + float(other.scores[column])
    return both / every if every else 1.0
