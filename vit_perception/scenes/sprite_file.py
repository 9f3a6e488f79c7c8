# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The file of one object's sprites: an index and the pixels, written as a whole.

It holds MAGIC, the length of the index (uint64, little-endian), the index as JSON, and the pixels
of the sprites one after the other. It is never changed in place: who has it mapped keeps its
pixels when another process puts a new one there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vit_perception.input.file import InputError, open_file
from vit_perception.output.write import new_file
from vit_perception.wording import one_line, shown_path

MAGIC = b"sprites3"
_START = len(MAGIC) + 8

Picture = tuple[np.ndarray, dict[str, Any]]
"""Pixels uint8 [h,w,4], and what is known of them."""


class SpriteError(ValueError):
    """A sprite file that cannot be used; one line naming it, expected and found."""


def write_sprites(path: Path, pictures: Sequence[Picture]) -> None:
    """Writes the sprites of an object; the same pictures give the same bytes.

    Raises:
        OutputError: the file cannot be written.
    """
    records, start = [], 0
    for pixels, record in pictures:
        height, width = pixels.shape[:2]
        records.append({**record, "height": height, "width": width, "start": start})
        start += pixels.size
    index = json.dumps(records).encode()
    with new_file(path) as partial, partial.open("wb") as file:
        file.write(MAGIC + len(index).to_bytes(8, "little") + index)
        for pixels, _ in pictures:
            file.write(np.ascontiguousarray(pixels).data)


def read_sprites(path: Path) -> list[Picture]:
    """Returns the sprites of a file; their pixels stay on disk until they are used.

    Raises:
        SpriteError: it is absent, or no whole sprite file.
    """
    try:
        with open_file(path) as file:
            head = file.read(_START)
            length = int.from_bytes(head[len(MAGIC) :], "little")
            size = os.fstat(file.fileno()).st_size
            if head[: len(MAGIC)] != MAGIC or not 0 < length <= size - _START:
                raise ValueError("other bytes")
            records = json.loads(file.read(length))
        wanted = sum(record["height"] * record["width"] * 4 for record in records)
        if size != _START + length + wanted:
            raise ValueError(f"{size} bytes instead of {_START + length + wanted}")
        packed = np.memmap(path, dtype=np.uint8, mode="r", offset=_START + length)
        return [(_cut(packed, record), record) for record in records]
    except InputError as error:
        raise SpriteError(str(error)) from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or one_line(error)
        raise SpriteError(f"{shown_path(path)}: expected sprites, found {reason}") from None


def _cut(packed: np.ndarray, record: dict[str, Any]) -> np.ndarray:
    height, width, start = record["height"], record["width"], record["start"]
    return packed[start : start + height * width * 4].reshape(height, width, 4)
