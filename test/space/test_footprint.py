# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import cv2
import numpy as np
import pytest

from vit_perception.space.footprint import rectangle_angle


def hull_of(points: np.ndarray, turn: float) -> np.ndarray:
    """The hull of points [N, 2] that were turned by an angle."""
    cos, sin = np.cos(turn), np.sin(turn)
    turned = points @ np.array([[cos, sin], [-sin, cos]])
    return np.asarray(cv2.convexHull(turned.astype(np.float32)), np.float32)


def apart(one: float, other: float) -> float:
    """Radians between two directions of sides, which are alike modulo a right angle."""
    return abs((one - other + np.pi / 4) % (np.pi / 2) - np.pi / 4)


ROUND = np.linspace(0, 2 * np.pi, 200)
PAN = np.concatenate(
    [
        0.1 * np.stack([np.cos(ROUND), np.sin(ROUND)], 1),
        [[0.25, 0.01], [0.25, -0.01]],
    ]
)
BOX = np.array([[0, 0], [0.2, 0], [0.2, 0.1], [0, 0.1]])
CORNER = np.array([[0, 0], [0.2, 0], [0, 0.1]])
"""What is seen of a box from the side: two faces."""


@pytest.mark.parametrize("turn", [0.0, 0.3, 1.0, 2.0, 3.0])
def test_a_pan_lies_along_its_handle(turn: float) -> None:
    # The smallest rectangle would lean to either side.
    lean = apart(np.radians(cv2.minAreaRect(hull_of(PAN, 0.0))[2]), 0.0)
    assert lean > np.radians(5)
    assert apart(rectangle_angle(hull_of(PAN, turn)), turn) < np.radians(0.5)


def test_noise_does_not_turn_a_pan() -> None:
    rng = np.random.default_rng(0)
    angles = [
        rectangle_angle(hull_of(PAN + rng.normal(size=PAN.shape) * 0.001, 0.7)) for _ in range(50)
    ]
    assert max(apart(angle, 0.7) for angle in angles) < np.radians(3)


@pytest.mark.parametrize("points", [BOX, CORNER])
@pytest.mark.parametrize("turn", [0.0, 0.4, 1.2])
def test_a_box_keeps_its_sides(points: np.ndarray, turn: float) -> None:
    smallest = np.radians(cv2.minAreaRect(hull_of(points, turn))[2])
    assert apart(rectangle_angle(hull_of(points, turn)), smallest) < 1e-4


@pytest.mark.parametrize("points", [BOX[:1], BOX[:2], BOX[[0, 0, 0]]])
def test_a_point_and_a_line_have_a_direction(points: np.ndarray) -> None:
    assert np.isfinite(rectangle_angle(hull_of(points, 0.2)))
