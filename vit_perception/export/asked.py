# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A detector with names filled in: what its graph is traced with."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vit_perception.bundle.bundle import Bundle
from vit_perception.engine.factory import open_session
from vit_perception.export.graph import DetectorGraph
from vit_perception.export.onnx_graph import to_onnx
from vit_perception.export.trained import ExportError, load_bundle_model
from vit_perception.models.detectors.dosod import DOSOD
from vit_perception.wording import shown_path

INPUTS = ("image", "class_thresholds", "class_embeddings", "anything_embedding")
OUTPUTS = ("boxes", "scores", "labels")
REGION_OUTPUTS = ("embeddings",)
MASK_OUTPUTS = ("mask_coefficients", "prototypes")
_NAMES = 4
_CLOSE = 1e-3
"""Scores of one network in torch and as a graph differ by less."""


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
        dynamic = {name: {0: "classes"} for name in INPUTS[1:3]}
        arguments = (example_inputs(*self.graph.size, len(self.embeddings))[0], *self._asked())
        return to_onnx(self.graph, arguments, INPUTS, output_names(self.graph.model), dynamic)

    def _asked(self) -> tuple[Tensor, ...]:
        return self.thresholds, self.embeddings, self.embeddings[:1]


def of_bundle(bundle: Bundle) -> Asked:
    """Returns the network inside a bundle, asked for a few names.

    Raises:
        ExportError: the bundle has no training weights, those of another graph, or a graph of
            contract 1.
        RecipeError: its recipe has values that cannot be.
    """
    model = load_bundle_model(bundle).model
    where = shown_path(bundle.directory)
    if bundle.regions is None:
        raise ExportError(f"{where}: expected a graph of contract 2, found one of contract 1")
    size = (bundle.input_height, bundle.input_width)
    image = np.random.default_rng(0).integers(0, 256, (1, *size, 3), np.uint8)
    session = open_session(bundle.graph(), threads=1)

    def rows(names: int) -> tuple[NDArray[np.float32], int]:
        """Returns sorted scores of the bundle's graph, and how many pairs it gives."""
        classes = _embeddings(model, bundle, names)
        inputs = (image, example_inputs(*size, names)[1], classes, classes[:1])
        feed = {name: np.asarray(each) for name, each in zip(INPUTS, inputs, strict=True)}
        found = session.run(feed)
        return np.sort(found["scores"].ravel()), int((found["labels"] >= 0).sum())

    # There are no more pairs than anchors times names.
    names = _NAMES
    scores, top_k = rows(names)
    while (more := rows(2 * names))[1] > top_k:
        names, (scores, top_k) = 2 * names, more
    embeddings = _embeddings(model, bundle, names)
    asked = Asked(DetectorGraph(model, *size, top_k=top_k), embeddings).eval()
    with torch.no_grad():
        own = np.sort(asked(torch.from_numpy(image))[1].numpy().ravel())
    if own.shape != scores.shape or not np.allclose(own, scores, rtol=0, atol=_CLOSE):
        raise ExportError(f"{where}: expected the weights of its graph, found others")
    return Asked(asked.graph, embeddings[:_NAMES]).eval()


@torch.no_grad()
def _embeddings(model: DOSOD, bundle: Bundle, names: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return model.embed(torch.randn(names, bundle.text_dimension, generator=generator))


def output_names(model: DOSOD, *, regions: bool = True) -> tuple[str, ...]:
    """Returns the names of the outputs of a model's graph, in order."""
    names = OUTPUTS + REGION_OUTPUTS if regions else OUTPUTS
    return names if model.mask_head is None else names + MASK_OUTPUTS


def example_inputs(height: int, width: int, classes: int) -> tuple[Tensor, Tensor]:
    """Returns a black picture, uint8 [1, height, width, 3], and thresholds, float32 [classes]."""
    image = torch.zeros(1, height, width, 3, dtype=torch.uint8)
    return image, torch.full((classes,), 0.1)
