# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""UNIT's encoder: positions of any grid from one table, and a plain ViT (card 63)."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import vit_perception.models  # noqa: E402, F401  # mends torchvision for timm

# isort: split
import timm  # noqa: E402
from timm.models.vision_transformer import VisionTransformer  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.models.backbones.unit import (  # noqa: E402
    DEVIATION,
    MEAN,
    CroppedPositions,
    UnitEncoder,
)
from vit_perception.models.shelf import shelf  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.mark.parametrize(
    ("name", "blocks", "whole"),
    [("unit_600m", 629_678_080, 637.3e6), ("unit_1b", 983_872_000, 991.4e6)],
)
def test_counts_of_the_paper_s_networks(name: str, blocks: int, whole: float) -> None:
    shelf()
    with torch.device("meta"):
        model = timm.create_model(name, num_classes=0)
    assert sum(each.numel() for each in model.blocks.parameters()) == blocks
    assert sum(each.numel() for each in model.parameters()) == pytest.approx(whole, rel=1e-4)
    assert model.positions.table.shape == (1, 1280, 73, 73)


@torch.no_grad()
def test_positions_of_other_grids_are_cut_from_a_resized_square() -> None:
    positions = CroppedPositions(8, 7).eval()
    table = positions.table
    assert torch.equal(positions(torch.zeros(2, 8, 7, 7)), table)
    square = F.interpolate(table, (11, 11), mode="bilinear", align_corners=True)
    assert torch.equal(positions(torch.zeros(1, 8, 11, 11)), square)
    for height, width in ((11, 4), (3, 11)):
        found = positions(torch.zeros(1, 8, height, width))
        assert torch.equal(found, square[:, :, :height, :width])
    # Not only the corners, but each cell in its place.
    assert torch.equal(positions(torch.zeros(1, 8, 7, 5)), table[:, :, :, :5])


@torch.no_grad()
def test_training_draws_crops_of_positions() -> None:
    """A table of ramps tells which part of it was taken."""
    positions = CroppedPositions(2, 9).train()
    ramp = torch.linspace(0, 1, 9)
    positions.table[0, 0], positions.table[0, 1] = ramp[:, None], ramp[None]
    torch.manual_seed(0)
    found = positions(torch.zeros(2000, 2, 6, 4))
    kept = found[(found != 0).flatten(1).any(1)]
    assert 1 - len(kept) / 2000 == pytest.approx(0.1, abs=0.03)
    down, across = kept[:, 0, :, 0], kept[:, 1, 0]
    for axis in (down, across):
        assert axis.min() >= 0 and axis.max() <= 1 + 1e-6
        steps = axis.diff(dim=1)
        torch.testing.assert_close(steps, steps[:, :1].expand_as(steps), rtol=0, atol=1e-5)
    sides = torch.stack((down[:, -1] - down[:, 0], across[:, -1] - across[:, 0]))
    assert sides.min() > 0.1**0.5 * 0.75**0.5 - 1e-4
    assert sides.max() <= 1 + 1e-6
    free = sides.max(0).values < 0.999
    ratio = (sides[0] / sides[1])[free]
    assert 0.75 - 1e-4 < ratio.min() < 0.8 and 1.25 < ratio.max() < 4 / 3 + 1e-4
    places = positions.eval()(torch.zeros(1, 2, 6, 4))
    assert torch.equal(places, positions(torch.zeros(1, 2, 6, 4)))


@torch.no_grad()
def test_it_is_a_plain_vit_behind_clips_pixels() -> None:
    ours = randomise(UnitEncoder(32, 2, 4, patch=14, largest=56, num_classes=5))
    theirs = VisionTransformer(
        56, 14, embed_dim=32, depth=2, num_heads=4, num_classes=5, no_embed_class=True
    ).eval()
    state = {
        key.replace("patches.", "patch_embed.proj."): value
        for key, value in ours.state_dict().items()
        if not key.startswith(("positions", "first"))
    }
    state["patch_embed.proj.bias"] = torch.zeros(32)
    state["cls_token"] = ours.first
    state["pos_embed"] = ours.positions.table.flatten(2).transpose(1, 2)
    theirs.load_state_dict(state)
    image = torch.rand(2, 3, 56, 56)
    mean, deviation = (torch.tensor(each)[:, None, None] for each in (MEAN, DEVIATION))
    wanted = theirs((image - mean) / deviation)
    torch.testing.assert_close(ours(image), wanted, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_further_tokens_are_not_returned() -> None:
    model = randomise(UnitEncoder(16, 1, 2, patch=8, largest=32, class_tokens=2, multiple=8))
    assert isinstance(model, UnitEncoder)
    assert model.first.shape[1] == 8
    image = torch.rand(1, 3, 16, 24)
    before = model.forward_features(image)
    assert before.shape == (1, 1 + 6, 16)
    nn.init.zeros_(model.first[:, 7])
    assert (model.forward_features(image) - before).abs().max() > 1e-4
