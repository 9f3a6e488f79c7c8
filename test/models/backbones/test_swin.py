# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Swin against torchvision's and timm's, and its windows against attention over the whole map."""

from __future__ import annotations

import re

import pytest

torch = pytest.importorskip("torch")

from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.models.backbones.swin import Block  # noqa: E402
from vit_perception.models.shelf import create_classifier, for_inference  # noqa: E402

timm = pytest.importorskip("timm")

from timm.models.swin_transformer import SwinTransformerBlock  # noqa: E402

pytestmark = pytest.mark.torch

NAME = "swin_tiny_patch4_window7_224"
SIDE, WINDOW, CHANNELS, HEADS = 14, 7, 32, 2


def block(shift: int, size: tuple[int, int] = (SIDE, SIDE)) -> Block:
    return randomise(
        Block(SwinTransformerBlock(CHANNELS, size, HEADS, None, WINDOW, shift)), seed=1
    )


def changed_cells(layer: Block, size: tuple[int, int]) -> torch.Tensor:
    """Where the output changes with the first cell's input, bool [H, W]."""
    layer = layer.double()
    x = torch.rand(1, *size, CHANNELS, dtype=torch.float64)
    other = x.clone()
    other[0, 0, 0, 0] += 10
    with torch.no_grad():
        return (layer(x) - layer(other))[0].abs().amax(-1) > 1e-12


def to_torchvision(name: str) -> str:
    """Name of a weight of timm's network in torchvision's."""
    name = name.replace("patch_embed.proj.", "features.0.0.")
    name = name.replace("patch_embed.norm.", "features.0.2.").replace("head.fc.", "head.")
    name = name.replace("mlp.fc1.", "mlp.0.").replace("mlp.fc2.", "mlp.3.")
    name = re.sub(
        r"layers\.(\d)\.blocks\.", lambda match: f"features.{2 * int(match[1]) + 1}.", name
    )
    return re.sub(
        r"layers\.(\d)\.downsample\.", lambda match: f"features.{2 * int(match[1])}.", name
    )


@pytest.mark.parametrize("size", [(224, 224), (256, 288)], ids=["whole windows", "padded"])
def test_logits_equal_torchvision(size: tuple[int, int]) -> None:
    from torchvision.models import swin_t

    ours = randomise(create_classifier(f"{NAME}_dense", size))
    theirs = swin_t().eval()
    weights = {to_torchvision(name): tensor for name, tensor in ours.state_dict().items()}
    missing, unexpected = theirs.load_state_dict(weights, strict=False)
    assert not unexpected
    assert all(name.endswith("relative_position_index") for name in missing)
    image = torch.rand(1, 3, *size)
    with torch.no_grad():
        torch.testing.assert_close(ours(image), theirs(image), rtol=1e-4, atol=1e-5)


def test_logits_equal_timm_where_windows_fit() -> None:
    ours = randomise(create_classifier(f"{NAME}_dense", (224, 224), classes=10))
    theirs = timm.create_model(NAME, num_classes=10).eval()
    theirs.load_state_dict(ours.state_dict())
    image = torch.rand(1, 3, 224, 224)
    with torch.no_grad():
        torch.testing.assert_close(ours(image), theirs(image), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(for_inference(ours)(image), theirs(image), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shift", [0, 3])
def test_a_block_is_attention_over_the_map_with_a_mask(shift: int) -> None:
    """The mask: 0 for pairs in one window and one part of the map, else minus infinity."""
    layer = block(shift)
    x = torch.rand(2, SIDE, SIDE, CHANNELS)
    y, x_ = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    y, x_ = y.flatten(), x_.flatten()
    rolled = [(each - shift) % SIDE for each in (y, x_)]
    window = rolled[0] // WINDOW * SIDE + rolled[1] // WINDOW
    # Rows above the shift come last after rolling: they share a window with the last rows only.
    part = (y < shift).long() * 2 + (x_ < shift).long()
    together = (window[:, None] == window) & (part[:, None] == part)
    down, right = y[:, None] - y + WINDOW - 1, x_[:, None] - x_ + WINDOW - 1
    row = (down * (2 * WINDOW - 1) + right).clamp(0, (2 * WINDOW - 1) ** 2 - 1)
    bias = layer.attn.relative_position_bias_table[row].permute(2, 0, 1)
    bias = bias.masked_fill(~together, -torch.inf)
    with torch.no_grad():
        tokens = layer.norm1(x.flatten(1, 2))
        q, k, v = (
            each.unflatten(2, (HEADS, -1)).transpose(1, 2)
            for each in layer.attn.qkv(tokens).chunk(3, dim=2)
        )
        scores = q @ k.transpose(2, 3) * (CHANNELS // HEADS) ** -0.5 + bias
        mixed = (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)
        wanted = x.flatten(1, 2) + layer.attn.proj(mixed)
        wanted = wanted + layer.mlp(layer.norm2(wanted))
        torch.testing.assert_close(layer(x).flatten(1, 2), wanted, rtol=1e-5, atol=1e-5)


def test_a_window_as_large_as_the_map_sees_all_of_it() -> None:
    layer = block(3, (5, 7))
    assert layer.area == 35
    assert layer.attn.mask is None
    assert changed_cells(layer, (5, 7)).all()


def test_rolling_by_a_window_rolls_the_output() -> None:
    layer = block(0)
    x = torch.rand(1, SIDE, SIDE, CHANNELS)
    with torch.no_grad():
        rolled = layer(x.roll((WINDOW, WINDOW), (1, 2)))
        torch.testing.assert_close(rolled, layer(x).roll((WINDOW, WINDOW), (1, 2)))


@pytest.mark.parametrize("size", [(14, 14), (16, 18)], ids=["whole windows", "padded"])
def test_opposite_ends_of_the_map_do_not_see_each_other(size: tuple[int, int]) -> None:
    changed = changed_cells(block(3, size), size)
    assert changed[:3, :3].all()
    changed[:3, :3] = False
    assert not changed.any()
