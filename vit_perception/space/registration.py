# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Depth of one camera as another one beside it sees it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from vit_perception.space.camera_model import CameraModel
from vit_perception.space.crop import NEAREST
from vit_perception.space.rigid import Rigid

# A transform that moves nothing by more than this, in metres and as sine, is none.
_SAME_PLACE = 1e-6
# Matrices that differ by less than this share of a pixel's place are of one optical frame.
_SAME_VIEW = 1e-3
# A point that covers less is one pixel.
_ONE_PIXEL = 1.15
# Rays farther from the optical axis than this, at z = 1, are not drawn: 84 degrees.
_WIDEST = 10.0
# Two neighbours further apart than this share of their depth, and a margin in metres, belong to
# two surfaces, and nothing is filled in between.
_JUMP, _JUMP_MARGIN = 0.03, 0.01
# Metres; farther is no depth, and its products would overflow.
_FARTHEST = 1e3
# Pixels; what is seen farther outside stays there.
_FAR_OUTSIDE = 1e6


class RegistrationError(ValueError):
    """Depth that is not of its camera's size; one line."""


def registered(
    depth: NDArray[np.float32],
    depth_camera: CameraModel,
    camera: CameraModel,
    camera_from_depth: Rigid,
) -> NDArray[np.float32]:
    """Reprojects depth into the image of another camera.

    Every pixel of depth is moved, projected and drawn as large as the pixels it covers; where
    several fall on one, the nearest is kept. A depth image of the same camera is returned as it
    is, one of the same optical frame and another size is sampled.

    Args:
        depth: float32 [H, W], metres along z; NaN, 0 or infinite where unknown.
        depth_camera: that took it.
        camera: that sees the result.
        camera_from_depth: from the depth camera's optical frame to that of `camera`.

    Returns:
        float32 [camera.height, camera.width], metres along z of `camera`; NaN where unknown.

    Raises:
        RegistrationError: depth has another type, or another size than its camera.
    """
    size = (depth_camera.height, depth_camera.width)
    if depth.dtype != np.float32 or depth.shape != size:
        raise RegistrationError(
            f"depth: expected float32 {list(size)} like its camera_info, "
            f"found {depth.dtype} {list(depth.shape)}"
        )
    if _in_place(camera_from_depth):
        if _alike(depth_camera, camera, 1.0, 1.0):
            return depth
        if _alike(depth_camera, camera, camera.width / depth_camera.width,
                  camera.height / depth_camera.height):  # fmt: skip
            return _sampled(depth, camera)
    return _drawn(depth, depth_camera, camera, camera_from_depth)


def _in_place(transform: Rigid) -> bool:
    return bool(
        np.abs(transform.rotation - np.eye(3)).max() < _SAME_PLACE
        and np.abs(transform.translation).max() < _SAME_PLACE
    )


def _alike(one: CameraModel, other: CameraModel, x: float, y: float) -> bool:
    """Returns whether images of two cameras show the same, the other x and y times as large."""
    if one.model != other.model or not np.array_equal(one.distortion, other.distortion):
        return False
    if (round(one.width * x), round(one.height * y)) != (other.width, other.height):
        return False
    # The centre of the first pixel is at 0, 0; its corner, which stays, at -0.5.
    scale = np.array([x, y])
    centre = (one.matrix[:2, 2] + 0.5) * scale - 0.5
    focal = one.matrix[[0, 1], [0, 1]] * scale
    size = np.array([other.width, other.height])
    return bool(
        (np.abs(centre - other.matrix[:2, 2]) < _SAME_VIEW * size).all()
        and (np.abs(focal - other.matrix[[0, 1], [0, 1]]) < _SAME_VIEW * focal).all()
    )


def _sampled(depth: NDArray[np.float32], camera: CameraModel) -> NDArray[np.float32]:
    """Returns the nearest pixel of each; unknown stays unknown and no depths are mixed."""
    rows, columns = (
        np.minimum(((np.arange(new) + 0.5) * (old / new)).astype(np.int64), old - 1)
        for old, new in zip(depth.shape, (camera.height, camera.width), strict=True)
    )
    return np.ascontiguousarray(depth[rows[:, None], columns])


