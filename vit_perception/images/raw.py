# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""An uncompressed image as ROS describes it; its fields are checked before use."""

from __future__ import annotations

import array
import operator
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Buffer: TypeAlias = "bytes | bytearray | memoryview | array.array[int] | NDArray[np.uint8]"


class ImageError(ValueError):
    """An image is refused; the message is one line.

    Attributes:
        cause: short key to count by: "encoding", "format", "size", "step", "truncated",
            "jpeg", "png", "webp".
    """

    def __init__(self, cause: str, message: str) -> None:
        super().__init__(message)
        self.cause = cause


DEFAULT_MAX_PIXELS = 2**26
"""67 megapixels: more than any robot camera has; 200 MB as RGB."""


class RosImage(Protocol):
    """The fields of sensor_msgs/Image that say what its bytes mean, of any library's message.

    `step` are the bytes from one row to the next, which may be more than the pixels need;
    `is_bigendian` is the byte order of channels wider than 8 bits; `data` are the rows.
    """

    encoding: Any
    height: Any
    width: Any
    step: Any
    is_bigendian: Any
    data: Any


@dataclass(frozen=True, slots=True)
class RawImage:
    """The fields of a sensor_msgs/Image of checked size; data is uint8 [bytes]."""

    encoding: str
    height: int
    width: int
    step: int
    is_bigendian: bool
    data: NDArray[np.uint8]

    @classmethod
    def checked(cls, image: RosImage, max_pixels: int) -> RawImage:
        """Returns the fields after checking the size.

        Raises:
            ImageError: no pixels, or more than `max_pixels`.
        """
        check_size(f"{image.encoding} image", image.height, image.width, max_pixels)
        return cls(
            encoding=image.encoding,
            height=operator.index(image.height),
            width=operator.index(image.width),
            step=operator.index(image.step),
            is_bigendian=bool(image.is_bigendian),
            data=bytes_of(image.data),
        )

    def pixels(self, channels: int, dtype: str = "u1") -> NDArray[Any]:
        """Returns a view [height, width, channels] on the data; `dtype` without byte order."""
        kind = np.dtype((">" if self.is_bigendian else "<") + dtype)
        rows = self.plane(0, self.height, self.width * channels * kind.itemsize, self.step)
        return rows.view(kind).reshape(self.height, self.width, channels)

    def plane(self, begin: int, rows: int, row: int, step: int) -> NDArray[np.uint8]:
        """Returns a view uint8 [rows, row] on the data, with rows `step` bytes apart.

        Args:
            begin: byte at which the first row begins.
            rows: number of rows.
            row: bytes of one row.
            step: bytes from one row to the next.

        Raises:
            ImageError: the rows overlap or end after the data.
        """
        if step < row:
            raise ImageError(
                "step",
                f"{self.encoding} image: expected step >= {row} for width {self.width}, "
                f"found {self.step}",
            )
        # The padding of the last row is often not sent.
        needed = begin + step * (rows - 1) + row
        if self.data.size < needed:
            raise ImageError(
                "truncated",
                f"{self.encoding} image: expected {needed} bytes for {self.width}x{self.height} "
                f"with step {self.step}, found {self.data.size}",
            )
        plane: NDArray[np.uint8] = np.ndarray(
            (rows, row), np.uint8, buffer=self.data, offset=begin, strides=(step, 1)
        )
        return plane


def check_size(what: str, height: int, width: int, max_pixels: int) -> None:
    """Refuses an image before memory is allocated for it.

    Raises:
        ImageError: no pixels, or more than `max_pixels`.
    """
    if height < 1 or width < 1 or height * width > max_pixels:
        raise ImageError(
            "size", f"{what}: expected 1..{max_pixels} pixels, found {width}x{height}"
        )


def bytes_of(data: Buffer) -> NDArray[np.uint8]:
    """Returns the same bytes as uint8 [N], without a copy where possible."""
    if isinstance(data, np.ndarray):
        return np.ascontiguousarray(data).reshape(-1).view(np.uint8)
    return np.frombuffer(data, np.uint8) if len(data) else np.empty(0, np.uint8)
