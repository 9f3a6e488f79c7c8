# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Graphs as others quantize them, to compare with: ONNX Runtime's ranges, and NNCF.

NNCF gets the part between the picture and the last convolutions, the same that ours puts in eight
bits: on the whole graph version 3.4 fails, at products whose weights are computed from names.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from vit_perception.compression.quantization.calibration import METHODS
from vit_perception.compression.quantization.float_graph import simplified
from vit_perception.compression.quantization.front import front, leading_to
from vit_perception.compression.quantization.qdq import Calibrated
from vit_perception.compression.quantization.selection import quantizable

NNCF = "nncf"


def baselines(
    model: bytes, images: Sequence[NDArray[np.uint8]], method: str
) -> Iterator[tuple[str, bytes | None]]:
    """Yields the name of each way to quantize but one, and the graph with all layers so.

    The graph is None where the package that makes it is not installed.

    Args:
        model: float ONNX file.
        images: for calibration, uint8 [1, height, width, 3].
        method: a key of METHODS, which is left out.

    Raises:
        QuantizationError, OutputError: see `Calibrated`.
    """
    for other in METHODS:
        if other != method:
            yield f"ONNX Runtime, {other}", Calibrated(model, images, other).graph().model
    yield "NNCF", nncf_graph(model, images) if find_spec(NNCF) else None


def nncf_graph(model: bytes, images: Sequence[NDArray[np.uint8]]) -> bytes:
    """Returns a graph as NNCF quantizes it by default, on the same pictures.

    Raises:
        ModuleNotFoundError: NNCF is not installed.
    """
    nncf: Any = import_module(NNCF)
    nncf.set_log_level(logging.ERROR)
    halves = Halves(model)
    made = nncf.quantize(
        halves.front,
        nncf.Dataset([{"image": image} for image in images]),
        ignored_scope=nncf.IgnoredScope(names=halves.ignored),
        subset_size=len(images),
    )
    return halves.whole(made)


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
        nodes = leading_to(graph, chosen)
        kept = {node.name for node in nodes}
        self._back = [node for node in graph.node if node.name not in kept]
        read = {tensor for node in self._back for tensor in node.input}
        read |= {value.name for value in graph.output}
        ends = sorted(read & {tensor for node in nodes for tensor in node.output})
        self.front = front(self._whole, nodes, ends, "image")
        self.ignored = [node.name for node in nodes if node.name not in chosen]

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
