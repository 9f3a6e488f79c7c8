# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The README, the configuration file and the code say the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from vit_perception.parameters.detector import DetectorParameters, specs, validate
from vit_perception.ros.manual import manual
from vit_perception.ros.manual.interface import PUBLISHED
from vit_perception.ros.manual.policy import policy, topics

ROOT = Path(__file__).resolve().parents[3]


def test_the_readme_holds_the_manual_of_now() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text == manual.with_manual(text), "run: python -m vit_perception.ros.manual --write ."


def test_the_configuration_file_is_the_one_of_now() -> None:
    text = (ROOT / "config" / "detector.yaml").read_text(encoding="utf-8")
    assert text == manual.config(), "run: python -m vit_perception.ros.manual --write ."


def test_the_access_policy_is_the_one_of_now() -> None:
    text = (ROOT / "config" / "sros2_policy.xml").read_text(encoding="utf-8")
    assert text == policy(), "run: python -m vit_perception.ros.manual --write ."


def test_the_configuration_holds_the_defaults() -> None:
    values = yaml.safe_load(manual.config())["/**"]["ros__parameters"]
    assert list(values) == list(specs())
    assert validate(values) == DetectorParameters()


def test_rviz_shows_topics_that_are_published() -> None:
    shown = yaml.safe_load((ROOT / "config" / "perception.rviz").read_text(encoding="utf-8"))
    displays = shown["Visualization Manager"]["Displays"]
    wanted = {each["Topic"]["Value"] for each in displays if "Topic" in each}
    assert wanted == {"/detector/overlay", "/detector/markers"}
    assert wanted <= {name.replace("~", "/detector") for name in topics(PUBLISHED, ())}


def test_the_manual_is_put_between_its_markers(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{manual.BEGIN}\nold\n{manual.END}\nafter\n", encoding="utf-8")
    assert manual.main(["--write", str(tmp_path)]) == 0
    once = readme.read_text(encoding="utf-8")
    assert once.startswith("before\n") and once.endswith("after\n") and "\nold\n" not in once
    for name in specs():
        assert f"`{name}`" in once
    written = {path.name for path in (tmp_path / "config").iterdir()}
    assert written == {"detector.yaml", "sros2_policy.xml"}
    assert manual.main(["--write", str(tmp_path)]) == 0
    assert readme.read_text(encoding="utf-8") == once


def test_a_readme_without_markers_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "README.md").write_text("no place here\n", encoding="utf-8")
    assert manual.main(["--write", str(tmp_path)]) == 1
    assert manual.BEGIN in capsys.readouterr().err
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "no place here\n"
