# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Depth images of messages, and units that they cannot be in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage, Image

from vit_perception.images.depth import decode_compressed_depth, decode_depth

# Metres. No depth camera sees half of its image beyond the first or nearer than the second.
_FAR, _NEAR = 50.0, 0.02
# Every so many-th pixel along both axes tells enough.
_STEP = 8


def depth_of(message: Image | CompressedImage, *, max_pixels: int) -> NDArray[np.float32]:
    """Returns the distances in a message: float32 [H, W], metres, NaN where unknown.

    Raises:
        ImageError: the message holds no depth image that can be read; `cause` says why.
    """
    if isinstance(message, CompressedImage):
        return decode_compressed_depth(
            format=message.format, data=message.data, max_pixels=max_pixels
        )
    return decode_depth(message, max_pixels=max_pixels)


def unit_mistake(message: Image | CompressedImage, depth: NDArray[np.float32]) -> str:
    """Returns one line on a depth image in another unit than its encoding says; "" for none.

    Args:
        message: the depth image.
        depth: float32 [H, W], its metres.
    """
    compressed = isinstance(message, CompressedImage)
    encoding = message.format.split(";")[0] if compressed else message.encoding
    some = depth[::_STEP, ::_STEP]
    known = some[~np.isnan(some)]
    if not known.size:
        return ""
    middle = float(np.median(known))
    if encoding == "32FC1" and middle > _FAR:
        return (
            f"depth of encoding 32FC1 holds metres (REP 118), but half of it is beyond "
            f"{middle:g}: expected metres, found millimetres?"
        )
    if encoding != "32FC1" and middle < _NEAR:
        return (
            f"depth of encoding {encoding} holds millimetres (REP 118), but half of it is below "
            f"{middle * 1e3:g}: expected millimetres, found metres?"
        )
    return ""
