# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Which name each pixel belongs to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vit_perception.detections import Detections
from vit_perception.masks import Masks
from vit_perception.perceiver.class_map import UNKNOWN, WIDE_UNKNOWN, class_map

HEIGHT, WIDTH = 40, 60


def found(labels: list[int], names: int, *rectangles: tuple[int, int, int, int]) -> Detections:
    """Detections with full rectangles x y w h as masks, best first."""
    corners = np.array(rectangles, np.float32).reshape(-1, 4)
    masks = Masks(
        corners[:, :2].astype(np.int64),
        tuple(np.ones((h, w), np.bool_) for _, _, w, h in rectangles),
        HEIGHT,
        WIDTH,
    )
    return Detections(
        boxes=np.concatenate((corners[:, :2], corners[:, :2] + corners[:, 2:]), 1),
        scores=np.linspace(0.9, 0.5, len(labels), dtype=np.float32),
        labels=np.array(labels, np.int64),
        names=tuple(f"name {index}" for index in range(names)),
        vocabulary_version=1,
        masks=masks,
    )


@pytest.mark.parametrize(
    ("names", "kind", "unknown"),
    [(3, np.uint8, UNKNOWN), (255, np.uint8, UNKNOWN), (256, np.uint16, WIDE_UNKNOWN)],
)
def test_each_pixel_has_the_name_of_the_best_mask(names: int, kind: type, unknown: int) -> None:
    last = names - 1
    map_of = class_map(
        found([last, 0, 1], names, (0, 0, 10, 10), (5, 5, 10, 10), (50, 30, 10, 10))
    )
    assert map_of is not None and (map_of.dtype, map_of.shape) == (kind, (HEIGHT, WIDTH))
    wanted = np.full((HEIGHT, WIDTH), unknown)
    wanted[5:15, 5:15] = 0
    wanted[0:10, 0:10] = last
    wanted[30:40, 50:60] = 1
    np.testing.assert_array_equal(map_of, wanted)


def test_where_nothing_is_found_no_name_fits() -> None:
    map_of = class_map(found([], 3))
    assert map_of is not None and (map_of == UNKNOWN).all()


def test_without_masks_there_is_no_map() -> None:
    boxes = found([0], 1, (0, 0, 5, 5))
    plain = replace(boxes, masks=None)
    assert class_map(plain) is None
