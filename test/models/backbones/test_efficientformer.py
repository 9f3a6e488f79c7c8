# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""EfficientFormer against timm's, and the sizes that it is adapted to."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.export.backbone import backbone_graph  # noqa: E402
from vit_perception.models.backbones.efficientformer import Crop  # noqa: E402
from vit_perception.models.shelf import create_backbone, create_classifier  # noqa: E402

timm = pytest.importorskip("timm")

from timm.models.efficientformer import MetaBlock1d  # noqa: E402
from timm.models.efficientformer_v2 import Attention2d, Attention2dDownsample  # noqa: E402

pytestmark = pytest.mark.torch

SMALL = ("efficientformer_l1", "efficientformerv2_s0")


@pytest.mark.parametrize("name", SMALL)
def test_logits_equal_timm_at_224(name: str) -> None:
    ours = randomise(create_classifier(f"{name}_dense", (224, 224)))
    theirs = timm.create_model(name).eval()
    theirs.load_state_dict(ours.state_dict())
    image = torch.rand(1, 3, 224, 224)
    with torch.no_grad():
        torch.testing.assert_close(ours(image), theirs(image), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("size", [(96, 160), (144, 176)])
def test_v1_has_a_table_of_its_grid(size: tuple[int, int]) -> None:
    backbone = randomise(create_backbone("efficientformer_l1_dense", size))
    grid = [math.ceil(side / 32) for side in size]
    (attention,) = (m.token_mixer for m in backbone.modules() if isinstance(m, MetaBlock1d))
    assert attention.attention_biases.shape == (8, math.prod(grid))
    bias = attention.get_attention_biases(torch.device("cpu"))
    assert torch.equal(bias, bias.transpose(1, 2))
    # Right of the first cell: one column on; below: one row on.
    assert torch.equal(bias[:, 0, 1], attention.attention_biases[:, 1])
    assert torch.equal(bias[:, 0, grid[1]], attention.attention_biases[:, grid[1]])


def test_v1_lays_tokens_out_row_by_row() -> None:
    backbone = randomise(create_backbone("efficientformer_l1_dense", (144, 176)))
    model = backbone.body.model
    image = torch.rand(1, 3, 144, 176)
    with torch.no_grad():
        tokens = model.stages(model.stem(image))
        last = backbone.body.norms[-1](tokens.reshape(1, 5, 6, -1).permute(0, 3, 1, 2))
        torch.testing.assert_close(backbone(image)[-1], last)


@pytest.mark.parametrize("size", [(160, 192), (144, 176)], ids=["even", "odd"])
def test_v2_attends_on_half_the_map_of_stride_16(size: tuple[int, int]) -> None:
    model = randomise(create_backbone("efficientformerv2_s0_dense", size))
    sides = [math.ceil(side / 16) for side in size]
    halves = tuple(math.ceil(side / 2) for side in sides)
    attentions = [m for m in model.modules() if isinstance(m, Attention2d)]
    assert [m.resolution for m in attentions] == [halves] * 4
    # Two of them in stage 3, which doubles.
    assert sum(m.upsample is not None for m in attentions) == 2
    crops = [m for m in model.modules() if isinstance(m, Crop)]
    assert len(crops) == (2 if sides[0] % 2 or sides[1] % 2 else 0)
    with torch.no_grad():
        maps = model(torch.rand(1, 3, *size))
    assert list(maps[2].shape[2:]) == sides


def test_v2_biases_are_of_distances() -> None:
    model = randomise(create_backbone("efficientformerv2_s0_dense", (144, 176)))
    device = torch.device("cpu")
    for attention in model.modules():
        if isinstance(attention, Attention2d):
            bias = attention.get_attention_biases(device)
            assert torch.equal(bias, bias.transpose(1, 2))
        if isinstance(attention, Attention2dDownsample):
            bias = attention.get_attention_biases(device)
            # Queries are 2 cells apart: 9 x 11 cells have 5 x 6 queries.
            assert bias.shape == (8, 30, 99)
            assert torch.equal(bias[:, 1, 2], attention.attention_biases[:, 0])


@pytest.mark.parametrize("name", SMALL)
def test_changed_biases_count_after_a_pass(name: str) -> None:
    first = randomise(create_classifier(f"{name}_dense", (64, 64)), seed=1)
    second = create_classifier(f"{name}_dense", (64, 64)).eval()
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        second(image)
        second.load_state_dict(first.state_dict())
        assert torch.equal(second(image), first(image))
        for parameter in first.parameters():
            parameter.mul_(0.5)
        second.load_state_dict(first.state_dict())
        assert torch.equal(second(image), first(image))


@pytest.mark.parametrize("name", SMALL)
def test_the_graph_has_no_norms_of_batches(name: str) -> None:
    import onnx

    graph = backbone_graph(create_backbone(f"{name}_dense", (64, 64)), (64, 64))
    operators = {node.op_type for node in onnx.load_from_string(graph).graph.node}
    assert "BatchNormalization" not in operators
