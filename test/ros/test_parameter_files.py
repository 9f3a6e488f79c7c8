# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Parameter files as people write them, given to the program."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

pytest.importorskip("rclpy")

from vit_perception.ros.parameter_files import is_for, nodes_named

from .domain import own_domain

pytestmark = pytest.mark.ros

ROOT = Path(__file__).resolve().parents[2]
# Ends the program once it has started, or refused to.
PROGRAM = (
    "import sys, vit_perception.ros.run as run; run._spin = lambda nodes, stop: "
    "print('STARTED', nodes[0].parameters.vocabulary, nodes[0].parameters.score_threshold); "
    "from vit_perception.ros.detector_node import main; sys.exit(main())"
)


def started(tmp_path: Path, text: str, words: Sequence[str] = ()) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of detector_node with a parameter file of this text."""
    file = tmp_path / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    with own_domain() as domain:
        result = subprocess.run(
            [sys.executable, "-c", PROGRAM, "--ros-args", *words, "--params-file", str(file)],
            cwd=ROOT,
            env={**os.environ, "ROS_DOMAIN_ID": str(domain)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert "Traceback" not in result.stderr
    return result.returncode, result.stdout.strip(), result.stderr


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        ("vocabulary: []\n    score_threshold: 0.3", "STARTED () 0.3"),
        ("vocabulary:\n    score_threshold: 0.3", "STARTED () 0.3"),
        ("vocabulary: null", "STARTED () -1.0"),
        ("vocabulary: ~\n    cameras: []", "STARTED () -1.0"),
        ("vocabulary: 'red mug, spoon'", "STARTED ('red mug', 'spoon') -1.0"),
        ("score_threshold: 1\n    max_detections: 5.0", "STARTED () 1.0"),
        ("class_thresholds: []\n    roi:", "STARTED () -1.0"),
    ],
)
def test_nothing_means_the_default(tmp_path: Path, lines: str, shown: str) -> None:
    text = f"detector:\n  ros__parameters:\n    {lines}\n"
    assert started(tmp_path, text)[:2] == (0, shown)


def test_the_name_of_a_node_goes_before_a_wildcard(tmp_path: Path) -> None:
    """As the launch file starts it: with its own values first, for any node."""
    text = (
        "/**:\n  ros__parameters: {score_threshold: 0.9, use_sim_time: true}\n"
        "/detector:\n  ros__parameters: {score_threshold: 0.2}\n"
    )
    words = ["-p", "use_sim_time:=false", "-p", "autostart:=false"]
    assert started(tmp_path, text, words)[:2] == (0, "STARTED () 0.2")


def test_keys_of_others_are_ignored_with_a_line(tmp_path: Path) -> None:
    text = (
        "/**:\n  ros__parameters:\n    planners: []\n    nested:\n      empty: []\n"
        "    vocabulary: [mug]\n    use_sim_time: false\n"
    )
    status, shown, told = started(tmp_path, text)
    assert (status, shown) == (0, "STARTED ('mug',) -1.0")
    for key in ("planners", "nested.empty"):
        assert f"ignored: no parameter is called '{key}'" in told
    assert "use_sim_time" not in told


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("detector:\n  ros__parameters:\n    vocabulary: [on, off]\n", "only in quotes"),
        ("detector:\n  ros__parameters:\n    vocabulary: [cup, 7]\n", "mine.yaml"),
        ("detector:\n  ros__parameters:\n    vocabulary: [1, 2]\n", "found [1, 2]"),
        ("detector:\n  ros__parameters:\n  vocabulary: [cup]\n", "mine.yaml"),
        ("detector:\n  ros__parameters:\n    max_detections: 5.5\n", "expected integer"),
        ("detector:\n  ros__parameters:\n    use_sim_time: []\n", "use_sim_time"),
        ("detector: [\n", "mine.yaml"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(tmp_path: Path, text: str, reason: str) -> None:
    status, shown, told = started(tmp_path, text)
    assert (status, shown) == (2, "")
    assert told.splitlines()[-1].startswith("cannot start: ")
    assert reason in told.splitlines()[-1]


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("detector", ["/detector"], ["/front/detector", "/detector2", "/other"]),
        ("/front/detector", ["/front/detector"], ["/detector", "/front/left/detector"]),
        ("/**", ["/detector", "/front/left/detector"], []),
        ("/*", ["/detector"], ["/front/detector"]),
        ("/**/detector", ["/detector", "/a/detector", "/a/b/detector"], ["/a/tools"]),
        ("/*/detector", ["/a/detector"], ["/detector", "/a/b/detector"]),
        ("/front/**", ["/front/detector", "/front/a/b"], ["/detector"]),
        ("/de.ector", [], ["/detector"]),
    ],
)
def test_a_name_in_a_file_stands_for_nodes(pattern: str, yes: list[str], no: list[str]) -> None:
    assert [node for node in yes if not is_for(pattern, node)] == []
    assert [node for node in no if is_for(pattern, node)] == []


def test_the_nodes_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "detector:\n  ros__parameters: {a: 1}\n/front:\n  tools:\n    ros__parameters: {}\n"
        "/**:\n  ros__parameters:\n    detector: {vocabulary: [mug]}\n"
    )
    assert nodes_named(file) == ("/detector", "/front/tools", "/**")
    bomb = "a: &a {b: c}\n" + "".join(f"n{i}: {{x: *a, y: *a}}\n" for i in range(9))
    for text in ("[1, 2]", "", "a: [", "plain", bomb, "a: " * 9000, "{a: " * 9000, "a: !!int x"):
        file.write_text(text)
        with pytest.raises(ValueError, match="mine.yaml: expected"):
            nodes_named(file)
