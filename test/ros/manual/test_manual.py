# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The manual, the files in config/ and the code say the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from vit_perception.parameters.detector import DetectorParameters
from vit_perception.parameters.localizer import LocalizerParameters
from vit_perception.parameters.values import taken
from vit_perception.ros.manual import detector, localizer, manual
from vit_perception.ros.manual.interface import DETECTOR, Interface
from vit_perception.ros.manual.localizer import LOCALIZER
from vit_perception.ros.manual.policy import topics
from vit_perception.setting import settings_of

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("name", manual.written())
def test_a_generated_file_is_the_one_of_now(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert text == manual.written()[name], "run: python -m vit_perception.ros.manual --write ."


@pytest.mark.parametrize(
    ("node", "parameters"), [("detector", DetectorParameters), ("localizer", LocalizerParameters)]
)
def test_the_configuration_holds_the_defaults(node: str, parameters: type) -> None:
    text = manual.written()[f"config/{node}.yaml"]
    values = yaml.safe_load(text)["/**"]["ros__parameters"]
    assert list(values) == list(settings_of(parameters))
    assert taken(parameters, values) == parameters()


def test_rviz_shows_topics_that_are_published() -> None:
    shown = yaml.safe_load((ROOT / "config" / "perception.rviz").read_text(encoding="utf-8"))
    displays = shown["Visualization Manager"]["Displays"]
    wanted = {each["Topic"]["Value"] for each in displays if "Topic" in each}
    assert wanted == {
        "/detector/overlay",
        "/detector/markers",
        "/localizer/markers",
        "/localizer/object_clouds",
        "/localizer/support",
    }
    assert wanted <= {
        name.replace("~", f"/{node}")
        for node, tables in (("detector", DETECTOR), ("localizer", LOCALIZER))
        for name in topics(tables.published, ())
    }


@pytest.mark.parametrize(
    ("node", "tables", "diagnostics", "parameters"),
    [
        ("detector_node", DETECTOR, detector.DIAGNOSTICS, DetectorParameters),
        ("localizer_node", LOCALIZER, localizer.DIAGNOSTICS, LocalizerParameters),
    ],
)
def test_the_manual_tells_all_that_the_tables_hold(
    node: str, tables: Interface, diagnostics: Sequence[tuple[str, str]], parameters: type
) -> None:
    whole = manual.manual()
    assert max(map(len, whole.splitlines())) <= 99
    text = whole.partition(f"\n## {node}\n")[2].partition("\n## ")[0]
    rows = (*tables.subscribed, *tables.commands, *tables.published, *tables.services)
    names = [*topics(rows, ()), *(key for keys, _ in diagnostics for key in keys.split(", "))]
    assert [name for name in [*names, *settings_of(parameters)] if f"`{name}`" not in text] == []


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
