# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Deformable attention beside transformers', and beside a loop over samples."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import onnxruntime  # noqa: E402

from vit_perception.export.onnx_graph import to_onnx  # noqa: E402
from vit_perception.models.deformable_attention import (  # noqa: E402
    DeformableAttention,
    cell_centres,
    sample_levels,
)

pytestmark = pytest.mark.torch

SIZES = ((6, 8), (3, 4), (2, 2))
TOKENS = sum(rows * columns for rows, columns in SIZES)
WIDTH, HEADS, POINTS = 24, 3, 4


def attention(ratio: float = 1.0) -> DeformableAttention:
    torch.manual_seed(0)
    layer = DeformableAttention(WIDTH, HEADS, len(SIZES), POINTS, ratio)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return layer.requires_grad_(False)


@pytest.mark.parametrize("coordinates", [2, 4], ids=["points", "boxes"])
def test_it_equals_transformers(coordinates: int) -> None:
    theirs = pytest.importorskip("transformers.models.deformable_detr.modeling_deformable_detr")
    config = SimpleNamespace(
        d_model=WIDTH, num_feature_levels=len(SIZES), disable_custom_kernels=True
    )
    reference_layer = theirs.DeformableDetrMultiscaleDeformableAttention(config, HEADS, POINTS)
    ours = attention()
    reference_layer.load_state_dict(ours.state_dict())
    query, tokens = torch.randn(2, 7, WIDTH), torch.randn(2, TOKENS, WIDTH)
    # Some places lie outside.
    reference = torch.rand(2, 7, len(SIZES), coordinates)
    with torch.no_grad():
        wanted, _ = reference_layer(
            query,
            encoder_hidden_states=tokens,
            reference_points=reference,
            spatial_shapes=torch.tensor(SIZES),
            spatial_shapes_list=list(SIZES),
        )
    torch.testing.assert_close(ours(query, reference, tokens, SIZES), wanted)


def one_sample(cells: np.ndarray, x: float, y: float) -> np.ndarray:
    """Returns the bilinear sample of cells [h, w, D] at (x, y) in cells, zeros outside."""
    left, top = math.floor(x), math.floor(y)
    total = np.zeros(cells.shape[2])
    for row, column in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
        if 0 <= row < cells.shape[0] and 0 <= column < cells.shape[1]:
            total += (1 - abs(y - row)) * (1 - abs(x - column)) * cells[row, column]
    return total


def test_samples_equal_a_loop() -> None:
    generator = np.random.default_rng(0)
    value = generator.normal(size=(1, TOKENS, 2, 5))
    places = generator.uniform(-0.2, 1.2, (1, 4, 2, len(SIZES), POINTS, 2))
    weights = generator.uniform(size=(1, 4, 2, len(SIZES), POINTS))
    value_, places_, weights_ = (torch.from_numpy(each) for each in (value, places, weights))
    found = sample_levels(value_, SIZES, places_, weights_)
    wanted = np.zeros((4, 2, 5))
    for query, head, level, point in np.ndindex(4, 2, len(SIZES), POINTS):
        rows, columns = SIZES[level]
        first = sum(h * w for h, w in SIZES[:level])
        cells = value[0, first : first + rows * columns, head].reshape(rows, columns, 5)
        x, y = places[0, query, head, level, point]
        sample = one_sample(cells, x * columns - 0.5, y * rows - 0.5)
        wanted[query, head] += weights[0, query, head, level, point] * sample
    np.testing.assert_allclose(found[0].unflatten(1, (2, 5)), wanted, atol=1e-12)


def test_without_offsets_it_reads_the_cell_itself() -> None:
    layer = DeformableAttention(WIDTH, HEADS, 1, POINTS, 0.5)
    torch.nn.init.zeros_(layer.sampling_offsets.bias)
    tokens = torch.randn(1, 12, WIDTH)
    with torch.no_grad():
        found = layer(tokens, torch.from_numpy(cell_centres(((3, 4),))), tokens, [(3, 4)])
        torch.testing.assert_close(found, layer.output_proj(layer.value_proj(tokens)))


def test_it_begins_by_looking_around() -> None:
    layer = DeformableAttention(WIDTH, 4, 2, POINTS)
    offsets = layer.sampling_offsets.bias.detach().unflatten(0, (4, 2, POINTS, 2))
    directions = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    for point in range(POINTS):
        wanted = (directions * (point + 1))[:, None].expand(-1, 2, -1)
        torch.testing.assert_close(offsets[:, :, point], wanted, rtol=0, atol=1e-5)
    assert not layer.attention_weights.weight.any()


class OfItself(torch.nn.Module):
    def __init__(self, layer: DeformableAttention) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.layer(
            tokens, torch.from_numpy(cell_centres(SIZES)).to(tokens), tokens, SIZES
        )
        return out


def test_the_graph_is_a_grid_sample_per_level() -> None:
    import onnx

    module = OfItself(attention(ratio=0.5))
    tokens = torch.randn(1, TOKENS, WIDTH)
    graph = to_onnx(module, (tokens,), ("tokens",), ("seen",), {})
    kinds = [node.op_type for node in onnx.load_from_string(graph).graph.node]
    assert kinds.count("GridSample") == len(SIZES)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"tokens": tokens.numpy()})
    np.testing.assert_allclose(found, module(tokens), atol=1e-5)
