# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""One level of the dual-tree complex wavelet transform, as products with constant matrices.

A map is parted into a low band of its own size and six complex bands of half its size, which
answer to edges of 15, 45, 75, 105, 135 and 165 degrees (filters near_sym_b; card 14).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

LOW = (-0.0017578125, 0.0, 0.022265625, -0.046875, -0.0482421875, 0.296875, 0.55546875)
"""Taps of the analysis' low filter up to its middle, to which it is symmetric."""
LOW_BACK = (
    7.062639508928571e-05, 0.0, -0.0013419015066964285, -0.001883370535714286,
    0.007156808035714285, 0.02385602678571428, -0.05564313616071428, -0.05168805803571428,
    0.29975760323660716, 0.5594308035714286,
)  # fmt: skip
"""The same of the synthesis' low filter."""
BANDS = 6
_ROOT = 2**-0.5


def _alternating(half: tuple[float, ...]) -> tuple[float, ...]:
    """Returns taps with every second sign changed, so that the middle one keeps its sign."""
    return tuple(tap * (-1) ** (len(half) - 1 - place) for place, tap in enumerate(half))


@lru_cache(maxsize=32)
def _matrices(size: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Returns analysis [2 size, size], low above high, and synthesis [size, 2 size].

    Signals go on behind their ends as in a mirror that repeats the last sample.
    """
    there = np.concatenate((_filter(LOW, size), _filter(_alternating(LOW_BACK), size)))
    back = np.concatenate((_filter(LOW_BACK, size), _filter(_alternating(LOW), size)), 1)
    return there.astype(np.float32), back.astype(np.float32)


def _filter(half: tuple[float, ...], size: int) -> NDArray[np.float64]:
    """Returns a symmetric filter as a matrix [size, size]."""
    taps = np.array((*half, *half[-2::-1]))
    reach = len(half) - 1
    matrix = np.zeros((size, size))
    for row in range(size):
        for offset, tap in zip(range(-reach, reach + 1), taps, strict=True):
            place = (row + offset) % (2 * size)
            matrix[row, place if place < size else 2 * size - 1 - place] += tap
    return matrix


def split_bands(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the bands of a map.

    Args:
        x: [B, C, H, W], even sides.

    Returns:
        The low band [B, C, H, W], and real and imaginary parts of the high bands
        [B, C, BANDS, H / 2, W / 2].
    """
    height, width = int(x.shape[2]), int(x.shape[3])
    rows = torch.from_numpy(_matrices(height)[0]).to(x) @ x
    both = rows @ torch.from_numpy(_matrices(width)[0]).to(x).T
    upper, lower = both.split(height, 2)
    (low, column_edges), (row_edges, corners) = (each.split(width, 3) for each in (upper, lower))
    bands = [_complex(each) for each in (row_edges, corners, column_edges)]
    firsts, seconds = zip(*bands, strict=True)
    ordered = (*firsts, *seconds[::-1])
    real, imaginary = (torch.stack([each[part] for each in ordered], 2) for part in (0, 1))
    return low, real, imaginary


def join_bands(low: Tensor, real: Tensor, imaginary: Tensor) -> Tensor:
    """Returns the map of bands; the inverse of `split_bands`."""
    height, width = int(low.shape[2]), int(low.shape[3])
    parts = list(zip(real.unbind(2), imaginary.unbind(2), strict=True))
    row_edges, corners, column_edges = (
        _real(first, second) for first, second in zip(parts[:3], parts[:2:-1], strict=True)
    )
    upper = torch.cat((low, column_edges), 3)
    lower = torch.cat((row_edges, corners), 3)
    columns = torch.cat((upper, lower), 2) @ torch.from_numpy(_matrices(width)[1]).to(low).T
    return torch.from_numpy(_matrices(height)[1]).to(low) @ columns


Band = tuple[Tensor, Tensor]


def _complex(x: Tensor) -> tuple[Band, Band]:
    """Returns the two complex bands of half the size that a real one [B, C, H, W] holds."""
    height, width = int(x.shape[2]) // 2, int(x.shape[3]) // 2
    quads = x.reshape(*x.shape[:2], height, 2, width, 2) * _ROOT
    (a, b), (c, d) = (quads[:, :, :, row].unbind(4) for row in (0, 1))
    return (a - d, b + c), (a + d, b - c)


def _real(first: Band, second: Band) -> Tensor:
    """Returns the real band of two complex ones; the inverse of `_complex`."""
    a, b = first[0] + second[0], first[1] + second[1]
    c, d = first[1] - second[1], second[0] - first[0]
    quads = torch.stack((torch.stack((a, b), 4), torch.stack((c, d), 4)), 3) * _ROOT
    shape = (*first[0].shape[:2], 2 * int(first[0].shape[2]), 2 * int(first[0].shape[3]))
    return quads.reshape(shape)


def even(x: Tensor) -> Tensor:
    """Returns a map of even sides: a last row or column is said twice where they were odd."""
    height, width = int(x.shape[2]), int(x.shape[3])
    if height % 2 == 0 and width % 2 == 0:
        return x
    return F.pad(x, (0, width % 2, 0, height % 2), mode="replicate")
