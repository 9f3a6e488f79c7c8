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

import cv2
import numpy as np
from numpy.typing import NDArray

from vit_perception.space.objects import Plane
from vit_perception.space.surface import SMOOTHING, Surface

# This share of the points at either end of an axis may be outliers.
_TAIL = 0.002
# Yaw that is tried to see whether another one fits as well: a right angle, from the best on.
_TURNS = np.radians(np.arange(0.0, 90.0, 5.0))
_TURN_AXES = np.concatenate(
    [
        np.stack([np.cos(_TURNS), np.sin(_TURNS)]),
        np.stack([-np.sin(_TURNS), np.cos(_TURNS)]),
    ],
    axis=1,
).astype(np.float32)
# The same, as -45 to 45 degrees.
_OFF = (_TURNS + math.pi / 4) % (math.pi / 2) - math.pi / 4
# Nothing is known about an angle with this variance: all of -90 to 90 degrees are alike.
_UNKNOWN_ANGLE = math.pi**2 / 12
# How much of one point's noise is left in an end of the box, as measured on rendered boxes,
# cylinders and spheres; and pixels by which a silhouette's end may be off.
_END_NOISE, _END_PIXELS = 0.5, 0.5
# Tilt in radians of a plane that came without points; and how far apart in metres points of a
# fitted one are taken to lie.
_TILT, _PLANE_SPREAD = 0.01, 0.15


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
    first = np.eye(3)[np.argmin(np.abs(normal))]
    first = first - normal * (normal @ first)
    first /= np.linalg.norm(first)
    flat = np.stack([first, np.cross(normal, first)], axis=1)
    footprint = surface.smooth @ flat.astype(np.float32)
    hull = np.asarray(cv2.convexHull(footprint)[:, 0], np.float32)
    along = _yaw(hull)
    axes = np.stack([along, [-along[1], along[0]]], axis=1)
    low, high = _ends(footprint @ axes.astype(np.float32))
    bottom, top = _ends((surface.smooth @ normal.astype(np.float32))[:, None])
    low, high = np.append(low, bottom), np.append(high, top)
    if surface.stands or reach_support:
        low[2] = min(-support.offset, float(high[2]))
    rotation = np.column_stack([flat @ axes, normal])
    size = high - low
    longer = int(size[1] > size[0])
    if longer:
        rotation, low, high, size = (each[..., [1, 0, 2]] for each in (rotation, low, high, size))
    # To the right in the image, where that is clear; else downwards.
    lead = rotation[:, 0]
    if lead[0] < -1e-6 or (abs(lead[0]) <= 1e-6 and lead[1] < 0):
        rotation[:, 0], low[0], high[0] = -lead, -high[0], -low[0]
    second = np.cross(rotation[:, 2], rotation[:, 0])
    if second @ rotation[:, 1] < 0:
        low[1], high[1] = -high[1], -low[1]
    rotation[:, 1] = second
    centre = rotation @ ((low + high) / 2)
    ends = _end_covariance(surface, centre)
    off = math.sqrt(float(np.trace(ends)) / 3)
    yaw = _yaw_variance(hull, along, size, off)
    tilt = support.sigma / math.sqrt(support.inliers) / _PLANE_SPREAD if support.inliers else _TILT
    turns = rotation @ np.diag([tilt**2, tilt**2, yaw]) @ rotation.T
    return _box(surface, centre, size, rotation, ends, turns)


