# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""NNCF's quantization of a detector's graph, for `quantization.py`.

NNCF gets the part between the picture and the last convolutions, the same that ours puts in eight
bits: on the whole graph version 3.4 fails, at products whose weights are computed from names.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import nncf
import numpy as np
import onnx
from nncf.quantization import quantize_with_accuracy_control

from vit_perception.compression.gate.frames import GateFrames
from vit_perception.compression.gate.judge import Judge, drop_of
from vit_perception.compression.quantization.qdq import simplified
from vit_perception.compression.quantization.selection import quantizable


class Halves:
    """A graph cut behind what is to be in eight bits.

    Args:
        model: float ONNX file.

    Attributes:
        front: from the picture to every tensor that the rest reads.
        ignored: its nodes that stay float.
    """

    def __init__(self, model: bytes) -> None:
        self._whole = simplified(model)
        graph = self._whole.graph
        chosen = set(quantizable(graph))
        needed: set[str] = set()
        kept: set[str] = set()
        for node in reversed(graph.node):
            if node.name in chosen or not needed.isdisjoint(node.output):
                kept.add(node.name)
                needed.update(node.input)
        front = [node for node in graph.node if node.name in kept]
        self._back = [node for node in graph.node if node.name not in kept]
        made = {tensor for node in front for tensor in node.output}
        read = {tensor for node in self._back for tensor in node.input}
        read |= {value.name for value in graph.output}
        known = {value.name: value for value in (*graph.value_info, *graph.output)}
        self.front = onnx.helper.make_model(
            onnx.helper.make_graph(
                front,
                "front",
                [value for value in graph.input if value.name == "image"],
                [known[tensor] for tensor in sorted(made & read)],
                [tensor for tensor in graph.initializer if tensor.name in needed],
                value_info=list(graph.value_info),
            ),
            opset_imports=self._whole.opset_import,
            ir_version=self._whole.ir_version,
        )
        self.ignored = [node.name for node in front if node.name not in chosen]

    def whole(self, front: onnx.ModelProto) -> bytes:
        """Returns the whole graph with another front."""
        graph = self._whole.graph
        there = {tensor.name for tensor in front.graph.initializer}
        joined = onnx.helper.make_graph(
            [*front.graph.node, *self._back],
            "joined",
            list(graph.input),
            list(graph.output),
            [
                *front.graph.initializer,
                *(tensor for tensor in graph.initializer if tensor.name not in there),
            ],
        )
        model = onnx.helper.make_model(
            joined, opset_imports=front.opset_import, ir_version=front.ir_version
        )
        serialised: bytes = model.SerializeToString()
        return serialised


def plain(model: bytes, frames: GateFrames) -> bytes:
    """Returns the graph as NNCF quantizes it by default."""
    nncf.set_log_level(logging.ERROR)
    halves = Halves(model)
    made = nncf.quantize(
        halves.front,
        nncf.Dataset(_feeds(frames)),
        ignored_scope=nncf.IgnoredScope(names=halves.ignored),
        subset_size=len(frames),
    )
    return halves.whole(made)


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

    feeds = _feeds(judge.frames)
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


def _feeds(frames: GateFrames) -> list[dict[str, np.ndarray]]:
    return [{"image": laid.pixels} for laid in frames.laid]
