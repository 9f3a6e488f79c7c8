# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Oriented boxes of visible surfaces.

On a support plane: the smallest rectangle of the footprint, see `footprint`, and the heights over
the plane. Without one: the principal axes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vit_perception.space.footprint import rectangle_angle
from vit_perception.space.objects import Plane
from vit_perception.space.smoothing import SMOOTHING
from vit_perception.space.surface import Surface
from vit_perception.space.uncertainty import centre_covariances, free_turns, standing_turns

# This share of the points at either end of an axis may be outliers.
_TAIL = 0.002
# Noise is told by how far the points of this many times that rank lie behind the outermost one;
# where it makes the surface larger, by so many standard deviations.
_LATER = 10
_EXCESS = 3.0
_SPARSE = 2.0
_TINY = 1e-9
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
    flat32 = flat.astype(np.float32)
    axes = np.empty((len(surfaces), 3, 3))
    axes[:, 2] = support.normal
    hulls, places = [], []
    for row, surface in enumerate(surfaces):
        hull = np.asarray(cv2.convexHull((flat32 @ surface.smooth).T), np.float32)
        angle = rectangle_angle(hull)
        cosine, sine = math.cos(angle), math.sin(angle)
        axes[row, :2] = np.array([[cosine, sine], [-sine, cosine]]) @ flat
        hulls.append(hull[:, 0].T)
        places.append(_places(axes[row], surface))
    ends = _ends(np.array(places), axes, surfaces, noise_share)
    stands = np.array([surface.stands or reach_support for surface in surfaces], np.bool_)
    ends[stands, 0, 2] = np.minimum(-support.offset, ends[stands, 1, 2])
    axes, ends = _ordered(axes, ends, 2)
    centres, sizes, rotations = _placed(surfaces, axes, ends)
    covariances = np.zeros((len(surfaces), 6, 6))
    covariances[:, :3, :3] = centre_covariances(surfaces, centres)
    turns = axes[:, :2] @ flat.T
    covariances[:, 3:, 3:] = standing_turns(surfaces, support, sizes, rotations, turns, hulls)
    return Boxes(centres, sizes, rotations, covariances)


def free_boxes(surfaces: Sequence[Surface], noise_share: float) -> Boxes:
    """Returns the boxes of surfaces along their principal axes, the longest first.

    The third axis points to the camera and the first to the right in the image.

    Args:
        surfaces: of the things.
        noise_share: share of the expected noise that depth has, 0..1.
    """
    axes, spreads = np.empty((len(surfaces), 3, 3)), np.empty((len(surfaces), 3))
    places = []
    for row, surface in enumerate(surfaces):
        points = surface.smooth
        centred = points - points.mean(axis=1, keepdims=True)
        square = (centred @ centred.T).astype(np.float64) / points.shape[1]
        spreads[row], columns = np.linalg.eigh(square)
        axes[row] = columns.T
        places.append(_places(axes[row], surface))
    ends = _ends(np.array(places), axes, surfaces, noise_share)
    order = np.argsort(ends[:, 0] - ends[:, 1], axis=1, kind="stable")
    spreads = np.take_along_axis(spreads, order, axis=1)
    axes, ends = _ordered(axes, ends, 3)
    # The third axis to the camera.
    away = (axes[:, 2] * _centres(axes, ends)).sum(axis=1) > 0
    axes[away, 2] *= -1
    ends[away, :, 2] = -ends[away, ::-1, 2]
    centres, sizes, rotations = _placed(surfaces, axes, ends)
    covariances = np.zeros((len(surfaces), 6, 6))
    covariances[:, :3, :3] = centre_covariances(surfaces, centres)
    covariances[:, 3:, 3:] = free_turns(surfaces, spreads, rotations)
    return Boxes(centres, sizes, rotations, covariances)


