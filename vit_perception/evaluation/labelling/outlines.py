# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Masks as outlines that people can drag, and outlines as masks."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.coco_masks import read_mask
from vit_perception.rle import Rle, RleError, decode_mask

TOLERANCE = 1.0
"""How far an outline may lie from the edge of its mask, px."""
LEAST_PART = 0.01
"""Of the largest part of a mask: smaller ones are specks, and have no outline."""

Polygon = list[tuple[float, float]]
"""Corners x y px; 0 0 is the left upper corner of the first pixel, not its centre."""


def outlines(rle: Rle, tolerance: float = TOLERANCE) -> list[Polygon]:
    """Returns an outline of each part of a mask, the largest first; holes are filled.

    Args:
        rle: the mask.
        tolerance: see TOLERANCE; 0: the edges of the pixels, of specks too.

    Returns:
        Polygons of three corners or more; none of an empty mask.
    """
    mask = decode_mask(rle)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return []
    top, left = int(rows[0]), int(columns[0])
    crop = mask[top : rows[-1] + 1, left : columns[-1] + 1]
    found = sorted(map(_edge, _contours(crop)), key=cv2.contourArea, reverse=True)
    least = LEAST_PART * cv2.contourArea(found[0]) if tolerance else 0.0
    polygons: list[Polygon] = []
    for edge in found:
        if cv2.contourArea(edge) < least:
            break
        few = cv2.approxPolyDP(edge, tolerance, True) if tolerance else edge
        # A thing of some pixels keeps the corners that it has.
        kept = few if len(few) >= 3 and cv2.contourArea(few) > 0 else edge
        polygons.append([(float(x + left), float(y + top)) for x, y in kept[:, 0].tolist()])
    return polygons


def filled(polygons: Sequence[Polygon], size: tuple[int, int]) -> Rle:
    """Returns the mask that polygons enclose together.

    Args:
        polygons: may reach a little beyond the picture.
        size: height and width of the picture, px.

    Raises:
        RleError: too few corners, or corners far outside; one line.
    """
    flat = [[value for corner in polygon for value in corner] for polygon in polygons]
    mask = read_mask(flat, size)
    if mask is None:
        raise RleError("expected polygons, found none")
    return {"size": mask["size"], "counts": mask["counts"]}


def _contours(crop: NDArray[np.bool_]) -> list[NDArray[np.int32]]:
    """Returns outer contours int32 [N, 1, 2] of a mask of twice the size."""
    twice = crop.astype(np.uint8).repeat(2, axis=0).repeat(2, axis=1)
    found, _ = cv2.findContours(twice, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return [np.asarray(contour, np.int32) for contour in found]


def _edge(contour: NDArray[np.int32]) -> NDArray[np.int32]:
    """Returns the edge int32 [N, 1, 2] around the pixels of a contour, each corner once.

    At twice the size a pixel's left half is even and lies at its left edge, its right half is odd
    and lies at its right edge; the same up and down.
    """
    corners = (contour[:, 0] + 1) // 2
    kept = np.any(corners != np.roll(corners, 1, axis=0), axis=1)
    return corners[kept][:, None]
