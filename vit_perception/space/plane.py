# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The plane that things stand on.

A plane is linear in inverse depth: 1 / z = a x + b y + c for the ray (x, y, 1). There the noise
of a stereo camera is about the same everywhere, and a least squares fit has no bias.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.masks import Masks
from vit_perception.space.camera_model import CameraModel
from vit_perception.space.crop import NEAREST
from vit_perception.space.noise import DepthNoise
from vit_perception.space.objects import Plane

# Pixels that are looked at, on a regular grid over the image, and those that hypotheses are
# scored with.
_SAMPLES = 2000
_SCORED = 250
# Where three random points of each hypothesis lie in the list of points; the same every time, so
# that the same image gives the same plane.
_DRAWS = np.random.default_rng(0).random((3, 80))
# A point belongs to the plane up to so many standard deviations.
_GATE = 3.0
# The least share of the points around the things, and number of points, that a plane has.
_SHARE, _FEWEST = 0.25, 30
# How far the plane may be from level where the direction of gravity is known.
_LEVEL = math.cos(math.radians(15))


def fit_plane(
    masks: Masks,
    depth: NDArray[np.float32],
    camera: CameraModel,
    noise: DepthNoise,
    max_range: float,
    gravity: NDArray[np.float64] | None = None,
) -> Plane | None:
    """Finds the plane that most of the surface around the masks belongs to.

    Random samples (Fischler and Bolles, CACM 1981) near the masks, then weighted least squares
    over the whole image. Things must not lie behind it.

    Args:
        masks: things, whose own pixels are not used; without any the whole image counts as near.
        depth: float32 [H, W], metres; NaN, 0 or infinite where unknown.
        camera: of the depth image.
        noise: of the depth camera.
        max_range: metres beyond which depth is not used.
        gravity: float64 [3], the direction down in the optical frame; the plane is level up to
            15 degrees.

    Returns:
        The plane, or None where less than a quarter of the surface around the masks is one.
    """
    step = max(1, int(math.sqrt(depth.size / _SAMPLES)))
    grid = slice(step // 2, None, step)
    z = depth[grid, grid].astype(np.float64)
    x, y = camera.ray_map()[:, grid, grid].astype(np.float64)
    taken, near = _places(masks, z.shape, step)
    known = (z >= NEAREST) & (z < max_range)
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = 1 / z
        # A pixel's distance from a plane in standard deviations of its noise is this weight
        # times that in inverse depth.
        weight = z * z / (noise.base + noise.scale * z * z)
    around = np.flatnonzero(known & near & ~taken)
    free = np.flatnonzero(known & ~taken)
    if len(around) < _FEWEST:
        around = free
    if len(around) < _FEWEST:
        return None
    samples = np.stack([x.ravel(), y.ravel(), inverse.ravel(), weight.ravel()])
    planes = _hypotheses(samples[:3, around])
    if gravity is not None:
        planes[_cosines(planes, gravity) < _LEVEL] = np.nan
    things = np.flatnonzero(known & taken)
    best = planes[np.argmax(_scores(planes, samples, around, things))]
    if not np.isfinite(best).all():
        return None
    fitted = _refined(best, samples[:, free])
    if fitted is None:
        return None
    if gravity is not None and _cosines(fitted[None], gravity)[0] < _LEVEL:
        return None
    with np.errstate(invalid="ignore"):
        on_it = np.abs(_residuals(fitted[None], samples)[0]) < _GATE
    if np.count_nonzero(on_it[around]) < max(_FEWEST, _SHARE * len(around)):
        return None
    x, y, inverse, _ = samples[:, free[on_it[free]]]
    length = float(np.linalg.norm(fitted))
    heights = (1 - (fitted[0] * x + fitted[1] * y + fitted[2]) / inverse) / length
    return Plane(-fitted / length, 1 / length, len(x), float(heights.std()))


def _places(
    masks: Masks, shape: tuple[int, ...], step: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Returns which samples lie on a thing and which near one: bool, of the grid's shape."""
    taken, near = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    if not len(masks):
        near[:] = True
    for (left, top), crop in zip(masks.origins.tolist(), masks.crops, strict=True):
        if not crop.size:
            continue
        # The first sample at or after the crop's first pixel.
        i, j = ((at + step - 1 - step // 2) // step for at in (top, left))
        part = crop[i * step + step // 2 - top :: step, j * step + step // 2 - left :: step]
        height, width = part.shape
        taken[i : i + height, j : j + width] |= part
        margin = 3 + max(crop.shape) // (3 * step)
        near[max(i - margin, 0) : i + height + margin, max(j - margin, 0) : j + width + margin] = (
            True
        )
    return taken, near


def _hypotheses(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns planes [N, 3] (a, b, c) through three of the points [3, M] each; NaN if in line."""
    first, second, third = points[:, (_DRAWS * points.shape[1]).astype(np.int64)].transpose(
        1, 0, 2
    )
    one, other = second - first, third - first
    determinant = one[0] * other[1] - one[1] * other[0]
    determinant[np.abs(determinant) < 1e-5] = np.nan
    a = (one[2] * other[1] - one[1] * other[2]) / determinant
    b = (one[0] * other[2] - one[2] * other[0]) / determinant
    return np.stack([a, b, first[2] - a * first[0] - b * first[1]], axis=1)


def _cosines(planes: NDArray[np.float64], gravity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the cosines between the planes' normals and up."""
    length = np.linalg.norm(planes, axis=1) * np.linalg.norm(gravity)
    return np.asarray(planes @ gravity / length, np.float64)


def _scores(
    planes: NDArray[np.float64],
    samples: NDArray[np.float64],
    around: NDArray[np.int64],
    things: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Returns the share of points on each plane less that of things behind it."""
    planes = planes.astype(np.float32)
    points = samples[:, around[:: -(-len(around) // _SCORED)]].astype(np.float32)
    score = _share(np.abs(_residuals(planes, points)) < _GATE)
    if len(things):
        points = samples[:, things[:: -(-len(things) // _SCORED)]].astype(np.float32)
        score -= _share(_residuals(planes, points) > 2 * _GATE)
    score[~np.isfinite(planes[:, 0])] = -2
    return score


def _share(chosen: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Returns the share of each row that is True; quicker than a mean."""
    count = chosen.shape[1]
    return np.asarray(chosen.astype(np.float32) @ np.full(count, 1 / count, np.float32))


def _residuals(planes: NDArray[Any], points: NDArray[Any]) -> NDArray[Any]:
    """Returns how far points [4, M] lie behind planes [N, 3], in standard deviations: [N, M]."""
    x, y, inverse, weight = points
    return np.asarray(planes @ np.stack([x * weight, y * weight, weight]) - inverse * weight)


def _refined(
    plane: NDArray[np.float64], points: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """Returns the least squares fit of all points [4, M] that belong to a plane."""
    x, y, inverse, weight = points
    rows = np.stack([x * weight, y * weight, weight])
    weighted = inverse * weight
    for _ in range(2):
        inside = np.abs(plane @ rows - weighted) < _GATE
        if np.count_nonzero(inside) < _FEWEST:
            return None
        used = rows * inside
        try:
            plane = np.linalg.solve(used @ rows.T, used @ weighted)
        except np.linalg.LinAlgError:
            return None
    return plane
