# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import struct
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vit_perception.text.minilm import MAX_HEADER_BYTES, WeightsError, read_tensors

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


def test_an_absent_library_names_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(WeightsError, match="pip install safetensors"):
        read_tensors(file_of(HEADER), SHAPES)


def test_further_tensors_are_ignored():
    more = {"c": {"dtype": "BF16", "shape": [2], "data_offsets": [40, 44]}}
    found = read_tensors(file_of(HEADER | more, DATA + bytes(4)), SHAPES)
    assert list(found) == ["a", "b"]
    assert np.array_equal(found["b"], B)


@pytest.mark.parametrize("size", range(0, len(file_of(HEADER)), 7))
def test_a_truncated_file_is_refused(size):
    with pytest.raises(WeightsError):
        read_tensors(file_of(HEADER)[:size], SHAPES)


@pytest.mark.parametrize(
    "entry",
    [
        None,
        [],
        {},
        {"dtype": "F16"},
        {"dtype": "F64"},
        {"shape": [5]},
        {"shape": 4},
        {"shape": [2**70]},
        {"data_offsets": [24, 39]},
        {"data_offsets": [28, 44]},
        {"data_offsets": [40, 24]},
        {"data_offsets": [-16, 0]},
        {"data_offsets": [0, 16]},
        {"data_offsets": [2**70, 2**70 + 16]},
        {"data_offsets": [24.0, 40.0]},
        {"data_offsets": [24]},
        {"data_offsets": None},
        {"data_offsets": [[], {}]},
    ],
)
def test_another_tensor_is_refused(entry):
    changed = HEADER["b"] | entry if entry and isinstance(entry, dict) else entry
    with pytest.raises(WeightsError, match="expected a safetensors file, found") as caught:
        read_tensors(file_of(HEADER | {"b": changed}), SHAPES)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("dtype", "shape", "expected"),
    [
        ("I32", [4], r"expected tensor b F32 \[4\], found I32 \[4\]"),
        ("F32", [2, 2], r"expected tensor b F32 \[4\], found F32 \[2, 2\]"),
        ("F32", [1] * 90 + [4], r"found F32 \[1, 1, 1, 1, 1, 1, \.\.\.\]"),
        ("F64", [2], r"found F64 \[2\]"),
        ("F16", [8], r"found F16 \[8\]"),
        (None, None, r"expected tensor b F32 \[4\], found none \[\]"),
    ],
)
def test_a_tensor_of_another_type_or_shape_is_refused(dtype, shape, expected):
    entry = {"dtype": dtype, "shape": shape, "data_offsets": [24, 40]}
    header = HEADER | {"b" if dtype else "other": entry if dtype else HEADER["b"]}
    if dtype is None:
        del header["b"]
    with pytest.raises(WeightsError, match=expected) as caught:
        read_tensors(file_of(header), SHAPES)
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
    with pytest.raises(WeightsError) as caught:
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
    except WeightsError as error:
        found, refusal = {}, str(error)
    assert bool(found) != bool(refusal)
    assert refusal.isprintable()
    assert all(found[name].shape == shape for name, shape in SHAPES.items() if found)
