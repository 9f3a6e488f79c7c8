# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What it costs to place ten things in space, at 640 x 480 on one core.

Ten boxes stand on a table in front of a camera that looks down at 50 degrees from 0.85 m; depth
has the noise of a RealSense D435. Times are of this thread alone, so that other programs on the
machine count less. Registering depth to a colour camera beside it is measured separately.

    python benchmarks/localization_speed.py --rounds 300
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from vit_perception.masks import Masks
from vit_perception.space.camera_model import CameraModel
from vit_perception.space.locate import locate
from vit_perception.space.plane import fit_plane
from vit_perception.space.registration import registered
from vit_perception.space.rigid import Rigid
from vit_perception.space.settings import SpaceSettings

WIDTH, HEIGHT, FOCAL = 640, 480, 600.0
DISTANCE, TILT = 0.85, np.radians(50)


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=300)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    settings = SpaceSettings()
    camera = pinhole(FOCAL)
    depth, masks = scene(camera, settings)
    plane = fit_plane(masks, depth, camera, settings.noise, settings.max_range)
    found = locate(masks, depth, camera)
    assert len(found) == 10 and plane is not None
    beside = Rigid(np.eye(3), np.array([0.015, 0.0, 0.0]))
    calls: dict[str, Callable[[], object]] = {
        "locate, 10 things": lambda: locate(masks, depth, camera, surfaces=False),
        "the same, support plane given": lambda: locate(
            masks, depth, camera, support=plane, surfaces=False
        ),
        "the same, with the clouds of the things": lambda: locate(masks, depth, camera),
        "support plane alone": lambda: fit_plane(
            masks, depth, camera, settings.noise, settings.max_range
        ),
        "cloud of all points": lambda: cloud(depth, camera),
        "registered, camera beside it": lambda: registered(
            depth, camera, pinhole(FOCAL + 10), beside
        ),
    }
    load = os.getloadavg()[0]
    table = Table("", "median ms", "least ms", title=f"{WIDTH}x{HEIGHT}, load average {load:.1f}")
    for name, call in calls.items():
        milliseconds = timed(call, options.rounds)
        table.add_row(name, f"{np.median(milliseconds):.2f}", f"{milliseconds.min():.2f}")
    Console().print(table)
    print(f"pixels of the masks: {', '.join(map(str, masks.areas()))}")
    return 0


def timed(call: Callable[[], object], rounds: int) -> NDArray[np.float64]:
    """Returns milliseconds of this thread, one a round."""
    result = np.empty(rounds)
    call()
    for index in range(rounds):
        begin = time.thread_time_ns()
        call()
        result[index] = (time.thread_time_ns() - begin) / 1e6
    return result


def pinhole(focal: float) -> CameraModel:
    """Returns a camera without distortion."""
    matrix = np.array([[focal, 0, WIDTH / 2 - 0.5], [0, focal, HEIGHT / 2 - 0.5], [0, 0, 1]])
    return CameraModel(matrix, np.zeros(0), "", WIDTH, HEIGHT)


def cloud(depth: NDArray[np.float32], camera: CameraModel) -> NDArray[np.float32]:
    """Returns the points of a whole depth image: float32 [3, H, W]."""
    points = np.empty((3, *depth.shape), np.float32)
    np.multiply(camera.ray_map(), depth, out=points[:2])
    points[2] = depth
    return points


def scene(camera: CameraModel, settings: SpaceSettings) -> tuple[NDArray[np.float32], Masks]:
    """Returns depth and masks of ten boxes on a table."""
    up = np.array([0.0, -np.cos(TILT), -np.sin(TILT)])
    across = np.array([[1.0, 0, 0], np.cross(up, [1.0, 0, 0])])
    rays = np.concatenate([camera.ray_map(), np.ones((1, HEIGHT, WIDTH), np.float32)])
    rays = np.moveaxis(rays.astype(np.float64), 0, -1)
    origin = np.array([0.0, 0.0, DISTANCE])
    # The table; the camera is this high over it.
    layers = [-(DISTANCE * np.sin(TILT)) / (rays @ up)]
    half = np.array([0.045, 0.035, 0.03])
    for index in range(10):
        yaw = 0.3 * index
        turn = np.array([[np.cos(yaw), np.sin(yaw)], [-np.sin(yaw), np.cos(yaw)]])
        axes = np.concatenate([turn @ across, up[None]])
        place = np.array([(index % 5 - 2) * 0.14, (index // 5 - 0.5) * 0.2])
        centre = origin + place @ across + half[2] * up
        with np.errstate(divide="ignore"):
            near = (axes @ centre - half) / (rays @ axes.T)
            far = (axes @ centre + half) / (rays @ axes.T)
        enters = np.minimum(near, far).max(axis=-1)
        layers.append(np.where(enters <= np.maximum(near, far).min(axis=-1), enters, np.inf))
    stack = np.stack(layers)
    ids, depth = stack.argmin(axis=0), stack.min(axis=0)
    noise = settings.noise.base + settings.noise.scale * depth**2
    depth = depth + np.random.default_rng(0).normal(size=depth.shape) * noise
    origins, crops = [], []
    for index in range(1, 11):
        y, x = np.nonzero(ids == index)
        origins.append((x.min(), y.min()))
        crops.append((ids == index)[y.min() : y.max() + 1, x.min() : x.max() + 1].copy())
    masks = Masks(np.array(origins, np.int64), tuple(crops), HEIGHT, WIDTH)
    return depth.astype(np.float32), masks


if __name__ == "__main__":
    sys.exit(main())
