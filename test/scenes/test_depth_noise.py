# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from vit_perception.scenes.depth_noise import (
    D435,
    KINECT,
    SENSORS,
    DepthSensor,
    slopes,
    surface_angles,
)

FOCAL = 600.0
INTRINSICS = np.array([[FOCAL, 0, 159.5], [0, FOCAL, 119.5], [0, 0, 1]])
BOTH = pytest.mark.parametrize("sensor", SENSORS.values(), ids=SENSORS)


def plane(distance: float, degrees: float = 0.0) -> np.ndarray:
    """Returns the depth of a plane that is turned about the picture's y, 240 x 320."""
    x = (np.arange(320) - INTRINSICS[0, 2]) / FOCAL
    row = distance / (1 - np.tan(np.radians(degrees)) * x)
    return np.tile(row.astype(np.float32), (240, 1))


def box_before_wall(near: float = 0.6, far: float = 1.0) -> np.ndarray:
    depth = plane(far)
    depth[60:180, 120:220] = near
    return depth


def measured(sensor: DepthSensor, depth: np.ndarray, seed: int = 0) -> np.ndarray:
    return sensor.measure(depth, INTRINSICS, np.random.default_rng(seed))


@BOTH
@pytest.mark.parametrize("distance", [0.5, 0.8, 1.2])
@pytest.mark.parametrize("degrees", [0.0, 50.0])
def test_error_along_the_axis_is_as_published(
    sensor: DepthSensor, distance: float, degrees: float
) -> None:
    exact = plane(distance, degrees)
    frames = np.stack([measured(sensor, exact, seed) for seed in range(6)])
    inside = np.s_[:, 40:-40, 120:200]
    error = (frames - exact)[inside]
    expected = sensor.axial_sigma(exact, np.full(exact.shape, np.radians(degrees)))
    assert np.isfinite(error).all()
    # Rounding to millimetres adds a little.
    assert error.std() == pytest.approx(expected[40:-40, 120:200].mean(), rel=0.15, abs=0.0003)
    assert abs(error.mean()) < 0.35 * error.std()


def test_the_published_figures() -> None:
    flat = np.zeros(2)
    # Grunnet-Jepsen et al.: 0.08 px of 424 px and 50 mm.
    np.testing.assert_allclose(
        D435.axial_sigma(np.array([1.0, 2.0]), flat), [0.00377, 0.01509], rtol=0.01
    )
    # Nguyen et al.: 1.2 mm at 0.4 m, 6.1 mm at 2 m.
    np.testing.assert_allclose(
        KINECT.axial_sigma(np.array([0.4, 2.0]), flat), [0.0012, 0.00606], rtol=0.01
    )
    np.testing.assert_allclose(KINECT.lateral_sigma(np.radians([0, 60])), [0.8, 0.87], rtol=0.01)


def test_kinect_depth_has_steps_of_an_eighth_pixel() -> None:
    found = np.unique(measured(KINECT, plane(1.0)))
    # 2.9 mm at 1 m (Khoshelham and Elberink 2012).
    assert np.diff(found).mean() == pytest.approx(1 / 8 / (580 * 0.075), rel=0.1)


@BOTH
def test_neighbours_err_alike(sensor: DepthSensor) -> None:
    error = measured(sensor, plane(1.0)) - 1.0
    error = error[20:-20, 60:-60]
    error = error - error.mean()
    beside = (error[:, 1:] * error[:, :-1]).mean() / (error**2).mean()
    apart = (error[:, 40:] * error[:, :-40]).mean() / (error**2).mean()
    assert beside > 0.5
    assert abs(apart) < 0.15


@BOTH
def test_shadow_of_the_second_imager_lies_to_the_left(sensor: DepthSensor) -> None:
    near, far = 0.6, 1.0
    holes = np.isnan(measured(sensor, box_before_wall(near, far)))[70:170]
    wide = FOCAL * sensor.baseline * (1 / near - 1 / far)
    # Less than the shadow's own length is in the picture's middle.
    left, right = holes[:, :120].sum(axis=1), holes[:, 220:].sum(axis=1)
    assert left.mean() == pytest.approx(wide, abs=3)
    assert right.mean() < 3
    # Nothing far from edges is lost.
    assert not holes[:, 130:210].any()


@BOTH
def test_edges_have_holes_and_waver(sensor: DepthSensor) -> None:
    exact = box_before_wall()
    frames = np.stack([measured(sensor, exact, seed) for seed in range(4)])[:, 70:170]
    # The right edge: no shadow there.
    rim = frames[..., 216:225]
    assert 0.03 < np.isnan(rim).mean() < 0.5
    ends = (np.nan_to_num(frames, nan=9.0)[..., 160:230] < 0.7).sum(axis=-1).std()
    assert 0.3 < ends < 3


@BOTH
def test_what_is_out_of_reach_has_no_depth(sensor: DepthSensor) -> None:
    depth = plane(1.0)
    depth[:60] = sensor.nearest * 0.8
    depth[60:120] = np.inf
    depth[120:180] = 0
    found = measured(sensor, depth)
    assert np.isnan(found[:55]).all()
    assert np.isnan(found[60:180]).all()
    assert np.isfinite(found[190:, 60:]).all()
    assert found.dtype == np.float32


@BOTH
def test_grazed_surfaces_have_no_depth(sensor: DepthSensor) -> None:
    assert np.isnan(measured(sensor, plane(1.0, 84.0))[20:-20, 150:170]).all()


@BOTH
def test_the_same_seed_gives_the_same_depth(sensor: DepthSensor) -> None:
    exact = box_before_wall()
    np.testing.assert_array_equal(measured(sensor, exact, 3), measured(sensor, exact, 3))
    assert not np.array_equal(measured(sensor, exact, 3), measured(sensor, exact, 4))


@pytest.mark.parametrize("degrees", [0.0, 30.0, 70.0])
def test_angle_between_ray_and_surface(degrees: float) -> None:
    inverse = 1 / plane(0.8, degrees)
    angle = np.degrees(surface_angles(inverse, *slopes(inverse), INTRINSICS))
    # The ray through the middle is the axis.
    assert angle[119, 159] == pytest.approx(degrees, abs=0.3)
