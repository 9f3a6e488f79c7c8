# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from test.space.scene import Solid, looking, render
from vit_perception.space.camera_model import CameraModel
from vit_perception.space.registration import RegistrationError, registered
from vit_perception.space.rigid import Rigid

SOLIDS = [
    Solid("box", (0.10, 0.06, 0.08)),
    Solid("ball", (0.08, 0.08, 0.08), (0.12, 0.10)),
    Solid("can", (0.07, 0.07, 0.12), (-0.10, -0.12)),
]
POSE = looking(0.7, 45)
BESIDE = Rigid(
    Rotation.from_euler("xyz", [0.01, -0.02, 0.005]).as_matrix(), np.array([0.03, 0.002, 0.001])
)


def camera(
    width: int, height: int, focal: float, model: str = "", distortion: tuple[float, ...] = ()
) -> CameraModel:
    matrix = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
    return CameraModel(matrix, np.array(distortion, np.float64), model, width, height)


SMALL, LARGE = camera(320, 240, 300), camera(640, 480, 600)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (LARGE, camera(640, 480, 610)),
        (SMALL, LARGE),
        (SMALL, camera(1280, 720, 900)),
        (camera(640, 480, 385), camera(1280, 720, 640)),
        (camera(1280, 720, 900), LARGE),
        (
            camera(640, 480, 600, "plumb_bob", (0.1, -0.2, 0.001, -0.001, 0.0)),
            camera(640, 480, 610, "plumb_bob", (0.12, -0.25, 0.001, -0.001, 0.1)),
        ),
        (LARGE, camera(640, 480, 250, "equidistant", (0.02, -0.01, 0.0, 0.0))),
    ],
    ids=["offset", "twice", "three_times", "wider", "smaller", "distorted", "fisheye"],
)
def test_depth_as_a_camera_beside_it_sees_it(one: CameraModel, other: CameraModel) -> None:
    depth = render(SOLIDS, POSE, one).depth
    truth = render(SOLIDS, BESIDE @ POSE, other)
    found = registered(depth, one, other, BESIDE)
    assert found.shape == (other.height, other.width) and found.dtype == np.float32
    known = np.isfinite(found)
    error = np.abs(found - truth.depth)[known]
    assert np.median(error) < 0.001 and np.quantile(error, 0.95) < 0.006
    # Within what both see, only shadows of things have no depth.
    reached = cv2.erode(
        cv2.dilate(known.astype(np.uint8), np.ones((9, 9), np.uint8)), np.ones((15, 15), np.uint8)
    )
    assert (known | (reached == 0)).mean() > 0.985
    on_top = truth.ids == 0
    assert known[on_top].mean() > 0.98


def test_a_plane_has_no_holes_however_much_larger_it_is() -> None:
    depth = np.full((240, 320), 0.8, np.float32)
    for focal in (500.0, 600.0, 750.0, 900.0):
        other = camera(320, 240, focal)
        found = registered(depth, SMALL, other, Rigid(np.eye(3), np.array([0.02, 0.01, 0])))
        inside = found[20:-20, 30:-30]
        assert np.isfinite(inside).all()
        np.testing.assert_allclose(inside, 0.8, rtol=1e-6)


def test_the_nearest_hides_what_is_behind() -> None:
    depth = np.full((240, 320), 2.0, np.float32)
    depth[80:160, 120:200] = 0.5
    found = registered(depth, SMALL, SMALL, Rigid(np.eye(3), np.array([0.1, 0.0, 0.0])))
    # It moves by 60 pixels, what is behind it by 15.
    np.testing.assert_array_equal(found[85:155, 185:255], 0.5)
    # Its shadow stays unknown.
    assert np.isnan(found[90:150, 140:175]).all()
    assert set(np.unique(found[np.isfinite(found)])) == {np.float32(0.5), np.float32(2.0)}


def test_the_same_camera_returns_the_same_array() -> None:
    depth = np.ones((240, 320), np.float32)
    assert registered(depth, SMALL, camera(320, 240, 300), Rigid.identity()) is depth


