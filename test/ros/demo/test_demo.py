# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The whole demonstration in its own processes, with a detector small enough for a test."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("rclpy")
pytest.importorskip("vision_msgs")

from vit_perception.images.media import VideoReader

from ...bags.squares import record_squares
from ...processes.living import children, living_after_a_while

pytestmark = pytest.mark.ros

ROOT = Path(__file__).resolve().parents[3]
FRAMES = 20


def run_demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vit_perception.cli", "demo", *arguments]
    environment = {**os.environ, "COLUMNS": "120"}
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )


def cell(text: str, row: str) -> list[str]:
    """Cells of the table row that begins with a word."""
    (line,) = re.findall(rf"^│ {re.escape(row)} .*│$", text, re.MULTILINE)
    return [part.strip() for part in line.strip("│").split("│")]


def test_images_pass_through_another_process_and_the_names_change(
    tmp_path: Path, toy_bundle_dir: Path
) -> None:
    bag = record_squares(tmp_path / "bag", count=FRAMES)
    out = tmp_path / "out"
    result = run_demo(
        *("--bundle", str(toy_bundle_dir), "--bag", str(bag), "--out", str(out)),
        *("--vocabulary-after", "blue, cyan"),
    )
    assert result.returncode == 0, result.stderr
    text = result.stdout
    # How many images come through depends on the load; that all are accounted for does not.
    received = int(cell(text, "received by the node")[1])
    arrived = int(cell(text, "detections arrived here")[1])
    published = int(cell(text, "published")[1])
    dropped = sum(int(n) for n in re.findall(r"^│ dropped: \w+ +│ +(\d+) │$", text, re.MULTILINE))
    waiting = int(cell(text, "waiting at the last report")[1])
    assert int(cell(text, "sent by the camera")[1]) == 2 * FRAMES
    assert 0 < received <= 2 * FRAMES
    assert received == published + dropped + waiting
    assert 0 < arrived <= 2 * FRAMES
    assert "names changed in" in text
    # The detector never misses a square, so every frame counts for each name asked for, and
    # for no other: a frame counted to the wrong names would make these differ.
    before, after = (int(n) for n in re.findall(r"(?:before|after) \((\d+) frames\)", text))
    assert before + after == arrived
    assert min(before, after) > 0
    rows = {name: cell(text, name) for name in ("red", "green", "cyan", "blue")}
    assert [rows[name][1] for name in rows] == [str(before)] * 3 + [""]
    assert [rows[name][3] for name in rows] == ["", "", str(after), "0"]
    assert re.search(r"objects found under their name \(100 %\)", text)
    with VideoReader(out / "detections.mp4") as video:
        assert len(list(video)) == arrived
    for name in ("before", "after"):
        assert 1 <= len(list(out.glob(f"{name}_*.jpg"))) <= 3
    assert f"wrote {out / 'detections.mp4'}" in text


def test_a_node_that_cannot_start_ends_the_demo_with_its_reason(
    tmp_path: Path, toy_bundle_dir: Path
) -> None:
    bag = record_squares(tmp_path / "bag", count=1)
    (tmp_path / "out").mkdir()
    result = run_demo(
        *("--bundle", str(tmp_path / "absent"), "--bag", str(bag)),
        *("--out", str(tmp_path / "out"), "--non-interactive"),
    )
    assert result.returncode == 2
    assert "absent: expected a bundle" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_the_node_ends_with_the_demo(
    tmp_path: Path, toy_bundle_dir: Path, number: signal.Signals, status: int
) -> None:
    bag = record_squares(tmp_path / "bag", count=1)
    command = [sys.executable, "-m", "vit_perception.cli", "demo", "--bundle", str(toy_bundle_dir)]
    with subprocess.Popen(
        [*command, "--bag", str(bag), "--out", str(tmp_path / "out"), "--non-interactive"],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    ) as demo:  # fmt: skip
        # The node itself, not the process that becomes it.
        while not (nodes := [each for each in children(demo.pid) if _is_node(each)]):
            assert demo.poll() is None, demo.communicate()
            time.sleep(0.01)
        demo.send_signal(number)
        _, said = demo.communicate(timeout=60)
    assert demo.returncode == status
    assert "Traceback" not in said
    assert living_after_a_while(nodes) == set()


def _is_node(process: int) -> bool:
    words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    return words[1:3] == [b"-m", b"vit_perception.ros.perception_node"]
