# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Pixels of sensor_msgs/Image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vit_perception.images.encodings import DECODERS
from vit_perception.images.raw import Buffer, ImageError, RawImage
from vit_perception.wording import shown

__all__ = ["DEFAULT_MAX_PIXELS", "ImageError", "decode_image"]

DEFAULT_MAX_PIXELS = 2**26
"""67 megapixels: more than any robot camera has; 200 MB as RGB."""


def decode_image(
    *,
    encoding: str,
    height: int,
    width: int,
    step: int,
    is_bigendian: bool,
    data: Buffer,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> NDArray[np.uint8]:
    """Decodes a sensor_msgs/Image.

    Args:
        encoding: as in sensor_msgs/image_encodings.hpp, see `encodings.DECODERS`.
        height, width: pixels.
        step: bytes from one row to the next; may include padding.
        is_bigendian: byte order of channels wider than 8 bits.
        data: the rows.
        max_pixels: larger images are refused before anything is allocated.

    Returns:
        uint8 [height, width, 3], RGB. For rgb8 a view of `data`, which may be read-only and
        have padded rows.

    Raises:
        ImageError: unknown encoding, impossible size or step, or too little data.
    """
    decoder = DECODERS.get(encoding)
    if decoder is None:
        raise ImageError(
            "encoding",
            f"image encoding: expected one of {', '.join(DECODERS)}, found {shown(encoding)}",
        )
    raw = RawImage.checked(
        encoding=encoding,
        height=height,
        width=width,
        step=step,
        is_bigendian=is_bigendian,
        data=data,
        max_pixels=max_pixels,
    )
    return decoder(raw)
