# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Depth images in bags: PNG in the layout of image_transport's `compressedDepth`.

Packing is lossless and takes a tenth of the raw size.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from vit_perception.images.depth import HEADER, unpack_depth
from vit_perception.images.raw import ImageError
from vit_perception.wording import shown

FORMAT = "16UC1; compressedDepth png"
_SMALLEST = 9  # zlib's best: bags are written once


def encode_depth(depth: npt.NDArray[np.uint16]) -> bytes:
    """Packs uint16 [H, W] millimetres, 0 = unknown."""
    done, data = cv2.imencode(".png", depth, [cv2.IMWRITE_PNG_COMPRESSION, _SMALLEST])
    if not done:
        raise ImageError("png", "depth: expected uint16 [H,W] that packs as PNG")
    # 16UC1 uses neither the kind of compression nor A and B.
    return bytes(HEADER.size) + data.tobytes()


def decode_depth(data: npt.NDArray[np.uint8], layout: str) -> npt.NDArray[np.uint16]:
    """Unpacks to uint16 [H, W] millimetres, 0 = unknown.

    Raises:
        ImageError: the data have another layout than FORMAT, or are damaged.
    """
    if not layout.startswith("16UC1"):
        raise ImageError("format", f"depth: expected '{FORMAT}', found {shown(layout)}")
    return unpack_depth(format=layout, data=np.asarray(data))[0]
