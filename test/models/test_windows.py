# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Windows as constant choices of cells."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from vit_perception.models.windows import (  # noqa: E402
    APART,
    lay_far_windows,
    lay_windows,
    relative_offsets,
)

pytestmark = pytest.mark.torch


def test_windows_are_the_cells_in_rows() -> None:
    windows = lay_windows((4, 6), (2, 3))
    assert windows.cells.reshape(4, 6)[1].tolist() == [3, 4, 5, 9, 10, 11]
    assert windows.mask is None
    assert not windows.padded


@pytest.mark.parametrize("size", [(4, 6), (5, 7)])
@pytest.mark.parametrize("shift", [(0, 0), (1, 1), (0, 1)])
def test_every_cell_comes_back_to_its_place(size: tuple[int, int], shift: tuple[int, int]) -> None:
    windows = lay_windows(size, (2, 3), shift)
    count = size[0] * size[1]
    assert windows.cells[windows.places].tolist() == list(range(count))
    assert windows.padded == (size == (5, 7))
    assert (windows.cells == count).sum() == len(windows.cells) - count


def test_the_mask_parts_what_the_shift_has_put_together() -> None:
    windows = lay_windows((4, 4), (2, 2), (1, 1))
    # The first window is of the inside, the last of all four corners.
    assert windows.cells.reshape(4, 4).tolist()[0] == [5, 6, 9, 10]
    assert windows.cells.reshape(4, 4).tolist()[3] == [15, 12, 3, 0]
    assert not windows.mask[0].any()
    assert torch.equal(windows.mask[3], APART * (1 - torch.eye(4)))


def test_offsets_are_of_the_cell_that_asks() -> None:
    offsets = relative_offsets((2, 3))
    assert offsets.shape == (6, 6)
    # Cell (1, 0) asks cell (0, 2): one down, two left of it.
    assert offsets[3, 2] == (1 + 1) * 5 + (-2 + 2)
    assert offsets.unique().tolist() == list(range(15))


@pytest.mark.parametrize("size", [(8, 12), (14, 14), (15, 20), (3, 4), (5, 9)])
@pytest.mark.parametrize("window", [(4, 4), (7, 7), (5, 2)])
def test_far_windows_are_grids_over_the_map(
    size: tuple[int, int], window: tuple[int, int]
) -> None:
    windows = lay_far_windows(size, window)
    count, area = size[0] * size[1], window[0] * window[1]
    rows, columns = (-(-side // step) for side, step in zip(size, window, strict=True))
    owner = torch.full((count + 1,), -1)
    owner[windows.cells] = torch.arange(rows * columns).repeat_interleave(area)
    y, x = torch.arange(size[0])[:, None], torch.arange(size[1])
    assert torch.equal(owner[:-1].reshape(size), y % rows * columns + x % columns)
    # And back, each cell once, the rest padding.
    assert windows.cells[windows.places].tolist() == list(range(count))
    assert (windows.cells == count).sum() == len(windows.cells) - count
    assert windows.padded == (len(windows.cells) > count)


def test_one_window_is_near_and_far() -> None:
    assert torch.equal(lay_windows((7, 5), (7, 7)).cells, lay_far_windows((7, 5), (7, 7)).cells)
