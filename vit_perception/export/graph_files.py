# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The graphs of a detector's bundle as ONNX files."""

from __future__ import annotations

from torch import Tensor

from vit_perception.export.asked import Asked, example_inputs, output_names
from vit_perception.export.graph import DetectorGraph
from vit_perception.export.onnx_graph import to_onnx
from vit_perception.models.detectors.dosod import DOSOD
from vit_perception.models.detectors.rt_detr import RTDETR
from vit_perception.perceiver.settings import GRAPH_ROWS


def live_graph(
    model: DOSOD, height: int, width: int, class_embeddings: Tensor, top_k: int = GRAPH_ROWS
) -> bytes:
    """Returns an ONNX graph whose vocabulary is an input, like ``class_embeddings`` [C, E]."""
    return Asked(DetectorGraph(model, height, width, top_k=top_k), class_embeddings).written()


def fixed_graph(
    model: DOSOD, height: int, width: int, class_embeddings: Tensor, top_k: int = GRAPH_ROWS
) -> bytes:
    """Returns an ONNX graph with the vocabulary ``class_embeddings`` [C, E] folded in."""
    module = DetectorGraph(model, height, width, top_k=top_k, class_embeddings=class_embeddings)
    examples = example_inputs(height, width, len(class_embeddings))
    outputs = output_names(model, regions=False)
    return to_onnx(module, examples, ("image", "class_thresholds"), outputs, {})


def adaptor_graph(model: DOSOD | RTDETR, text: Tensor) -> bytes:
    """Returns an ONNX graph from text to class embeddings; ``text`` [C, D] is an example."""
    names = ("text_embeddings", "class_embeddings")
    dynamic = {name: {0: "classes"} for name in names}
    return to_onnx(model.head.text_mlp, (text,), names[:1], names[1:], dynamic)
