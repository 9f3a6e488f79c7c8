# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vit_perception.text.safetensors_file import (
    MAX_HEADER_BYTES,
    SafetensorsError,
    read_tensors,
)

SHAPES = {"a": (2, 3), "b": (4,)}
A = np.arange(6, dtype=np.float32).reshape(2, 3)
B = np.arange(4, dtype=np.float32) - 2
DATA = A.tobytes() + B.tobytes()
HEADER = {
    "__metadata__": {"format": "pt"},
    "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    "b": {"dtype": "F32", "shape": [4], "data_offsets": [24, 40]},
}


def file_of(header: Any, data: bytes = DATA) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def test_tensors_are_read():
    found = read_tensors(file_of(HEADER), SHAPES)
    assert np.array_equal(found["a"], A)
    assert np.array_equal(found["b"], B)
    assert found["a"].dtype == np.float32


def test_the_library_writes_the_same_format():
    library = pytest.importorskip("safetensors.numpy")
    found = read_tensors(library.save({"a": A, "b": B, "c": B}), SHAPES)
    assert np.array_equal(found["a"], A)
    assert np.array_equal(found["b"], B)


@pytest.mark.parametrize("size", range(0, len(file_of(HEADER)), 7))
def test_a_truncated_file_is_refused(size):
    with pytest.raises(SafetensorsError):
        read_tensors(file_of(HEADER)[:size], SHAPES)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (None, "expected tensor b"),
        ([], "expected tensor b"),
        ({}, "expected tensor b"),
        ({"dtype": "F16"}, "found .*F16"),
        ({"dtype": "F64"}, "found .*F64"),
        ({"shape": [5]}, r"found .*\[5\]"),
        ({"shape": [2, 2]}, r"found .*\[2, 2\]"),
        ({"shape": 4}, "found"),
        ({"shape": [2**70]}, "found"),
        ({"data_offsets": [24, 39]}, "expected 16 bytes of tensor b"),
        ({"data_offsets": [28, 44]}, "expected 16 bytes of tensor b"),
        ({"data_offsets": [40, 24]}, "expected 16 bytes of tensor b"),
        ({"data_offsets": [-16, 0]}, "expected 16 bytes of tensor b"),
        ({"data_offsets": [2**70, 2**70 + 16]}, "expected 16 bytes of tensor b"),
        ({"data_offsets": [24.0, 40.0]}, "expected 16 bytes of tensor b"),
        ({"data_offsets": [24]}, "expected 16 bytes of tensor b"),
        ({"data_offsets": None}, "expected 16 bytes of tensor b"),
        ({"data_offsets": [[], {}]}, "expected 16 bytes of tensor b"),
    ],
)
def test_another_tensor_is_refused(entry, expected):
    changed = HEADER["b"] | entry if entry and isinstance(entry, dict) else entry
    with pytest.raises(SafetensorsError, match=expected) as caught:
        read_tensors(file_of(HEADER | {"b": changed}), SHAPES)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 8,
        struct.pack("<Q", 2**63),
        struct.pack("<Q", MAX_HEADER_BYTES + 1) + b" " * (MAX_HEADER_BYTES + 1),
        struct.pack("<Q", 100_000) + b"[" * 100_000,
        struct.pack("<Q", 4) + b"\xff" * 4,
        file_of([]),
        file_of("\n"),
    ],
)
def test_another_file_is_refused(data):
    with pytest.raises(SafetensorsError) as caught:
        read_tensors(data, SHAPES)
    assert str(caught.value).isprintable()


@settings(max_examples=200, deadline=None)
@given(
    at=st.integers(0, len(file_of(HEADER))),
    junk=st.binary(min_size=1, max_size=12)
    | st.text('0123456789,[]{}":-', max_size=8).map(str.encode),
)
def test_a_damaged_file_is_read_or_refused_in_one_line(at, junk):
    original = file_of(HEADER)
    data = original[:at] + junk + original[at + len(junk) :]
    try:
        found, refusal = read_tensors(data, SHAPES), ""
    except SafetensorsError as error:
        found, refusal = {}, str(error)
    assert bool(found) != bool(refusal)
    assert refusal.isprintable()
    assert all(found[name].shape == shape for name, shape in SHAPES.items() if found)
