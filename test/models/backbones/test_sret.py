# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""SReT: attention in slices is masked attention, and blocks are shared (card 21)."""

from __future__ import annotations

import copy
import math

import pytest

torch = pytest.importorskip("torch")

import onnx  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from test.models.backbones.randomised import randomise  # noqa: E402
from test.models.shapes import KINDS, shapes  # noqa: E402
from vit_perception.export.onnx_graph import to_onnx  # noqa: E402
from vit_perception.models.backbones.sret import SReT  # noqa: E402
from vit_perception.models.macs import multiply_adds  # noqa: E402
from vit_perception.models.prenorm import TokenAttention  # noqa: E402
from vit_perception.models.recursion import (  # noqa: E402
    Block,
    ScaledSum,
    Shuffle,
    in_slices,
)
from vit_perception.models.shelf import create_classifier, for_inference  # noqa: E402

pytestmark = pytest.mark.torch


@torch.no_grad()
def strong(model: nn.Module) -> nn.Module:
    """Draws all parameters so that attention is far from even and scalars from 1."""
    randomise(model)
    for module in model.modules():
        if isinstance(module, TokenAttention):
            nn.init.normal_(module.qkv.weight, std=0.5)
        if isinstance(module, ScaledSum):
            module.kept.uniform_(0.5, 1)
            module.added.uniform_(0.5, 1)
    return model


def small(**options: object) -> SReT:
    """Returns three stages of the papers' recursion, with few channels."""
    arguments = {"head": 8, "heads": (1, 2, 4), "ratio": 2, "img_size": (96, 128)}
    return SReT(**{**arguments, "num_classes": 5, **options})  # type: ignore[arg-type]


def masked(attention: TokenAttention, x: Tensor, groups: Tensor) -> Tensor:
    """Returns attention between all tokens, which sees those of the same group alone.

    Args:
        attention: whose weights are taken.
        x: [B, N, C].
        groups: of the tokens, int64 [N].
    """
    plain = nn.MultiheadAttention(x.shape[2], attention.heads, batch_first=True, dtype=x.dtype)
    plain.in_proj_weight.data, plain.in_proj_bias.data = attention.qkv.weight, attention.qkv.bias
    plain.out_proj.load_state_dict(attention.proj.state_dict())
    found: Tensor = plain(x, x, x, attn_mask=groups[:, None] != groups[None])[0]
    return found


@torch.no_grad()
@pytest.mark.parametrize(("tokens", "slices"), [(12, 1), (12, 4), (14, 4), (35, 8), (3, 8)])
def test_slices_are_blocks_of_a_mask(tokens: int, slices: int) -> None:
    attention = strong(TokenAttention(16, 2, bias=True)).double()
    x = torch.randn(2, tokens, 16, dtype=torch.float64)
    cut = torch.arange(tokens).tensor_split(slices)
    groups = torch.cat([torch.full_like(each, index) for index, each in enumerate(cut)])
    wanted = masked(attention, x, groups)
    torch.testing.assert_close(in_slices(attention, x, slices), wanted, rtol=0, atol=1e-6)


@torch.no_grad()
@pytest.mark.parametrize("tokens", [12, 20])
def test_shuffled_tokens_come_back(tokens: int) -> None:
    """Both for the number that the order was drawn for, and for another."""
    block, shuffle = strong(Block(16, 2, 32, 0.0)).double(), Shuffle(12)
    x = torch.randn(2, tokens, 16, dtype=torch.float64)
    torch.testing.assert_close(block(x, 1, shuffle), block(x), rtol=0, atol=1e-6)
    found = block(x, 2, shuffle)
    assert torch.equal(block(x, 2, shuffle), found)
    assert (found - block(x, 2)).abs().max() > 1e-3
    order, inverse = shuffle.orders(tokens)
    groups = (torch.arange(tokens) >= tokens // 2).long()[inverse]
    assert torch.equal(order[inverse], torch.arange(tokens))
    seen = masked(block.attention, block.norm1(x), groups)
    wanted = block.sum1(x, seen)
    wanted = block.sum2(wanted, block.perceptron(block.norm2(wanted)))
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-6)


