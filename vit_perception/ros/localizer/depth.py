# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Depth images of messages, and units that they cannot be in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage, Image

from vit_perception.images import depth as depth_images
from vit_perception.images.depth import decode_compressed_depth, decode_depth


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
    encoding = message.format.split(";")[0].strip() if compressed else message.encoding
    return depth_images.unit_mistake(encoding, depth)
