# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Windows of a map as a gather of its cells, and the way back as another.

In a graph of fixed size each is one Gather with a constant, instead of the usual padding, shifting
and transposing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

APART = -100.0
"""Added to the score of two cells that must not attend to each other (card 12)."""


@dataclass(frozen=True)
class Windows:
    """The layout of windows over a map of N = height x width cells, padded right and below.

    Attributes:
        cells: int64 [windows x area], the cell at each place of each window, row by row; N
            stands for padding.
        places: int64 [N], the index of each cell in `cells`.
        mask: float [windows, area, area], 0 or APART, for windows in which the shift has joined
            different ends of the map; None without a shift.
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
    """Returns the layout of windows over a map.

    Args:
        size: height and width of the map in cells.
        window: height and width of a window.
        shift: how far the padded map is first rolled up and left.
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
    """Returns windows whose cells are spread over the whole map at equal steps (dilated, card 32).

    The padded map has as many of them as near windows; its cell (y, x) lies in window
    (y mod rows of windows, x mod columns of windows).

    Args:
        size: height and width of the map in cells.
        window: height and width of a window.
    """
    rows, columns = (-(-side // step) for side, step in zip(size, window, strict=True))
    grid = _numbered(size, window).reshape(window[0], rows, window[1], columns)
    cells = grid.permute(1, 3, 0, 2).reshape(rows * columns, -1)
    return Windows(cells.flatten(), _places(cells, size), None)


def _numbered(size: tuple[int, int], window: tuple[int, int]) -> Tensor:
    """Returns the numbers of a map's cells; height * width in the padding to whole windows."""
    height, width = size
    rows, columns = (-(-side // step) * step for side, step in zip(size, window, strict=True))
    grid = torch.full((rows, columns), height * width)
    grid[:height, :width] = torch.arange(height * width).reshape(height, width)
    return grid


def _places(cells: Tensor, size: tuple[int, int]) -> Tensor:
    """Returns the inverse of the gather; padding sorts last and is cut off."""
    return cells.flatten().argsort(stable=True)[: size[0] * size[1]]


@dataclass(frozen=True, eq=False)
class Groups:
    """The layout of groups over a map of N = height x width cells, without empty groups.

    Attributes:
        window: rows and columns of a group.
        cells: int64 [groups, area], the cell at each place, row by row. Places outside the map
            hold cell 0.
        outside: bool [groups, area], the places outside the map; None if there are none.
        places: int64 [N], the index of each cell among all places.
    """

    window: tuple[int, int]
    cells: np.ndarray
    outside: np.ndarray | None
    places: np.ndarray


@lru_cache(maxsize=64)
def lay_groups(size: tuple[int, int], group: int, interval: int) -> Groups:
    """Returns the layout of groups over a map.

    Tiles have group * interval cells a side. The cells of a tile at steps of the interval (1:
    neighbours) form a group. A group is no larger than the part of the map in its tile; a map with
    a side of at most `group` is one group.

    Args:
        size: height and width of the map in cells.
        group: side of a group.
        interval: between neighbours of a group.
    """
    if min(size) <= group:
        window, interval = size, 1
    else:
        height, width = (min(group, -(-side // interval)) for side in size)
        window = height, width
    tiles = lay_windows(size, (window[0] * interval, window[1] * interval)).cells
    apart = tiles.reshape(-1, window[0], interval, window[1], interval)
    laid = apart.permute(0, 2, 4, 1, 3).reshape(-1, window[0] * window[1])
    count = size[0] * size[1]
    laid = laid[(laid < count).any(dim=1)]
    cells, places = laid.numpy(), _places(laid, size).numpy()
    outside = cells == count
    return Groups(window, np.where(outside, 0, cells), outside if outside.any() else None, places)


def head_rows(cells: np.ndarray, heads: int, part: int = 0, parts: int = 1) -> np.ndarray:
    """Returns the rows of each head and cell among N x parts x heads, the layout of one layer.

    Args:
        cells: int64 [P, area], the cell at each place of each window.
        heads: of the attention.
        part, parts: index and number of the outputs of one layer, e.g. queries, keys and values.

    Returns:
        int64 [P, heads, area].
    """
    return (cells[:, None] * parts + part) * heads + np.arange(heads)[:, None]


def head_places(places: np.ndarray, area: int, heads: int) -> np.ndarray:
    """Returns the rows of each cell after attention, among P x heads x area.

    Args:
        places: int64 [N], the index of each cell among P x area.
        area: cells of a window.
        heads: of the attention.

    Returns:
        int64 [N * heads].
    """
    window, place = np.divmod(places[:, None], area)
    return ((window * heads + np.arange(heads)) * area + place).reshape(-1)


def relative_offsets(window: tuple[int, int]) -> Tensor:
    """Returns the row in a table of (2 h - 1)(2 w - 1) signed offsets for each pair of cells.

    Returns:
        int64 [area, area]: first the query's cell, then the key's.
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
    """Maps [rows, columns] to [windows, area]."""
    high, wide = window
    rows, columns = grid.shape
    cut = grid.reshape(rows // high, high, columns // wide, wide)
    return cut.transpose(1, 2).reshape(-1, high * wide)


def _ends(side: int, window: int, shift: int) -> Tensor:
    """Returns which of three parts each row of a rolled map is from; the last window has two."""
    row = torch.arange(side)
    return (row >= side - window).long() + (row >= side - shift).long() * bool(shift)
