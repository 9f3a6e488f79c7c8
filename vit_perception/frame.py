# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""One camera image with its time and place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


class FrameError(ValueError):
    """A frame was built from arrays of the wrong type or shape."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One image and what is known about it.

    The arrays may be read-only views of the bytes they came from: copy before writing.

    Attributes:
        image: uint8 [H, W, 3], RGB, H and W at least 1. Rows may be strided.
        stamp: time of capture in nanoseconds.
        frame_id: name of the optical frame (REP-103: x right, y down, z forward).
        depth: float32 [H, W], metres along z, NaN where unknown; aligned with `image`.
        intrinsics: float64 [3, 3], pinhole matrix K of `image`.

    Raises:
        FrameError: an attribute has another type or shape.
    """

    image: NDArray[np.uint8]
    stamp: int = 0
    frame_id: str = ""
    depth: NDArray[np.float32] | None = None
    intrinsics: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        image: Any = self.image
        if not (
            isinstance(image, np.ndarray)
            and image.dtype == np.uint8
            and image.ndim == 3
            and image.shape[2] == 3
            and image.size > 0
        ):
            raise FrameError(f"image: expected uint8 [H, W, 3], found {_described(image)}")
        if type(self.stamp) is not int:
            raise FrameError(f"stamp: expected int nanoseconds, found {type(self.stamp).__name__}")
        if not isinstance(self.frame_id, str):
            raise FrameError(f"frame_id: expected str, found {type(self.frame_id).__name__}")
        size = image.shape[:2]
        if self.depth is not None and not _is_array(self.depth, np.float32, size):
            raise FrameError(
                f"depth: expected float32 {list(size)} like the image, "
                f"found {_described(self.depth)}"
            )
        if self.intrinsics is not None and not _is_array(self.intrinsics, np.float64, (3, 3)):
            raise FrameError(
                f"intrinsics: expected float64 [3, 3], found {_described(self.intrinsics)}"
            )

    @property
    def height(self) -> int:
        """Rows of the image, in pixels."""
        return int(self.image.shape[0])

    @property
    def width(self) -> int:
        """Columns of the image, in pixels."""
        return int(self.image.shape[1])


def _is_array(value: Any, dtype: type, shape: tuple[int, ...]) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == dtype and value.shape == shape


def _described(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {list(value.shape)}"
    return type(value).__name__
