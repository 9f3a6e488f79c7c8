# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from vit_perception.masks import Masks
from vit_perception.perceiver.instances import areas, as_masks, contours, instance_map, split

HEIGHT, WIDTH = 40, 60


def masks_of(*rectangles: tuple[int, int, int, int]) -> Masks:
    """Full rectangles x y w h."""
    return Masks(
        np.array([(x, y) for x, y, _, _ in rectangles], np.int64).reshape(-1, 2),
        tuple(np.ones((h, w), np.bool_) for _, _, w, h in rectangles),
        HEIGHT,
        WIDTH,
    )


def test_the_better_one_owns_a_shared_pixel() -> None:
    owner = instance_map(masks_of((0, 0, 10, 10), (5, 5, 10, 10), (50, 30, 10, 10)))
    assert owner.dtype == np.uint16
    assert (owner[0, 0], owner[7, 7], owner[12, 12], owner[39, 59], owner[20, 20]) == (
        1,
        1,
        2,
        3,
        0,
    )
    np.testing.assert_array_equal(areas(owner, 3), [100, 75, 100])


def test_masks_that_do_not_overlap_come_back_as_they_were() -> None:
    chance = np.random.default_rng(1)
    crops = [chance.random((9, 9)) < 0.5 for _ in range(6)]
    origins = np.array([(x, y) for x in (0, 20, 40) for y in (0, 20)], np.int64)
    masks = Masks(origins, tuple(crops), HEIGHT, WIDTH)
    owner = instance_map(masks)
    np.testing.assert_array_equal(split(owner, 6), masks.dense())
    np.testing.assert_array_equal(areas(owner, 6), masks.areas())


def test_nothing_found() -> None:
    owner = instance_map(masks_of())
    assert not owner.any()
    assert split(owner, 0).shape == (0, HEIGHT, WIDTH)
    assert areas(owner, 0).shape == (0,)


def test_a_mask_that_is_hidden_behind_better_ones_has_no_pixel() -> None:
    owner = instance_map(masks_of((0, 0, 20, 20), (5, 5, 3, 3)))
    np.testing.assert_array_equal(areas(owner, 2), [400, 0])
    assert contours(split(owner, 2)[1]) == []


def test_more_than_a_byte_of_masks() -> None:
    owner = instance_map(masks_of(*((i % 60, i // 60, 1, 1) for i in range(300))))
    np.testing.assert_array_equal(owner.ravel()[:300], np.arange(1, 301))
    np.testing.assert_array_equal(areas(owner, 300), np.ones(300))


def test_contours_run_along_the_border_pixels() -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    mask[2:5, 3:9] = True
    mask[20:30, 20:30] = True
    mask[24:26, 24:26] = False
    outlines = contours(mask)
    assert [len(each) for each in outlines] == [36, 14]
    assert outlines[1].dtype == np.int32
    x, y = outlines[1].T
    assert (x.min(), x.max(), y.min(), y.max()) == (3, 8, 2, 4)
    assert mask[y, x].all()


@pytest.mark.parametrize("count", [1, 5])
def test_the_map_of_fewer_masks_than_asked_for(count: int) -> None:
    owner = instance_map(masks_of((0, 0, 2, 2)))
    assert split(owner, count).sum(axis=(1, 2)).tolist() == [4] + [0] * (count - 1)


def test_a_map_as_crops_is_what_it_was() -> None:
    owner = np.zeros((20, 30), np.uint16)
    owner[2:8, 3:9] = 1
    owner[5:15, 7:20] = 3
    masks = as_masks(owner, 4)
    np.testing.assert_array_equal(masks.dense(), split(owner, 4))
    assert [crop.shape for crop in masks.crops] == [(6, 6), (1, 1), (10, 13), (1, 1)]
    assert len(as_masks(owner * 0, 0)) == 0
