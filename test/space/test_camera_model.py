# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from vit_perception.space.camera_model import CameraModel, CameraModelError

K = np.array([[600.0, 0, 320], [0, 610, 240], [0, 0, 1]])
POINTS = np.array([[0.0, 0, 1], [0.3, -0.2, 1], [-0.4, 0.25, 1], [0.1, 0.3, 1]])
PLUMB_BOB = np.array([0.05, -0.1, 0.001, -0.002, 0.02])


def intrinsics(**changes: Any) -> CameraModel:
    values = {"matrix": K, "distortion": np.zeros(0), "model": "", "width": 640, "height": 480}
    return CameraModel(**values | changes)


def test_a_pinhole_without_distortion() -> None:
    pixels = POINTS @ K.T
    np.testing.assert_allclose(intrinsics().rays(pixels[:, :2]), POINTS, atol=1e-9)
    assert intrinsics().rays(np.zeros((0, 2))).shape == (0, 3)


@pytest.mark.parametrize(
    ("model", "distortion"),
    [
        ("plumb_bob", PLUMB_BOB),
        ("rational_polynomial", np.array([*PLUMB_BOB, 0.01, 0.002, 0.001])),
    ],
)
def test_rays_undo_the_distortion(model: str, distortion: np.ndarray) -> None:
    pixels, _ = cv2.projectPoints(POINTS, np.zeros(3), np.zeros(3), K, distortion)
    rays = intrinsics(model=model, distortion=distortion).rays(pixels.reshape(-1, 2))
    np.testing.assert_allclose(rays, POINTS, atol=2e-4)


@pytest.mark.parametrize("distortion", [[0.02, -0.01, 0.003, -0.001], [0.0] * 4, []])
@pytest.mark.parametrize("model", ["equidistant", "fisheye"])
def test_rays_of_a_fisheye(model: str, distortion: list[float]) -> None:
    pixels, _ = cv2.fisheye.projectPoints(
        POINTS.reshape(-1, 1, 3), np.zeros(3), np.zeros(3), K, np.array(distortion or [0.0] * 4)
    )
    rays = intrinsics(model=model, distortion=np.array(distortion)).rays(pixels.reshape(-1, 2))
    np.testing.assert_allclose(rays, POINTS, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"matrix": np.zeros((3, 3))}, "expected positive focal lengths, found 0 and 0"),
        ({"matrix": np.eye(2)}, "expected 3 x 3 finite numbers"),
        ({"matrix": K * np.nan}, "expected 3 x 3 finite numbers"),
        ({"model": "pinhole\n"}, r"expected one of plumb_bob, .*, found 'pinhole\\n'"),
        ({"model": "plumb_bob", "distortion": np.zeros(3)}, "0 or 4 or 5 finite .* found 3"),
        ({"distortion": np.ones(5)}, "expected 0 finite coefficients for no model, found 5"),
        ({"model": "plumb_bob", "distortion": np.full(5, np.inf)}, "finite coefficients"),
    ],
)
def test_what_is_no_camera_is_refused(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(CameraModelError, match=text):
        intrinsics(**changes)


@pytest.mark.parametrize(
    ("model", "distortion"),
    [
        ("", []),
        ("plumb_bob", PLUMB_BOB),
        ("rational_polynomial", [*PLUMB_BOB, 0.01, 0.002, 0.001]),
        ("equidistant", [0.02, -0.01, 0.003, -0.001]),
    ],
)
def test_projection_undoes_rays(model: str, distortion: Any) -> None:
    camera = intrinsics(model=model, distortion=np.asarray(distortion, np.float64))
    pixels = camera.project(POINTS * 2.5)
    np.testing.assert_allclose(camera.rays(pixels), POINTS, atol=5e-4)
    assert camera.project(np.zeros((0, 3))).shape == (0, 2)
    rays = camera.ray_map()
    assert rays.shape == (2, 480, 640) and rays.dtype == np.float32
    np.testing.assert_allclose(
        rays[:, 100, 200], camera.rays(np.array([[200.0, 100]]))[0, :2], atol=1e-6
    )
    assert camera.ray_map() is rays


def test_region_and_binning_shift_and_scale_the_matrix() -> None:
    whole = CameraModel.of_info(width=640, height=480, k=K.ravel())
    point = np.array([[0.1, 0.05, 1.0]])
    at = whole.project(point)[0]
    region = CameraModel.of_info(width=640, height=480, k=K.ravel(), roi=(100, 50, 400, 300))
    np.testing.assert_allclose(region.project(point)[0], at - (100, 50))
    assert (region.width, region.height) == (400, 300)
    binned = CameraModel.of_info(
        width=640, height=480, k=K.ravel(), roi=(100, 50, 400, 300), binning=(2, 4)
    )
    np.testing.assert_allclose(binned.project(point)[0], (at - (100, 50)) / (2, 4))
    assert (binned.width, binned.height) == (200, 75)
    assert CameraModel.of_info(width=640, height=480, k=K.ravel(), binning=(0, 0)).width == 640


def test_a_rectified_image_has_the_projection_matrix_and_no_distortion() -> None:
    p = [500.0, 0, 300, 0, 0, 500, 200, 0, 0, 0, 1, 0]
    info = {
        "width": 640,
        "height": 480,
        "k": K.ravel(),
        "d": PLUMB_BOB,
        "model": "plumb_bob",
        "p": p,
    }
    camera = CameraModel.of_info(**info, rectified=True)
    np.testing.assert_allclose(camera.project(np.array([[0.2, 0.1, 2.0]])), [[350, 225]])
    assert CameraModel.of_info(**info).distortion.size == 5
    with pytest.raises(CameraModelError, match="positive focal lengths, found 0 and 0"):
        CameraModel.of_info(**{**info, "p": np.zeros(12)}, rectified=True)


def test_simulators_fill_in_zeros() -> None:
    assert not len(intrinsics(distortion=np.zeros(5)).distortion)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"width": 0, "height": 0}, "expected an image of 1 to 67108864 px, found 0 x 0"),
        ({"width": 60000, "height": 60000}, "found 60000 x 60000"),
        ({"matrix": np.diag([1e-6, 610, 1])}, "found 1e-06 and 610"),
        ({"matrix": np.diag([600, 1e9, 1])}, "found 600 and 1e\\+09"),
        ({"matrix": np.diag([1e4, 100, 1])}, "differ by up to 20 times"),
        ({"matrix": K + np.array([[0, 0, 1e30], [0, 0, 0], [0, 0, 0]])}, "found 1e\\+30, 240"),
    ],
)
def test_numbers_that_no_camera_has_are_refused(changes: dict[str, Any], text: str) -> None:
    """They would ask for more memory than there is, or hang what draws their pixels."""
    with pytest.raises(CameraModelError, match=text):
        intrinsics(**changes)
