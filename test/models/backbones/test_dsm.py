# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""DSM: cosine transforms, bands of the zigzag, and weights that follow the picture (card 58)."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from scipy.fft import dctn  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.models.backbones.dsm import (  # noqa: E402
    SpectrumMixer,
    Stage,
    bands_of,
    zigzag,
)
from vit_perception.models.fourier import cosines, of_cosines  # noqa: E402
from vit_perception.models.macs import multiply_adds  # noqa: E402
from vit_perception.models.shelf import create_classifier, find  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 8), (14, 9), (56, 56)])
def test_cosine_transforms_are_scipys(height: int, width: int) -> None:
    x = torch.randn(2, height, width, 3)
    wanted = dctn(x.numpy(), axes=(1, 2), norm="ortho")
    torch.testing.assert_close(cosines(x), torch.from_numpy(wanted), rtol=0, atol=1e-5)
    torch.testing.assert_close(of_cosines(cosines(x)), x, rtol=0, atol=1e-5)
    each = torch.eye(height).reshape(height, height, 1, 1)
    rows = cosines(each)[:, :, 0, 0]
    torch.testing.assert_close(rows @ rows.T, torch.eye(height), rtol=0, atol=1e-6)


def test_the_zigzag_is_that_of_jpeg() -> None:
    assert zigzag(4, 4).tolist() == [0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15]
    order = zigzag(3, 5)
    assert order[np.argsort(order)].tolist() == list(range(15))
    assert order[:6].tolist() == [0, 1, 5, 10, 6, 2]


@pytest.mark.parametrize(("height", "width", "count"), [(56, 56, 64), (5, 9, 7), (3, 4, 20)])
def test_bands_are_parts_of_the_zigzag(height: int, width: int, count: int) -> None:
    cells, shares, band = bands_of(height, width, count)
    scan = zigzag(height, width).tolist()
    members: dict[int, list[int]] = {}
    for place, cell in enumerate(scan):
        wanted = place * count // len(scan)
        assert band[cell] == wanted
        members.setdefault(wanted, []).append(cell)
    for index in range(count):
        inside = shares[index, 0] > 0
        lower = [scan[index * len(scan) // count]]  # what an empty band reads
        assert sorted(cells[index][inside]) == sorted(members.get(index, lower))
        np.testing.assert_allclose(shares[index, 0][inside], 1 / inside.sum(), rtol=1e-6)


@torch.no_grad()
def test_weights_of_each_channel_by_hand() -> None:
    mixer = randomise(SpectrumMixer(7, 12))
    nn.init.normal_(mixer.perceptron[0].weight)
    nn.init.normal_(mixer.perceptron[2].weight)
    x = torch.randn(1, 6, 10, 2)
    wanted = torch.empty(1, 6, 10, 2)
    for channel in range(2):
        spectrum = torch.from_numpy(dctn(x[0, :, :, channel].numpy(), norm="ortho")).flatten()
        scan = torch.from_numpy(zigzag(6, 10))
        place = torch.arange(60) * 7 // 60
        means = torch.stack([spectrum[scan][place == band].mean() for band in range(7)])
        weights = 7 * mixer.perceptron(mixer.norm(means)).softmax(0)
        placed = torch.empty(60)
        placed[scan] = weights[place]
        wanted[0, :, :, channel] = placed.reshape(6, 10)
    torch.testing.assert_close(mixer.weights(cosines(x)), wanted, rtol=1e-4, atol=1e-5)
    other = torch.randn(1, 6, 10, 2)
    assert (mixer.weights(cosines(other)) - wanted).abs().max() > 1e-3


@torch.no_grad()
@pytest.mark.parametrize(("height", "width"), [(14, 14), (9, 20), (3, 4)])
def test_it_begins_as_the_identity(height: int, width: int) -> None:
    mixer = SpectrumMixer(64)
    x = torch.rand(2, height, width, 3)
    torch.testing.assert_close(mixer(x), x, rtol=0, atol=2e-6)
    # In a network too, where linear layers begin at random.
    model = create_classifier("dsm_r_t", (64, 64), classes=2)
    found = [each for each in model.modules() if isinstance(each, SpectrumMixer)]
    assert len(found) == 12
    assert not any(each.perceptron[2].weight.any() for each in found)


@torch.no_grad()
def test_the_first_bands_alone_are_low_frequencies() -> None:
    mixer = SpectrumMixer(64)
    mixer.perceptron[2].bias[:8] = 60.0
    x = torch.randn(1, 56, 56, 2)
    before, after = cosines(x), cosines(mixer(x))
    low = torch.zeros(56 * 56, dtype=torch.bool)
    low[torch.from_numpy(zigzag(56, 56)[: 56 * 56 // 8])] = True
    low = low.reshape(56, 56)
    torch.testing.assert_close(after[:, low], 8 * before[:, low], rtol=0, atol=1e-4)
    assert after[:, ~low].square().sum() / after.square().sum() < 1e-6


@torch.no_grad()
def test_counts_that_are_not_of_the_shelf() -> None:
    """Parameters of one mixer, and multiply-adds if means and spreads were dense products."""
    assert sum(p.numel() for p in SpectrumMixer(64).parameters()) == 16_704
    model = create_classifier("dsm_r_s", (224, 224)).eval()
    counted = multiply_adds(model, torch.zeros(1, 3, 224, 224))
    sides = (56, 28, 14, 7)
    for stage, side, width in zip(model.stages, sides, find("dsm_r_s").channels, strict=True):
        for block in stage.blocks:
            counted += 2 * side**2 * width * block.mixer[1].bands
    assert counted == pytest.approx(5.104e9, rel=0.02)


def textures(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Returns waves [count, 1, 16, 16] of random orientation and phase, and which of three."""
    generator = torch.Generator().manual_seed(seed)
    kinds = torch.randint(3, (count,), generator=generator)
    angle, phase = 6.3 * torch.rand(2, count, 1, 1, generator=generator)
    frequency = torch.tensor([0.5, 1.0, 1.8])[kinds][:, None, None]
    place = torch.arange(16.0)
    across = place[:, None] * angle.sin() + place * angle.cos()
    wave = torch.sin(frequency * across + phase)
    return (wave + 0.5 * torch.randn(count, 16, 16, generator=generator))[:, None], kinds


def right_of(seed: int, *, frozen: bool) -> float:
    """Returns the accuracy of two blocks on other pictures; frozen, all weights stay 1."""
    torch.manual_seed(seed)
    model = nn.Sequential(
        Stage(nn.Conv2d(1, 16, 1), 16, 2, 32, (0.0, 0.0)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 3),
    )
    for module in model.modules():
        if isinstance(module, SpectrumMixer):
            module.requires_grad_(not frozen)
    learned = [each for each in model.parameters() if each.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=5e-3)
    images, kinds = textures(600, seed)
    for round_ in range(12):
        order = torch.randperm(600, generator=torch.Generator().manual_seed(round_))
        for some in order.split(50):
            optimizer.zero_grad()
            F.cross_entropy(model(images[some]), kinds[some]).backward()
            optimizer.step()
    others, wanted = textures(500, seed + 1000)
    with torch.no_grad():
        return float((model(others).argmax(1) == wanted).float().mean())


@pytest.mark.slow
def test_weights_tell_textures() -> None:
    found = [(right_of(seed, frozen=False), right_of(seed, frozen=True)) for seed in range(5)]
    print(found)
    assert sum(ours > frozen for ours, frozen in found) >= 4
