# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What `make` does where it cannot go on, or is not alone in the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_two_makes_take_turns(tmp_path: Path) -> None:
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    shutil.copy(ROOT / "Makefile", tmp_path)
    locked = tmp_path / ".ci" / "locked"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with (
        subprocess.Popen([locked, "sh", "-c", "echo in; read go"], text=True, **pipes) as first,
    ):
        assert first.stdout is not None and first.stdout.readline() == "in\n"
        with subprocess.Popen([locked, "echo", "second"], text=True, **pipes) as second:
            assert second.stderr is not None
            assert second.stderr.readline() == "waiting for another make in this folder\n"
            assert second.poll() is None
            first.communicate("go\n", timeout=60)
            assert second.communicate(timeout=60)[0] == "second\n"
    assert (first.returncode, second.returncode) == (0, 0)


def test_packages_that_cannot_be_installed_are_named_in_one_line(tmp_path: Path) -> None:
    for name in ("bash", "id"):
        (tmp_path / name).symlink_to(shutil.which(name) or name)
    environment = {"PATH": str(tmp_path), "PYTHON": sys.executable, "CXX": "nonesuch"}
    command = ["bash", ROOT / ".ci" / "debian-packages", "build"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr == "install these first: sudo apt install g++\n"


def test_an_environment_of_another_ros_is_not_taken(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "underlay").mkdir()
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "ros-distro").write_text("kilted\n", encoding="utf-8")
    environment = os.environ | {"ROS_DISTRO": "jazzy"}
    command = ["make", "setup"]
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert result.returncode != 0
    assert result.stderr.startswith(".venv: expected ROS jazzy, found kilted: make clean first\n")