def _across(normal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns two directions on a plane, float64 [2, 3]; with its normal right-handed."""
    # From the axis that is farthest from the normal.
    first = _cross(normal, np.eye(3)[np.argmin(np.abs(normal))])
    first /= math.sqrt(first @ first)
    return np.stack([first, _cross(normal, first)])


def _cross(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns cross products of vectors [..., 3]; much quicker than numpy's for few of them."""
    x, y = [1, 2, 0], [2, 0, 1]
    return np.asarray(one[..., x] * other[..., y] - one[..., y] * other[..., x], np.float64)


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
    centres = _centres(axes, ends)
    noise = np.array([surface.noise for surface in surfaces])
    sizes = np.maximum(ends[:, 1] - ends[:, 0], noise[:, None])
    first, third = axes[:, 0], axes[:, 2]
    x, y = first[:, 0], first[:, 1]
    turned = (x < -_CLEAR) | ((np.abs(x) <= _CLEAR) & (y < 0))
    first = np.where(turned[:, None], -first, first)
    return centres, sizes, np.stack([first, _cross(third, first), third], axis=2)


def _ordered(
    axes: NDArray[np.float64], ends: NDArray[np.float64], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns axes [N, 3, 3] and ends [N, 2, 3] with the first `count` axes by falling size."""
    order = np.tile(np.arange(3), (len(axes), 1))
    sizes = ends[:, 1, :count] - ends[:, 0, :count]
    order[:, :count] = np.argsort(-sizes, axis=1, kind="stable")
    rows = np.arange(len(axes))[:, None]
    return axes[rows, order], ends.transpose(0, 2, 1)[rows, order].transpose(0, 2, 1)


def _centres(axes: NDArray[np.float64], ends: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the middles between ends [N, 2, 3] along axes [N, 3, 3], one a row: [N, 3]."""
    return np.asarray(np.einsum("na,nax->nx", ends.mean(axis=1), axes), np.float64)


def _places(axes: NDArray[np.float64], surface: Surface) -> NDArray[np.float32]:
    """Returns where along axes [3, 3], one a row, a surface's outer points are: [4, 3].

    They are the first and a later one from below, and these from above; outliers are none.
    """
    values = axes.astype(np.float32) @ surface.smooth
    last = values.shape[1] - 1
    first = int(_TAIL * last)
    later = min(_LATER * (first + 1) - 1, last // 2)
    ranks = (first, later, last - later, last - first)
    found: NDArray[np.float32] = np.partition(values, ranks, axis=1)[:, ranks].T
    return found


def _ends(
    places: NDArray[np.float32],
    axes: NDArray[np.float64],
    surfaces: Sequence[Surface],
    noise_share: float,
) -> NDArray[np.float64]:
    """Returns where surfaces begin and end along axes: float64 [N, 2, 3].

    Args:
        places: float32 [N, 4, 3], of outer points, see `_places`.
        axes: float64 [N, 3, 3], one a row.
        surfaces: N of them.
        noise_share: share of the expected noise that depth has, 0..1.
    """
    places = places.reshape(-1, 4, 3).astype(np.float64)
    ends = places[:, [0, 3]]
    rays = np.array([surface.smooth[:, surface.smooth.shape[1] // 2] for surface in surfaces])
    rays = rays.reshape(-1, 3) / np.linalg.norm(rays.reshape(-1, 3), axis=1, keepdims=True)
    shares = np.abs(np.einsum("nax,nx->na", axes, rays))
    noise, hidden = np.array([(each.noise, each.hidden) for each in surfaces]).reshape(-1, 2).T
    deviation = (noise_share * SMOOTHING * noise)[:, None] * shares + _TINY
    # A face across the axis has many points near its end: noise takes the outermost farther out,
    # and leaves the later ones close to it. An edge has few, and those far apart.
    gaps = np.stack([places[:, 1] - places[:, 0], places[:, 3] - places[:, 2]], axis=1)
    excess = (
        _EXCESS * np.clip(_SPARSE - gaps / (2 * deviation[:, None]), 0, 1) * deviation[:, None]
    )
    # Outlines are seen across the ray.
    excess -= hidden[:, None, None] * np.sqrt(np.maximum(1 - shares**2, 0))[:, None]
    ends[:, 0] += excess[:, 0]
    ends[:, 1] -= excess[:, 1]
    middle = ends.mean(axis=1)
    return np.stack([np.minimum(ends[:, 0], middle), np.maximum(ends[:, 1], middle)], axis=1)
