# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""EMOv2: hybrid attention against dense masked attention, its reach, foldings (card 32)."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.models.backbones.emov2 import SIZES  # noqa: E402
from vit_perception.models.macs import multiply_adds  # noqa: E402
from vit_perception.models.near_far_attention import WindowAttention  # noqa: E402
from vit_perception.models.shelf import create_classifier, for_inference  # noqa: E402

# After our package, which makes it importable beside any build of torch.
timm = pytest.importorskip("timm")

pytestmark = pytest.mark.torch

WIDTH, MIDDLE, HEADS = 24, 36, 3


@pytest.fixture
def attention() -> WindowAttention:
    torch.manual_seed(8)
    made = WindowAttention(WIDTH, MIDDLE, HEADS, 4)
    with torch.no_grad():
        # Far from even attention.
        made.query_key.weight.mul_(4)
    return made.requires_grad_(False)


def attend(attention: WindowAttention, x: torch.Tensor) -> torch.Tensor:
    """On a map [B, C, H, W]."""
    return attention(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def dense(attention: WindowAttention, x: torch.Tensor) -> torch.Tensor:
    """Two full attentions over the padded map, each with a mask of who is in one window."""
    window = attention.window
    height, width = x.shape[2:]
    normed = attention.norm(x.permute(0, 2, 3, 1))
    padded = functional.pad(normed, (0, 0, 0, -width % window, 0, -height % window))
    rows, columns = padded.shape[1:3]
    tokens = padded.flatten(1, 2)
    query, key = attention.query_key(tokens).split(WIDTH, dim=2)
    value = functional.gelu(attention.value(tokens))
    query, key, value = (
        part.unflatten(2, (HEADS, -1)).transpose(1, 2) for part in (query, key, value)
    )
    y = torch.arange(rows)[:, None].expand(rows, columns).flatten()
    z = torch.arange(columns).repeat(rows)
    n1, n2 = rows // window, columns // window
    total = 0
    for owner in ((y // window) * n2 + z // window, (y % n1) * n2 + z % n2):
        together = owner[:, None] == owner
        mask = torch.zeros(together.shape).masked_fill(~together, -torch.inf)
        total = total + functional.scaled_dot_product_attention(query, key, value, mask)
    mixed = total.transpose(1, 2).flatten(2).unflatten(1, (rows, columns))
    return mixed[:, :height, :width].permute(0, 3, 1, 2)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (8, 12), (9, 14), (3, 4), (4, 4), (5, 3)])
def test_the_hybrid_is_two_masked_attentions(
    attention: WindowAttention, height: int, width: int
) -> None:
    x = torch.randn(2, WIDTH, height, width)
    torch.testing.assert_close(attend(attention, x), dense(attention, x), rtol=1e-5, atol=1e-6)


def test_one_window_gives_twice_global_attention(attention: WindowAttention) -> None:
    x = torch.randn(1, WIDTH, 4, 4)
    tokens = attention.norm(x.flatten(2).transpose(1, 2))
    query, key = attention.query_key(tokens).split(WIDTH, dim=2)
    value = functional.gelu(attention.value(tokens))
    parts = (p.unflatten(2, (HEADS, -1)).transpose(1, 2) for p in (query, key, value))
    mixed = functional.scaled_dot_product_attention(*parts).transpose(1, 2).flatten(2)
    wanted = 2 * mixed.transpose(1, 2).unflatten(2, (4, 4))
    torch.testing.assert_close(attend(attention, x), wanted, rtol=1e-5, atol=1e-6)


def test_reach_of_near_and_far_windows() -> None:
    torch.manual_seed(9)
    attention = WindowAttention(WIDTH, MIDDLE, HEADS, 7)
    x = torch.randn(1, WIDTH, 14, 14, requires_grad=True)
    (gradient,) = torch.autograd.grad(attend(attention, x)[0, :, 3, 4].square().sum(), x)
    reached = gradient[0].abs().amax(0) > 0
    near = torch.zeros(14, 14, dtype=torch.bool)
    near[:7, :7] = True
    far = torch.zeros(14, 14, dtype=torch.bool)
    far[1::2, 0::2] = True
    assert torch.equal(reached, near | far)


def test_both_kinds_of_windows_share_all_parameters(attention: WindowAttention) -> None:
    # Norm, q and k, v: nothing for a second kind of windows.
    wanted = 2 * WIDTH + (WIDTH + 1) * 2 * WIDTH + (WIDTH + 1) * MIDDLE
    assert sum(p.numel() for p in attention.parameters()) == wanted
    assert sum(p.numel() for p in WindowAttention(WIDTH, MIDDLE, HEADS, 7).parameters()) == wanted


def test_the_window_may_change_without_the_parameters() -> None:
    torch.manual_seed(10)
    model = randomise(create_classifier("emov2_1m", (224, 224), classes=10))
    state = model.state_dict()
    other = timm.create_model("emov2_1m", num_classes=10, window=5).eval()
    other.load_state_dict(state)
    image = torch.rand(1, 3, 160, 160)
    with torch.no_grad():
        assert other(image).shape == (1, 10)
        assert not torch.equal(other(image), model(image))


def test_new_shortcut_blocks_do_nothing_and_new_maps_are_tiny() -> None:
    torch.manual_seed(11)
    model = create_classifier("emov2_1m", (224, 224)).eval()
    x = torch.rand(1, 32, 12, 12)
    with torch.no_grad():
        assert (model.stages[0][1](x) - x).abs().max() < 1e-4
        assert model.stages[0](torch.rand(1, 16, 12, 12)).abs().max() < 1e-4


def test_only_layer_norms_are_left_for_inference() -> None:
    torch.manual_seed(12)
    model = randomise(create_classifier("emov2_1m", (64, 64), classes=10))
    fused = for_inference(model)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in fused.modules())
    assert not [name for name, _ in fused.named_parameters() if "scale" in name]
    image = torch.rand(2, 3, 96, 64)
    with torch.no_grad():
        wanted, found = model(image), fused(image)
    assert (found - wanted).abs().max() <= 1e-5 * wanted.abs().max()


