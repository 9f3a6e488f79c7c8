# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Checks the bytes of an ONNX file without the onnx library.

ONNX Runtime reads external data from paths that the file names; such files are found here. Field
numbers are from onnx.proto (ONNX IR version 3 and later), the wire format from
https://protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Iterator

_MAX_DEPTH = 100
# A weight tensor is one field; a file of billions of empty fields would delay the start.
_MAX_FIELDS = 5_000_000

# Message type -> field number -> message type of that field, if it can contain a tensor.
_FIELDS: dict[str, dict[int, str]] = {
    "Model": {7: "Graph", 20: "Training", 25: "Function"},
    "Training": {1: "Graph", 2: "Graph"},
    "Function": {7: "Node", 11: "Attribute"},
    "Graph": {1: "Node", 5: "Tensor", 15: "SparseTensor"},
    "Node": {5: "Attribute"},
    "Attribute": {
        5: "Tensor",
        6: "Graph",
        10: "Tensor",
        11: "Graph",
        22: "SparseTensor",
        23: "SparseTensor",
    },
    "SparseTensor": {1: "Tensor", 2: "Tensor"},
}
_NODE_OPERATOR = 4
_TENSOR_EXTERNAL_DATA = 13
_TENSOR_DATA_LOCATION = 14

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class OnnxFileError(ValueError):
    """The bytes are not an ONNX model; the message says what was found, on one line."""


def has_external_data(model: bytes) -> bool:
    """Returns whether a tensor of the model is stored in another file.

    Raises:
        OnnxFileError: the bytes are not protobuf (e.g. truncated), are nested deeper or have
            more fields than any real graph, hold no graph, or hold an engine that was compiled
            elsewhere.
    """
    view, budget = memoryview(model), _Budget()
    if not any(number == 7 and kind == _BYTES for number, kind, _ in _fields(view, budget)):
        raise OnnxFileError("no graph in it")
    return _has_external(view, "Model", 0, budget)


class _Budget:
    """The number of fields that may still be read."""

    def __init__(self) -> None:
        self._left = _MAX_FIELDS

    def take(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise OnnxFileError(f"more than {_MAX_FIELDS} fields")


def _has_external(message: memoryview, kind: str, depth: int, budget: _Budget) -> bool:
    if depth > _MAX_DEPTH:
        raise OnnxFileError(f"graphs nested more than {_MAX_DEPTH} deep")
    if kind == "Tensor":
        return any(
            number == _TENSOR_EXTERNAL_DATA or (number == _TENSOR_DATA_LOCATION and value != 0)
            for number, _, value in _fields(message, budget)
        )
    inside = _FIELDS[kind]
    found = False
    for number, _, value in _fields(message, budget):
        if not isinstance(value, memoryview):
            continue
        if number in inside:
            found = _has_external(value, inside[number], depth + 1, budget) or found
        elif kind == "Node" and number == _NODE_OPERATOR and bytes(value) == b"EPContext":
            # ONNX Runtime's wrapper of a provider's machine code, embedded or in another file.
            raise OnnxFileError("an engine compiled elsewhere (EPContext)")
    return found


def _fields(message: memoryview, budget: _Budget) -> Iterator[tuple[int, int, int | memoryview]]:
    """Yields field number, wire type and value of each field; fixed-size values are views too."""
    at, end = 0, len(message)
    while at < end:
        budget.take()
        tag, at = _varint(message, at)
        # Readers keep 32 bits of a tag; higher bits would hide another field's number.
        if not 8 <= tag < 2**32:
            raise OnnxFileError(f"protobuf tag {tag}")
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield number, kind, value
            continue
        if kind == _BYTES:
            size, at = _varint(message, at)
        elif kind == _FIXED64:
            size = 8
        elif kind == _FIXED32:
            size = 4
        else:
            raise OnnxFileError(f"protobuf wire type {kind}")
        if at + size > end:
            raise OnnxFileError(f"a field of {size} bytes where {end - at} are left (truncated?)")
        yield number, kind, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise OnnxFileError("an end within a number (truncated?)")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise OnnxFileError("a number of more than 10 bytes")
