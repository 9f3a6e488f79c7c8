# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Text embeddings on disk, so that each name is encoded once per machine.

One .npz file per encoder: `keys` uint8 [N, 32], sha256 of encoder and name, and `embeddings`
float32 [N, D]. The zip container's checksums detect damage. An unreadable cache is rebuilt; one
that cannot be written is kept in memory; neither is an error.
"""

from __future__ import annotations

import hashlib
import io
import logging
import threading
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vit_perception.input.file import read_file
from vit_perception.output.write import write
from vit_perception.wording import one_line

Array = NDArray[np.float32]

MAX_ENTRIES = 8192
"""At 384 dimensions 13 MB; beyond it, the oldest names are dropped."""
UNIT_TOLERANCE = 1e-3

_log = logging.getLogger(__name__)


class EmbeddingCache:
    """Embeddings of one encoder, by name; thread-safe, shared between processes.

    If two processes write at once, the later file remains; names only in the other are encoded
    again when needed.

    Args:
        directory: None keeps the embeddings in memory only.
        encoder: the encoder's sha256; other encoders' embeddings are never returned.
        dimension: D.
    """

    def __init__(self, directory: Path | None, encoder: str, dimension: int) -> None:
        self._encoder = encoder
        self._dimension = dimension
        name = hashlib.sha256(encoder.encode()).hexdigest()[:16]
        self._path = directory / f"text_{name}.npz" if directory is not None else None
        self._lock = threading.Lock()
        self._entries: dict[bytes, Array] | None = None

    def get(self, names: Sequence[str]) -> dict[str, Array]:
        """Returns the known ones of `names`: name -> float32 [D], unit length, read-only."""
        with self._lock:
            entries = self._loaded()
            found = {name: entries.get(self._key(name)) for name in names}
        return {name: row for name, row in found.items() if row is not None}

    def put(self, names: Sequence[str], embeddings: Array) -> None:
        """Stores the embeddings, float32 [N, D], of N names, in memory and on disk."""
        if not names:
            return
        rows = np.array(embeddings, np.float32)
        rows.flags.writeable = False
        new = {self._key(name): row for name, row in zip(names, rows, strict=True)}
        with self._lock:
            merged = self._loaded() | self._read() | new
            self._entries = dict(list(merged.items())[-MAX_ENTRIES:])
            self._write(self._entries)

    def _key(self, name: str) -> bytes:
        text = f"{self._encoder}\n{name}".encode("utf-8", "surrogatepass")
        return hashlib.sha256(text).digest()

    def _loaded(self) -> dict[bytes, Array]:
        if self._entries is None:
            self._entries = self._read()
        return self._entries

    def _read(self) -> dict[bytes, Array]:
        if self._path is None:
            return {}
        try:
            if not self._path.exists():
                return {}
            limit = MAX_ENTRIES * (32 + 4 * self._dimension) + 4096
            return _parse(read_file(self._path, limit), self._dimension)
        # zipfile and numpy raise a dozen types for damaged files.
        except Exception as error:
            _log.warning("%s: text cache not readable, rebuilt: %s", self._path, one_line(error))
            return {}

    def _write(self, entries: dict[bytes, Array]) -> None:
        if self._path is None:
            return
        try:
            write(self._path, _serialise(entries))
        # OutputError, and a path with a null character.
        except ValueError as error:
            _log.warning(
                "%s: text cache not written, kept in memory: %s", self._path, one_line(error)
            )
            self._path = None


def _parse(data: bytes, dimension: int) -> dict[bytes, Array]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
            raise ValueError("expected stored members, found compressed ones")
        # numpy stops before the end of a member and does not compare its checksum.
        damaged = archive.testzip()
        if damaged is not None:
            raise ValueError(f"expected {damaged} as it was written, found it damaged")
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        keys, embeddings = arrays["keys"], arrays["embeddings"]
    count = len(keys) if keys.ndim else 0
    if keys.shape != (count, 32) or keys.dtype != np.uint8:
        raise ValueError(f"expected keys uint8 [N, 32], found {keys.dtype} {list(keys.shape)}")
    if embeddings.shape != (count, dimension) or embeddings.dtype != np.float32:
        raise ValueError(
            f"expected embeddings float32 [{count}, {dimension}], "
            f"found {embeddings.dtype} {list(embeddings.shape)}"
        )
    lengths = np.linalg.norm(embeddings, axis=1)
    if not np.all(np.abs(lengths - 1) <= UNIT_TOLERANCE):
        raise ValueError("expected embeddings of unit length, found others")
    embeddings.flags.writeable = False
    return {key.tobytes(): row for key, row in zip(keys, embeddings, strict=True)}


def _serialise(entries: dict[bytes, Array]) -> bytes:
    buffer = io.BytesIO()
    keys = np.frombuffer(b"".join(entries), np.uint8).reshape(len(entries), 32)
    np.savez(buffer, keys=keys, embeddings=np.stack(list(entries.values())))
    return buffer.getvalue()