def published_products(name: str) -> int:
    """Attention's multiply-adds at 224 when near and far are computed apart in stage 4 too."""
    depths, widths, expansions, _, _ = SIZES[name]
    return (depths[3] - 1) * 49 * 49 * (widths[3] + int(widths[3] * expansions[3]))


@pytest.mark.parametrize(("name", "macs"), [("1m", 0.280e9), ("2m", 0.481e9), ("5m", 1.025e9)])
def test_multiply_adds_without_the_saving_in_stage_4(name: str, macs: float) -> None:
    model = create_classifier(f"emov2_{name}", (224, 224)).eval()
    counted = multiply_adds(model, torch.zeros(1, 3, 224, 224))
    assert counted + published_products(name) == pytest.approx(macs, rel=0.005)


@pytest.mark.parametrize(("name", "macs"), [("1m", 1.91e9), ("2m", 3.29e9), ("5m", 6.96e9)])
def test_multiply_adds_at_480_by_640_without_padding_before_projections(
    name: str, macs: float
) -> None:
    model = create_classifier(f"emov2_{name}", (480, 640)).eval()
    counted = multiply_adds(model, torch.zeros(1, 3, 480, 640))
    depths, widths, expansions, _, _ = SIZES[name]
    # Maps of 30 x 40 and 15 x 20, in the card padded to 35 x 42 and 21 x 21 before q, k and v.
    for stage, padding in ((2, 35 * 42 - 30 * 40), (3, 21 * 21 - 15 * 20)):
        width = widths[stage]
        products = width * (2 * width + int(width * expansions[stage]))
        counted += (depths[stage] - 1) * padding * products
    assert counted == pytest.approx(macs, rel=0.005)
