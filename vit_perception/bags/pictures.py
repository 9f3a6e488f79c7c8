# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Camera frames of image messages, and which of those are depth."""

from __future__ import annotations

from typing import Any

import numpy as np

from vit_perception.bags.messages import COMPRESSED_IMAGE, IMAGE, header_stamp
from vit_perception.bags.storage import StorageError
from vit_perception.frame import Frame
from vit_perception.images.bits import BitDepth, all_bits
from vit_perception.images.compressed import decode_compressed
from vit_perception.images.depth import ENCODINGS
from vit_perception.images.encodings import DECODERS, decode_image
from vit_perception.images.headers import PNG_MAGIC, HeaderError, read_png_header
from vit_perception.images.raw import bytes_of
from vit_perception.wording import shown_path


def frame_of(msgtype: str, value: Any, bits: BitDepth = all_bits) -> Frame:
    """Decodes a sensor_msgs Image or CompressedImage; `bits` are those of 16-bit channels.

    Raises:
        ImageError: its bytes are no colour image.
        FrameError: its size or stamp is impossible.
        StorageError: it is another message.
    """
    if msgtype == IMAGE:
        image = decode_image(value, bits=bits)
    elif msgtype == COMPRESSED_IMAGE:
        data = np.asarray(value.data)
        image = decode_compressed(format=str(value.format), data=data, bits=bits)
    else:
        raise StorageError(f"expected an image, found a {shown_path(msgtype)}")
    header = value.header
    return Frame(image, stamp=header_stamp(header), frame_id=str(header.frame_id))


def depth_encoding(msgtype: str, value: Any) -> str:
    """Returns the encoding of an image as depth cameras send it, "" for others.

    Thermal cameras send 16UC1 and mono16 as well.
    """
    if msgtype == IMAGE:
        encoding = str(getattr(value, "encoding", ""))  # a bag may define the type in its own way
        return encoding if encoding in ENCODINGS else ""
    if msgtype != COMPRESSED_IMAGE:
        return ""
    layout = str(getattr(value, "format", "")).strip()
    if "compressedDepth" in layout or layout.startswith(ENCODINGS):
        return shown_path(layout)
    try:
        content = bytes_of(np.asarray(getattr(value, "data", b""), np.uint8)).tobytes()
    except (TypeError, ValueError):
        return ""
    if not content.startswith(PNG_MAGIC):
        return ""
    try:
        header = read_png_header(content)
    except HeaderError:
        return ""
    return "a PNG of 16 bits of grey" if header.grey and header.bits > 8 else ""


def is_only_depth(msgtype: str, value: Any) -> bool:
    """Returns whether an image of a `depth_encoding` cannot be looked at as a picture."""
    encoding = depth_encoding(msgtype, value)
    if msgtype == IMAGE:
        return bool(encoding) and encoding not in DECODERS
    kind = encoding.partition(";")[0].strip()
    return bool(encoding) and ("compressedDepth" in encoding or kind not in ("16UC1", "mono16"))


def stamp_of(value: Any) -> int | None:
    """Returns the stamp of an image message in nanoseconds; None if it has none."""
    try:
        return header_stamp(value.header)
    except (AttributeError, TypeError, ValueError):
        return None
