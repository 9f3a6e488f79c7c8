# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from test.input.places import NO_FILES
from test.refusals import refusal_of
from vit_perception.input.file import InputError, check_file, open_file, read_file

FOUND = {
    "a pipe": "a file, found a pipe",
    "a socket": "a file, found a socket",
    "a folder": "a file, found a folder",
    "a device": "a file, found a device",
    "a link to a pipe": "a file, found a pipe",
    "a link to itself": "a readable file, found Too many levels of symbolic links",
}


def _open(path: Path) -> None:
    with open_file(path):
        pass


@pytest.mark.parametrize("kind", NO_FILES)
@pytest.mark.parametrize("read", [lambda path: read_file(path, 99), check_file, _open])
def test_what_is_no_regular_file_is_refused_at_once(
    tmp_path: Path, kind: str, read: Callable[[Path], object]
) -> None:
    path = tmp_path / "given"
    NO_FILES[kind](path)
    assert refusal_of(InputError, lambda: read(path)) == f"{path}: expected {FOUND[kind]}"


@pytest.mark.parametrize("name", ["absent", "a\0b", "\ud800", "x" * 300])
def test_names_without_a_file_are_told_in_one_line(tmp_path: Path, name: str) -> None:
    line = refusal_of(InputError, lambda: read_file(tmp_path / name, 99))
    assert ": expected a readable file, found " in line


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    path, link = tmp_path / "file", tmp_path / "link"
    path.write_bytes(b"12345")
    link.symlink_to(path)
    assert read_file(path, 5) == read_file(link, 5) == b"12345"
    assert refusal_of(InputError, lambda: read_file(path, 4)) == (
        f"{path}: expected at most 4 bytes, found more"
    )


def test_files_of_unknown_size_are_read_up_to_the_limit() -> None:
    status = Path("/proc/self/status")  # of size 0, as the system says
    assert b"VmSize" in read_file(status, 2**16)
    assert "at most 9 bytes" in refusal_of(InputError, lambda: read_file(status, 9))


def test_a_file_far_too_large_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(2**40)
    assert "found more" in refusal_of(InputError, lambda: read_file(path, 2**31))