def test_orders_are_drawn_anew_in_training_alone() -> None:
    torch.manual_seed(0)
    shuffle = Shuffle(50, resample=True)
    first, inverse = shuffle.orders(50)
    second, _ = shuffle.orders(50)
    assert not torch.equal(first, second)
    assert torch.equal(first[inverse], torch.arange(50))
    assert torch.equal(shuffle.eval().orders(50)[0], shuffle.order)
    kept = Shuffle(50)
    assert torch.equal(kept.orders(50)[0], kept.order)


@torch.no_grad()
def test_shared_blocks_equal_copies() -> None:
    model = strong(small())
    image = torch.randn(2, 3, 96, 128)
    wanted = model(image)
    x, copies, links = model.stem(image), [], 0
    for stage in model.stages:
        *pool, recursion = stage
        x = nn.Sequential(*pool)(x)
        tokens = x.flatten(2).transpose(1, 2)
        for block, slices, shuffle, link in recursion.runs():
            copies.append(copy.deepcopy(block))
            tokens = link(copies[-1](tokens, slices, shuffle))
            links += 1
        x = tokens.transpose(1, 2).reshape(x.shape)
    torch.testing.assert_close(model.forward_head(x), wanted, rtol=0, atol=1e-6)
    blocks = [each for each in model.modules() if isinstance(each, Block)]
    assert (len(blocks), len(copies), links) == (10, 20, 20)
    once, twice = (sum(p.numel() for each in some for p in each.parameters())
                   for some in (blocks, copies))  # fmt: skip
    assert twice - once == once


@torch.no_grad()
def test_without_branches_only_convolutions_are_left() -> None:
    model = strong(small())
    for module in model.modules():
        if isinstance(module, ScaledSum):
            nn.init.ones_(module.kept)
            nn.init.zeros_(module.added)
    image = torch.randn(1, 3, 96, 128)
    x = model.stem(image)
    for stage in model.stages[1:]:
        x = stage[0](x)
    torch.testing.assert_close(model.forward_features(image), x)


def test_blocks_have_the_rates_of_the_first_runs() -> None:
    model = SReT(8, (1, 2, 4), 2, img_size=64, drop_path_rate=0.19)
    found = [
        [round(block.drop_path.drop_prob, 6) for block in stage[-1].blocks]
        for stage in model.stages
    ]
    assert found == [[0, 0.01], [0.04, 0.05, 0.06, 0.07, 0.08], [0.14, 0.15, 0.16]]


@torch.no_grad()
def test_slices_save_products() -> None:
    image = torch.zeros(1, 3, 224, 224)
    sliced, whole = (
        multiply_adds(create_classifier(name, (224, 224)), image)
        for name in ("sret_t", "sret_t_whole")
    )
    assert sliced / whole == pytest.approx(1.122 / 1.375, rel=0.01)


@torch.no_grad()
def test_a_graph_has_each_weight_once_and_no_scalars_of_branches() -> None:
    model = strong(small())
    image = torch.rand(1, 3, 96, 128)
    folded = for_inference(model)
    assert not any(name.endswith("added") for name, _ in folded.named_parameters())
    torch.testing.assert_close(folded(image), model(image), rtol=1e-5, atol=1e-5)
    graph = onnx.load_from_string(to_onnx(folded, (image,), ["image"], ["logits"], {}))
    stored = sum(math.prod(each.dims) for each in graph.graph.initializer)
    assert stored == pytest.approx(sum(p.numel() for p in folded.parameters()), rel=0.02)


@pytest.mark.slow
def test_it_learns() -> None:
    """Blocks that run once learn these pictures as well; two runs are not better here."""
    torch.manual_seed(0)
    model = SReT(16, (2,), 2, slices=((2, 2),), blocks=(2,), img_size=32, num_classes=KINDS)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    images, kinds = shapes(500, 32, 0)
    model.train()
    for round_ in range(20):
        order = torch.randperm(500, generator=torch.Generator().manual_seed(round_))
        for some in order.split(50):
            optimizer.zero_grad()
            F.cross_entropy(model(images[some]), kinds[some]).backward()
            optimizer.step()
    others, wanted = shapes(500, 32, 1000)
    with torch.no_grad():
        right = float((model.eval()(others).argmax(1) == wanted).float().mean())
    print(right)
    assert right > 0.6