def free_box(surface: Surface) -> Box:
    """Returns the box of a surface along its principal axes, the longest first.

    The third axis points to the camera and the first to the right in the image.
    """
    points = surface.smooth
    mean = points.mean(axis=0)
    centred = points - mean
    spread, axes = np.linalg.eigh((centred.T @ centred).astype(np.float64) / len(points))
    low, high = _ends(centred @ axes.astype(np.float32))
    order = np.argsort(low - high, kind="stable")
    rotation, low, high, spread = axes[:, order], low[order], high[order], spread[order]
    centre = mean + rotation @ ((low + high) / 2)
    rotation = rotation.copy()
    if rotation[:, 2] @ centre > 0:
        rotation[:, 2] *= -1
    lead = rotation[:, 0]
    if lead[0] < -1e-6 or (abs(lead[0]) <= 1e-6 and lead[1] < 0):
        rotation[:, 0] = -lead
    rotation[:, 1] = np.cross(rotation[:, 2], rotation[:, 0])
    ends = _end_covariance(surface, centre)
    # An axis turns towards another by noise / (how far their spreads differ).
    off = float(np.trace(ends)) / 3
    angles = np.empty(3)
    for axis in range(3):
        a, b = spread[(axis + 1) % 3], spread[(axis + 2) % 3]
        angles[axis] = min(off * (a + b) / max((a - b) ** 2, 1e-18), _UNKNOWN_ANGLE)
    turns = rotation @ np.diag(angles) @ rotation.T
    return _box(surface, centre, high - low, rotation, ends, turns)


def _box(
    surface: Surface,
    centre: NDArray[np.float64],
    size: NDArray[np.float64],
    rotation: NDArray[np.float64],
    ends: NDArray[np.float64],
    turns: NDArray[np.float64],
) -> Box:
    covariance = np.zeros((6, 6))
    # The centre lies between two ends.
    covariance[:3, :3] = ends / 2
    covariance[3:, 3:] = turns
    return Box(centre, np.maximum(size, surface.noise), rotation, covariance)


def _yaw(hull: NDArray[np.float32]) -> NDArray[np.float64]:
    """Returns the direction of a side of the smallest rectangle around a hull [N, 2]."""
    angle = math.radians(cv2.minAreaRect(hull)[2])
    return np.array([math.cos(angle), math.sin(angle)])


def _ends(values: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns lower and upper end of each column, without outliers."""
    tail = int(_TAIL * len(values))
    last = len(values) - 1 - tail
    ordered = np.partition(values, (tail, last), axis=0)
    return ordered[tail].astype(np.float64), ordered[last].astype(np.float64)


def _end_covariance(surface: Surface, centre: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the covariance of an end of the box: float64 [3, 3].

    Depth is off along the ray to the thing, the outline across it.
    """
    ray = centre / np.linalg.norm(centre)
    along = np.outer(ray, ray)
    deep = (_END_NOISE * SMOOTHING * surface.noise) ** 2
    wide = (_END_PIXELS * surface.pitch) ** 2
    return np.asarray((deep + wide) * along + wide * (np.eye(3) - along), np.float64)


def _yaw_variance(
    hull: NDArray[np.float32], along: NDArray[np.float64], size: NDArray[np.float64], off: float
) -> float:
    """Returns the variance of a rectangle's direction, in rad².

    Args:
        hull: float32 [N, 2], of the footprint.
        along: its direction [2].
        size: of the box, the longer side first.
        off: metres; standard deviation of a side.
    """
    a, b = float(size[0]), float(size[1])
    turned = hull @ np.array([along, [-along[1], along[0]]], np.float32).T
    widths = np.ptp(turned @ _TURN_AXES, axis=0).astype(np.float64)
    areas = widths[: len(_TURNS)] * widths[len(_TURNS) :]
    scale = max(off * (a + b), 1e-12)
    weights = np.exp(-0.5 * ((areas - areas[0]) / scale) ** 2)
    variance = float((weights * _OFF**2).sum() / weights.sum())
    # Either end of the longer side may be off.
    variance += 2 * (off / max(a, 1e-9)) ** 2
    # The longer side may be the other one.
    swapped = 0.5 * math.erfc((a - b) / (2 * max(off, 1e-12)))
    variance += swapped * (1 - swapped) * (math.pi / 2) ** 2
    return min(variance, _UNKNOWN_ANGLE)
