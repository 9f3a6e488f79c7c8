# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Depth of a thing without most of its noise, out to the mask's outline.

Means over 5 x 5 good pixels. Those along the outline, which have good pixels on one side only,
get the mean of their own depths where these go on from the good ones.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vit_perception.space.crop import Crop, sparse

SMOOTHING = 0.25
"""What is left of the noise after the mean; 0.2 if all 25 pixels were good and independent."""
_WINDOW = (5, 5)
# Good pixels in its window that a mean needs.
_FEWEST = 3
# Pixels that the trend is fitted to.
_SAMPLE = 400


def smoothed(
    view: Crop, good: NDArray[np.uint8], mask: NDArray[np.uint8], reach: float
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Returns means of good depth, [h, w] metres, and where they are, uint8 [h, w], 255 or 0.

    Args:
        view: the thing.
        good: uint8 [h, w], 255 where a pixel has the depth of the thing, else 0.
        mask: uint8 [h, w], where means are wanted.
        reach: metres by which depth along the outline may differ from the means of good pixels.
    """
    # Means are of what is left over a paraboloid, so that one-sided ones follow the slope.
    result = _trend(view, good)
    means, counts = _means(view.z - result, good)
    result += means
    near = cv2.bitwise_and(cv2.inRange(counts, 255 * (_FEWEST - 0.5), 1e9), mask)
    # What is round falls away at the outline faster than any slope inside.
    falls = view.z - result
    outline = cv2.subtract(cv2.bitwise_and(near, view.usable), good)
    outline = cv2.bitwise_and(outline, cv2.inRange(falls, -reach, reach))
    if cv2.countNonZero(outline):
        means, _ = _means(falls, outline)
        result += cv2.copyTo(means, cv2.subtract(near, good))
    return result, np.asarray(near, np.uint8)


def _means(values: NDArray[np.float32], chosen: Any) -> tuple[Any, Any]:
    """Returns the means of chosen pixels around each, and 255 times how many they are."""
    # Outside the crop there is nothing.
    counts = cv2.boxFilter(
        chosen, cv2.CV_32F, _WINDOW, normalize=False, borderType=cv2.BORDER_CONSTANT
    )
    sums = cv2.boxFilter(
        cv2.copyTo(values, chosen),
        -1,
        _WINDOW,
        normalize=False,
        borderType=cv2.BORDER_CONSTANT,
    )
    return cv2.divide(sums, np.maximum(counts, np.float32(255)), scale=255), counts


def _trend(view: Crop, good: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Returns the paraboloid closest to the depth of good pixels: float32 [h, w]."""
    height, width = good.shape
    x, y = _axis(width), _axis(height)[:, None]
    used = (sparse(good, _SAMPLE) != 0).ravel()
    z = sparse(view.z, _SAMPLE).ravel()[used] - np.float32(view.middle)
    terms = _terms(height, width).compress(used, axis=1)
    square = (terms @ terms.T).astype(np.float64)
    # Keeps it level across what is thin.
    square.ravel()[::7] += 1e-3 * len(z) + 1e-6
    a, b, c, d, e, f = np.linalg.solve(square, (terms @ z).astype(np.float64)).tolist()
    trend: NDArray[np.float32] = y * (e * x)
    trend += (d * x + b) * x + (a + view.middle)
    trend += (f * y + c) * y
    return trend


@lru_cache(maxsize=256)
def _axis(size: int) -> NDArray[np.float32]:
    """Returns places of pixels, -0.5 to 0.5."""
    return np.linspace(-0.5, 0.5, size, dtype=np.float32)


# Masks of one thing keep about their size from frame to frame; each takes 10 kB.
@lru_cache(maxsize=256)
def _terms(height: int, width: int) -> NDArray[np.float32]:
    """Returns 1, x, y, x², x y and y² of the pixels of a grid: float32 [6, N]."""
    shape = height, width
    x = sparse(np.broadcast_to(_axis(width), shape), _SAMPLE).ravel()
    y = sparse(np.broadcast_to(_axis(height)[:, None], shape), _SAMPLE).ravel()
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y])
