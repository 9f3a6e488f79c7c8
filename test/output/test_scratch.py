# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Temporary files that do not fit, and those that a killed process left."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from vit_perception.output import partial
from vit_perception.output.failure import OutputError
from vit_perception.output.scratch import scratch_folder

from ..refusals import refusal_of
from ..small_disk import on_small_disk
from .killed import killed


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(partial, "_swept", set())


def test_it_is_private_and_ends_with_the_block(tmp_path: Path) -> None:
    with scratch_folder() as first, scratch_folder() as second:
        (first / "a").touch()
        assert first != second
        assert first.parent == tmp_path
        assert first.stat().st_mode & 0o777 == 0o700
    assert os.listdir(tmp_path) == []


def test_what_a_killed_process_left_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    killed(
        """
from vit_perception.output.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "a").touch()
    die()
""",
        tmp_path,
    )
    assert len(os.listdir(tmp_path)) == 1
    with scratch_folder() as folder:
        assert os.listdir(tmp_path) == [folder.name]


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = tmp_path / "disk"
    monkeypatch.setenv("TMPDIR", str(disk))
    script = """
from vit_perception.output.failure import OutputError
from vit_perception.output.scratch import scratch_folder
try:
    with scratch_folder() as folder:
        (folder / "a").write_bytes(bytes(10**6))
except OutputError as error:
    print(error)
"""
    outcome = on_small_disk(disk, "64k", "-c", script)
    assert outcome.stdout == f"{disk}: expected to write here, found No space left on device\n"
    assert outcome.left == ()


def test_no_place_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))

    def enter() -> None:
        with scratch_folder():
            pass

    assert refusal_of(OutputError, enter) == (
        f"{tmp_path}/absent: expected to write here, found No such file or directory"
    )
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(tmp_path / "absent")])
    assert refusal_of(OutputError, enter).startswith(
        "temporary files: expected a folder to write in (TMPDIR), found [Errno 2] No usable"
    )


def test_errors_about_other_files_pass_through(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), scratch_folder():
        (tmp_path / "absent").read_bytes()
