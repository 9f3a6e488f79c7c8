# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""CSWin: stripes beside full attention with a mask, borders, padding, turning (card 10)."""

from __future__ import annotations

import copy

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.export.onnx_graph import to_onnx  # noqa: E402
from vit_perception.models.backbones.cswin import CrossAttention, CSWin, Stripes  # noqa: E402
from vit_perception.models.shelf import for_inference  # noqa: E402

pytestmark = pytest.mark.torch


def oracle(stripes: Stripes, x: Tensor) -> Tensor:
    """Returns full attention with a mask between stripes, and positions stripe by stripe."""
    axis = 3 if stripes.upright else 2
    width, size = x.shape[1] // 3, stripes.stripe or x.shape[axis]
    numbers = torch.arange(x.shape[axis]) // size
    shape = [1, 1]
    shape[axis - 2] = -1
    cells = numbers.reshape(shape).expand(x.shape[2:]).flatten()
    mask = torch.where(cells[:, None] == cells[None], 0.0, float("-inf"))
    query, key, value = (
        each.flatten(2).unflatten(1, (stripes.heads, -1)).transpose(2, 3) for each in x.chunk(3, 1)
    )
    logits = query @ key.transpose(2, 3) * (width // stripes.heads) ** -0.5 + mask
    seen = (logits.softmax(3) @ value).transpose(2, 3).flatten(1, 2).unflatten(2, x.shape[2:])
    placed = [stripes.positions(part) for part in x[:, 2 * width :].split(size, axis)]
    return seen + torch.cat(placed, axis)


@torch.no_grad()
@pytest.mark.parametrize("upright", [True, False])
@pytest.mark.parametrize(("stripe", "size"), [(1, (4, 6)), (2, (4, 6)), (0, (3, 5)), (4, (8, 4))])
def test_stripes_are_full_attention_with_a_mask(
    upright: bool, stripe: int, size: tuple[int, int]
) -> None:
    if upright:
        size = size[::-1]
    stripes = randomise(Stripes(16, 2, stripe, upright=upright))
    x = torch.randn(2, 48, *size)
    torch.testing.assert_close(stripes(x), oracle(stripes, x), rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_padding_lies_around_the_map_and_is_seen() -> None:
    stripes = randomise(Stripes(16, 2, 4))
    x = torch.randn(1, 48, 6, 5)
    padded = F.pad(x, (0, 0, 1, 1))
    torch.testing.assert_close(stripes(x), oracle(stripes, padded)[:, :, 1:7])


@torch.no_grad()
def test_a_turned_picture_swaps_the_branches() -> None:
    attention = randomise(CrossAttention(32, 4, 2))
    turned = copy.deepcopy(attention)
    for own, other in zip(attention.branches, reversed(turned.branches), strict=True):
        other.positions.weight.copy_(own.positions.weight.transpose(2, 3))
        other.positions.bias.copy_(own.positions.bias)
    halves = torch.cat((torch.arange(16, 32), torch.arange(16)))
    order = torch.cat([halves + 32 * part for part in range(3)])
    turned.qkv.weight.copy_(attention.qkv.weight[order])
    turned.qkv.bias.copy_(attention.qkv.bias[order])
    turned.proj.weight.copy_(attention.proj.weight[:, halves])
    x = torch.randn(1, 32, 4, 6)
    found = turned(x.transpose(2, 3)).transpose(2, 3)
    torch.testing.assert_close(found, attention(x), rtol=1e-5, atol=1e-5)


def test_a_cell_sees_a_cross() -> None:
    attention = CrossAttention(16, 2, 1)
    for branch in attention.branches:
        nn.init.zeros_(branch.positions.weight)
    x = torch.randn(1, 48, 5, 7, requires_grad=True)
    for index, branch in enumerate(attention.branches):
        part = torch.cat([each.chunk(2, 1)[index] for each in x.chunk(3, 1)], 1)
        (gradient,) = torch.autograd.grad(branch(part)[0, :, 2, 3].sum(), x)
        seen = gradient[0].abs().sum(0) > 0
        wanted = torch.zeros(5, 7, dtype=torch.bool)
        if index == 0:
            wanted[:, 3] = True
        else:
            wanted[2] = True
        assert torch.equal(seen, wanted)


def small() -> CSWin:
    return CSWin(16, (1, 1, 2, 1), (2, 2, 4, 4), (1, 2, 3, 0), num_classes=5)


@torch.no_grad()
def test_exported_it_is_the_same_at_a_size_that_needs_padding() -> None:
    model = randomise(small())
    image = torch.rand(1, 3, 72, 104)
    graph = to_onnx(for_inference(model), (image,), ["image"], ["logits"], {})
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    found = session.run(None, {"image": image.numpy()})[0]
    np.testing.assert_allclose(found, model(image), rtol=1e-4, atol=1e-4)


def test_every_part_learns() -> None:
    model = randomise(small()).train()
    model(torch.rand(2, 3, 64, 96)).square().sum().backward()
    assert [name for name, each in model.named_parameters() if not each.grad.any()] == []


def marks(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Returns maps [count, 8, 16, 16] of noise with two marks far apart, and if in one row."""
    generator = torch.Generator().manual_seed(seed)
    kinds = torch.randint(2, (count,), generator=generator)
    maps = 0.1 * torch.randn(count, 8, 16, 16, generator=generator)
    for index, kind in enumerate(kinds.tolist()):
        row, other = torch.randperm(16, generator=generator)[:2].tolist()
        left, right = torch.randint(0, 4, (2,), generator=generator).tolist()
        maps[index, 0, row, left] += 3
        maps[index, 1, row if kind else other, 15 - right] += 3
    return maps, kinds


@pytest.mark.slow
def test_rows_are_needed_to_see_two_marks_in_one() -> None:
    found = {}
    for name in ("cross", "columns alone"):
        torch.manual_seed(0)
        attention, head = CrossAttention(32, 4, 1), nn.Linear(32, 2)
        lift = nn.Conv2d(8, 32, 1)
        mix = nn.Sequential(nn.Conv2d(32, 64, 1), nn.GELU(), nn.Conv2d(64, 32, 1))
        parts = nn.ModuleList((attention, head, lift, mix))
        if name == "columns alone":
            attention.proj.weight.data[:, 16:] = 0
            attention.proj.weight.register_hook(
                lambda gradient: torch.cat((gradient[:, :16], 0 * gradient[:, 16:]), 1)
            )
        optimizer = torch.optim.Adam(parts.parameters(), lr=3e-3)

        def logits(x: Tensor, parts: nn.ModuleList = parts) -> Tensor:
            attention, head, lift, mix = parts
            x = lift(x)
            return head(mix(x + attention(x)).amax((2, 3)))

        for step in range(400):
            maps, kinds = marks(64, step)
            optimizer.zero_grad()
            F.cross_entropy(logits(maps), kinds).backward()
            optimizer.step()
        maps, kinds = marks(1000, 99_999)
        with torch.no_grad():
            found[name] = float((logits(maps).argmax(1) == kinds).float().mean())
    print(found)
    assert found["cross"] > 0.9 > 0.7 > found["columns alone"]
