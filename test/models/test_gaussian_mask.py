# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Gaussian mixture masks: closed form, limits, symmetry, and what they bring (card 37)."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import vit_perception.models  # noqa: E402, F401  # mends torchvision for timm

# isort: split
from timm.models.vision_transformer import VisionTransformer  # noqa: E402
from torch import Tensor  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from vit_perception.models.gaussian_mask import (  # noqa: E402
    GaussianMixture,
    MaskedAttention,
    with_gaussian_masks,
)

pytestmark = pytest.mark.torch


def vit(**options: object) -> VisionTransformer:
    torch.manual_seed(0)
    arguments = {
        "img_size": (32, 48),
        "patch_size": 8,
        "embed_dim": 32,
        "depth": 2,
        "num_heads": 4,
        "num_classes": 5,
    }
    return VisionTransformer(**arguments | options).eval()


def distances(grid: tuple[int, int]) -> Tensor:
    """Returns squared distances of all pairs of cells [N, N]."""
    rows, columns = (torch.arange(side, dtype=torch.float64) for side in grid)
    cells = torch.cartesian_prod(rows, columns)
    return torch.cdist(cells, cells).square()


@torch.no_grad()
@pytest.mark.parametrize("grid", [(8, 8), (3, 7)])
def test_a_mask_is_the_sum_of_its_gaussians(grid: tuple[int, int]) -> None:
    torch.manual_seed(1)
    mixture = GaussianMixture(4)
    squares = distances(grid)
    variances = (mixture.deviation.double() ** 2 + 1e-5).squeeze()
    wanted = sum(
        mixture.weight.double()[kernel]
        * torch.exp(-squares / (2 * variances[kernel, :, None, None]))
        for kernel in range(5)
    )
    torch.testing.assert_close(mixture(grid).double(), wanted, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_the_published_form_loses_far_cells_and_this_one_does_not() -> None:
    """exp(-d)**(1/s) is 0 in float32 from a squared distance of 103 on."""
    mixture = GaussianMixture(1, 1)
    mixture.deviation.fill_(10.0)
    mixture.weight.fill_(1.0)
    for side, least in ((8, 0), (14, 0.2)):
        squares = distances((side, side)).float()
        powers = torch.exp(-squares).sqrt() ** (1 / (100 + 1e-5))
        lost = ((powers == 0) & (mixture((side, side))[0] > 0)).double().mean()
        assert lost >= least
        assert side == 14 or (powers - mixture((side, side))[0]).abs().max() < 5e-5


@torch.no_grad()
def test_wide_gaussians_change_nothing_and_narrow_ones_leave_the_average() -> None:
    model = vit(class_token=True)
    masked = with_gaussian_masks(vit(class_token=True), kernels=1).eval()
    missing = masked.load_state_dict(model.state_dict(), strict=False)
    assert all("mixture" in key for key in missing.missing_keys)
    assert not missing.unexpected_keys
    for block in masked.blocks:
        block.attn.mixture.weight.fill_(1.0)
        block.attn.mixture.deviation.fill_(1e4)
    image = torch.rand(2, 3, 32, 48)
    torch.testing.assert_close(masked(image), model(image), rtol=1e-4, atol=1e-4)
    mixture = masked.blocks[0].attn.mixture
    mixture.deviation.fill_(0.0)
    torch.testing.assert_close(mixture((4, 6)), torch.eye(24).expand(4, 24, 24))


@torch.no_grad()
def test_a_class_token_sees_and_is_seen_as_before() -> None:
    block = with_gaussian_masks(vit(class_token=True)).blocks[0].attn
    assert isinstance(block, MaskedAttention) and block.prefix == 1
    tokens = torch.randn(1, 25, 32)
    other = block(tokens)
    block.mixture.weight.neg_()
    changed = block(tokens)
    assert torch.equal(other[:, 0], changed[:, 0])
    assert not torch.allclose(other[:, 1:], changed[:, 1:])


@torch.no_grad()
def test_masks_know_distances_alone() -> None:
    mask = GaussianMixture(2)((5, 5))
    torch.testing.assert_close(mask, mask.transpose(1, 2))
    cells = mask.unflatten(2, (5, 5)).unflatten(1, (5, 5))
    turned = cells.rot90(1, (1, 2)).rot90(1, (3, 4))
    torch.testing.assert_close(turned, cells)
    torch.testing.assert_close(cells[:, 1:, 1:, 1:, 1:], cells[:, :-1, :-1, :-1, :-1])


def test_parameters_and_gradients() -> None:
    plain, masked = vit(), with_gaussian_masks(vit())
    more = sum(p.numel() for p in masked.parameters()) - sum(p.numel() for p in plain.parameters())
    assert more == 2 * 2 * 5 * 4
    mixture = GaussianMixture(3)
    mixture((40, 40)).square().mean().backward()
    for parameter in mixture.parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all()


@torch.no_grad()
def test_for_inference_the_mask_is_kept() -> None:
    attention = with_gaussian_masks(vit()).blocks[0].attn
    tokens = torch.randn(1, 25, 32)
    wanted = attention(tokens)
    attention.reparameterize()
    assert torch.equal(attention(tokens), wanted)
    assert "mask" not in attention.state_dict()


def textures(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Returns pictures [count, 3, 32, 32] of spots of two textures, and which covers more."""
    generator = torch.Generator().manual_seed(seed)
    kinds = torch.randint(2, (count,), generator=generator)
    fine = torch.randn(count, 1, 32, 32, generator=generator)
    coarse = F.interpolate(torch.randn(count, 1, 16, 16, generator=generator), (32, 32))
    spots = (
        torch.randn(count, 1, 4, 4, generator=generator)
        + 0.35 * (2 * kinds - 1)[:, None, None, None]
    )
    where = F.interpolate(spots, (32, 32)) > 0
    return torch.where(where, fine, coarse).repeat(1, 3, 1, 1), kinds


def right_of(masked: bool, seed: int) -> float:
    torch.manual_seed(seed)
    model = VisionTransformer(
        img_size=32, patch_size=4, embed_dim=64, depth=4, num_heads=4, num_classes=2,
        class_token=False, global_pool="avg", fc_norm=False,
    )  # fmt: skip
    if masked:
        with_gaussian_masks(model)
    images, kinds = textures(500, seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    for round_ in range(25):
        order = torch.randperm(500, generator=torch.Generator().manual_seed(round_))
        for some in order.split(50):
            optimizer.zero_grad()
            F.cross_entropy(model(images[some]), kinds[some]).backward()
            optimizer.step()
    others, wanted = textures(1000, seed + 1000)
    with torch.no_grad():
        return float((model.eval()(others).argmax(1) == wanted).float().mean())


@pytest.mark.slow
def test_masks_help_with_little_data() -> None:
    found = [(right_of(True, seed), right_of(False, seed)) for seed in range(5)]
    print(found)
    assert sum(one >= other for one, other in found) >= 4
