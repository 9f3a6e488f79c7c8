# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The report of figures that were measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vit_perception.evaluation.figures.measure import measure
from vit_perception.evaluation.report.report import report_page, write_report
from vit_perception.evaluation.report.worst_pictures import draw_worst
from vit_perception.evaluation.rows.looked_at import LookedAt
from vit_perception.frame import Frame

from ..figures.frames import SIZE, random_frames, run

NAMES = ("n0", "n1", "n2")
RUNS = (run("a", NAMES, 0.2), run("b", NAMES, 0.3))


def _measured(frames: Sequence[LookedAt]) -> dict[str, Any]:
    sources = [
        {
            "key": key,
            "title": key,
            "pictures": 20,
            "looked_at": 20,
            "with_truth": 20,
            "left_out": {},
            "left_out_lines": [],
            "unused_truth": {},
            "notes": [],
            "damage": "",
        }
        for key in ("morning", "evening")
    ]
    return {"command": "evaluate", "sources": sources} | measure(NAMES, RUNS, frames)


@pytest.mark.parametrize("masks", [False, True])
def test_figures_that_were_measured_make_a_report(tmp_path: Path, masks: bool) -> None:
    frames = random_frames(3, noise=(2.0, 15.0), masks=masks)
    figures = _measured(frames)
    stamps = {(each.sequence, each.number): each.stamp for each in frames}

    def picture(sequence: str, number: int) -> Frame:
        return Frame(np.full((*SIZE, 3), 90, np.uint8), stamp=stamps[sequence, number])

    drawn = draw_worst(tmp_path, figures, RUNS, frames, picture)
    assert len(drawn) == sum(len(each["worst"]) for each in figures["runs"]) > 10
    html = write_report(tmp_path, figures, {}).read_text()
    assert html.count("data:image/jpeg") == len(drawn)
    assert "No picture here" not in html
    for title in ("Precision and recall", "Reliability of scores", "Differences between runs"):
        assert f">{title}</h2>" in html
    assert ("Mask AP" in html) == masks
    ap50 = figures["runs"][0]["boxes"]["AP50"]
    assert f"{ap50:.3f}" in html.partition("<nav")[0]


@pytest.mark.parametrize("known", [True, False])
def test_pictures_in_which_nothing_is_known_or_found_make_one_too(known: bool) -> None:
    frames = [
        replace(
            each,
            truth=each.truth if known else None,
            rows=tuple(
                replace(
                    rows,
                    boxes=rows.boxes[:0],
                    scores=rows.scores[:0],
                    labels=rows.labels[:0],
                    masks=None,
                )
                for rows in each.rows
            ),
        )
        for each in random_frames(3, noise=(2.0, 15.0))
    ]
    html = report_page(_measured(frames), {}, {})
    assert ("Nothing can be said" in html) != known
    assert report_page(_measured([]), {}, {}).count("<h2") == 2