def _drawn(
    depth: NDArray[np.float32],
    depth_camera: CameraModel,
    camera: CameraModel,
    camera_from_depth: Rigid,
) -> NDArray[np.float32]:
    """Returns depth moved pixel by pixel."""
    grown_x, grown_y = (
        camera.matrix[[0, 1], [0, 1]] / depth_camera.matrix[[0, 1], [0, 1]]
    ).tolist()
    # Depth has no more to say than its own pixels: a finer image is drawn coarser, and each
    # of its pixels repeated.
    coarse = max(round(min(grown_x, grown_y)), 1)
    height, width = -(-camera.height // coarse), -(-camera.width // coarse)
    points = _points(depth, depth_camera, camera_from_depth)
    seen = _pixels(points[:2] / points[2], camera)
    seen += np.float32(0.5)
    seen /= coarse
    seen -= np.float32(0.5)
    np.clip(seen, -_FAR_OUTSIDE, _FAR_OUTSIDE, out=seen)
    result = np.full(height * width, np.inf, np.float32)
    for columns, rows, chosen in _covered(seen, grown_x / coarse, grown_y / coarse):
        inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
        _keep_nearest(
            result,
            rows[inside].astype(np.int64) * width + columns[inside],
            points[2][chosen][inside],
        )
    result[np.isinf(result)] = np.nan
    filled = _filled(result.reshape(height, width))
    if coarse == 1:
        return filled
    rows, columns = (np.arange(size) // coarse for size in (camera.height, camera.width))
    return np.ascontiguousarray(filled[rows[:, None], columns])


def _points(
    depth: NDArray[np.float32], depth_camera: CameraModel, camera_from_depth: Rigid
) -> NDArray[np.float32]:
    """Returns the points of known depth before the other camera: float32 [3, N]."""
    x, y = depth_camera.ray_map()
    index = np.flatnonzero((depth > 0) & (depth < _FARTHEST))
    points = np.empty((3, len(index)), np.float32)
    points[2] = depth.ravel()[index]
    np.multiply(x.ravel()[index], points[2], out=points[0])
    np.multiply(y.ravel()[index], points[2], out=points[1])
    points = camera_from_depth.rotation.astype(np.float32) @ points
    points += camera_from_depth.translation.astype(np.float32)[:, None]
    ahead = points[2] > NEAREST
    return points if ahead.all() else points[:, ahead]


def _pixels(rays: NDArray[np.float32], camera: CameraModel) -> NDArray[np.float32]:
    """Returns where rays [2, N], at z = 1, are seen: float32 [2, N]; -1000 far outside."""
    if not _bent(camera):
        seen = camera.matrix[:2, :2].astype(np.float32) @ rays
        seen += camera.matrix[:2, 2:].astype(np.float32)
        return np.asarray(seen, np.float32)
    table, low, scale = _table(
        np.asarray(camera.matrix, np.float64).tobytes(),
        np.asarray(camera.distortion, np.float64).tobytes(),
        camera.model,
        camera.width,
        camera.height,
    )
    places = (rays - low[:, None]) * scale[:, None]
    # OpenCV's maps have at most 32767 rows.
    count = rays.shape[1]
    # Without a point at least one row: they take no empty ones.
    shape = (max(-(-count // 1024), 1), 1024)
    maps = np.full((2, shape[0] * 1024), -9.0, np.float32)
    maps[:, :count] = places
    seen = np.empty((2, count), np.float32)
    for axis in range(2):
        found = cv2.remap(
            table[axis],
            maps[0].reshape(shape),
            maps[1].reshape(shape),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=-1000.0,
        )
        seen[axis] = np.asarray(found).ravel()[:count]
    return seen


def _bent(camera: CameraModel) -> bool:
    return camera.model in ("equidistant", "fisheye") or bool(np.any(camera.distortion))


# Robots have few cameras.
@lru_cache(maxsize=4)
def _table(
    matrix: bytes, distortion: bytes, model: str, width: int, height: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Returns where a camera with distortion sees rays.

    Its own formula takes five times as long, and sees what is far outside the image in it again.

    Returns:
        float32 [2, n, m], pixels x and y of rays on a regular grid; the grid's first ray [2]; and
        its cells per unit [2].
    """
    camera = CameraModel(
        np.frombuffer(matrix).reshape(3, 3), np.frombuffer(distortion), model, width, height
    )
    rays = np.clip(camera.ray_map(), -_WIDEST, _WIDEST)
    low, high = rays.min(axis=(1, 2)), rays.max(axis=(1, 2))
    margin = (high - low) * 0.01
    low, high = low - margin, high + margin
    x = np.linspace(low[0], high[0], width)
    y = np.linspace(low[1], high[1], height)
    grid = np.stack([*np.meshgrid(x, y), np.ones((height, width))], axis=-1)
    seen = camera.project(grid.reshape(-1, 3)).T.reshape(2, height, width)
    scale = np.array([width - 1, height - 1]) / np.maximum(high - low, 1e-9)
    return seen.astype(np.float32), low.astype(np.float32), scale.astype(np.float32)


def _covered(
    seen: NDArray[np.float32], wide: float, high: float
) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.bool_] | slice]]:
    """Yields columns and rows of the pixels that points cover, and of which points they are.

    Args:
        seen: float32 [2, N], x y.
        wide, high: pixels that a point covers.
    """
    if wide < _ONE_PIXEL and high < _ONE_PIXEL:
        # Cracks are filled afterwards.
        columns, rows = np.rint(seen).astype(np.int32)
        yield columns, rows, slice(None)
        return
    x, y = seen
    left = np.ceil(x - wide / 2).astype(np.int32)
    top = np.ceil(y - high / 2).astype(np.int32)
    for down in range(math.ceil(high)):
        for right in range(math.ceil(wide)):
            columns, rows = left + right, top + down
            chosen = (columns < x + wide / 2) & (rows < y + high / 2)
            yield columns[chosen], rows[chosen], chosen


def _keep_nearest(
    result: NDArray[np.float32], at: NDArray[np.int64], z: NDArray[np.float32]
) -> None:
    """Writes depths [N] to pixels [N] where they are nearer than what is there."""
    # Of several that fall on one pixel any may be written; those still nearer try again.
    while len(at):
        nearer = np.flatnonzero(z < result[at])
        at, z = at[nearer], z[nearer]
        result[at] = z


def _filled(depth: NDArray[np.float32]) -> NDArray[np.float32]:
    """Fills cracks: unknown pixels between two known ones of one surface. Changes its input."""
    for _ in range(2):
        for sides in (depth, depth.T):
            one, other = sides[:, :-2], sides[:, 2:]
            row, column = np.nonzero(np.isnan(sides[:, 1:-1]))
            first, second = one[row, column], other[row, column]
            near = np.abs(first - second) < _JUMP_MARGIN + _JUMP * first
            sides[row[near], column[near] + 1] = np.maximum(first, second)[near]
    return depth
