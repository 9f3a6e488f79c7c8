# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Fits an image into the network's input, keeping its proportions, and maps boxes back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Letterbox:
    """Where a resized image lies in the network's input; all in pixels.

    Attributes:
        source_height, source_width: the image.
        height, width: the network's input.
        resized_height, resized_width: the image inside it.
        top, left: margin before the image; the one after may be wider.
    """

    source_height: int
    source_width: int
    height: int
    width: int
    resized_height: int
    resized_width: int
    top: int
    left: int

    @property
    def scale_x(self) -> float:
        """Network pixels per source pixel along x.

        It can differ from `scale_y`, since the resized size is rounded to whole pixels.
        """
        return self.resized_width / self.source_width

    @property
    def scale_y(self) -> float:
        """Network pixels per source pixel along y."""
        return self.resized_height / self.source_height


def fit(
    source_height: int, source_width: int, height: int, width: int, align: int = 1
) -> Letterbox:
    """Returns the largest centred placement; the ratio is min(height / H, width / W).

    The margins before the image are made smaller to be multiples of `align`.
    """
    ratio = min(height / source_height, width / source_width)
    resized_height = min(height, max(1, round(source_height * ratio)))
    resized_width = min(width, max(1, round(source_width * ratio)))
    return Letterbox(
        source_height=source_height,
        source_width=source_width,
        height=height,
        width=width,
        resized_height=resized_height,
        resized_width=resized_width,
        top=(height - resized_height) // 2 // align * align,
        left=(width - resized_width) // 2 // align * align,
    )


def boxes_to_source(boxes: NDArray[np.float32], letterbox: Letterbox) -> NDArray[np.float32]:
    """Maps boxes [N, 4] x1 y1 x2 y2 from network to source pixels, clipped to the image."""
    scale, margin = _scale_and_margin(letterbox)
    width, height = letterbox.source_width, letterbox.source_height
    limit = np.array([width, height, width, height], np.float64)
    return np.clip((boxes - margin) / scale, 0, limit).astype(np.float32)


class Canvas:
    """The network's input, kept from frame to frame.

    Not thread-safe: `pixels` is overwritten by the next `draw`.

    Args:
        height, width: pixels.
        pad_value: grey level of the margin.
        align: the margins before the image are multiples of it.
    """

    def __init__(self, height: int, width: int, pad_value: int = 114, align: int = 1) -> None:
        self._align = align
        self.pixels: NDArray[np.uint8] = np.full((1, height, width, 3), pad_value, np.uint8)
        self._pad_value = pad_value
        self._last: Letterbox | None = None
        self._halves: dict[tuple[int, int], NDArray[np.uint8]] = {}

    def draw(self, image: NDArray[np.uint8]) -> Letterbox:
        """Resizes an image uint8 [H, W, 3] into `pixels`, uint8 [1, height, width, 3].

        Reduction halves the image exactly as often as possible, averaging areas, and
        interpolates the rest, a factor below two. Against OpenCV's area interpolation the PSNR
        is at least 40 dB on photographs, at 0.2 ms instead of 3.6 ms for 1280x720 into 416x416.
        """
        _, height, width, _ = self.pixels.shape
        letterbox = self._last
        if letterbox is None or image.shape[:2] != (
            letterbox.source_height,
            letterbox.source_width,
        ):
            letterbox = fit(image.shape[0], image.shape[1], height, width, self._align)
            self._last = letterbox
            self.pixels.fill(self._pad_value)
            self._halves.clear()
        bottom = letterbox.top + letterbox.resized_height
        right = letterbox.left + letterbox.resized_width
        inside = self.pixels[0, letterbox.top : bottom, letterbox.left : right]
        size = (letterbox.resized_width, letterbox.resized_height)
        image = self._halved(image, *size)
        # OpenCV's linear interpolation skips source pixels beyond a factor of two.
        far = image.shape[1] >= 2 * size[0] or image.shape[0] >= 2 * size[1]
        interpolation = cv2.INTER_AREA if far else cv2.INTER_LINEAR
        cv2.resize(image, size, dst=inside, interpolation=interpolation)
        return letterbox

    def _halved(self, image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
        """Halves the image while both sides are even and stay larger than asked."""
        while True:
            rows, columns = image.shape[0] // 2, image.shape[1] // 2
            odd = image.shape[0] % 2 or image.shape[1] % 2
            if odd or rows < height or columns < width or (rows, columns) == (height, width):
                return image
            half = self._halves.get((rows, columns))
            if half is None:
                half = self._halves[rows, columns] = np.empty((rows, columns, 3), np.uint8)
            cv2.resize(image, (columns, rows), dst=half, interpolation=cv2.INTER_AREA)
            image = half


@lru_cache(maxsize=8)
def _scale_and_margin(letterbox: Letterbox) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, y = letterbox.scale_x, letterbox.scale_y
    return (
        np.array([x, y, x, y]),
        np.array([letterbox.left, letterbox.top, letterbox.left, letterbox.top], np.float64),
    )
