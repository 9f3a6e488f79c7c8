# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from test.space.scene import CAMERA, Solid, View, looking, render
from vit_perception.space.boxes_as_masks import masks_of_boxes
from vit_perception.space.locate import locate

SOLIDS = [
    Solid("box", (0.10, 0.06, 0.08), yaw=0.5),
    Solid("ball", (0.08, 0.08, 0.08), (0.12, 0.12)),
    Solid("can", (0.07, 0.07, 0.12), (-0.12, -0.14)),
    Solid("box", (0.18, 0.03, 0.008), (0.10, -0.12), 0.8),
]


def boxes_of(view: View) -> np.ndarray:
    masks = view.masks()
    corners = [
        (x, y, x + crop.shape[1], y + crop.shape[0])
        for (x, y), crop in zip(masks.origins.tolist(), masks.crops, strict=True)
    ]
    return np.array(corners, np.float32)


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.count_nonzero(one & other) / np.count_nonzero(one | other))


@pytest.mark.parametrize("turn", [0, 110, 200])
def test_the_surface_in_the_middle_of_a_box(turn: float) -> None:
    rng = np.random.default_rng(0)
    view = render(SOLIDS, looking(0.75, 50, turn)).noisy(rng).mixed(rng)
    true = view.masks()
    support = locate(true, view.depth, CAMERA).support
    found = masks_of_boxes(boxes_of(view), view.depth, CAMERA, support)
    overlaps = [overlap(found.one(index), true.one(index)) for index in range(4)]
    assert min(overlaps[:3]) > 0.85 and overlaps[3] > 0.6


def test_without_a_plane_the_nearest_surface_is_it() -> None:
    view = render([Solid("can", (0.03, 0.03, 0.2), lift=-0.1)], looking(0.6, 10), table=False)
    depth = np.where(np.isnan(view.depth), np.float32(2.0), view.depth)
    true = view.masks().one(0)
    # A box so wide that most of its middle is the wall behind.
    y, x = np.nonzero(true)
    box = np.array([[x.min() - 40, y.min(), x.max() + 40, y.max()]], np.float32)
    found = masks_of_boxes(box, depth, CAMERA, None)
    assert overlap(found.one(0), true) > 0.8


def test_a_box_flat_on_the_plane_or_without_depth_is_all_of_it() -> None:
    view = render([Solid("box", (0.1, 0.1, 0.0005))], looking(0.8, 60))
    boxes = boxes_of(view)
    support = locate(view.masks(), view.depth, CAMERA).support
    crop = masks_of_boxes(boxes, view.depth, CAMERA, support).crops[0]
    assert crop.all() and crop.size > 1000
    blind = masks_of_boxes(boxes, np.full_like(view.depth, np.nan), CAMERA, support)
    assert blind.crops[0].all()


def test_boxes_outside_empty_or_not_finite() -> None:
    boxes = np.array(
        [
            [-50, -50, 20, 30],
            [600, 400, 900, 900],
            [700, 10, 800, 50],
            [30, 30, 30, 60],
            [50, 60, 40, 20],
            [np.nan, np.inf, -np.inf, 5],
            [-1e30, -1e30, 1e30, 1e30],
            [-np.inf, -np.inf, np.inf, np.inf],
            [10.2, 10.2, 11.3, 11.1],
        ],
        np.float32,
    )
    view = render(SOLIDS)
    support = locate(view.masks(), view.depth, CAMERA).support
    for plane in (support, None):
        found = masks_of_boxes(boxes, view.depth, CAMERA, plane)
        assert len(found) == len(boxes)
        assert [found.crops[index].size for index in (2, 3, 4, 5, 7)] == [0, 0, 0, 0, 0]
        assert found.crops[6].shape == (480, 640)
    assert len(masks_of_boxes(np.zeros((0, 4), np.float32), view.depth, CAMERA, None)) == 0
