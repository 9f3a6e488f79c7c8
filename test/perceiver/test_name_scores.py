# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What else a thing may be: the names of the rows that lie on its box."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vit_perception.detections import Detections, DetectionsError, NameScores
from vit_perception.frame import Frame
from vit_perception.letterbox import fit
from vit_perception.perceiver.candidates import MOST_NAMES, detections_from
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.query import WEAKER, Query
from vit_perception.perceiver.settings import Settings
from vit_perception.perceiver.stages import StageTimes

from ..toy_bundle import HEIGHT, WIDTH, toy_picture, toy_vocabulary, write_toy_bundle

NAMES = ("red", "green", "blue", "yellow", "magenta", "cyan")
BOX, NEAR, FAR = [10, 10, 30, 30], [11, 10, 31, 30], [60, 10, 80, 30]


def found(rows: list[tuple[list[int], int, float]], **settings: object) -> Detections:
    """What is found among rows of box, label and score, above a threshold of 0.5."""
    chosen = Settings(score_threshold=0.5, iou_threshold=0.5, name_scores=True, **settings)  # type: ignore[arg-type]
    query = Query.of(toy_vocabulary(NAMES), chosen, None)
    outputs = {
        "boxes": np.array([[row[0] for row in rows]], np.float32),
        "labels": np.array([[row[1] for row in rows]], np.int64),
        "scores": np.array([[row[2] for row in rows]], np.float32),
    }
    return detections_from(outputs, fit(64, 96, 64, 96), query, StageTimes())


def test_a_thing_has_one_box_and_the_best_score_of_each_of_its_names() -> None:
    detections = found(
        [
            (BOX, 1, 0.9),
            (NEAR, 0, 0.8),
            (NEAR, 1, 0.7),
            (FAR, 2, 0.6),
            (BOX, 3, 0.2),
            (BOX, 0, 0.3),
        ]
    )
    assert [each.name for each in detections] == ["green", "blue"]
    scores = detections.name_scores
    assert scores is not None
    assert scores.labels.tolist() == [[1, 0, 3, -1, -1], [2, -1, -1, -1, -1]]
    np.testing.assert_allclose(scores.scores, [[0.9, 0.8, 0.2, 0, 0], [0.6, 0, 0, 0, 0]])


def test_no_more_names_are_told_than_have_room() -> None:
    detections = found([(BOX, label, 0.9 - label / 10) for label in range(6)])
    assert detections.name_scores is not None
    assert detections.name_scores.labels.tolist() == [list(range(MOST_NAMES))]


def test_weak_names_make_no_detections_of_their_own() -> None:
    assert len(found([(BOX, 1, 0.4), (FAR, 2, 0.49)])) == 0
    # A name's own threshold counts.
    assert len(found([(BOX, 1, 0.4)], class_thresholds={"green": 0.3})) == 1


def test_the_network_is_asked_for_weaker_names_only_where_they_are_wanted() -> None:
    for wanted, share in ((False, 1.0), (True, WEAKER)):
        settings = Settings(score_threshold=0.5, name_scores=wanted, class_thresholds={"red": 0.8})
        query = Query.of(toy_vocabulary(("red", "blue")), settings, None)
        np.testing.assert_allclose(query.thresholds, [0.8, 0.5])
        np.testing.assert_allclose(
            query.inputs["class_thresholds"], [0.8 * share, 0.5 * share], rtol=1e-6
        )


def test_a_bundle_tells_the_names_of_its_boxes(tmp_path: Path) -> None:
    image, _ = toy_picture(HEIGHT, WIDTH, {"red": (3, 4), "blue": (3, 7)})
    perceiver = Perceiver(write_toy_bundle(tmp_path / "toy"))
    before = perceiver(Frame(image))
    assert before.name_scores is None
    perceiver.change(settings=Settings(name_scores=True))
    after = perceiver(Frame(image))
    assert [each.name for each in after] == [each.name for each in before]
    assert after.name_scores is not None
    np.testing.assert_array_equal(after.name_scores.labels[:, 0], after.labels)
    np.testing.assert_array_equal(after.name_scores.scores[:, 0], after.scores)


def test_chosen_detections_keep_their_name_scores() -> None:
    detections = found([(BOX, 1, 0.9), (FAR, 2, 0.6)])
    last = detections[[1]]
    assert last.name_scores is not None
    assert last.name_scores.labels[:, 0].tolist() == [2]


def test_another_number_of_name_scores_is_refused() -> None:
    scores = NameScores(np.zeros((2, 5), np.int64), np.zeros((2, 5), np.float32))
    with pytest.raises(DetectionsError, match="name_scores: expected 1, found 2"):
        Detections(
            np.zeros((1, 4), np.float32),
            np.zeros(1, np.float32),
            np.zeros(1, np.int64),
            ("a",),
            0,
            name_scores=scores,
        )
