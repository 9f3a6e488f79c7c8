# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Windows of a map as one choice of its cells, and the way back as another.

In a graph of fixed size each is one Gather with a constant, instead of the padding, shifting and
transposing that windows are else made by.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

#: What keeps two cells apart in a softmax (card 12).
APART = -100.0


@dataclass(frozen=True)
class Windows:
    """How windows lie over a map of N = height x width cells, padded right and below.

    Attributes:
        cells: int64 [windows x area], the cell at each place of each window, row by row; N
            stands for padding.
        places: int64 [N], where among `cells` each cell is.
        mask: float [windows, area, area], 0 or APART, for windows that the shift has put together
            from different ends of the map; None without a shift.
    """

    cells: Tensor
    places: Tensor
    mask: Tensor | None

    @property
    def padded(self) -> bool:
        """Whether some places hold padding."""
        return len(self.cells) > len(self.places)


def lay_windows(
    size: tuple[int, int], window: tuple[int, int], shift: tuple[int, int] = (0, 0)
) -> Windows:
    """Lay windows over a map.

    Args:
        size: height and width of the map in cells.
        window: of a window.
        shift: how far the padded map is rolled up and left first.
    """
    grid = _numbered(size, window)
    rows, columns = grid.shape
    cells = _cut(grid.roll((-shift[0], -shift[1]), (0, 1)), window)
    mask = None
    if any(shift):
        ends = _ends(rows, window[0], shift[0])[:, None] * 3 + _ends(columns, window[1], shift[1])
        ends = _cut(ends, window)
        mask = (ends[:, :, None] != ends[:, None]) * APART
    return Windows(cells.flatten(), _places(cells, size), mask)


def lay_far_windows(size: tuple[int, int], window: tuple[int, int]) -> Windows:
    """Lay windows whose cells are spread over the whole map at equal steps (dilated, card 32).

    The padded map has as many windows as near ones; cell (y, x) of it lies in window
    (y mod rows of windows, x mod columns of windows).

    Args:
        size: height and width of the map in cells.
        window: of a window.
    """
    rows, columns = (-(-side // step) for side, step in zip(size, window, strict=True))
    grid = _numbered(size, window).reshape(window[0], rows, window[1], columns)
    cells = grid.permute(1, 3, 0, 2).reshape(rows * columns, -1)
    return Windows(cells.flatten(), _places(cells, size), None)


def _numbered(size: tuple[int, int], window: tuple[int, int]) -> Tensor:
    """Numbers of a map's cells, height * width where it is padded to whole windows."""
    height, width = size
    rows, columns = (-(-side // step) * step for side, step in zip(size, window, strict=True))
    grid = torch.full((rows, columns), height * width)
    grid[:height, :width] = torch.arange(height * width).reshape(height, width)
    return grid


def _places(cells: Tensor, size: tuple[int, int]) -> Tensor:
    """Undo the choice; padding comes last and falls away."""
    return cells.flatten().argsort(stable=True)[: size[0] * size[1]]


def relative_offsets(window: tuple[int, int]) -> Tensor:
    """Row of a table of (2 h - 1)(2 w - 1) signed offsets for each pair of a window's cells.

    Returns:
        int64 [area, area]: first the cell that asks, then the one it asks.
    """
    height, width = window
    y, x = (
        each.flatten()
        for each in torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    )
    down = y[:, None] - y + height - 1
    right = x[:, None] - x + width - 1
    return down * (2 * width - 1) + right


def _cut(grid: Tensor, window: tuple[int, int]) -> Tensor:
    """[rows, columns] to [windows, area]."""
    high, wide = window
    rows, columns = grid.shape
    cut = grid.reshape(rows // high, high, columns // wide, wide)
    return cut.transpose(1, 2).reshape(-1, high * wide)


def _ends(side: int, window: int, shift: int) -> Tensor:
    """Which of three parts each row of a rolled map is from: the last window holds two."""
    row = torch.arange(side)
    return (row >= side - window).long() + (row >= side - shift).long() * bool(shift)
