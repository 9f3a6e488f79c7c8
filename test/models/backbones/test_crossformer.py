# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""CrossFormer's own invariants (card 24, How to verify)."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.export.backbone import backbone_graph  # noqa: E402
from vit_perception.models.attention_bias import OffsetBias  # noqa: E402
from vit_perception.models.backbones.crossformer import (  # noqa: E402
    Cooling,
    CrossScaleEmbedding,
    GroupAttention,
)
from vit_perception.models.shelf import (  # noqa: E402
    create_backbone,
    create_classifier,
    for_inference,
)
from vit_perception.models.windows import (  # noqa: E402
    lay_far_windows,
    lay_groups,
    lay_windows,
)

pytestmark = pytest.mark.torch

WIDTH = 64
#: Height, width, group, interval: whole tiles, and tiles that the map does not fill.
LAYOUTS = [
    (14, 14, 7, 1),
    (14, 14, 7, 2),
    (12, 24, 3, 4),
    (10, 17, 4, 1),
    (13, 22, 3, 4),
    (8, 11, 4, 8),
    (17, 9, 4, 4),
    (7, 7, 7, 1),
    (3, 10, 7, 1),
    (5, 9, 5, 4),
]


def attention(group: int, interval: int, size: tuple[int, int]) -> GroupAttention:
    torch.manual_seed(0)
    made = randomise(GroupAttention(WIDTH, group, interval, size)).requires_grad_(False)
    # Far from even attention.
    made.qkv.weight[: 2 * WIDTH].mul_(4)
    return made


