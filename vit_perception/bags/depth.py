# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Depth images as PNG, in the layout of image_transport's `compressedDepth`.

A header of 12 bytes (compression format and two quantization parameters, which 16UC1 does
not use) stands before the PNG. Losslessly packed depth is a tenth of the raw size.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from vit_perception.image_headers import PNG_MAGIC, HeaderError, read_png_header
from vit_perception.images import DEFAULT_MAX_PIXELS, ImageError
from vit_perception.wording import shown

FORMAT = "16UC1; compressedDepth png"
_HEADER = bytes(12)
_SMALLEST = 9  # zlib's best: bags are written once


def encode_depth(depth: npt.NDArray[np.uint16]) -> bytes:
    """Pack uint16 [H,W] millimetres, 0 = unknown."""
    done, data = cv2.imencode(".png", depth, [cv2.IMWRITE_PNG_COMPRESSION, _SMALLEST])
    if not done:
        raise ImageError("png", "depth: expected uint16 [H,W] that packs as PNG")
    return _HEADER + data.tobytes()


def decode_depth(data: npt.NDArray[np.uint8], layout: str) -> npt.NDArray[np.uint16]:
    """Unpack to uint16 [H,W] millimetres, 0 = unknown.

    Raises:
        ImageError: another layout than FORMAT, or damaged.

    """
    png = np.asarray(data).tobytes()[len(_HEADER) :]
    if not layout.startswith("16UC1") or not png.startswith(PNG_MAGIC):
        raise ImageError("format", f"depth: expected '{FORMAT}', found {shown(layout)} or no PNG")
    try:
        header = read_png_header(png)
    except HeaderError as error:
        raise ImageError("png", f"depth: expected a PNG, found {error}") from error
    if not 0 < header.width * header.height <= DEFAULT_MAX_PIXELS:
        found = f"{header.width}x{header.height}"
        raise ImageError(
            "size", f"depth: expected at most {DEFAULT_MAX_PIXELS} pixels, found {found}"
        )
    image: Any = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None or image.dtype != np.uint16 or image.ndim != 2:
        raise ImageError("png", "depth: expected a 16-bit grey PNG, found another")
    return np.asarray(image, np.uint16)
