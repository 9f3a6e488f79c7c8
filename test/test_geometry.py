# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from vit_perception.geometry import Intrinsics, IntrinsicsError

K = np.array([[600.0, 0, 320], [0, 610, 240], [0, 0, 1]])
POINTS = np.array([[0.0, 0, 1], [0.3, -0.2, 1], [-0.4, 0.25, 1], [0.1, 0.3, 1]])
PLUMB_BOB = np.array([0.05, -0.1, 0.001, -0.002, 0.02])


def intrinsics(**changes: Any) -> Intrinsics:
    values = {"matrix": K, "distortion": np.zeros(0), "model": "", "width": 640, "height": 480}
    return Intrinsics(**values | changes)


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
        ({"distortion": np.zeros(5)}, "expected 0 finite coefficients for no model, found 5"),
        ({"model": "plumb_bob", "distortion": np.full(5, np.inf)}, "finite coefficients"),
    ],
)
def test_what_is_no_camera_is_refused(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(IntrinsicsError, match=text):
        intrinsics(**changes)
