# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Outputs that are inputs, under any of their names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vit_perception.output.failure import OutputError
from vit_perception.output.input_files import refuse_inputs, refuse_inside

from ..refusals import refusal_of


@pytest.mark.parametrize("kind", ["itself", "link", "hard link", "around", "above"])
def test_an_output_that_is_an_input_is_refused(tmp_path: Path, kind: str) -> None:
    source = tmp_path / "a\x1b.png"
    source.touch()
    output = tmp_path / "b.png"
    if kind == "itself":
        output = source
    elif kind == "link":
        output.symlink_to(source)
    elif kind == "hard link":
        os.link(source, output)
    elif kind == "around":
        (tmp_path / "c").mkdir()
        output = tmp_path / "c" / ".." / source.name
    else:
        (tmp_path / "c").symlink_to(tmp_path)
        output = tmp_path / "c" / source.name
    line = refusal_of(OutputError, lambda: refuse_inputs([tmp_path / "new", output], [source]))
    assert ": expected a file to write, found the input '" in line


def test_other_outputs_are_not(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    others = (tmp_path / "absent", tmp_path / "loop", tmp_path / "a" / "b", Path("/dev/null"))
    refuse_inputs(others, [tmp_path / "a", tmp_path / "gone"])
    refuse_inputs([], [tmp_path / "a"])


def test_an_output_inside_an_input_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(folder / "deep")
    for output in (folder, folder / "new", folder / "deep" / "a" / "b", tmp_path / "link" / "a"):
        line = refusal_of(OutputError, lambda output=output: refuse_inside(output, folder))
        assert line == f"{output}: expected a place outside the input {folder}, found one inside"
    for output in (tmp_path, tmp_path / "in2", folder / ".." / "b"):
        refuse_inside(output, folder)
    refuse_inside(tmp_path / "gone" / "a", tmp_path / "gone")
