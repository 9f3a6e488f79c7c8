# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The graphs of a detector's bundle as ONNX files."""

from __future__ import annotations

import torch
from torch import Tensor

from vit_perception.export.graph import DetectorGraph
from vit_perception.export.onnx_graph import to_onnx
from vit_perception.models.detectors.dosod import DOSOD
from vit_perception.perceiver.settings import GRAPH_ROWS

OUTPUTS = ("boxes", "scores", "labels")
REGION_OUTPUTS = ("embeddings",)
MASK_OUTPUTS = ("mask_coefficients", "prototypes")


def live_graph(
    model: DOSOD, height: int, width: int, class_embeddings: Tensor, top_k: int = GRAPH_ROWS
) -> bytes:
    """Returns an ONNX graph whose vocabulary is an input, like ``class_embeddings`` [C, E]."""
    module = DetectorGraph(model, height, width, top_k=top_k)
    image, thresholds = _examples(height, width, len(class_embeddings))
    names = ("image", "class_thresholds", "class_embeddings", "anything_embedding")
    dynamic = {name: {0: "classes"} for name in names[1:3]}
    arguments = (image, thresholds, class_embeddings, class_embeddings[:1])
    return to_onnx(module, arguments, names, output_names(model), dynamic)


def fixed_graph(
    model: DOSOD, height: int, width: int, class_embeddings: Tensor, top_k: int = GRAPH_ROWS
) -> bytes:
    """Returns an ONNX graph with the vocabulary ``class_embeddings`` [C, E] folded in."""
    module = DetectorGraph(model, height, width, top_k=top_k, class_embeddings=class_embeddings)
    examples = _examples(height, width, len(class_embeddings))
    outputs = output_names(model, regions=False)
    return to_onnx(module, examples, ("image", "class_thresholds"), outputs, {})


def output_names(model: DOSOD, *, regions: bool = True) -> tuple[str, ...]:
    """Returns the names of the outputs of a model's graph, in order."""
    names = OUTPUTS + REGION_OUTPUTS if regions else OUTPUTS
    return names if model.mask_head is None else names + MASK_OUTPUTS


def adaptor_graph(model: DOSOD, text: Tensor) -> bytes:
    """Returns an ONNX graph from text to class embeddings; ``text`` [C, D] is an example."""
    names = ("text_embeddings", "class_embeddings")
    dynamic = {name: {0: "classes"} for name in names}
    return to_onnx(model.head.text_mlp, (text,), names[:1], names[1:], dynamic)


def _examples(height: int, width: int, classes: int) -> tuple[Tensor, Tensor]:
    image = torch.zeros(1, height, width, 3, dtype=torch.uint8)
    return image, torch.full((classes,), 0.1)
