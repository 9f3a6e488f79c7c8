# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Oriented boxes of visible surfaces.

On a support plane: the smallest rectangle of the footprint, which has a side along an edge of its
convex hull (Freeman and Shapira, CACM 1975), and the heights over the plane. Without one: the
principal axes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import cv2
import numpy as np
from numpy.typing import NDArray

from vit_perception.space.objects import Plane
from vit_perception.space.smoothing import SMOOTHING
from vit_perception.space.surface import Surface
from vit_perception.space.uncertainty import centre_covariances, free_turns, standing_turns

# This share of the points at either end of an axis may be outliers.
_TAIL = 0.002
# Points within so much noise of an end may be its.
_BAND = 3.0
_NORMAL = NormalDist()
# A direction with less of x than this points neither to the right nor to the left.
_CLEAR = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """N oriented boxes.

    Attributes:
        centres: float64 [N, 3].
        sizes: float64 [N, 3], full sizes along their own axes.
        rotations: float64 [N, 3, 3]; the columns are the axes.
        covariances: float64 [N, 6, 6], of centre and rotation about x, y, z.
    """

    centres: NDArray[np.float64]
    sizes: NDArray[np.float64]
    rotations: NDArray[np.float64]
    covariances: NDArray[np.float64]


def standing_boxes(
    surfaces: Sequence[Surface],
    support: Plane,
    noise_share: float,
    reach_support: bool = False,
) -> Boxes:
    """Returns the boxes of surfaces whose third axis is the normal of a plane.

    The first axis is the longer side of the footprint, to the right in the image.

    Args:
        surfaces: of the things.
        support: the plane.
        noise_share: share of the expected noise that depth has, 0..1.
        reach_support: whether boxes go down to the plane in any case.
    """
    flat = _across(support.normal)
    flat32, normal32 = flat.astype(np.float32), support.normal.astype(np.float32)
    axes, ends = np.empty((len(surfaces), 3, 3)), np.empty((len(surfaces), 2, 3))
    hulls = []
    for row, surface in enumerate(surfaces):
        footprint = flat32 @ surface.smooth
        hull = np.asarray(cv2.convexHull(footprint.T), np.float32)[:, 0]
        angle = math.radians(cv2.minAreaRect(hull)[2])
        cosine, sine = math.cos(angle), math.sin(angle)
        turn = np.array([[cosine, sine], [-sine, cosine]], np.float32)
        values = np.empty((3, footprint.shape[1]), np.float32)
        np.matmul(turn, footprint, out=values[:2])
        np.matmul(normal32, surface.smooth, out=values[2])
        axes[row, :2] = turn @ flat
        axes[row, 2] = support.normal
        ends[row] = _ends(values, axes[row], surface, noise_share)
        if surface.stands or reach_support:
            ends[row, 0, 2] = min(-support.offset, ends[row, 1, 2])
        sides = ends[row, 1] - ends[row, 0]
        if sides[1] > sides[0]:
            axes[row], ends[row] = axes[row][[1, 0, 2]], ends[row][:, [1, 0, 2]]
            turn = turn[::-1]
        hulls.append(turn @ hull.T)
    centres, sizes, rotations = _placed(surfaces, axes, ends)
    covariances = np.zeros((len(surfaces), 6, 6))
    covariances[:, :3, :3] = centre_covariances(surfaces, centres)
    covariances[:, 3:, 3:] = standing_turns(surfaces, support, sizes, rotations, hulls)
    return Boxes(centres, sizes, rotations, covariances)


