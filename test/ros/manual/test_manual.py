# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The manual, the files in config/ and the code say the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from vit_perception.parameters.detector import DetectorParameters, validate
from vit_perception.ros.manual import manual
from vit_perception.ros.manual.interface import COMMANDS, PUBLISHED, SERVICES, SUBSCRIBED
from vit_perception.ros.manual.policy import topics
from vit_perception.setting import settings_of

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("name", manual.written())
def test_a_generated_file_is_the_one_of_now(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert text == manual.written()[name], "run: python -m vit_perception.ros.manual --write ."


def test_the_configuration_holds_the_defaults() -> None:
    values = yaml.safe_load(manual.config())["/**"]["ros__parameters"]
    assert list(values) == list(settings_of(DetectorParameters))
    assert validate(values) == DetectorParameters()


def test_rviz_shows_topics_that_are_published() -> None:
    shown = yaml.safe_load((ROOT / "config" / "perception.rviz").read_text(encoding="utf-8"))
    displays = shown["Visualization Manager"]["Displays"]
    wanted = {each["Topic"]["Value"] for each in displays if "Topic" in each}
    assert wanted == {"/detector/overlay", "/detector/markers"}
    assert wanted <= {name.replace("~", "/detector") for name in topics(PUBLISHED, ())}


def test_the_manual_tells_all_that_the_tables_hold() -> None:
    text = manual.manual()
    tables = (SUBSCRIBED, COMMANDS, PUBLISHED, SERVICES)
    names = [name for table in tables for name in topics(table, ())]
    names += [key for keys, _ in manual.DIAGNOSTICS for key in keys.split(", ")]
    assert [
        name for name in [*names, *settings_of(DetectorParameters)] if f"`{name}`" not in text
    ] == []
    assert max(map(len, text.splitlines())) <= 99


def test_all_generated_files_are_written_into_a_checkout(tmp_path: Path) -> None:
    for folder in ("doc", "config"):
        (tmp_path / folder).mkdir()
    assert manual.main(["--write", str(tmp_path)]) == 0
    for name, text in manual.written().items():
        assert (tmp_path / name).read_text(encoding="utf-8") == text


def test_a_folder_that_is_no_checkout_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert manual.main(["--write", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"{tmp_path}/doc/nodes.md: No such file or directory\n"


def test_the_manual_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert manual.main([]) == 0
    assert capsys.readouterr().out == manual.manual()