@pytest.mark.parametrize(("one", "other"), [(SMALL, LARGE), (LARGE, SMALL)])
def test_another_size_of_one_view_is_sampled(one: CameraModel, other: CameraModel) -> None:
    depth = render(SOLIDS, POSE, one).depth
    depth[50:60, 50:60] = np.nan
    found = registered(depth, one, other, Rigid.identity())
    truth = render(SOLIDS, POSE, other).depth
    assert found.shape == truth.shape and np.isnan(found).sum() > 20
    assert np.nanquantile(np.abs(found - truth), 0.95) < 0.003
    # No depth that was not there.
    assert np.isin(found[np.isfinite(found)], depth).all()


def test_unknown_depth_stays_unknown() -> None:
    for bad in (np.nan, 0.0, np.inf, -1.0):
        depth = np.full((240, 320), bad, np.float32)
        assert np.isnan(registered(depth, SMALL, LARGE, BESIDE)).all()


def test_what_lies_behind_the_other_camera_is_not_seen() -> None:
    depth = np.ones((240, 320), np.float32)
    back = Rigid(np.diag([1.0, -1.0, -1.0]), np.zeros(3))
    assert np.isnan(registered(depth, SMALL, SMALL, back)).all()


def test_depth_of_another_size_than_its_camera_is_refused() -> None:
    with pytest.raises(RegistrationError, match=r"expected float32 \[240, 320\] .* \[480, 640\]"):
        registered(np.ones((480, 640), np.float32), SMALL, LARGE, BESIDE)
    with pytest.raises(RegistrationError, match="found float64"):
        registered(np.ones((240, 320)), SMALL, LARGE, BESIDE)  # type: ignore[arg-type]


def test_a_crop_is_not_taken_for_another_size() -> None:
    shifted = replace(SMALL, matrix=SMALL.matrix + np.array([[0, 0, 40.0], [0, 0, 0], [0, 0, 0]]))
    depth = np.ones((240, 320), np.float32)
    depth[:, 100:] = 2.0
    found = registered(depth, SMALL, shifted, Rigid.identity())
    np.testing.assert_array_equal(found[:, 50:135], 1.0)
    np.testing.assert_array_equal(found[:, 145:], 2.0)


BENT = camera(64, 48, 60, "plumb_bob", (0.1, -0.2, 0.001, -0.001, 0.0))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [0.0, np.nan, np.inf, -1.0, 3e38, 1e-42])
@pytest.mark.parametrize("other", [camera(64, 48, 60), BENT], ids=["pinhole", "bent"])
def test_depth_without_anything_known(value: float, other: CameraModel) -> None:
    depth = np.full((48, 64), value, np.float32)
    found = registered(depth, camera(64, 48, 50), other, BESIDE)
    assert found.shape == (48, 64) and (found >= 0.0).sum() == 0


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("move", [[1e13, 0, 0], [0, 0, -1 + 1e-7], [0, 0, -1e13]])
def test_depth_moved_out_of_sight_is_unknown(move: list[float]) -> None:
    depth = np.ones((48, 64), np.float32)
    for other in (camera(64, 48, 60), BENT):
        moved = registered(depth, camera(64, 48, 50), other, Rigid(np.eye(3), np.array(move)))
        assert np.isnan(moved).all()


def test_a_much_finer_image_takes_no_more_memory_than_its_pixels() -> None:
    depth = np.ones((48, 64), np.float32)
    found = registered(depth, camera(64, 48, 0.1), camera(64, 48, 1e6), BESIDE)
    assert found.shape == (48, 64)


@pytest.mark.filterwarnings("error")
def test_an_image_of_one_pixel() -> None:
    one = camera(1, 1, 60, "plumb_bob", (0.1, -0.2, 0.001, -0.001, 0.0))
    depth = np.ones((48, 64), np.float32)
    assert registered(depth, camera(64, 48, 50), one, Rigid.identity()).tolist() == [[1.0]]
