# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Images of bags as files."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from vit_perception.bags.messages import COMPRESSED_IMAGE, IMAGE
from vit_perception.bags.pictures import frame_of
from vit_perception.bags.reader import BagMessage
from vit_perception.evaluation.labelling.recorded import picture_file
from vit_perception.frame import Frame
from vit_perception.images.picture_file import decode_picture

from ...bags.recordings import compressed_message, jpeg, picture, raw_message


def stored(msgtype: str, value: Any) -> tuple[bytes, str, Frame]:
    message = BagMessage("/camera", msgtype, 0, b"", value)
    frame = frame_of(msgtype, value)
    return (*picture_file(message, frame), frame)


def png(image: np.ndarray) -> bytes:
    return bytes(cv2.imencode(".png", image)[1])


@pytest.mark.parametrize(
    ("data", "layout", "suffix"),
    [(jpeg(1), "jpeg", ".jpg"), (png(picture(1)), "png", ".png"), (jpeg(1), "", ".jpg")],
)
def test_jpeg_and_png_are_kept_as_they_were_recorded(
    data: bytes, layout: str, suffix: str
) -> None:
    content, found, frame = stored(COMPRESSED_IMAGE, compressed_message(0, data, layout))
    assert (content, found) == (data, suffix)
    assert np.array_equal(decode_picture(content), frame.image)


def turned(data: bytes) -> bytes:
    """A JPEG that says it lies on its side."""
    tag = b"\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00"
    exif = b"Exif\0\0MM\x00*\x00\x00\x00\x08\x00\x01" + tag + b"\x00\x00\x00\x00"
    return data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:]


GREY = picture(1)[..., 0]


@pytest.mark.parametrize(
    ("msgtype", "value"),
    [
        (IMAGE, raw_message(0, picture(2), padding=3)),
        (COMPRESSED_IMAGE, compressed_message(0, turned(jpeg(1)))),
        (COMPRESSED_IMAGE, compressed_message(0, png(GREY), "bayer_rggb8; png compressed ")),
        (
            COMPRESSED_IMAGE,
            compressed_message(0, png(GREY.astype(np.uint16) * 256), "mono16; png compressed "),
        ),
        (
            COMPRESSED_IMAGE,
            compressed_message(0, bytes(cv2.imencode(".webp", picture(1))[1]), "webp"),
        ),
    ],
    ids=["raw", "turned", "mosaic", "16 bits", "webp"],
)
def test_others_show_what_was_looked_at_in_a_png(msgtype: str, value: Any) -> None:
    content, suffix, frame = stored(msgtype, value)
    assert suffix == ".png"
    assert np.array_equal(decode_picture(content), frame.image)
