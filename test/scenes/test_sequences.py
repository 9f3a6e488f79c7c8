# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Recordings of a moving camera in which it is known which object is which."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from vit_perception.scenes import sequences
from vit_perception.scenes.moving_camera import Arc

pytestmark = pytest.mark.usefixtures("rendering")


def short(rng: np.random.Generator, length: float) -> Arc:
    assert length == 1.0
    return Arc(seconds=0.3, rate=10.0, azimuth=(float(rng.uniform(0, 90)), 100.0))


@pytest.fixture
def shortened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequences, "draw_arc", short)


@pytest.mark.usefixtures("shortened")
def test_things_keep_their_ids_and_true_names(pack: Path, tmp_path: Path) -> None:
    arguments = ["--assets", str(pack), "--out", str(tmp_path / "one"), "--count", "2"]
    assert sequences.main([*arguments, "--width", "160"]) == 0
    first, second = sorted((tmp_path / "one").iterdir())
    truth = json.loads((first / sequences.TRUTH).read_text())
    assert [frame["stamp"] for frame in truth["frames"]] == [0, 100_000_000, 200_000_000]
    trained = {"crate_red", "crate_blue", "brick_green", "printed"}
    for number, frame in enumerate(truth["frames"]):
        ids = [thing["id"] for thing in frame["objects"]]
        assert len(set(ids)) == len(ids) > 0
        assert set(ids) <= trained
        image = cv2.imread(str(first / f"{number:04}.jpg"))
        assert image.shape == (120, 160, 3)
        for thing in frame["objects"]:
            x1, y1, x2, y2 = thing["box"]
            assert 0 <= x1 < x2 <= 160
            assert 0 <= y1 < y2 <= 120
            assert thing["names"] == [thing["category"], f"{thing['category']} thing"]
            assert 0.2 < thing["range"] < 3
    assert (second / sequences.TRUTH).read_bytes() != (first / sequences.TRUTH).read_bytes()
    # The same seed gives the same files, and what is complete is not made again.
    made = (first / sequences.TRUTH).stat().st_mtime_ns
    assert sequences.main([*arguments, "--width", "160"]) == 0
    assert (first / sequences.TRUTH).stat().st_mtime_ns == made
    arguments[3] = str(tmp_path / "two")
    assert sequences.main([*arguments, "--width", "160"]) == 0
    for path in first.iterdir():
        assert (tmp_path / "two" / first.name / path.name).read_bytes() == path.read_bytes()


def test_a_folder_without_objects_of_the_part_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sequences.main(["--assets", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.startswith("sequences: ")


def test_paths_go_round_the_table() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        arc = sequences.draw_arc(rng)
        assert 4 <= arc.seconds <= 7
        assert 30 <= abs(arc.azimuth[1] - arc.azimuth[0]) <= 130
        assert min(arc.elevation) >= 20
        assert min(arc.distance) >= 0.55
    longer = sequences.draw_arc(np.random.default_rng(0), 4.0)
    assert 16 <= longer.seconds <= 28
    assert abs(longer.azimuth[1] - longer.azimuth[0]) <= 360
