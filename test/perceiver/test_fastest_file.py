# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What was measured is kept, and a file that is damaged or cannot be written is no error."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from vit_perception.perceiver.choice import Candidate, Timed
from vit_perception.perceiver.fastest_file import MAX_ENTRIES, FastestFile

FP32, INT8 = Candidate("fp32", "cpu"), Candidate("int8", "cpu")
BOTH = (FP32, INT8)
TIMED = Timed({FP32: 29.4, INT8: 13.1}, {})
ROWS = [
    {"precision": "fp32", "provider": "cpu", "ms": 29.4, "refused": None},
    {"precision": "int8", "provider": "cpu", "ms": 13.1, "refused": None},
]


def test_what_was_kept_is_found(tmp_path: Path) -> None:
    FastestFile(tmp_path / "new").put("a", BOTH, TIMED)
    file = FastestFile(tmp_path / "new")
    assert file.get("a", BOTH) == TIMED
    assert file.get("b", BOTH) is None
    refused = Timed({FP32: 1.0}, {INT8: "no memory"})
    file.put("b", BOTH, refused)
    assert (file.get("a", BOTH), file.get("b", BOTH)) == (TIMED, refused)
    file.put("a", BOTH, refused)
    assert file.get("a", BOTH) == refused
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["fastest.json"]


def test_the_oldest_is_dropped(tmp_path: Path) -> None:
    file = FastestFile(tmp_path)
    for number in range(MAX_ENTRIES + 1):
        file.put(str(number), BOTH, TIMED)
    found = [file.get(str(number), BOTH) for number in range(MAX_ENTRIES + 1)]
    assert found == [None] + [TIMED] * MAX_ENTRIES


def test_without_a_folder_nothing_is_kept() -> None:
    file = FastestFile(None)
    file.put("a", BOTH, TIMED)
    assert file.get("a", BOTH) is None


def spoilt(**changes: Any) -> bytes:
    return json.dumps({"a": [ROWS[0] | changes, ROWS[1]]}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b"[]",
        b" " * (2**20 + 1),
        b'{"a": 5}',
        b'{"a": []}',
        json.dumps({"a": ROWS[::-1]}).encode(),
        json.dumps({"a": [5, 5]}).encode(),
        spoilt(ms="fast"),
        spoilt(ms=-1),
        spoilt(ms=float("nan")),
        spoilt(ms=None),
        spoilt(ms=True),
        spoilt(precision="int4"),
        spoilt(provider=5),
        spoilt(refused=5),
        json.dumps({"a": [each | {"refused": "no"} for each in ROWS]}).encode(),
    ],
)
def test_a_damaged_file_is_measured_again(
    content: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, file = tmp_path / "fastest.json", FastestFile(tmp_path)
    path.write_bytes(content)
    with caplog.at_level(logging.INFO, "vit_perception"):
        assert file.get("a", BOTH) is None
    [record] = caplog.records
    line = record.getMessage()
    assert line.startswith(f"{path}: not readable, measured again: ")
    assert record.levelno == logging.INFO and "\n" not in line and len(line) < 600
    file.put("a", BOTH, TIMED)
    assert file.get("a", BOTH) == TIMED


def test_the_rest_of_a_file_stays(tmp_path: Path) -> None:
    (tmp_path / "fastest.json").write_text(json.dumps({"a": ROWS, "b": 5}))
    file = FastestFile(tmp_path)
    assert file.get("b", BOTH) is None
    file.put("b", BOTH, TIMED)
    assert (file.get("a", BOTH), file.get("b", BOTH)) == (TIMED, TIMED)


def test_a_file_that_cannot_be_written_is_left(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "in_the_way").write_text("")
    file = FastestFile(tmp_path / "in_the_way")
    with caplog.at_level(logging.INFO, "vit_perception"):
        file.put("a", BOTH, TIMED)
    [record] = caplog.records
    assert record.getMessage().startswith(
        f"{tmp_path}/in_the_way/fastest.json: not written, measured again next time: "
    )
    assert file.get("a", BOTH) is None


@pytest.mark.parametrize("folder", ["nul\0", "loop"])
def test_a_place_that_cannot_be_is_as_good_as_none(folder: str, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    file = FastestFile(tmp_path / folder)
    assert file.get("a", BOTH) is None
    file.put("a", BOTH, TIMED)
    assert file.get("a", BOTH) is None


def test_a_device_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "fastest.json").symlink_to("/dev/zero")
    file = FastestFile(tmp_path)
    assert file.get("a", BOTH) is None
    file.put("a", BOTH, TIMED)
    assert file.get("a", BOTH) is None
