# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from vit_perception.evaluation.rows.looked_at import LookedAt
from vit_perception.evaluation.tuning.average_precision import average_precision
from vit_perception.evaluation.tuning.judged import judge

from .seen import crowded, seen

pytest.importorskip("hotcoco")

NAMES = ("mug", "bowl", "can")
NOTHING = np.zeros(len(NAMES), np.float32)


def by_library(frames: list[LookedAt]) -> float:
    """AP50 of rows as they are, without names that are not asked for, by the evaluator."""
    from hotcoco import COCO, COCOeval

    entries, found = [], []
    for picture, frame in enumerate(frames):
        assert frame.truth is not None
        for name, box, crowd in zip(
            frame.truth.names, frame.truth.boxes, frame.truth.crowds, strict=True
        ):
            sides = [*box[:2].tolist(), *(box[2:].astype(float) - box[:2]).tolist()]
            entries.append((picture + 1, NAMES.index(name) + 1, sides, bool(crowd)))
        rows = frame.rows[0]
        for box, score, label in zip(rows.boxes, rows.scores, rows.labels, strict=True):
            sides = [*box[:2].tolist(), *(box[2:].astype(float) - box[:2]).tolist()]
            found.append([picture + 1, *sides, float(score), int(label) + 1])
    truth = COCO.from_arrays(
        [{"id": n + 1, "file_name": "", "width": 100, "height": 100} for n in range(len(frames))],
        [{"id": n + 1, "name": name} for n, name in enumerate(NAMES)],
        *(np.array([entry[column] for entry in entries]) for column in range(3)),
        iscrowd=np.array([entry[3] for entry in entries]),
    )
    evaluation = COCOeval(truth, truth.load_res(np.array(found, float)), "bbox")
    evaluation.run()
    return float(evaluation.get_results()["AP50"])


def asked_only(frames: list[LookedAt]) -> list[LookedAt]:
    kept = []
    for frame in frames:
        assert frame.truth is not None
        things = [
            (name, box.tolist())
            for name, box, crowd in zip(
                frame.truth.names, frame.truth.boxes, frame.truth.crowds, strict=True
            )
            if name in NAMES and not crowd
        ]
        rows = frame.rows[0]
        listed = zip(rows.labels.tolist(), rows.scores.tolist(), rows.boxes.tolist(), strict=True)
        kept.append(seen(frame.number, things, list(listed)))
    return kept


@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_evaluators(seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    frames = asked_only(crowded(seed, NAMES, pictures=12))
    judged = judge(frames, NAMES, 1.0, NOTHING)
    assert average_precision(judged) == pytest.approx(by_library(frames), abs=1e-12)


def test_without_objects_it_is_nothing() -> None:
    assert average_precision(judge([seen(0, [], [])], NAMES, 0.5, NOTHING)) == 0


def test_an_object_that_is_never_found() -> None:
    box = (10, 10, 30, 30)
    frames = [seen(0, [("mug", box), ("can", box)], [(0, 0.5, box)])]
    assert average_precision(judge(frames, NAMES, 0.5, NOTHING)) == pytest.approx(0.5)
