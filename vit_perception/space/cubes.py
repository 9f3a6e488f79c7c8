# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Draws boxes in space into the image of their camera, for people."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from vit_perception.space.camera_model import CameraModel
from vit_perception.space.objects import Objects

# The corners of a box that an edge joins, in the order of `Objects.corners`: they differ in one
# sign. Each with the two faces (axis, sign) that meet there.
_EDGES = tuple(
    (a, a | bit, tuple((other, a & (4 >> other)) for other in range(3) if 4 >> other != bit))
    for bit in (1, 2, 4)
    for a in range(8)
    if not a & bit
)
# Pixels of a fraction in OpenCV's drawing, as a power of two.
_SHIFT = 4
# Metres before the camera at which a box is cut off.
_NEAR = 0.02
_FAR_PIXELS = 1 << 20
_HIDDEN = 0.45
_BRIGHTNESS = (0.299, 0.587, 0.114)
# The shorter side in px of a picture with lines of one pixel.
_REFERENCE = 480


def draw_cubes(
    image: NDArray[np.uint8],
    objects: Objects,
    camera: CameraModel,
    colours: Sequence[tuple[int, int, int]],
    *,
    sizes: bool = True,
) -> NDArray[np.uint8]:
    """Draws the edges of boxes, those behind them fainter.

    Args:
        image: uint8 [H, W, 3] RGB, of `camera`; not changed.
        objects: N boxes in the optical frame of the image.
        camera: of the image.
        colours: N colours, RGB.
        sizes: whether to write the three sizes of a box on it, in centimetres.

    Returns:
        uint8 [H, W, 3] RGB. A box that reaches behind the camera is left out.
    """
    canvas = np.ascontiguousarray(image).copy()
    width = max(1, round(2 * min(canvas.shape[:2]) / _REFERENCE))
    labels: list[tuple[NDArray[np.float64], NDArray[np.float64], tuple[int, int, int]]] = []
    # The farthest first, so that near ones lie on top.
    for index in np.argsort(-objects.centres[:, 2], kind="stable").tolist():
        corners = objects.corners(index)
        if (corners[:, 2] < _NEAR).any():
            continue
        pixels = camera.project(corners)
        if np.abs(pixels).max() > _FAR_PIXELS:
            continue
        fixed = np.rint(pixels * 2**_SHIFT).astype(int).tolist()
        facing = _facing(objects, index)
        colour = colours[index]
        faint = tuple(round(_HIDDEN * level) for level in colour)
        # Hidden edges before the others.
        for front in (False, True):
            for a, b, faces in _EDGES:
                seen = any(facing[axis, int(sign > 0)] for axis, sign in faces)
                if seen is front:
                    ink, stroke = (colour, width) if front else (faint, max(1, width - 1))
                    cv2.line(canvas, fixed[a], fixed[b], ink, stroke, cv2.LINE_AA, _SHIFT)
        if sizes:
            labels.append((objects.sizes[index], pixels, colour))
    # Over all boxes, so that no edge crosses a number.
    taken: list[tuple[int, int, int, int]] = []
    for size, pixels, colour in labels:
        _write_size(canvas, size, pixels, colour, taken)
    return np.asarray(canvas, np.uint8)


def _facing(objects: Objects, index: int) -> NDArray[np.bool_]:
    """Returns which faces of a box the camera sees: bool [3, 2], axis by sign (-, +)."""
    along = objects.rotations[index].T @ objects.centres[index]
    half = objects.sizes[index] / 2
    # The camera is in the origin: at -along in the box's own axes.
    return np.stack([-along < -half, -along > half], axis=1)


def _write_size(
    canvas: NDArray[np.uint8],
    size: NDArray[np.float64],
    pixels: NDArray[np.float64],
    colour: tuple[int, int, int],
    taken: list[tuple[int, int, int, int]],
) -> None:
    """Writes below a box, on a plate of its colour, and below the plates that are there."""
    text = " x ".join(f"{100 * side:.0f}" for side in size) + " cm"
    scale = 0.4 * max(0.6, min(canvas.shape[:2]) / _REFERENCE)
    font = cv2.FONT_HERSHEY_SIMPLEX
    (width, height), under = cv2.getTextSize(text, font, scale, 1)
    tall, wide = height + under + 2, width + 4
    left = int(np.clip(pixels[:, 0].mean() - wide / 2, 0, max(0, canvas.shape[1] - wide)))
    top = int(np.clip(pixels[:, 1].max() + 3, 0, max(0, canvas.shape[0] - tall)))
    for x, y, w, h in sorted(taken, key=lambda each: each[1]):
        if x < left + wide and left < x + w and y < top + tall and top < y + h:
            top = y + h + 1
    taken.append((left, top, wide, tall))
    cv2.rectangle(canvas, (left, top), (left + wide - 1, top + tall - 1), colour, cv2.FILLED)
    bright = np.dot(colour, _BRIGHTNESS) > 140
    ink = (0, 0, 0) if bright else (255, 255, 255)
    cv2.putText(canvas, text, (left + 2, top + height + 1), font, scale, ink, 1, cv2.LINE_AA)
