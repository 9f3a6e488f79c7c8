# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Masks for detections that have none: the surface in the foreground of each box."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vit_perception.masks import Masks
from vit_perception.space.camera_model import CameraModel
from vit_perception.space.crop import NEAREST, without_jumps
from vit_perception.space.noise import DepthNoise
from vit_perception.space.objects import Plane
from vit_perception.space.surface import over_support

_NEIGHBOURS = np.ones((3, 3), np.uint8)
# Depth that differs more between neighbours is another surface's: standard deviations of noise,
# and pixels sideways.
_JUMP, _STEEP = 5.0, 7.5
# The part of a box, along each side, where a thing's own surface is expected.
_MIDDLE = 0.5
# Where less than this share of the middle rises over the plane, the thing is that flat.
_FLAT = 0.1
# Without a support plane, the nearest part with this share of the largest part's pixels is it.
_RIVAL = 0.3
_WINDOW = (5, 5)


def masks_of_boxes(
    boxes: NDArray[np.float32],
    depth: NDArray[np.float32],
    camera: CameraModel,
    support: Plane | None,
    noise: DepthNoise = DepthNoise(),  # noqa: B008, frozen
) -> Masks:
    """Returns a mask for each box: the connected surface around its middle.

    The support plane does not belong to it, nor what lies behind or before a jump of depth. A
    box whose middle is flat on the plane, or without depth, has all of its pixels.

    Args:
        boxes: float32 [N, 4], x1 y1 x2 y2 in pixels.
        depth: float32 [H, W], metres; NaN, 0 or infinite where unknown.
        camera: of the depth image.
        support: what things stand on; None if unknown.
        noise: of the depth camera.
    """
    height, width = depth.shape
    rays = camera.ray_map()
    origins = np.zeros((len(boxes), 2), np.int64)
    crops = []
    limits = np.array([width, height, width, height])
    # A box with an end that is no number has no pixel.
    known = np.isfinite(boxes).all(axis=1, keepdims=True)
    corners = np.clip(np.where(known, boxes, 0.0), 0, limits)
    for row, (x1, y1, x2, y2) in enumerate(np.rint(corners).astype(np.int64).tolist()):
        if x2 <= x1 or y2 <= y1:
            crops.append(np.zeros((0, 0), np.bool_))
            continue
        origins[row] = x1, y1
        crops.append(_foreground(depth[y1:y2, x1:x2], rays[:, y1:y2, x1:x2], support, noise))
    return Masks(origins, tuple(crops), height, width)


def _foreground(
    depth: NDArray[np.float32],
    rays: NDArray[np.float32],
    support: Plane | None,
    noise: DepthNoise,
) -> NDArray[np.bool_]:
    """Returns the mask bool [h, w] of a box's depth [h, w] and rays [2, h, w]."""
    everything = np.ones(depth.shape, np.bool_)
    known = np.asarray(cv2.inRange(np.ascontiguousarray(depth), NEAREST, 1e3), np.uint8)
    z = np.asarray(cv2.copyTo(np.ascontiguousarray(depth), known), np.float32)
    middle = _middle(depth.shape)
    sample = z[middle][known[middle] > 0]
    if not len(sample):
        return everything
    rising = known
    if support is not None:
        normal = support.normal.astype(np.float32)
        heights = z * (normal[0] * rays[0] + normal[1] * rays[1] + normal[2])
        heights[known > 0] += np.float32(support.offset)
        # Means, as one pixel's noise is as high as a fork.
        weights = cv2.boxFilter(known, cv2.CV_32F, _WINDOW)
        heights = cv2.boxFilter(heights, -1, _WINDOW) / np.maximum(weights / 255, 1e-3)
        over = cv2.inRange(heights, over_support(noise.sigma(float(np.median(sample)))), 1e3)
        rising = np.asarray(cv2.bitwise_and(known, over), np.uint8)
        sample = z[middle][rising[middle] > 0]
        if len(sample) < max(_FLAT * z[middle].size, 1):
            return everything
    distance = float(np.median(sample))
    sigma = noise.sigma(distance)
    width = abs(float(rays[0, 0, -1] - rays[0, 0, 0])) * distance
    limit = _JUMP * sigma + _STEEP * width / max(depth.shape[1] - 1, 1)
    surface = without_jumps(np.asarray(cv2.copyTo(z, rising), np.float32), rising, limit)
    _, labels, _, _ = cv2.connectedComponentsWithStats(surface, connectivity=4)
    votes = np.bincount(labels[middle].ravel())
    votes[0] = 0
    if not votes.any():
        return everything
    best = int(votes.argmax())
    if support is None:
        # What is behind may have more pixels than a slender thing.
        rivals = np.flatnonzero(votes >= _RIVAL * votes.max()).tolist()
        best = min(rivals, key=lambda label: float(np.median(z[middle][labels[middle] == label])))
    chosen = labels == best
    # Back out to the jump, where depth was left out on both sides of it.
    grown = np.asarray(cv2.dilate(chosen.astype(np.uint8), _NEIGHBOURS), np.uint8)
    near = cv2.inRange(z, NEAREST, float(z[chosen].max()) + limit)
    return np.asarray(chosen | ((grown > 0) & (rising > 0) & (np.asarray(near) > 0)), np.bool_)


def _middle(shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Returns the middle part of a box, at least one pixel."""
    rows, columns = (
        slice(int(size * (1 - _MIDDLE) / 2), max(int(size * (1 + _MIDDLE) / 2), 1))
        for size in shape
    )
    return rows, columns
