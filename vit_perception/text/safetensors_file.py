# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Tensors from the bytes of a safetensors file, for a robot that has no other use for the library.

Format: https://huggingface.co/docs/safetensors (8 bytes little-endian header size, a JSON header
of name to dtype, shape and data_offsets, then the data).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from vit_perception.wording import one_line, shown

MAX_HEADER_BYTES = 2**20
_SIZE_BYTES = 8
_ITEM_BYTES = 4


class SafetensorsError(ValueError):
    """Not a safetensors file, or not with the tensors expected; the message is one line."""


def read_tensors(
    data: bytes, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, NDArray[np.float32]]:
    """The float32 tensors of these names and shapes, as read-only views of `data`.

    Further tensors in the file are ignored. Raises SafetensorsError: damaged, or a tensor is
    absent or of another type or shape.
    """
    start, header = _header(data)
    return {name: _tensor(data, start, name, header.get(name), s) for name, s in shapes.items()}


def _header(data: bytes) -> tuple[int, dict[str, object]]:
    size = int.from_bytes(data[:_SIZE_BYTES], "little")
    start = _SIZE_BYTES + size
    if size > MAX_HEADER_BYTES or start > len(data):
        raise SafetensorsError(
            f"expected a safetensors file with a header of at most {MAX_HEADER_BYTES} bytes, "
            f"found {len(data)} bytes with a header of {size}"
        )
    try:
        header = json.loads(data[_SIZE_BYTES:start])
    except (ValueError, RecursionError) as error:
        raise SafetensorsError(
            f"expected a safetensors file with a JSON header, found {one_line(error)}"
        ) from error
    if not isinstance(header, dict):
        raise SafetensorsError(f"expected a header of names, found {shown(header)}")
    return start, header


def _tensor(
    data: bytes, start: int, name: str, entry: object, shape: tuple[int, ...]
) -> NDArray[np.float32]:
    expected = {"dtype": "F32", "shape": list(shape)}
    if not isinstance(entry, dict) or any(entry.get(k) != v for k, v in expected.items()):
        raise SafetensorsError(f"expected tensor {name} {shown(expected)}, found {shown(entry)}")
    offsets = entry.get("data_offsets")
    count = math.prod(shape)
    if (
        not isinstance(offsets, list)
        or [type(offset) for offset in offsets] != [int, int]
        or not 0 <= offsets[0] <= offsets[1] <= len(data) - start
        or offsets[1] - offsets[0] != count * _ITEM_BYTES
    ):
        raise SafetensorsError(
            f"expected {count * _ITEM_BYTES} bytes of tensor {name}, found them at "
            f"{shown(offsets)} of {len(data) - start}"
        )
    values = np.frombuffer(data, "<f4", count, start + offsets[0])
    return values.reshape(shape).astype(np.float32, copy=False)
