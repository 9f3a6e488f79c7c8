# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Small files that announce huge pictures, read in a process that has no memory for them."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from vit_perception.images.compressed import decode_compressed

from ..refusals import image_refusal_of

ROOT = Path(__file__).resolve().parents[2]

BOMBS = """
import resource, struct, sys, zlib
from vit_perception.images.compressed import decode_compressed
from vit_perception.images.depth import decode_compressed_depth
from vit_perception.images.headers import PNG_MAGIC
from vit_perception.images.picture_file import decode_picture
from vit_perception.images.raw import ImageError

def chunk(kind, content=b""):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(
        ">I", zlib.crc32(kind + content))

def png(side, bits, kind):
    header = struct.pack(">IIBBBBB", side, side, bits, kind, 0, 0, 0)
    rows = zlib.compress(bytes(2**20))
    return PNG_MAGIC + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND")

def webp(kind, content):
    body = b"WEBP" + kind + struct.pack("<I", len(content)) + content
    return b"RIFF" + struct.pack("<I", len(body)) + body

frame = b"\\xff\\xc0\\x00\\x11\\x08" + b"\\xff" * 4 + bytes([3, 1, 17, 0, 2, 17, 0, 3, 17, 0])
scan = b"\\xff\\xda\\x00\\x0c\\x03" + bytes([1, 0, 2, 0, 3, 0, 0, 63, 0])
jpeg = b"\\xff\\xd8" + frame + scan + b"\\xff\\xd9"
files = [png(30000, 8, 2), png(2**31 - 1, 8, 2), jpeg,
         webp(b"VP8 ", b"\\0\\0\\0\\x9d\\x01\\x2a\\xff\\x3f\\xff\\x3f" + bytes(50)),
         webp(b"VP8L", b"/\\xff\\xff\\xff\\x0f" + bytes(50))]
bmp = b"BM" + bytes(8) + struct.pack("<IIiiHHI", 54, 40, 2**15, -2**15, 1, 8, 1) + bytes(99)
blocks = b"\\x2c" + bytes(4) + b"\\xff" * 4 + b"\\0\\x08\\x01\\0\\0\\x3b"
gif = b"GIF89a" + b"\\xff" * 4 + bytes(3) + blocks

def tiff(side, tile):
    values = {256: side, 257: side, 258: 8, 259: 8, 262: 1, 277: 1, 322: tile, 323: tile,
              324: 8, 325: 8}
    body = b"".join(struct.pack("<HHII", tag, 4, 1, values[tag]) for tag in values)
    return b"II*\\0" + struct.pack("<IH", 8, len(values)) + body + bytes(4)

pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + 64 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for data in files:
    try:
        decode_compressed(format="", data=data)
    except ImageError as error:
        print(error.cause)
for data in [*files, bmp, gif, tiff(2**15, 256), tiff(16, 2**15)]:
    try:
        decode_picture(data)
    except ImageError as error:
        print(error.cause)
try:
    decode_compressed_depth(format="16UC1; compressedDepth", data=bytes(12) + png(30000, 16, 0))
except ImageError as error:
    print(error.cause)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_files_that_announce_gigabytes_fit_into_64_mib() -> None:
    result = subprocess.run(
        [sys.executable, "-c", BOMBS], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert result.stdout.split() == ["size"] * 13 + ["tiff", "size"]


def test_a_picture_with_many_compressed_texts_is_refused_before_they_are_inflated() -> None:
    _, encoded = cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))
    picture = encoded.tobytes()
    content = b"zTXt" + b"text\0\0" + zlib.compress(bytes(2**20))
    text = struct.pack(">I", len(content) - 4) + content
    text += struct.pack(">I", zlib.crc32(content))
    end = picture.index(b"IEND") - 4
    assert (
        decode_compressed(format="png", data=picture[:end] + 3 * text + picture[end:]).any() == 0
    )
    bomb = picture[:end] + 2000 * text + picture[end:]
    error = image_refusal_of(decode_compressed, format="png", data=bomb)
    assert "more than 50 compressed texts" in str(error)
