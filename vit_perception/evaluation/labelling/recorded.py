# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Images of bags as files that annotation tools show."""

from __future__ import annotations

import cv2
import numpy as np

from vit_perception.bags.messages import COMPRESSED_IMAGE
from vit_perception.bags.reader import BagMessage
from vit_perception.frame import Frame
from vit_perception.images.headers import read_jpeg_header, read_png_header
from vit_perception.images.orientation import orientation_of
from vit_perception.images.picture_file import kind_of
from vit_perception.images.raw import bytes_of

_KEPT = {"jpeg": (".jpg", read_jpeg_header), "png": (".png", read_png_header)}
_UPRIGHT = 1


def picture_file(message: BagMessage, frame: Frame) -> tuple[bytes, str]:
    """Returns a file that shows what was looked at, and the suffix of its name.

    A JPEG or PNG is kept as it was recorded. Other images become PNG: raw ones, mosaics of colour
    filters, 16 bits a channel, and files that readers would turn, which robots do not.

    Args:
        message: of type Image or CompressedImage.
        frame: its picture.
    """
    if message.msgtype == COMPRESSED_IMAGE:
        content = bytes_of(np.asarray(message.value.data)).tobytes()
        kind = kind_of(content)
        if kind in _KEPT and "bayer" not in str(message.value.format).lower():
            suffix, read_header = _KEPT[kind]
            is_plain = read_header(content).bits == 8
            if is_plain and orientation_of(kind, content) == _UPRIGHT:
                return content, suffix
    _, encoded = cv2.imencode(".png", cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR))
    return encoded.tobytes(), ".png"
