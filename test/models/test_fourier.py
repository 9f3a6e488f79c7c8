# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Fourier transforms as products, beside torch's; gates of spectra (card 61)."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import Tensor  # noqa: E402

from vit_perception.models.fourier import SpectralGate, of_spectrum, spectrum  # noqa: E402

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
