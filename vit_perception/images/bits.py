# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Bits in use of 16-bit channels: cameras of 10, 12 or 14 bits send them in 16."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

BitDepth: TypeAlias = Callable[[NDArray[np.uint16]], int]
"""Given the colours of a picture, uint16 [H, W, 1 or 3], returns the bits in use, 8 to 16."""

STEPS = (8, 10, 12, 14, 16)
"""What is measured: sensors have these numbers of bits."""


def all_bits(colours: NDArray[np.uint16]) -> int:
    """Returns 16: white is 65535, whatever the picture holds."""
    return 16


class UsedBits:
    """The bits in use of one stream: the fewest of STEPS that hold its largest value so far.

    They never become fewer, so a dark frame is as dark as the frames before it.
    """

    def __init__(self) -> None:
        self._most = STEPS[0]

    def measured(self, colours: NDArray[np.uint16], fixed: int = 0) -> int:
        """Returns the bits in use of the next picture, or `fixed` where that is not 0."""
        if fixed:
            return fixed
        largest = int(colours.max())
        self._most = max(self._most, next(bits for bits in STEPS if largest < 1 << bits))
        return self._most


def eight_bits(pixels: NDArray[Any], bits: BitDepth) -> NDArray[np.uint8]:
    """Returns uint8 [H, W, C] of channels uint8 or uint16 [H, W, C], any byte order.

    Channels of 16 bits are scaled: the largest value of the bits in use becomes 255, larger ones
    too. A fourth channel, transparency, does not count as in use.
    """
    if pixels.dtype.itemsize == 1:
        return pixels.view(np.uint8)
    native = np.ascontiguousarray(pixels, np.uint16)
    white = (1 << bits(native[..., :3])) - 1
    return np.asarray(cv2.convertScaleAbs(native, alpha=255 / white), np.uint8).reshape(
        pixels.shape
    )
