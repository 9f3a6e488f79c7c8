# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Compressed parts of bags: messages, chunks and whole files, in bz2, LZ4 and zstd.

Also what can be had of data that are cut short.
"""

from __future__ import annotations

import bz2
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import lz4.frame  # type: ignore[import-untyped]

from vit_perception.bags.storage import StorageError
from vit_perception.output.failure import writing
from vit_perception.wording import one_line, shown

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_LZ4_MAGIC = b"\x04\x22\x4d\x18"
_BLOCK = 2**20
_STEP = 2**16
_STREAMS = {
    "bz2": bz2.BZ2Decompressor,
    "lz4": lz4.frame.LZ4FrameDecompressor,
    "zstd": zstd.ZstdDecompressor,
}
_DAMAGE = (zstd.ZstdError, RuntimeError, EOFError, OSError)
MAX_CHUNK = 2**32
"""Bytes of a chunk; larger ones are taken for damaged. Recorders write a few MiB."""


def decompress(data: bytes | memoryview, kind: str, size: int) -> bytes | memoryview:
    """Unpacks a chunk; cut or damaged data give the bytes before the damage.

    Args:
        data: the packed bytes.
        kind: "", "none", "bz2", "lz4" or "zstd".
        size: unpacked bytes; not more than these are made.

    Raises:
        StorageError: another kind, or a size that no recorder writes.
    """
    if size > MAX_CHUNK:
        raise StorageError(f"expected a chunk of at most {MAX_CHUNK} bytes, found {size}")
    if kind in ("", "none"):
        return data
    if kind not in _STREAMS:
        raise StorageError(f"expected a chunk in bz2, lz4 or zstd, found {shown(kind)}")
    parts: list[bytes] = []
    # In small steps: what a step unpacked before it met damage would be lost.
    steps = (data[at : at + _STEP] for at in range(0, len(data), _STEP))
    with suppress(StorageError):
        parts.extend(_unpacked(kind, steps, size))
    return b"".join(parts)


def message_bytes(raw: bytes) -> bytes:
    """Returns a message of rosbag2, unpacked if it was packed by itself.

    The first byte of CDR is 0, so packed messages are known by their magic.

    Raises:
        StorageError: it is packed and damaged.
    """
    if not raw.startswith(_ZSTD_MAGIC):
        return raw
    try:
        return bytes(zstd.decompress(raw))
    except zstd.ZstdError as error:
        raise StorageError(f"expected a zstd message, found {one_line(error)}") from error


def is_packed(path: Path) -> bool:
    """Returns whether a whole file is compressed."""
    with path.open("rb") as file:
        return file.read(4) in (_ZSTD_MAGIC, _LZ4_MAGIC)


def unpack_file(path: Path, folder: Path) -> tuple[Path, str]:
    """Unpacks a compressed file as far as it can be read.

    Args:
        path: the file.
        folder: where to write.

    Returns:
        The unpacked file, and why it ends early ("" if it is whole).

    Raises:
        OutputError: the unpacked file cannot be written.
    """
    target = folder / path.stem
    with path.open("rb") as file, writing(target), target.open("wb") as out:
        kind = "zstd" if file.read(4) == _ZSTD_MAGIC else "lz4"
        file.seek(0)
        try:
            for block in _unpacked(kind, iter(partial(file.read, _STEP), b"")):
                out.write(block)
        except StorageError as error:
            return target, str(error)
    return target, ""


def _unpacked(
    kind: str, packed: Iterable[bytes | memoryview], size: int = sys.maxsize
) -> Iterator[bytes]:
    """Yields at most `size` unpacked bytes.

    Raises:
        StorageError: the data are damaged or cut short; after what could be unpacked.
    """
    stream: Any = _STREAMS[kind]()
    begun = False
    for step in packed:
        while step or not (stream.eof or stream.needs_input):
            try:
                block = stream.decompress(step, max_length=min(size, _BLOCK))
            except _DAMAGE as error:
                raise StorageError(f"damaged {kind} data: {one_line(error)}") from error
            begun, step = True, b""
            size -= len(block)
            yield block
            if not size:
                return
            if stream.eof:  # another frame may follow
                begun, step, stream = False, stream.unused_data, _STREAMS[kind]()
    if begun:
        raise StorageError(f"{kind} data that end early")
