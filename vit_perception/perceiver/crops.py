# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The part of a picture that an example keeps, and a picture made of it again."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vit_perception.examples import Crop, ExamplesError
from vit_perception.frame import Frame
from vit_perception.images.compressed import decode_compressed, encode_jpeg
from vit_perception.images.raw import ImageError

MARGIN = 0.5
"""Of the box's longer side, kept on each side of it: the detector looks at surroundings too."""
MOST_PIXELS = 640
"""Longer side of a kept part; no bundle looks at more of it."""
_GREY = 114
_QUALITY = 95


def crop_of(frame: Frame, box: tuple[float, float, float, float]) -> Crop:
    """Returns the part of a frame around a box x1 y1 x2 y2 in its pixels."""
    x1, y1, x2, y2 = box
    margin = MARGIN * max(x2 - x1, y2 - y1)
    left, top = max(0, int(x1 - margin)), max(0, int(y1 - margin))
    right = min(frame.width, int(np.ceil(x2 + margin)))
    bottom = min(frame.height, int(np.ceil(y2 + margin)))
    part: Any = np.ascontiguousarray(frame.image[top:bottom, left:right])
    scale = min(1.0, MOST_PIXELS / max(part.shape[:2]))
    if scale < 1:
        size = [max(1, round(side * scale)) for side in part.shape[1::-1]]
        part = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    jpeg = encode_jpeg(part, _QUALITY)
    return Crop(jpeg, box, (left, top), (frame.width, frame.height), scale)


def frame_of(crop: Crop) -> Frame:
    """Returns a frame of the whole picture's size, grey where the picture was not kept.

    Raises:
        ExamplesError: the kept part is no JPEG, or larger than its place.
    """
    try:
        part = decode_compressed(format="jpeg", data=crop.jpeg)
    except ImageError as error:
        raise ExamplesError(f"crop: {error}") from error
    width, height = crop.size
    left, top = crop.corner
    high, wide = (max(1, round(side / crop.scale)) for side in part.shape[:2])
    # Rounding may cost a pixel.
    if left + wide > width + 1 or top + high > height + 1:
        raise ExamplesError(
            f"crop: expected a part of {width}x{height} at {left}, {top}, found {wide}x{high}"
        )
    whole: NDArray[np.uint8] = np.full((height, width, 3), _GREY, np.uint8)
    target = whole[top : top + high, left : left + wide]
    target[:] = cv2.resize(part, target.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return Frame(whole)
