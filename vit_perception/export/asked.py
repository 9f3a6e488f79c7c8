# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A detector with names filled in: what its graph is traced with."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from vit_perception.bundle.bundle import Bundle
from vit_perception.engine.factory import open_session
from vit_perception.export.graph import DetectorGraph
from vit_perception.export.onnx_graph import to_onnx
from vit_perception.export.trained import load_bundle_model
from vit_perception.models.detectors.dosod import DOSOD

OUTPUTS = ("boxes", "scores", "labels")
REGION_OUTPUTS = ("embeddings",)
MASK_OUTPUTS = ("mask_coefficients", "prototypes")
_NAMES = 4
_ENOUGH = 16
"""Names, so that anchors times names are more than a graph gives."""


class Asked(nn.Module):
    """A detector that is asked for some names, so that it takes pictures alone.

    Args:
        graph: with a live vocabulary.
        class_embeddings: [C, E].
    """

    thresholds: Tensor
    embeddings: Tensor

    def __init__(self, graph: DetectorGraph, class_embeddings: Tensor) -> None:
        super().__init__()
        self.graph = graph
        thresholds = example_inputs(*graph.size, len(class_embeddings))[1]
        self.register_buffer("thresholds", thresholds)
        self.register_buffer("embeddings", class_embeddings)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Returns the outputs of the graph of ``image``, uint8 [1, H, W, 3]."""
        found: tuple[Tensor, ...] = self.graph(image, *self._asked())
        return found

    def written(self) -> bytes:
        """Returns the ONNX graph, whose vocabulary is an input."""
        names = ("image", "class_thresholds", "class_embeddings", "anything_embedding")
        dynamic = {name: {0: "classes"} for name in names[1:3]}
        arguments = (example_inputs(*self.graph.size, len(self.embeddings))[0], *self._asked())
        return to_onnx(self.graph, arguments, names, output_names(self.graph.model), dynamic)

    def _asked(self) -> tuple[Tensor, ...]:
        return self.thresholds, self.embeddings, self.embeddings[:1]


def of_bundle(bundle: Bundle) -> Asked:
    """Returns the network inside a bundle, asked for a few names.

    Raises:
        ExportError: the bundle has no training weights, or they do not fit its architecture.
        RecipeError: its recipe has values that cannot be.
    """
    model = load_bundle_model(bundle).model
    with torch.no_grad():
        embeddings = model.embed(torch.eye(_NAMES, bundle.text_dimension))
    height, width = bundle.input_height, bundle.input_width
    graph = DetectorGraph(model, height, width, top_k=_rows(bundle, embeddings.shape[1]))
    return Asked(graph, embeddings).eval()


def _rows(bundle: Bundle, dimension: int) -> int:
    """Returns how many pairs of box and name a bundle's graph gives at most."""
    session = open_session(bundle.graph(), threads=1)
    image = np.zeros((1, bundle.input_height, bundle.input_width, 3), np.uint8)
    classes = np.zeros((_ENOUGH, dimension), np.float32)
    found = session.run({
        "image": image,
        "class_thresholds": np.zeros(_ENOUGH, np.float32),
        "class_embeddings": classes,
        "anything_embedding": classes[:1],
    })  # fmt: skip
    return int((found["labels"] >= 0).sum())


def output_names(model: DOSOD, *, regions: bool = True) -> tuple[str, ...]:
    """Returns the names of the outputs of a model's graph, in order."""
    names = OUTPUTS + REGION_OUTPUTS if regions else OUTPUTS
    return names if model.mask_head is None else names + MASK_OUTPUTS


def example_inputs(height: int, width: int, classes: int) -> tuple[Tensor, Tensor]:
    """Returns a black picture, uint8 [1, height, width, 3], and thresholds, float32 [classes]."""
    image = torch.zeros(1, height, width, 3, dtype=torch.uint8)
    return image, torch.full((classes,), 0.1)
