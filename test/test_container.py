# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The Dockerfile fits the checkout; building it needs Docker and a network."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
from fnmatch import fnmatch
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
# What apt and PyPI call the same.
APT_NAMES = {"opencv-python-headless": "python3-opencv", "PyYAML": "python3-yaml"}


def instructions() -> list[list[str]]:
    """The words of each instruction, comments left out and lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [shlex.split(line) for line in joined.splitlines() if line.strip()]


def robot_requirements() -> list[str]:
    """ROBOT in setup.py."""
    tree = ast.parse((ROOT / "setup.py").read_text(encoding="utf-8"))
    lists = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ROBOT"
    ]
    found: list[str] = ast.literal_eval(lists[0])
    return found


def test_what_is_copied_is_there() -> None:
    copied = [words[1] for words in instructions() if words[0] == "COPY"]
    assert "docker/entrypoint.sh" in copied
    assert [path for path in copied if not (ROOT / path).exists()] == []


def test_pip_installs_what_apt_lacks() -> None:
    package = ElementTree.parse(ROOT / "package.xml").getroot()
    apt = {each.text for each in package.iter("exec_depend")}
    robot = [re.split(r"[<>=]", requirement)[0] for requirement in robot_requirements()]
    missing = {n for n in robot if APT_NAMES.get(n, f"python3-{n.lower()}") not in apt}
    words = next(words for words in instructions() if "/opt/venv/bin/pip" in words)
    installed = words[words.index("--no-cache-dir") + 1 :]
    assert set(installed[: installed.index("&&")]) == missing | {"numpy<2"}


def test_nothing_that_is_installed_is_left_out() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    setup = (ROOT / "setup.py").read_text(encoding="utf-8")
    folders = re.search(r"for top in (\(.*\)):", setup)
    assert folders is not None
    needed = [*ast.literal_eval(folders[1]), "vit_perception", "resource", "docker", "LICENSE"]
    needed += ["package.xml", "pyproject.toml", "setup.cfg", "setup.py"]
    assert [n for n in needed for pattern in patterns if fnmatch(n, pattern)] == []
    assert [name for name in needed if not (ROOT / name).exists()] == []


def test_the_entry_point_is_a_script_that_bash_reads() -> None:
    subprocess.run(["bash", "-n", ROOT / "docker" / "entrypoint.sh"], check=True)


def test_the_entry_point_runs_the_command_in_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "setup.bash").write_text('export FOUND="workspace $#"\n', encoding="utf-8")
    script = (ROOT / "docker" / "entrypoint.sh").read_text(encoding="utf-8")
    moved = tmp_path / "entrypoint.sh"
    moved.write_text(script.replace("/ws/install", str(tmp_path)), encoding="utf-8")
    command = ["bash", moved, "sh", "-c", 'echo "$FOUND, $1"', "sh", "two words"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout == "workspace 1, two words\n"
