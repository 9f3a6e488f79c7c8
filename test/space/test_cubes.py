# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from vit_perception.space.camera_model import CameraModel
from vit_perception.space.cubes import draw_cubes
from vit_perception.space.objects import Objects

K = np.array([[500.0, 0, 160], [0, 500, 120], [0, 0, 1]])
CAMERA = CameraModel(K, np.zeros(0), "", 320, 240)
BLACK = np.zeros((240, 320, 3), np.uint8)
RED, GREEN = (255, 0, 0), (0, 255, 0)


def boxes(*placed: tuple[tuple[float, float, float], Rotation]) -> Objects:
    """Cubes of 10 cm."""
    count = len(placed)
    return Objects(
        rows=np.arange(count),
        centres=np.array([centre for centre, _ in placed], np.float64).reshape(count, 3),
        sizes=np.full((count, 3), 0.1),
        rotations=np.array([turn.as_matrix() for _, turn in placed]).reshape(count, 3, 3),
        covariances=np.zeros((count, 6, 6)),
        points=np.zeros(count, np.int64),
        visible=np.ones(count),
        surfaces=(np.zeros((0, 3), np.float32),) * count,
        pixels=(np.zeros((0, 2), np.int32),) * count,
    )


def test_the_front_of_a_cube_stands_where_the_camera_sees_it() -> None:
    cube = boxes(((0, 0, 0.55), Rotation.identity()))
    drawn = draw_cubes(BLACK, cube, CAMERA, [RED], sizes=False)
    assert not BLACK.any()
    # The front face is 0.1 m wide at 0.5 m: 100 px around the middle.
    ys, xs = np.nonzero(drawn[..., 0] > 200)
    assert (xs.min(), xs.max()) == (110, 210)
    assert (ys.min(), ys.max()) == (70, 170)
    # The back face, at 0.6 m, is 83 px wide, and fainter.
    assert 60 < drawn[120, 160 - 42, 0] < 200
    assert not drawn[..., 1:].any()


def test_a_near_cube_lies_over_a_far_one_in_any_order() -> None:
    near, far = ((0.0, 0.0, 0.5), Rotation.identity()), ((0.0, 0.0, 0.9), Rotation.identity())
    one = draw_cubes(BLACK, boxes(near, far), CAMERA, [RED, GREEN])
    other = draw_cubes(BLACK, boxes(far, near), CAMERA, [GREEN, RED])
    np.testing.assert_array_equal(one, other)
    assert (one[..., 0] > 200).any() and (one[..., 1] > 200).any()


def test_sizes_are_written_beside_one_another() -> None:
    near, far = ((0.0, 0.0, 0.6), Rotation.identity()), ((0.0, 0.01, 0.62), Rotation.identity())
    one = draw_cubes(BLACK, boxes(near), CAMERA, [RED])
    both = draw_cubes(BLACK, boxes(near, far), CAMERA, [RED, GREEN])
    plate = (one == RED).all(axis=2)[168:].sum()
    assert plate > 200
    assert (both == RED).all(axis=2)[168:].sum() == plate
    assert (both == GREEN).all(axis=2)[168:].sum() == plate


def test_a_cube_behind_the_camera_or_far_outside_is_no_trouble() -> None:
    turned = Rotation.from_euler("xyz", [0.3, 0.4, 0.5])
    for centre in ((0.0, 0, 0.0), (0.0, 0, -1), (0.0, 0, 0.06), (900.0, 0, 0.2)):
        assert not draw_cubes(BLACK, boxes((centre, turned)), CAMERA, [RED]).any()
    outside = draw_cubes(BLACK, boxes(((0.3, 0, 0.5), turned)), CAMERA, [RED])
    assert outside.shape == BLACK.shape
    assert draw_cubes(BLACK, boxes(), CAMERA, []).shape == BLACK.shape
