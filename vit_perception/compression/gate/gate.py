# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Quantizes a bundle, and lets the graph pass only if it finds what the float graph finds."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

import onnxruntime

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.files import BundleError
from vit_perception.compression.gate.frames import GateFrames
from vit_perception.compression.gate.journal import Journal
from vit_perception.compression.gate.judge import Figures, Judge, drop_of
from vit_perception.compression.gate.maker import depends_on
from vit_perception.compression.gate.search import Mended, Search
from vit_perception.compression.quantization.float_graph import QuantizationError, Quantized
from vit_perception.compression.quantization.half import Halved
from vit_perception.compression.quantization.qdq import Calibrated
from vit_perception.wording import shown_path

BUDGET = 60
"""Evaluations of a search, if not said otherwise."""
MAX_DROP = {True: 0.01, False: 0.05}
"""By how much figures may fall, if not said otherwise: with labels AP, without them agreement."""


@dataclass(frozen=True)
class GateSettings:
    """What a graph has to keep, and what may be spent on it.

    Attributes:
        max_drop: by how much each figure may fall; None for the one of MAX_DROP.
        budget: evaluations at most.
        sensitivity: whether each layer is measured alone too, as far as the budget allows.
    """

    max_drop: float | None = None
    budget: int = BUDGET
    sensitivity: bool = False

    def limit(self, judge: Judge) -> float:
        """Returns by how much each figure of a judge may fall."""
        labelled = judge.frames.truths is not None
        return MAX_DROP[labelled] if self.max_drop is None else self.max_drop


@dataclass(frozen=True, eq=False)
class Checked:
    """A graph that was compared with the float one.

    Attributes:
        graph: in fewer bits but for `mended.floats`.
        reference, figures: of the float graph, and of this one.
        mended: how it came about.
        layers: all that could be in fewer bits.
        first: figures with all of them so.
        alone: drop of single layers, of those that were measured alone.
        evaluations: graphs that were run over the pictures, those of a journal too.
        pictures: how many these were.
        limit: by how much each figure was allowed to fall.
    """

    graph: Quantized
    reference: Figures
    figures: Figures
    mended: Mended
    layers: tuple[str, ...]
    first: Figures
    alone: dict[str, float] = field(default_factory=dict)
    evaluations: int = 0
    pictures: int = 0
    limit: float = 0.0

    @property
    def drop(self) -> float:
        """By how much the figure that fell most is below the float graph's."""
        return drop_of(self.reference, self.figures)


def checked(
    judge: Judge,
    made: Calibrated | Halved,
    settings: GateSettings,
    journal: Journal,
    progress: Callable[[int], object] = lambda done: None,
) -> Checked:
    """Returns an eight-bit graph that keeps the figures; layers that cost too much are float.

    Equal arguments give equal graphs, whether the search was interrupted or not.

    Args:
        judge: of the bundle and the pictures.
        made: makes the graphs, of the bundle's float one.
        settings: see `GateSettings`.
        journal: of this bundle, these pictures and this calibration, see `subject_of`.
        progress: called with the number of evaluations done.

    Raises:
        QuantizationError: no graph within the budget keeps the figures; names what costs most.
        SessionError, PerceiverError: the engine refuses a graph, or it breaks the contract.
    """
    layers = frozenset(made.layers)

    def figures(choice: frozenset[str]) -> Figures:
        found = journal.get(choice)
        if found is None:
            found = judge.figures(made.graph(layers - choice).model)
            journal.put(choice, found)
        return found

    def drop(choice: frozenset[str]) -> float:
        lost = drop_of(judge.reference, figures(choice))
        progress(search.evaluations + 1)
        return lost

    search = Search(made.layers, drop, settings.budget)
    limit = settings.limit(judge)
    mended = search.mend(limit)
    if mended.drop > limit or len(mended.floats) == len(layers):
        raise QuantizationError(_refusal(judge, mended, len(layers), settings))
    alone = {}
    if settings.sensitivity:
        for layer in made.layers:
            lost = search.alone(layer)
            if lost is not None:
                alone[layer] = lost
    chosen = layers - set(mended.floats)
    return Checked(
        graph=made.graph(mended.floats),
        reference=judge.reference,
        figures=figures(chosen),
        mended=mended,
        layers=made.layers,
        first=figures(layers),
        alone=alone,
        evaluations=search.evaluations + 1,
        pictures=len(judge.frames),
        limit=limit,
    )


def subject_of(bundle: Bundle, frames: GateFrames, calibration: str, method: str) -> str:
    """Returns what a journal's evaluations depend on.

    Args:
        bundle: that is quantized.
        frames: that it is compared on.
        calibration: digest of the pictures of the calibration.
        method: of the ranges.

    Raises:
        BundleError: the bundle has no graph fp32.
    """
    file = bundle.graphs.get("fp32")
    if file is None:
        raise BundleError(
            f"{shown_path(bundle.directory)}: expected a graph fp32, "
            f"found {', '.join(bundle.graphs)}"
        )
    parts = {
        "graph": bundle.sha256[file],
        "frames": frames.digest,
        "names": list(frames.names or bundle.default_names),
        "thresholds": [bundle.score_threshold, bundle.iou_threshold],
        "calibration": calibration,
        "method": method,
        "more": depends_on(bundle, method),
        "engine": onnxruntime.__version__,
    }
    return json.dumps(parts, sort_keys=True)


def _refusal(judge: Judge, mended: Mended, layers: int, settings: GateSettings) -> str:
    figures = " and ".join(judge.metrics)
    worst = ", ".join(step.layer for step in mended.steps[:3])
    spent = f" after {settings.budget} evaluations" if mended.exhausted else ""
    costs = f"; what costs most: {worst}" if worst else ""
    return (
        f"{shown_path(judge.bundle.directory)}: expected {figures} to fall by at most "
        f"{settings.limit(judge):g} in fewer bits, found {mended.drop:.4f} with "
        f"{len(mended.floats)} of {layers} layers left in float{spent}{costs}"
    )
