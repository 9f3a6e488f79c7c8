# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest.importorskip("rclpy")

from vit_perception.ros import environment
from vit_perception.ros.environment import (
    OLD_PROFILE_VARIABLE,
    PROFILE_VARIABLE,
    keep_to_this_machine,
    profile_variables,
    set_image_transport,
)

from ..bags.squares import record_squares


def test_the_profile_of_the_package_is_set_for_this_ros() -> None:
    variables: dict[str, str] = {}
    set_image_transport(variables)
    assert variables.keys() == set(profile_variables())
    (profile,) = set(variables.values())
    ElementTree.fromstring(Path(profile).read_text(encoding="utf-8"))


@pytest.mark.parametrize("variable", [PROFILE_VARIABLE, OLD_PROFILE_VARIABLE])
def test_a_profile_of_the_user_stays(variable: str) -> None:
    variables = {variable: "/etc/my_profile.xml"}
    set_image_transport(variables)
    assert variables == {variable: "/etc/my_profile.xml"}


@pytest.mark.parametrize(
    ("version", "names"),
    [
        ("3.3.16", (OLD_PROFILE_VARIABLE,)),
        ("7.1.6", (OLD_PROFILE_VARIABLE,)),
        ("9.1.2", (PROFILE_VARIABLE,)),
        ("unknown", (PROFILE_VARIABLE, OLD_PROFILE_VARIABLE)),
    ],
)
def test_the_variable_is_the_one_that_this_fast_dds_reads(
    version: str, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "version", lambda _: version)
    assert profile_variables() == names


def test_domains_are_ones_that_linux_has_ports_for() -> None:
    variables: dict[str, str] = {}
    for _ in range(50):
        keep_to_this_machine(variables)
        assert 1 <= int(variables["ROS_DOMAIN_ID"]) <= 101
    assert variables["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"


@pytest.mark.parametrize(
    "module",
    [
        "vit_perception.ros.playing.bag_player",
        "vit_perception.ros.detector_node",
        "vit_perception.cli demo --vocabulary-after mug --bag",
    ],
)
def test_a_process_without_home_ends_in_one_line(module: str, tmp_path: Path) -> None:
    bag = record_squares(tmp_path / "bag", count=2)
    variables = {k: v for k, v in os.environ.items() if k not in ("HOME", "ROS_LOG_DIR")}
    words = [*module.split(), *([str(bag)] if "node" not in module else [])]
    command = [sys.executable, "-m", *words, *(["--out", "out"] if "cli" in module else [])]
    result = subprocess.run(
        command,
        env={**variables, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 2 and "Traceback" not in result.stderr
    # Jazzy's C libraries print lines of their own before it.
    line = result.stderr.splitlines()[-1]
    assert "cannot start: " in line and line.endswith("ROS_LOG_DIR names another folder")
