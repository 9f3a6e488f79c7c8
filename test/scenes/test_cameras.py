# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from vit_perception.scenes.cameras import MODELS, Pinhole, Vantage, aim
from vit_perception.scenes.settings import ARRANGEMENTS, CAMERAS, Choice, SceneSettings


def test_every_named_camera_has_a_model() -> None:
    assert set(MODELS) == set(CAMERAS)


def test_intrinsics_are_those_of_the_data_sheet_scaled() -> None:
    fov = MODELS["d435"].fov(640, 480)
    focal = Pinhole((0, 0, 1), (0, 0, 0), 0, fov).intrinsics(640, 480)[0, 0]
    assert focal == pytest.approx(615.0)
    # Half the size: half the focal length. A square is the middle of the 4:3 picture.
    half = Pinhole((0, 0, 1), (0, 0, 0), 0, MODELS["d435"].fov(320, 240)).intrinsics(320, 240)
    assert half[0, 0] == pytest.approx(615.0 / 2)
    square = Pinhole((0, 0, 1), (0, 0, 0), 0, MODELS["d435"].fov(416, 416)).intrinsics(416, 416)
    assert square[0, 0] == pytest.approx(615.0 * 416 / 480)
    webcam = MODELS["webcam"]
    diagonal = 2 * np.degrees(np.arctan(np.hypot(1280, 720) / 2 / webcam.focal))
    assert 70 <= diagonal <= 80
    assert 2 * np.degrees(np.arctan(640 / webcam.focal)) == pytest.approx(70.4, abs=0.5)


@pytest.mark.parametrize("name", CAMERAS)
def test_cameras_stay_where_they_belong(name: str) -> None:
    rng = np.random.default_rng(0)
    targets = np.array([[0.0, 0.0, 0.05], [0.1, 0.05, 0.03]])
    for _ in range(50):
        camera = aim(name, targets, [0.06, 0.05], [], Vantage(), (416, 416), rng)
        pose = camera.pose()
        assert pose[2, 3] >= 0.04
        assert np.allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-9)
        distance = np.linalg.norm(np.subtract(camera.place, camera.target))
        assert 0.09 < distance < 1.7
        if name == "overhead":
            assert np.degrees(np.arccos(-pose[2, 2])) < 10.5
            assert 0.55 < distance < 1.25
        if name == "d405_wrist":
            assert distance < 0.41


def test_a_shelf_is_looked_at_from_the_front() -> None:
    rng = np.random.default_rng(1)
    front = Vantage((-128.0, -52.0), (-4.0, 28.0), 0.22)
    for name in CAMERAS:
        camera = aim(name, np.zeros((1, 3)), [0.1], [], front, (416, 416), rng)
        assert camera.place[1] < 0


def test_settings_refuse_what_cannot_be() -> None:
    assert set(SceneSettings().arrangements) == set(ARRANGEMENTS)
    with pytest.raises(ValueError, match="arrangements: expected scattered, .* found heap"):
        SceneSettings(arrangements={"heap": 1.0})
    with pytest.raises(ValueError, match="cameras: expected .* found kinect"):
        SceneSettings(cameras={"kinect": 1.0})
    with pytest.raises(ValueError, match="sum of weights above 0"):
        SceneSettings(arrangements={"pile": 0.0})
    with pytest.raises(ValueError, match="weights of 0 or more, found -1"):
        SceneSettings(arrangements={"pile": -1.0, "bin": 2.0})
    with pytest.raises(ValueError, match="views: expected 1 or more, found 0"):
        SceneSettings(views=0)
    with pytest.raises(ValueError, match="hard_light: expected 0 to 1, found 2"):
        SceneSettings(hard_light=2)
    with pytest.raises(ValueError, match="shown: expected 0 to 0, found 1"):
        Choice((), 1)
