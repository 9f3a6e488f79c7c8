# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from test.evaluation.figures.frames import random_frames, run, truths_of
from vit_perception.evaluation.figures.counts import by_name, by_picture, published, rates
from vit_perception.evaluation.figures.matches import match_frames

pytest.importorskip("hotcoco")

ASKED = ("n0", "n1", "n2")


def test_what_is_published_is_what_a_robot_publishes_of_each_picture() -> None:
    frames = random_frames(1, 40)
    strict = run(names=ASKED, thresholds=(0.2, 0.55, 0.7), max_detections=6)
    matches = match_frames(
        truths_of(frames),
        [one.rows[0] for one in frames],
        ASKED,
    )
    kept = published(matches, strict)
    begin, limited = 0, 0
    for frame in frames:
        expected = strict.published(frame.rows[0])
        end = begin + len(frame.rows[0])
        assert np.flatnonzero(kept[begin:end]).tolist() == expected.tolist()
        limited += len(expected) == 6
        begin = end
    assert begin == len(kept)
    assert 0 < limited < len(frames)


def test_counts_by_picture_and_by_name_add_up() -> None:
    frames = random_frames(2, 30)
    truths = truths_of(frames)
    matches = match_frames(truths, [one.rows[0] for one in frames], ASKED)
    kept = published(matches, run(names=ASKED))
    pictures, names = by_picture(matches, kept), by_name(matches, kept)
    assert (pictures.shape, names.shape) == ((30, 3), (3, 3))
    assert pictures.sum(axis=0).tolist() == names.sum(axis=0).tolist()
    objects = [
        sum(name in ASKED and not crowd for name, crowd in zip(one.names, one.crowds, strict=True))
        for one in truths
    ]
    assert (pictures[:, 0] + pictures[:, 2]).tolist() == objects


def test_rates_without_anything_to_divide_are_none() -> None:
    assert rates(2, 2, 0) == {"precision": 0.5, "recall": 1, "f1": pytest.approx(2 / 3)}
    assert rates(0, 0, 3) == {"precision": None, "recall": 0, "f1": 0}
    assert rates(0, 3, 0) == {"precision": 0, "recall": None, "f1": 0}
    assert rates(0, 0, 0) == {"precision": None, "recall": None, "f1": None}
