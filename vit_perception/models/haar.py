# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""One level of the Haar wavelet transform of maps of any size, exact, and a convolution of it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

HAAR = (
    (0.5, 0.5, 0.5, 0.5),
    (0.5, 0.5, -0.5, -0.5),
    (0.5, -0.5, 0.5, -0.5),
    (0.5, -0.5, -0.5, 0.5),
)
"""Matrix from the four pixels of a 2x2 cell, in raster order (columns), to its bands (rows).

The bands are the mean and the differences of rows, of columns and of diagonals. The matrix is its
own inverse.
"""


def analysis(x: Tensor) -> Tensor:
    """Returns the bands of a map.

    Args:
        x: [B, H, W, C]; odd sides get a row or column of zeros at the end. With channels last,
            only rows of channels move.

    Returns:
        [B, ceil(H / 2), ceil(W / 2), 4, C].
    """
    height, width, channels = (int(side) for side in x.shape[1:])
    if height % 2 or width % 2:
        x = functional.pad(x, (0, 0, 0, width % 2, 0, height % 2))
    rows, columns = (height + 1) // 2, (width + 1) // 2
    cells = x.reshape(-1, rows, 2, columns, 2, channels).transpose(2, 3)
    return x.new_tensor(HAAR) @ cells.reshape(-1, rows, columns, 4, channels)


def synthesis(bands: Tensor, height: int, width: int) -> Tensor:
    """Returns [B, height, width, C] of `bands` [B, ceil(height / 2), ceil(width / 2), 4, C]."""
    rows, columns, _, channels = (int(side) for side in bands.shape[1:])
    cells = (bands.new_tensor(HAAR) @ bands).reshape(-1, rows, columns, 2, 2, channels)
    x = cells.transpose(2, 3).reshape(-1, 2 * rows, 2 * columns, channels)
    return x[:, :height, :width] if height % 2 or width % 2 else x


def band_major(weight: Tensor) -> Tensor:
    """Reorders [C * 4, ...], four bands per channel, to [4 * C, ...], the order used here."""
    rest = weight.shape[1:]
    return weight.reshape(-1, 4, *rest).transpose(0, 1).reshape(-1, *rest)


class WaveletConv(nn.Module):
    """A scaled depthwise convolution of the four Haar bands of each channel; keeps the shape."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        # Four bands of channel 0, then of channel 1, as in the paper's weights.
        self.conv = nn.Conv2d(
            4 * channels,
            4 * channels,
            kernel,
            padding=kernel // 2,
            groups=4 * channels,
            bias=False,
        )
        self.scale = nn.Parameter(torch.full((4 * channels,), 0.1))

    def forward(self, x: Tensor) -> Tensor:
        """Maps [B, H, W, C] to the same shape."""
        # Constant in a graph, so that the scale folds into the kernel.
        weight = band_major(self.conv.weight * self.scale[:, None, None, None])
        height, width, channels = (int(side) for side in x.shape[1:])
        bands = analysis(x)
        rows, columns = (int(side) for side in bands.shape[1:3])
        mixed = functional.conv2d(
            bands.reshape(-1, rows, columns, 4 * channels).permute(0, 3, 1, 2),
            weight,
            padding=self.conv.padding,
            groups=4 * channels,
        )
        bands = mixed.permute(0, 2, 3, 1).reshape(-1, rows, columns, 4, channels)
        return synthesis(bands, height, width)
