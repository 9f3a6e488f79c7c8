# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The oriented box of a visible surface, and how certain it is.

On a support plane: the smallest rectangle of the footprint, which has a side along an edge of its
convex hull (Freeman and Shapira, CACM 1975), and the heights over the plane. Without one: the
principal axes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import cv2
import numpy as np
from numpy.typing import NDArray

from vit_perception.space.objects import Plane
from vit_perception.space.smoothing import SMOOTHING
from vit_perception.space.surface import Surface
from vit_perception.space.uncertainty import centre_covariance, free_turns, standing_turns

# This share of the points at either end of an axis may be outliers.
_TAIL = 0.002
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """An oriented box.

    Attributes:
        centre: float64 [3].
        size: float64 [3], full sizes along its own axes.
        rotation: float64 [3, 3]; the columns are its axes.
        covariance: float64 [6, 6], of centre and rotation about x, y, z.
    """

    centre: NDArray[np.float64]
    size: NDArray[np.float64]
    rotation: NDArray[np.float64]
    covariance: NDArray[np.float64]


def standing_box(surface: Surface, support: Plane, reach_support: bool = False) -> Box:
    """Returns the box of a surface whose third axis is the normal of a plane.

    Its first axis is the longer side of the footprint, to the right in the image.

    Args:
        surface: of the thing.
        support: the plane.
        reach_support: whether the box goes down to the plane in any case.
    """
    normal = support.normal
    flat = _across(normal)
    footprint = flat.astype(np.float32) @ surface.smooth
    hull = np.asarray(cv2.convexHull(footprint.T)[:, 0], np.float32)
    angle = math.radians(cv2.minAreaRect(hull)[2])
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    axes = np.concatenate([turn @ flat, normal[None]])
    low, high = _ends(axes, surface)
    if surface.stands or reach_support:
        low[2] = min(-support.offset, float(high[2]))
    if high[1] - low[1] > high[0] - low[0]:
        axes, low, high, turn = axes[[1, 0, 2]], low[[1, 0, 2]], high[[1, 0, 2]], turn[::-1]
    centre = ((low + high) / 2) @ axes
    size = np.maximum(high - low, surface.noise)
    rotation = _facing(axes)
    covariance = np.zeros((6, 6))
    covariance[:3, :3] = centre_covariance(surface, centre)
    covariance[3:, 3:] = standing_turns(surface, support, rotation, size, turn @ hull.T)
    return Box(centre, size, rotation, covariance)


def free_box(surface: Surface) -> Box:
    """Returns the box of a surface along its principal axes, the longest first.

    The third axis points to the camera and the first to the right in the image.
    """
    points = surface.smooth
    mean = points.mean(axis=1, keepdims=True)
    centred = points - mean
    spread, columns = np.linalg.eigh((centred @ centred.T).astype(np.float64) / points.shape[1])
    low, high = _ends(columns.T, surface)
    order = np.argsort(low - high, kind="stable")
    axes, low, high = columns.T[order], low[order], high[order]
    centre = ((low + high) / 2) @ axes
    if axes[2] @ centre > 0:
        axes[2] *= -1
    size = np.maximum(high - low, surface.noise)
    rotation = _facing(axes)
    covariance = np.zeros((6, 6))
    covariance[:3, :3] = centre_covariance(surface, centre)
    covariance[3:, 3:] = free_turns(surface, rotation, spread[order])
    return Box(centre, size, rotation, covariance)


def _across(normal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns two directions on a plane, float64 [2, 3]; with its normal right-handed."""
    x, y, z = normal.tolist()
    # From the axis that is farthest from the normal.
    first = [[0.0, z, -y], [-z, 0.0, x], [y, -x, 0.0]][int(np.argmin(np.abs(normal)))]
    length = math.hypot(*first)
    a, b, c = (each / length for each in first)
    return np.array([[a, b, c], [y * c - z * b, z * a - x * c, x * b - y * a]])


def _facing(axes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns axes [3, 3], one a row, as a rotation with one a column.

    The third stays, the first points to the right in the image; where that is not clear, down.
    """
    first, _, third = axes.copy()
    if first[0] < -1e-6 or (abs(first[0]) <= 1e-6 and first[1] < 0):
        first = -first
    (a, b, c), (x, y, z) = first.tolist(), third.tolist()
    second = [y * c - z * b, z * a - x * c, x * b - y * a]
    return np.stack([first, np.array(second), third], axis=1)


def _ends(
    axes: NDArray[np.float64], surface: Surface
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns where a surface begins and ends along axes [3, 3], one a row: float64 [3] each.

    Outliers do not count, and noise does not make it larger.
    """
    values = axes.astype(np.float32) @ surface.smooth
    count = values.shape[1]
    tail = int(_TAIL * count)
    ordered = np.partition(values, (tail, count - 1 - tail), axis=1)
    low, high = (ordered[:, at].astype(np.float64) for at in (tail, count - 1 - tail))
    ray = surface.smooth[:, count // 2].astype(np.float64)
    shares = np.abs(axes @ ray) / math.sqrt(ray @ ray)
    noise = np.minimum(surface.scatter, surface.noise) * SMOOTHING * shares
    # The more points lie near an end, the farther out is the outermost one: a face across the
    # axis has many, an edge few.
    for axis, row in enumerate(values):
        inner = low[axis] + 3 * noise[axis], high[axis] - 3 * noise[axis]
        low[axis] += noise[axis] * _excess(tail + 1, int(np.count_nonzero(row < inner[0])))
        high[axis] -= noise[axis] * _excess(tail + 1, int(np.count_nonzero(row > inner[1])))
    # Outlines are seen across the ray.
    hidden = surface.hidden * np.sqrt(np.maximum(1 - shares**2, 0))
    low -= hidden
    high += hidden
    middle = (low + high) / 2
    return np.minimum(low, middle), np.maximum(high, middle)


def _excess(rank: int, count: int) -> float:
    """Returns where the rank-th largest of some normal deviates is expected."""
    share = rank / (count + 1)
    return _NORMAL.inv_cdf(1 - share) if share < 0.5 else 0.0