def free_boxes(surfaces: Sequence[Surface], noise_share: float) -> Boxes:
    """Returns the boxes of surfaces along their principal axes, the longest first.

    The third axis points to the camera and the first to the right in the image.

    Args:
        surfaces: of the things.
        noise_share: share of the expected noise that depth has, 0..1.
    """
    axes, ends = np.empty((len(surfaces), 3, 3)), np.empty((len(surfaces), 2, 3))
    spreads = np.empty((len(surfaces), 3))
    for row, surface in enumerate(surfaces):
        points = surface.smooth
        centred = points - points.mean(axis=1, keepdims=True)
        spread, columns = np.linalg.eigh((centred @ centred.T).astype(np.float64))
        found = columns.T
        both = _ends(found.astype(np.float32) @ points, found, surface, noise_share)
        order = np.argsort(both[0] - both[1], kind="stable")
        axes[row], ends[row] = found[order], both[:, order]
        spreads[row] = spread[order] / points.shape[1]
        if axes[row, 2] @ (ends[row].sum(axis=0) @ axes[row]) > 0:
            axes[row, 2] *= -1
            ends[row, :, 2] = -ends[row, ::-1, 2]
    centres, sizes, rotations = _placed(surfaces, axes, ends)
    covariances = np.zeros((len(surfaces), 6, 6))
    covariances[:, :3, :3] = centre_covariances(surfaces, centres)
    covariances[:, 3:, 3:] = free_turns(surfaces, spreads, rotations)
    return Boxes(centres, sizes, rotations, covariances)


def _across(normal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns two directions on a plane, float64 [2, 3]; with its normal right-handed."""
    # From the axis that is farthest from the normal.
    first = np.cross(normal, np.eye(3)[np.argmin(np.abs(normal))])
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(normal, first)])


def _placed(
    surfaces: Sequence[Surface], axes: NDArray[np.float64], ends: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Returns centres [N, 3], sizes [N, 3] and rotations [N, 3, 3] of boxes.

    The third axis stays, the first points to the right in the image; where that is not clear,
    down. Nothing is thinner than the depth camera's noise.

    Args:
        surfaces: that they are of.
        axes: float64 [N, 3, 3], one axis a row.
        ends: float64 [N, 2, 3], lower and upper along them.
    """
    centres = np.einsum("na,nax->nx", ends.mean(axis=1), axes)
    noise = np.array([surface.noise for surface in surfaces])
    sizes = np.maximum(ends[:, 1] - ends[:, 0], noise[:, None])
    first, third = axes[:, 0], axes[:, 2]
    x, y = first[:, 0], first[:, 1]
    turned = (x < -_CLEAR) | ((np.abs(x) <= _CLEAR) & (y < 0))
    first = np.where(turned[:, None], -first, first)
    return centres, sizes, np.stack([first, np.cross(third, first), third], axis=2)


def _ends(
    values: NDArray[np.float32],
    axes: NDArray[np.float64],
    surface: Surface,
    noise_share: float,
) -> NDArray[np.float64]:
    """Returns where a surface begins and ends along axes: float64 [2, 3].

    Outliers do not count, and noise does not make it larger.

    Args:
        values: float32 [3, K], of its points along the axes.
        axes: float64 [3, 3], one a row.
        surface: of the thing.
        noise_share: share of the expected noise that depth has, 0..1.
    """
    count = values.shape[1]
    tail = int(_TAIL * count)
    ordered = np.partition(values, (tail, count - 1 - tail), axis=1)
    ends = ordered[:, [tail, count - 1 - tail]].T.astype(np.float64)
    ray = surface.smooth[:, count // 2].astype(np.float64)
    shares = np.abs(axes @ ray) / math.sqrt(ray @ ray)
    noise = noise_share * SMOOTHING * surface.noise * shares
    # The more points lie near an end, the farther out is the outermost one: a face across the
    # axis has many, an edge few.
    inner = ends + np.stack([_BAND * noise, -_BAND * noise])
    for axis, row in enumerate(values):
        lower = int(np.count_nonzero(row < inner[0, axis]))
        upper = int(np.count_nonzero(row > inner[1, axis]))
        ends[0, axis] += noise[axis] * _excess(tail + 1, lower)
        ends[1, axis] -= noise[axis] * _excess(tail + 1, upper)
    # Outlines are seen across the ray.
    hidden = surface.hidden * np.sqrt(np.maximum(1 - shares**2, 0))
    ends[0] -= hidden
    ends[1] += hidden
    middle = ends.mean(axis=0)
    return np.stack([np.minimum(ends[0], middle), np.maximum(ends[1], middle)])


def _excess(rank: int, count: int) -> float:
    """Returns where the rank-th largest of some normal deviates is expected."""
    share = rank / (count + 1)
    return _NORMAL.inv_cdf(1 - share) if share < 0.5 else 0.0
