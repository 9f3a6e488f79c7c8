# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Boxes in space are as exact as promised, on rendered tables under real cameras' noise."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import vit_perception.scenes  # noqa: F401 (chooses the OpenGL library of mujoco)

pytest.importorskip("mujoco")

from vit_perception.api import load
from vit_perception.frame import Frame
from vit_perception.masks import Masks
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.scenes.depth_noise import SENSORS
from vit_perception.scenes.localization import (
    Errors,
    approach,
    boxes_of_exact_depth,
    depth_of,
    errors_of,
    jitter,
    passing,
    shots,
    standing,
    world_of,
)
from vit_perception.scenes.moving_camera import CameraFrame
from vit_perception.space.objects import Objects

from ..scenes.conftest import rendering  # noqa: F401 (a fixture)

ROOT = Path(__file__).parents[2]
ASSETS = Path(os.environ.get("VIT_PERCEPTION_SHARED", ROOT.parent / "shared")) / "assets"
VIEWS = 6
MOSTLY, HALF = 0.8, 0.5
"""Shares of a thing that are seen."""

pytestmark = [
    pytest.mark.skipif(not ASSETS.is_dir(), reason="no folder of assets"),
    pytest.mark.usefixtures("rendering"),
]
BOTH = pytest.mark.parametrize("sensor", sorted(SENSORS))
FEW = pytest.param(4, id="few")
MANY = pytest.param(24, id="many", marks=pytest.mark.slow)
HOW_MANY = pytest.mark.parametrize("scenes", [FEW, MANY])
ONE_OR_MORE = pytest.mark.parametrize(
    "scenes", [pytest.param(1, id="one"), pytest.param(8, id="more", marks=pytest.mark.slow)]
)


@dataclass(frozen=True)
class View:
    """A frame, the boxes of its exact depth, and the depth of each sensor."""

    frame: CameraFrame
    exact: Objects
    depth: dict[str, np.ndarray]


@cache
def views(seed: int) -> tuple[View, ...]:
    """Returns a scene seen from far to near."""
    return tuple(
        View(
            frame,
            boxes_of_exact_depth(frame),
            {name: depth_of(frame, sensor, seed, n) for name, sensor in SENSORS.items()},
        )
        for n, frame in enumerate(shots([ASSETS], seed, approach(seed, VIEWS)))
    )


@cache
def perceiver() -> Perceiver:
    return load("tabletop_nano", threads=2)


def predicted(frame: CameraFrame) -> Masks:
    names = sorted({placed.thing.category for placed in frame.truth.objects})
    masks = perceiver()(Frame(frame.rgb), names=names).masks
    assert masks is not None
    return masks


def millimetres(values: np.ndarray, share: float) -> float:
    return float(1000 * np.percentile(values, share))


@BOTH
@HOW_MANY
def test_true_masks(sensor: str, scenes: int) -> None:
    seen = [view for seed in range(scenes) for view in views(seed)]
    errors = Errors.joined([errors_of(view.frame, view.depth[sensor]) for view in seen])
    assert len(errors.asset) > 20 * scenes
    assert len(errors.missed) <= 0.02 * len(errors.asset)
    assert millimetres(errors.centre, 50) <= 5
    assert np.nanmedian(errors.yaw) <= 5
    assert (np.median(errors.size, axis=0) <= 0.15).all()


@BOTH
@HOW_MANY
def test_noise_moves_boxes_little(sensor: str, scenes: int) -> None:
    seen = [view for seed in range(scenes) for view in views(seed)]
    errors = Errors.joined(
        [errors_of(view.frame, view.depth[sensor], reference=view.exact) for view in seen]
    )
    assert millimetres(errors.centre, 50) <= 5
    # Of what others hide, noise may take thin parts away whole; a few scenes have few of these.
    share = MOSTLY if scenes < 10 else HALF
    assert millimetres(errors.seen(share).centre, 95) <= 15


@BOTH
@HOW_MANY
def test_predicted_masks(sensor: str, scenes: int) -> None:
    seen = [view for seed in range(scenes) for view in views(seed)]
    errors = Errors.joined(
        [errors_of(view.frame, view.depth[sensor], predicted(view.frame)) for view in seen]
    )
    assert len(errors.asset) > 5 * scenes
    assert millimetres(errors.centre, 50) <= 12


@BOTH
@ONE_OR_MORE
def test_boxes_stand_still_with_the_camera(sensor: str, scenes: int) -> None:
    found: list[float] = []
    for seed in range(scenes):
        # The exact depth is the same in all frames: one of them is enough.
        frame = next(shots([ASSETS], seed, standing(seed, 2)))
        depths = (depth_of(frame, SENSORS[sensor], seed, 1000 + n) for n in range(60))
        found += jitter([errors_of(frame, depth) for depth in depths]).values()
    assert len(found) >= 3 * scenes
    assert millimetres(np.array(found), 50) <= 2


@BOTH
@ONE_OR_MORE
def test_the_transform_of_the_stamp_is_the_better_one(sensor: str, scenes: int) -> None:
    stamped, latest = [], []
    for seed in range(scenes):
        frames = list(shots([ASSETS], seed, passing(seed, 12)))
        for number, (frame, later) in enumerate(zip(frames, frames[1:], strict=False)):
            depth = depth_of(frame, SENSORS[sensor], seed, 2000 + number)
            stamped.append(errors_of(frame, depth))
            latest.append(errors_of(frame, depth, world=world_of(later)))
    right, wrong = Errors.joined(stamped), Errors.joined(latest)
    assert millimetres(right.centre, 50) <= 15
    assert millimetres(wrong.centre, 50) > 1.3 * millimetres(right.centre, 50)
