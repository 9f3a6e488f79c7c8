# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from test.refusals import refusal_of
from vit_perception.input.file import InputError
from vit_perception.input.yaml_file import MAX_DEPTH, read_yaml


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("a: &a [x]\n" + "".join(f"b{i}: [*a, *a]\n" for i in range(9)), "an alias (*name)"),
        ("- " * 100_000, "nesting that is too deep"),
        ("{a: " * 100_000, "nesting that is too deep"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "nesting that is too deep"),
        ("!!int x", "invalid literal for int() with base 10: 'x'"),
        ("!!binary é", "failed to convert base64 data into ascii"),
        ("!!set x", "expected a mapping node, but found scalar"),
        ("? {a: b}\n: c", "unhashable key"),
        ("a: 1\na: 2", "the key 'a' twice"),
        ("a: 1\n--- \nb: 2", "expected a single document in the stream"),
    ],
)
def test_what_is_no_safe_yaml_is_refused(tmp_path: Path, content: str, found: str) -> None:
    path = tmp_path / "file.yaml"
    path.write_text(content)
    line = refusal_of(InputError, lambda: read_yaml(path))
    assert line.startswith(f"{path}: expected safe YAML, found {found}")


def test_files_of_many_values_are_read_where_many_are_expected(tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    path.write_text("[" + "a, " * 60_000 + "]")
    assert len(read_yaml(path, values=70_000)) == 60_000
    assert "more than 50000 values" in refusal_of(InputError, lambda: read_yaml(path))
    assert "at most 99 bytes" in refusal_of(InputError, lambda: read_yaml(path, 99))
