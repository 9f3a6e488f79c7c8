# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from test.input.places import NO_FILES
from test.refusals import refusal_of
from vit_perception.bags.metadata import MAX_BYTES, MetadataError, read_metadata

START = "rosbag2_bagfile_information:\n  relative_file_paths: [a.mcap]\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        # Its names would be texts of gigabytes.
        (
            "a0: &a0 [x, x]\n"
            + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 30))
            + "rosbag2_bagfile_information: {relative_file_paths: [*a29]}\n",
            "an alias (*name), which is not allowed",
        ),
        ("- " * 100_000, "nesting that is too deep"),
        (START + "a: !!int x\n", "invalid literal for int()"),
        (START + START, "the key 'rosbag2_bagfile_information' twice"),
    ],
)
def test_hostile_yaml_is_refused_at_once(tmp_path: Path, text: str, found: str) -> None:
    path = tmp_path / "metadata.yaml"
    path.write_text(text)
    line = refusal_of(MetadataError, lambda: read_metadata(path))
    assert line.startswith(f"expected safe YAML, found {found}")


@pytest.mark.parametrize("kind", NO_FILES)
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    NO_FILES[kind](tmp_path / "metadata.yaml")
    refusal_of(MetadataError, lambda: read_metadata(tmp_path / "metadata.yaml"))


def test_a_file_too_large_is_refused_and_one_of_many_parts_read(tmp_path: Path) -> None:
    path = tmp_path / "metadata.yaml"
    names = [f"{n}.mcap" for n in range(20_000)]
    path.write_text(f"rosbag2_bagfile_information: {{relative_file_paths: [{', '.join(names)}]}}")
    assert read_metadata(path).files == tuple(names)
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert "expected at most" in refusal_of(MetadataError, lambda: read_metadata(path))
