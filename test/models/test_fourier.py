# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Fourier and cosine transforms as products, beside torch and scipy; gates (cards 02 and 61)."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from scipy.fft import dctn, idctn  # noqa: E402
from torch import Tensor  # noqa: E402

from vit_perception.models.fourier import (  # noqa: E402
    SpectralGate,
    low_frequencies,
    of_low_frequencies,
    of_spectrum,
    spectrum,
)

pytestmark = pytest.mark.torch

SIZES = [(8, 8), (7, 12), (12, 7), (5, 9), (14, 14), (1, 1), (1, 6)]


def picture(height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(height + 100 * width)
    return torch.randn(2, 3, height, width, generator=generator)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_products_equal_the_fast_transform(height: int, width: int) -> None:
    x = picture(height, width)
    wanted = torch.fft.rfft2(x, norm="ortho")
    found = spectrum(x)
    torch.testing.assert_close(found, torch.cat((wanted.real, wanted.imag), 2), rtol=0, atol=1e-6)
    torch.testing.assert_close(of_spectrum(found, width), x, rtol=0, atol=2e-6)
    # Whatever the spectrum is, also one that no real map has.
    parts = torch.randn_like(found)
    whole = torch.complex(*parts.split(height, 2))
    wanted = torch.fft.irfft2(whole, (height, width), norm="ortho")
    torch.testing.assert_close(of_spectrum(parts, width), wanted, rtol=0, atol=2e-6)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_energy_stays(height: int, width: int) -> None:
    x = picture(height, width)
    mirrored = torch.full((width // 2 + 1,), 2.0)
    mirrored[0] = 1
    if width % 2 == 0:
        mirrored[-1] = 1
    energy = (spectrum(x).square() * mirrored).sum()
    torch.testing.assert_close(energy, x.square().sum(), rtol=1e-5, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize(("height", "width"), [(8, 8), (6, 9)])
def test_a_gate_is_a_circular_convolution(height: int, width: int) -> None:
    gate, x = SpectralGate(3, (height, width)), picture(height, width)
    real, imaginary = gate.weights
    kernel = torch.fft.irfft2(torch.complex(real, imaginary), (height, width))
    wanted = torch.zeros_like(x)
    for row in range(height):
        for column in range(width):
            moved = x.roll((row, column), (2, 3))
            wanted += kernel[:, row, column, None, None] * moved
    torch.testing.assert_close(gate(x), wanted, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_gates_that_do_nothing_or_shift() -> None:
    gate, x = SpectralGate(3, (8, 6)), picture(8, 6)
    gate.weights[0], gate.weights[1] = 1.0, 0.0
    torch.testing.assert_close(gate(x), x, rtol=0, atol=1e-5)
    turns = 2 * np.pi * torch.arange(8) * 3 / 8
    gate.weights[0], gate.weights[1] = torch.cos(turns)[:, None], -torch.sin(turns)[:, None]
    torch.testing.assert_close(gate(x), x.roll(3, 2), rtol=0, atol=1e-5)


@torch.no_grad()
def test_weights_are_resized_for_other_maps() -> None:
    gate = SpectralGate(3, (8, 6))
    assert gate(picture(8, 6)).shape == (2, 3, 8, 6)
    assert gate(picture(11, 5)).shape == (2, 3, 11, 5)
    gate.weights.fill_(0.0)
    gate.weights[0].fill_(1.0)
    torch.testing.assert_close(gate(picture(11, 5)), picture(11, 5), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_cosine_transforms_equal_scipys(height: int, width: int) -> None:
    x = picture(height, width)
    wanted = dctn(x.numpy(), axes=(2, 3), norm="ortho")
    found = low_frequencies(x, (height, width))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-6)
    torch.testing.assert_close(of_low_frequencies(found, (height, width)), x, rtol=0, atol=3e-6)
    rows, columns = (height + 1) // 2, (width + 1) // 3 + 1
    kept = (rows, min(columns, width))
    np.testing.assert_allclose(
        low_frequencies(x, kept), wanted[:, :, : kept[0], : kept[1]], rtol=0, atol=2e-6
    )
    wanted[:, :, kept[0] :] = 0
    wanted[:, :, :, kept[1] :] = 0
    low = of_low_frequencies(low_frequencies(x, kept), (height, width))
    np.testing.assert_allclose(low, idctn(wanted, axes=(2, 3), norm="ortho"), rtol=0, atol=2e-6)


def test_energy_of_low_frequencies_grows_up_to_all_of_it() -> None:
    x = picture(14, 14)
    energies = [float(low_frequencies(x, (count, count)).square().sum()) for count in range(1, 15)]
    assert energies == sorted(energies)
    assert energies[-1] == pytest.approx(float(x.square().sum()), rel=1e-6)
    # A quarter of the frequencies of noise, but nearly all of a smooth map (card 02).
    assert energies[6] / energies[-1] == pytest.approx(0.25, abs=0.06)
    smooth = torch.nn.functional.avg_pool2d(picture(22, 22), 5, 1)
    smooth = torch.nn.functional.avg_pool2d(smooth, 5, 1)
    assert low_frequencies(smooth, (7, 7)).square().sum() > 0.9 * smooth.square().sum()


def test_a_constant_map_has_one_frequency() -> None:
    found = low_frequencies(torch.full((1, 1, 6, 10), 3.0), (6, 10))[0, 0]
    assert float(found[0, 0]) == pytest.approx(3 * 60**0.5, rel=1e-6)
    found[0, 0] = 0
    assert found.abs().max() < 1e-5
