# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Depth of a thing without most of its noise, out to the mask's outline.

Means over 5 x 5 good pixels. Those along the outline, which have good pixels on one side only,
get the mean of their own depths where these go on from the good ones.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vit_perception.space.crop import Crop

SMOOTHING = 0.25
"""What is left of the noise after the mean; 0.2 if all 25 pixels were good and independent."""
_WINDOW = (5, 5)
# Good pixels in its window that a mean needs.
_FEWEST = 3


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
    result, counts = _means(view.z, good)
    near = cv2.bitwise_and(cv2.inRange(counts, 255 * (_FEWEST - 0.5), 1e9), mask)
    # Means of one side lag behind the slope, and what is round falls away at the outline.
    falls = view.z - result
    outline = cv2.subtract(cv2.bitwise_and(near, view.usable), good)
    outline = cv2.bitwise_and(outline, cv2.inRange(falls, -reach, reach))
    if cv2.countNonZero(outline):
        means, _ = _means(falls, outline)
        result += cv2.copyTo(means, cv2.subtract(near, good))
    return np.asarray(result, np.float32), np.asarray(near, np.uint8)


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
