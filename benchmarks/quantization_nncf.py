# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""NNCF's accuracy control of a detector's graph, for `quantization.py`."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import nncf
import onnx
from nncf.quantization import quantize_with_accuracy_control

from vit_perception.compression.gate.baselines import Halves
from vit_perception.compression.gate.judge import Judge, drop_of


def controlled(model: bytes, judge: Judge, limit: float) -> str:
    """Returns a line on what NNCF's accuracy control made of a graph, and after how many looks."""
    nncf.set_log_level(logging.ERROR)
    halves = Halves(model)
    looks = 0

    def validate(candidate: Any, items: Iterable[Any]) -> tuple[float, None]:
        nonlocal looks
        looks += 1
        graph = candidate if isinstance(candidate, onnx.ModelProto) else _model_of(candidate)
        figures = judge.figures(halves.whole(graph))
        return 1.0 - drop_of(judge.reference, figures), None

    feeds = [{"image": laid.pixels} for laid in judge.frames.laid]
    made = quantize_with_accuracy_control(
        halves.front,
        nncf.Dataset(feeds),
        nncf.Dataset(feeds[:1]),
        validate,
        max_drop=limit,
        ignored_scope=nncf.IgnoredScope(names=halves.ignored),
        subset_size=len(feeds),
    )
    drop = drop_of(judge.reference, judge.figures(halves.whole(made)))
    return f"NNCF's accuracy control: fell by {drop:.4f} after {looks} comparisons"


def _model_of(candidate: Any) -> onnx.ModelProto:
    """Returns the graph inside what NNCF hands to a validation."""
    for name in ("_model", "model", "_original_model"):
        found = getattr(candidate, name, None)
        if isinstance(found, onnx.ModelProto):
            return found
    raise TypeError(f"expected a graph, found {type(candidate)} with {vars(candidate).keys()}")
