# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Fourier and cosine transforms of maps as products with constants, fast on every engine."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

Matrix = NDArray[np.float32]


@lru_cache(maxsize=32)
def _across(width: int) -> tuple[Matrix, Matrix]:
    """Returns the transform of real rows, and its inverse; orthonormal.

    Returns:
        [width, 2 w] to real and imaginary parts of w = width // 2 + 1 frequencies, and
        [2 w, width] back.
    """
    half = width // 2 + 1
    angles = 2 * np.pi * np.outer(np.arange(width), np.arange(half)) / width
    there = np.concatenate((np.cos(angles), -np.sin(angles)), 1)
    # Each frequency stands for its mirror image too, but the first and, of even widths, the last.
    weights = np.full(half, 2.0)
    weights[0] = 1
    if width % 2 == 0:
        weights[-1] = 1
    back = np.concatenate(
        (weights[:, None] * np.cos(angles.T), -weights[:, None] * np.sin(angles.T))
    )
    scale = width**-0.5
    return (scale * there).astype(np.float32), (scale * back).astype(np.float32)


@lru_cache(maxsize=32)
def _down(height: int) -> tuple[Matrix, Matrix]:
    """Returns the transform of complex columns, and its inverse, both [2 height, 2 height].

    Real parts lie above imaginary ones.
    """
    angles = 2 * np.pi * np.outer(np.arange(height), np.arange(height)) / height
    real, imaginary = np.cos(angles) * height**-0.5, np.sin(angles) * height**-0.5
    there = np.block([[real, imaginary], [-imaginary, real]])
    return there.astype(np.float32), there.T.astype(np.float32).copy()


def spectrum(x: Tensor) -> Tensor:
    """Returns the orthonormal transform of a real map, as `torch.fft.rfft2(norm="ortho")`.

    Args:
        x: [..., H, W].

    Returns:
        [..., 2 H, W // 2 + 1]: real parts above imaginary ones.
    """
    height, width = int(x.shape[-2]), int(x.shape[-1])
    rows = x @ torch.from_numpy(_across(width)[0]).to(x)
    stacked = torch.cat(rows.split(width // 2 + 1, -1), -2)
    return torch.from_numpy(_down(height)[0]).to(x) @ stacked


def of_spectrum(parts: Tensor, width: int) -> Tensor:
    """Returns the map of a spectrum; the inverse of `spectrum`, and as torch's `irfft2` is.

    Args:
        parts: [..., 2 H, width // 2 + 1].
        width: of the map.

    Returns:
        [..., H, width].
    """
    height = int(parts.shape[-2]) // 2
    columns = torch.from_numpy(_down(height)[1]).to(parts) @ parts
    rows = torch.cat(columns.split(height, -2), -1)
    return rows @ torch.from_numpy(_across(width)[1]).to(parts)


@lru_cache(maxsize=32)
def _cosines(size: int) -> Matrix:
    """Returns the orthonormal cosine transform of type II, [frequency, place]."""
    places = np.arange(size)
    matrix = np.cos(np.pi * places[:, None] * (2 * places[None] + 1) / (2 * size))
    matrix *= (2 / size) ** 0.5
    matrix[0] = size**-0.5
    return matrix.astype(np.float32)


def low_frequencies(x: Tensor, kept: tuple[int, int]) -> Tensor:
    """Returns the lowest frequencies of a map, as those of scipy's `dctn(norm="ortho")`.

    Args:
        x: [..., H, W].
        kept: frequencies of columns and of rows, at most H and W; no other is computed.

    Returns:
        [..., *kept].
    """
    rows, columns = (
        torch.from_numpy(_cosines(int(side))[:count]).to(x)
        for side, count in zip(x.shape[-2:], kept, strict=True)
    )
    return rows @ x @ columns.T


def of_low_frequencies(parts: Tensor, size: tuple[int, int]) -> Tensor:
    """Returns the map of some low frequencies, all others 0; inverts `low_frequencies`.

    Args:
        parts: [..., h, w].
        size: H and W, at least h and w.

    Returns:
        [..., H, W].
    """
    rows, columns = (
        torch.from_numpy(_cosines(side)[: int(count)]).to(parts)
        for side, count in zip(size, parts.shape[-2:], strict=True)
    )
    return rows.T @ parts @ columns


def cosines(x: Tensor) -> Tensor:
    """Returns the cosine transform of maps, as scipy's `dctn(norm="ortho")` of height and width.

    Args:
        x: [B, H, W, C].

    Returns:
        [B, H, W, C]; the lowest frequencies come first.
    """
    height, width = (torch.from_numpy(_cosines(int(side))).to(x) for side in x.shape[1:3])
    return _both_sides(x, height, width)


def of_cosines(parts: Tensor) -> Tensor:
    """Returns the maps of cosine transforms; the inverse of `cosines`."""
    height, width = (
        torch.from_numpy(_cosines(int(side)).T).to(parts) for side in parts.shape[1:3]
    )
    return _both_sides(parts, height, width)


def _both_sides(x: Tensor, height: Tensor, width: Tensor) -> Tensor:
    """Multiplies the height and the width of maps [B, H, W, C] by matrices [H, H] and [W, W]."""
    return (height @ (width @ x).flatten(2)).reshape(x.shape)


class SpectralGate(nn.Module):
    """Multiplies the spectrum of each channel by learned complex weights.

    That is a circular convolution with a kernel as large as the map. Maps of another size take
    weights that are resized bicubically.

    Args:
        channels: of the map.
        grid: its height and width.
    """

    def __init__(self, channels: int, grid: tuple[int, int]) -> None:
        super().__init__()
        height, width = grid
        self.weights = nn.Parameter(0.02 * torch.randn(2, channels, height, width // 2 + 1))

    def forward(self, x: Tensor) -> Tensor:
        """Maps [B, channels, H, W] to the same shape."""
        height, width = int(x.shape[2]), int(x.shape[3])
        weights: Tensor = self.weights
        if weights.shape[2:] != (height, width // 2 + 1):
            weights = F.interpolate(
                weights, (height, width // 2 + 1), mode="bicubic", align_corners=True
            )
        real, imaginary = spectrum(x).split(height, 2)
        scale, turn = weights
        product = torch.cat((real * scale - imaginary * turn, real * turn + imaginary * scale), 2)
        return of_spectrum(product, width)