def places(height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Row and column of each cell."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return y.flatten(), x.flatten()


def dense(module: GroupAttention, x: torch.Tensor) -> torch.Tensor:
    """Full attention over the cells of the map, masked to who is in one group."""
    height, width = x.shape[1:3]
    group, interval = module.group, module.interval
    y, z = places(height, width)
    if min(height, width) <= group:
        group, interval = max(height, width), 1
    tile = group * interval
    owners = (y // tile, z // tile, y % interval, z % interval)
    together = torch.stack([each[:, None] == each for each in owners]).all(dim=0)
    offsets = torch.stack([each[:, None] - each for each in (y, z)], dim=-1) // interval
    bias = module.position_bias.layers(offsets.float()).permute(2, 0, 1)
    qkv = module.qkv(x.flatten(1, 2)).unflatten(2, (3, module.heads, -1))
    query, key, value = qkv.permute(2, 0, 3, 1, 4)
    mixed = functional.scaled_dot_product_attention(
        query, key, value, bias.masked_fill(~together, -torch.inf)
    )
    return module.proj(mixed.transpose(1, 2).flatten(2)).unflatten(1, (height, width))


@pytest.mark.parametrize(("height", "width", "group", "interval"), LAYOUTS)
def test_groups_are_a_masked_full_attention(
    height: int, width: int, group: int, interval: int
) -> None:
    module = attention(group, interval, (height, width))
    x = torch.randn(2, height, width, WIDTH)
    wanted = dense(module, x)
    torch.testing.assert_close(module(x), wanted, rtol=1e-5, atol=1e-5)
    fused = for_inference(nn.Sequential(module))
    assert fused[0].constant is not None
    torch.testing.assert_close(fused(x), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("height", "width", "group", "interval"), LAYOUTS)
def test_grouping_is_a_permutation(height: int, width: int, group: int, interval: int) -> None:
    laid = lay_groups((height, width), group, interval)
    cells = laid.cells.reshape(-1)
    assert cells[laid.places].tolist() == list(range(height * width))
    inside = np.ones(laid.cells.shape, bool) if laid.outside is None else ~laid.outside
    assert inside.sum() == height * width
    assert inside.any(axis=1).all()
    assert (laid.cells[~inside] == 0).all()


def test_far_groups_of_one_tile_are_spread_over_the_map() -> None:
    far = lay_groups((14, 14), 7, 2)
    assert far.cells.reshape(-1).tolist() == lay_far_windows((14, 14), (7, 7)).cells.tolist()


def test_without_steps_groups_are_windows() -> None:
    near = lay_groups((14, 21), 7, 1)
    assert near.cells.reshape(-1).tolist() == lay_windows((14, 21), (7, 7)).cells.tolist()
    # Of a map no larger than a group, near and far are all of it.
    assert lay_groups((7, 7), 7, 8).cells.tolist() == [list(range(49))]


def test_what_padding_holds_is_not_seen() -> None:
    module = attention(4, 2, (13, 10))
    laid = lay_groups((13, 10), 4, 2)
    x = torch.randn(1, 13, 10, WIDTH)
    # Cell 0 stands on the places outside the map.
    loud = x.clone()
    loud[0, 0, 0] = 1e3 * torch.randn(WIDTH)
    apart = torch.ones(130, dtype=torch.bool)
    (of_first,) = (row for row, out in zip(laid.cells, laid.outside, strict=True)
                   if (row[~out] == 0).any())  # fmt: skip
    apart[of_first] = False
    found, wanted = (module(each).flatten(1, 2)[0, apart] for each in (loud, x))
    assert laid.outside.any(axis=1)[1:].any()
    assert apart.sum() > 100
    assert torch.equal(found, wanted)


def test_a_larger_group_has_the_bias_of_a_smaller_one_within() -> None:
    torch.manual_seed(1)
    bias = randomise(OffsetBias(16, 8))
    y, x = places(14, 14)
    within = ((y < 7) & (x < 7)).nonzero()[:, 0]
    with torch.no_grad():
        small, large = bias((7, 7)), bias((14, 14))
    assert small.std() > 0
    torch.testing.assert_close(large[:, within][:, :, within], small, rtol=1e-6, atol=1e-6)


def test_the_first_kernel_alone_is_a_patch_embedding() -> None:
    torch.manual_seed(2)
    embedding = CrossScaleEmbedding(3, 32, (4, 8, 16, 32)).requires_grad_(False)
    for conv in embedding.convs[1:]:
        conv.weight.zero_()
        conv.bias.zero_()
    image = torch.rand(1, 3, 40, 64)
    first = embedding.convs[0]
    patches = functional.unfold(image, 4, stride=4)
    wanted = first.weight.flatten(1) @ patches + first.bias[:, None]
    found = embedding(image).flatten(2)
    torch.testing.assert_close(found[:, :16], wanted, rtol=1e-5, atol=1e-5)
    assert found.shape[1] == 32
    assert not found[:, 16:].any()


@pytest.mark.parametrize(
    ("kernels", "shares"), [((4, 8, 16, 32), (32, 16, 8, 8)), ((2, 4), (32, 32))]
)
def test_kernels_share_channels_and_a_centre(
    kernels: tuple[int, ...], shares: tuple[int, ...]
) -> None:
    torch.manual_seed(3)
    embedding = CrossScaleEmbedding(3, 64, kernels)
    assert [conv.out_channels for conv in embedding.convs] == list(shares)
    stride = kernels[0]
    for conv, kernel in zip(embedding.convs, kernels, strict=True):
        image = torch.rand(1, 3, 12 * stride, 12 * stride, requires_grad=True)
        (gradient,) = torch.autograd.grad(conv(image)[0, :, 5, 6].square().sum(), image)
        rows, columns = gradient[0].abs().sum(0).nonzero().T
        for found, cell in ((rows, 5), (columns, 6)):
            centre = stride * cell + stride // 2
            assert (found.min(), found.max()) == (centre - kernel // 2, centre + kernel // 2 - 1)


def test_maps_of_odd_sides_lose_nothing() -> None:
    backbone = create_backbone("crossformer_tiny", (90, 70)).eval()
    with torch.no_grad():
        maps = backbone(torch.rand(1, 3, 90, 70))
    assert [tuple(x.shape[2:]) for x in maps] == [(23, 18), (12, 9), (6, 5), (3, 3)]


def test_the_form_for_inference_takes_other_sizes() -> None:
    torch.manual_seed(4)
    model = randomise(create_classifier("crossformer_tiny", (96, 128), classes=10))
    fused = for_inference(model)
    for size in ((96, 128), (160, 96)):
        image = torch.rand(1, 3, *size)
        with torch.no_grad():
            wanted, found = model(image), fused(image)
        assert (found - wanted).abs().max() <= 1e-4 * wanted.abs().max()


def test_the_graph_has_constants_for_the_position_networks() -> None:
    torch.manual_seed(5)
    size = (96, 128)
    graph = onnx.load_from_string(backbone_graph(create_backbone("crossformer_tiny", size), size))
    kinds = [node.op_type for node in graph.graph.node]
    assert "Relu" not in kinds
    # Two norms a block, one after each of four embeddings or before it.
    assert kinds.count("LayerNormalization") == 2 * 16 + 4


def test_activations_are_cooled_after_every_third_block_but_the_last() -> None:
    model = create_classifier("crossformer_pp_small", (224, 224), classes=10)
    found = [
        [index for index, block in enumerate(stage.blocks) if isinstance(block, Cooling)]
        for stage in model.stages
    ]
    # After blocks 3, 6, 9, 12 and 15 of 18.
    assert found == [[], [], [3, 7, 11, 15, 19], []]
    groups = [(b.attention.group, b.attention.interval)
              for stage in model.stages for b in stage.blocks[:2]]  # fmt: skip
    assert groups == [(4, 1), (4, 4), (4, 1), (4, 2), (14, 1), (14, 1), (7, 1), (7, 1)]
