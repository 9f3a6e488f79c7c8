# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from test.refusals import refusal_of
from vit_perception.input.file import InputError
from vit_perception.input.json_file import MAX_DEPTH, parse_json, read_json, read_large_json


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "JSON, found Expecting value at line 1"),
        (b'{\n"a": [,', "JSON, found Expecting value at line 2"),
        (b"{} {}", "JSON, found Extra data at line 1"),
        (b'{"a": "b', "JSON, found Unterminated string starting at line 1"),
        (b"[" * 100_000, "JSON, found nesting that is too deep"),
        (b'{"a":' * 100_000, "JSON, found nesting that is too deep"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "JSON, found nesting that is too deep"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "JSON, found the key 'c' twice"),
        (b"[" + b"9" * 5000 + b"]", "JSON, found a number that is too long"),
        (b'["\\ud800"]', r"texts in UTF-8, found '\ud800'"),
        (b'{"\\udc00\\ud800": 1}', r"texts in UTF-8, found '\udc00\ud800'"),
        (b'["\xff"]', "UTF-8, found byte 0xff at 2"),
        ("[1]".encode("utf-16"), "UTF-8, found byte 0xff at 0"),
        (b"[1]\0", "JSON, found Extra data at line 1"),
    ],
)
def test_what_is_no_plain_json_is_refused(tmp_path: Path, content: bytes, found: str) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(content)
    assert refusal_of(InputError, lambda: read_json(path)) == f"{path}: expected {found}"


def test_what_writers_write_is_read(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(b'\xef\xbb\xbf{"a": ["\\ud83d\\ude00", "\xc3\xa9"], "b": NaN, "c": 1e999}')
    found = read_json(path)
    assert found["a"] == ["😀", "é"]
    assert math.isnan(found["b"])
    assert math.isinf(found["c"])
    assert "at most 9 bytes" in refusal_of(InputError, lambda: read_json(path, 9))


@pytest.mark.parametrize("value", [b"{},", b"[],", b'"ab",', b"1.5,"])
def test_small_files_whose_values_take_much_memory_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: bytes
) -> None:
    monkeypatch.setattr("vit_perception.input.json_file.MAX_MEMORY", 10**6)
    path = tmp_path / "file.json"
    path.write_bytes(b"[" + value * 1000 + b"0]")
    assert len(read_large_json(path, 10**6)) == 1001
    path.write_bytes(b"[" + value * 30_000 + b"0]")
    assert refusal_of(InputError, lambda: read_large_json(path, 10**6)).startswith(
        f"{path}: expected values for at most 0.001 GB of memory, found some for 0"
    )


@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_give_a_value_or_one_line(content: bytes) -> None:
    try:
        parse_json(content, "f")
    except InputError as error:
        assert str(error).isprintable()
