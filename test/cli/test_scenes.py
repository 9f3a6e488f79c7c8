# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from test.scenes.conftest import pack, rendering  # noqa: F401
from vit_perception.cli.__main__ import main


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--size", "416"),
        ("--size", "10x10"),
        ("--objects", "5-3"),
        ("--count", "0"),
        ("--seed", "-1"),
        ("--parametric", "-5"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(
    option: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["scenes", "--assets", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main([*words, f"{option}={value}"]) == 2
    error = capsys.readouterr().err
    assert option in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_folder_without_assets_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scenes", "--assets", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert "meta.json" in error
    assert error.count("\n") == 1


def test_a_recipe_file_sets_what_no_option_does(
    pack: Path,  # noqa: F811
    rendering: None,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recipe, out = tmp_path / "mine.yaml", tmp_path / "out"
    recipe.write_text("count: 50\nsize: 96x64\nviews: 3\nobjects: 2-4\n", encoding="utf-8")
    words = ["scenes", "--assets", str(pack), "--out", str(out), "--recipe", str(recipe)]
    assert main([*words, "--count=2", "--seed=4"]) == 0
    written = json.loads((out / "recipe.json").read_text(encoding="utf-8"))
    wanted = {"count": 2, "seed": 4, "width": 96, "height": 64, "views": 3, "most": 4}
    assert {key: written[key] for key in wanted} == wanted
    text = capsys.readouterr().out
    assert re.search(r"2 pictures, \d+ objects \(\d+% partly hidden\), 3 assets skipped", text)
    assert re.search(r"2 pictures made in \d+ s: [\d.]+ a second", text)


def test_an_unknown_key_names_the_file_and_the_nearest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("hard_ligth: 0.3\n", encoding="utf-8")
    words = ["scenes", "--assets", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main([*words, "--recipe", str(recipe)]) == 2
    error = capsys.readouterr().err
    assert f"{recipe}: expected 'hard_light', found 'hard_ligth'" in error
    assert error.count("\n") == 1
