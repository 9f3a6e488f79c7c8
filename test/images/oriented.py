# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Picture files with orientation tags, made byte by byte."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
from numpy.typing import NDArray

KINDS = ("jpeg", "png", "webp", "tiff")
SUFFIXES = {"jpeg": ".jpg", "png": ".png", "webp": ".webp", "tiff": ".tif"}


def scene(height: int = 32, width: int = 48) -> NDArray[np.uint8]:
    """A picture of which no turn looks like another."""
    coarse = np.random.default_rng(4).integers(0, 256, (4, 6, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height)), np.uint8)


def turned(image: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """What is to be stored so that a file of this orientation shows `image` (EXIF 4.6.4).

    The tag says where the stored row 0 and column 0 are seen.
    """
    row0, column0 = {
        1: ("top", "left"),
        2: ("top", "right"),
        3: ("bottom", "right"),
        4: ("bottom", "left"),
        5: ("left", "top"),
        6: ("right", "top"),
        7: ("right", "bottom"),
        8: ("left", "bottom"),
    }[orientation]
    stored = image
    if row0 in ("left", "right"):
        stored = stored.transpose(1, 0, 2)
    if row0 in ("bottom", "right"):
        stored = stored[::-1]
    if column0 in ("right", "bottom"):
        stored = stored[:, ::-1]
    return np.ascontiguousarray(stored)


def exif(orientation: int, order: str = "<", kind: int = 3, count: int = 1) -> bytes:
    """A TIFF header and a directory with the tag and another one."""
    magic = b"II*\0" if order == "<" else b"MM\0*"
    value = struct.pack(f"{order}H", orientation) + bytes(2)
    return (
        magic
        + struct.pack(f"{order}IH", 8, 2)
        + struct.pack(f"{order}HHI", 0x0112, kind, count)
        + value
        + struct.pack(f"{order}HHIHH", 0x0128, 3, 1, 2, 0)
        + bytes(4)
    )


def encoded(kind: str, image: NDArray[np.uint8], orientation: int, order: str = "<") -> bytes:
    """A file of this kind that stores `image` and has the tag."""
    if kind == "tiff":
        return tiff(image, orientation, order)
    return with_exif(kind, plain(kind, image), exif(orientation, order))


def plain(kind: str, image: NDArray[np.uint8]) -> bytes:
    """A JPEG, PNG or WebP file without a tag, exact but for JPEG."""
    options = {
        "jpeg": [cv2.IMWRITE_JPEG_QUALITY, 100],
        "png": [],
        # OpenCV writes without loss from a quality of 101 on.
        "webp": [cv2.IMWRITE_WEBP_QUALITY, 101],
    }[kind]
    _, data = cv2.imencode(SUFFIXES[kind], image[..., ::-1], options)
    return bytes(data.tobytes())


def with_exif(kind: str, data: bytes, content: bytes) -> bytes:
    """The file with EXIF content, which may be anything."""
    if kind == "jpeg":
        content = b"Exif\0\0" + content
        return data[:2] + b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content + data[2:]
    if kind == "png":
        chunk = b"eXIf" + content
        whole = struct.pack(">I", len(content)) + chunk + struct.pack(">I", zlib.crc32(chunk))
        return data[:33] + whole + data[33:]
    height, width = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape[:2]
    canvas = b"\x08\0\0\0" + b"".join(struct.pack("<I", n - 1)[:3] for n in (width, height))
    extended = b"VP8X" + struct.pack("<I", len(canvas)) + canvas
    tags = b"EXIF" + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
    body = b"WEBP" + extended + data[12:] + tags
    return b"RIFF" + struct.pack("<I", len(body)) + body


def tiff(image: NDArray[np.uint8], orientation: int, order: str = "<") -> bytes:
    """An uncompressed TIFF file of one strip."""
    height, width = image.shape[:2]
    entries = [
        (256, 3, width),
        (257, 3, height),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 2),
        (273, 4, 8),
        (0x0112, 3, orientation),
        (277, 3, 3),
        (278, 3, height),
        (279, 4, image.size),
    ]
    directory = struct.pack(f"{order}H", len(entries))
    for tag, kind, value in entries:
        form, padding = ("HH", (0,)) if kind == 3 else ("I", ())
        count = 3 if tag == 258 else 1
        directory += struct.pack(f"{order}HHI", tag, kind, count)
        if tag == 258:
            # Its three values lie behind the directory.
            place = 8 + image.size + 2 + 12 * len(entries) + 4
            directory += struct.pack(f"{order}I", place)
        else:
            directory += struct.pack(f"{order}{form}", value, *padding)
    directory += bytes(4) + struct.pack(f"{order}HHH", 8, 8, 8)
    magic = b"II*\0" if order == "<" else b"MM\0*"
    return magic + struct.pack(f"{order}I", 8 + image.size) + image.tobytes() + directory
