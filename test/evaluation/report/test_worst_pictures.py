# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The worst pictures as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.report import worst_pictures
from vit_perception.evaluation.report.worst_pictures import MOST_BYTES, draw_worst
from vit_perception.evaluation.rows.looked_at import LookedAt
from vit_perception.frame import Frame
from vit_perception.images.headers import read_jpeg_header

from ..figures.frames import NAMES, SIZE, looked_at, rows, run, truth

MUG = (10, 10, 50, 50)
RUNS = (run("a"), run("b"))


def _frames() -> list[LookedAt]:
    found = rows(("mug", 0.9, MUG))
    return [
        looked_at(number, truth(("mug", MUG)), found, rows(), sequence=sequence)
        for sequence in ("morning", "evening")
        for number in range(5)
    ]


def _metrics(*worst_of_runs: list[tuple[str, int]]) -> dict[str, Any]:
    return {
        "names": list(NAMES),
        "runs": [
            {"key": key, "worst": [{"sequence": s, "number": n} for s, n in places]}
            for key, places in zip("ab", worst_of_runs, strict=True)
        ],
    }


class _Source:
    def __init__(self, size: tuple[int, int] = SIZE, later: int = 0) -> None:
        self.asked: list[tuple[str, int]] = []
        self._size, self._later = size, later

    def __call__(self, sequence: str, number: int) -> Frame:
        self.asked.append((sequence, number))
        values = np.random.default_rng(number).integers(0, 256, (*self._size, 3))
        (stamp,) = {each.stamp for each in _frames() if each.number == number}
        return Frame(values.astype(np.uint8), stamp=stamp + self._later)


def test_each_picture_is_read_once_and_in_order(tmp_path: Path) -> None:
    source = _Source()
    metrics = _metrics([("evening", 3), ("morning", 4)], [("morning", 1), ("evening", 3)])
    paths = draw_worst(tmp_path, metrics, RUNS, iter(_frames()), source)
    assert source.asked == [("morning", 1), ("morning", 4), ("evening", 3)]
    names = [str(path.relative_to(tmp_path)) for path in paths]
    assert names == ["worst/a/01.jpg", "worst/a/02.jpg", "worst/b/01.jpg", "worst/b/02.jpg"]
    for path in paths:
        # Noise is the worst that a JPEG can hold.
        assert path.stat().st_size <= MOST_BYTES
        assert read_jpeg_header(path.read_bytes()).width == 640
    # Of one picture, but one run misses what the other finds.
    assert paths[0].read_bytes() != paths[3].read_bytes()


def test_the_same_pictures_give_the_same_bytes_and_replace_older_ones(tmp_path: Path) -> None:
    both = _metrics([("morning", 0), ("morning", 2)], [])
    before = draw_worst(tmp_path, both, RUNS, _frames(), _Source())[0].read_bytes()
    one = _metrics([("morning", 0)], [])
    paths = draw_worst(tmp_path, one, RUNS, _frames(), _Source())
    assert paths[0].read_bytes() == before
    assert [path.name for path in sorted((tmp_path / "worst" / "a").iterdir())] == ["01.jpg"]


def test_a_picture_that_was_not_looked_at_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="expected picture 9 of 'morning' among those"):
        draw_worst(tmp_path, _metrics([("morning", 9)], []), RUNS, _frames(), _Source())
    assert not (tmp_path / "worst").exists()


@pytest.mark.parametrize("source", [_Source((10, 20)), _Source(later=1)])
def test_a_picture_that_has_changed_is_refused(tmp_path: Path, source: _Source) -> None:
    told = "^'morning': expected picture 0 as it was looked at, found another"
    with pytest.raises(EvaluationError, match=told):
        draw_worst(tmp_path, _metrics([("morning", 0)], []), RUNS, _frames(), source)


def test_large_pictures_lose_quality(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    for most in (10**9, 20_000):
        monkeypatch.setattr(worst_pictures, "MOST_BYTES", most)
        (path,) = draw_worst(tmp_path, _metrics([("morning", 0)], []), RUNS, _frames(), _Source())
        sizes.append(path.stat().st_size)
    assert sizes[1] < sizes[0] / 2
