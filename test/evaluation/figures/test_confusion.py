# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from test.evaluation.figures.frames import NAMES, random_frames, rows, run, truth, truths_of
from vit_perception.evaluation.figures.confusion import (
    BACKGROUND,
    MOST_NAMES,
    OTHERS,
    confusion,
    taken_for,
)
from vit_perception.evaluation.figures.counts import by_picture, published
from vit_perception.evaluation.figures.flat import flat_rows, flat_things
from vit_perception.evaluation.figures.matches import match
from vit_perception.evaluation.rows.looked_at import FrameRows
from vit_perception.evaluation.samples.sample import FrameTruth

pytest.importorskip("hotcoco")

A, B, FAR = (0, 0, 40, 40), (60, 0, 100, 40), (200, 200, 240, 240)


def counted(
    truths: Sequence[FrameTruth], found: Sequence[FrameRows], names: Sequence[str] = NAMES
) -> tuple[list[str], list[list[int]]]:
    """Names and counts of what is published from 0.5 on."""
    things, detections = flat_things(truths, names), flat_rows(found)
    matches = match(things, detections, len(truths), len(names))
    kept = published(matches, run(names=names))
    lies_on = taken_for(things, detections, matches, kept)
    table = confusion(names, things, matches, kept, lies_on)
    assert (
        sum(row[index] for index, row in enumerate(table["counts"][:-1]))
        >= by_picture(matches, kept)[:, 0].sum()
    )
    return table["names"], table["counts"]


def test_right_wrong_missed_and_invented_ones() -> None:
    true = truth(("mug", A), ("bowl", B), ("spoon", FAR))
    found = rows(("mug", 0.9, A), ("spoon", 0.8, B), ("bowl", 0.7, (400, 0, 440, 40)))
    names, counts = counted([true], [found])
    assert names == [*NAMES, BACKGROUND]
    assert counts == [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 1, 0, 0]]


def test_a_thing_on_another_is_not_one_for_the_other_if_both_are_found() -> None:
    """The library's own matrix takes both for confused."""
    true = truth(("bowl", A), ("spoon", A))
    _, counts = counted([true], [rows(("bowl", 0.9, A), ("spoon", 0.8, A))])
    assert counts == [[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]


def test_a_surer_wrong_name_beside_the_right_one_is_invented() -> None:
    _, counts = counted([truth(("mug", A))], [rows(("bowl", 0.9, A), ("mug", 0.8, A))])
    assert counts == [[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]]


def test_what_is_not_judged_or_not_published_does_not_count() -> None:
    true = truth(("mug", A), ("cushion", B), crowds=[0])
    found = rows(("mug", 0.9, A), ("bowl", 0.8, B), ("spoon", 0.4, FAR))
    _, counts = counted([true], [found])
    assert np.sum(counts) == 0


def test_rows_add_up_to_objects_and_columns_to_what_is_published() -> None:
    frames = random_frames(1, 40)
    truths = truths_of(frames)
    asked = ("n0", "n1", "n2")
    things, found = flat_things(truths, asked), flat_rows([one.rows[0] for one in frames])
    matches = match(things, found, 40, 3)
    kept = published(matches, run(names=asked))
    table = confusion(asked, things, matches, kept, taken_for(things, found, matches, kept))
    counts = np.array(table["counts"])
    assert counts.sum(axis=1)[:-1].tolist() == matches.objects.sum(axis=0).tolist()
    said = np.bincount(matches.labels[kept & ~matches.ignored], minlength=3)
    assert counts.sum(axis=0)[:-1].tolist() == said.tolist()
    assert np.trace(counts) == np.count_nonzero(kept & matches.true)


def test_names_that_occur_least_are_counted_together() -> None:
    names = [f"n{index}" for index in range(MOST_NAMES + 3)]
    true = truth(*((name, A) for name in names[3:]), ("n0", A))
    labels, counts = counted([true], [rows(("n2", 0.9, FAR), names=names)], names)
    # The second is nowhere, and of those that are there once the last have no place.
    assert labels == ["n0", *names[2:-2], OTHERS, BACKGROUND]
    assert counts[-2] == [0] * (MOST_NAMES + 1) + [2]
    assert counts[-1][1] == 1
