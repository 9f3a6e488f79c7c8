# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Times of pictures in files, and what they come to."""

from __future__ import annotations

from pathlib import Path

import pytest

from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.rows.times import FrameTimes, summarised, write_times


def _frames(*sessions: float) -> list[FrameTimes]:
    return [
        FrameTimes({"read": 0.001}, ({"inference": each, "nms": 0.002}, {"inference": 2 * each}))
        for each in sessions
    ]


def test_times_of_all_files_are_summed_up(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.json" for number in range(3)]
    write_times(paths[0], _frames(0.01, 0.02))
    write_times(paths[1], _frames(0.03))
    found = summarised(paths, ["a", "b"])  # the third is not there
    assert (found["frames"], found["session_s"]) == (3, 0.18)
    assert found["shared_ms"] == {"read": {"p50": 1, "p95": 1, "max": 1}}
    a, b = found["runs"]["a"], found["runs"]["b"]
    assert a["session_ms"] == a["stages_ms"]["inference"] == {"p50": 20, "p95": 29, "max": 30}
    assert a["hz"] == round(1000 / 22, 2)
    assert b["hz"] == 25


def test_no_times_are_no_error() -> None:
    found = summarised([], ["a"])
    assert (found["frames"], found["session_s"], found["shared_ms"]) == (0, 0, {})
    assert found["runs"] == {"a": {"stages_ms": {}, "session_ms": {}, "hz": 0}}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"shared": {}, "runs": []}',
        b'{"shared": {"read": ["1"]}, "runs": [{}]}',
        b'{"shared": {"read": [NaN]}, "runs": [{}]}',
    ],
)
def test_another_file_is_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "0.json").write_bytes(content)
    with pytest.raises(EvaluationError, match="0.json: expected times of ") as told:
        summarised([tmp_path / "0.json"], ["a"])
    assert str(told.value).isprintable()
