# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures that are read again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vit_perception.bags.reader import BagReader
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.report.frames_again import FramesAgain
from vit_perception.evaluation.samples.bag import bag_sequences
from vit_perception.evaluation.samples.sources import open_sequences

from ...bags.recordings import jpeg, picture, record_compressed, record_raw

PHOTOS = Path(__file__).parents[3] / "samples" / "photos"


def test_pictures_of_a_bag_come_in_any_order(tmp_path: Path) -> None:
    (sequence,) = bag_sequences(record_raw(tmp_path / "bag", count=5), truth=None)
    with FramesAgain([sequence]) as again:
        for number in (1, 3, 0, 4, 4):
            np.testing.assert_array_equal(again(sequence.key, number).image, picture(number))


def test_a_bag_is_opened_once_for_pictures_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sequences = []
    keys: set[str] = set()
    for name in ("a", "b"):
        sequences += bag_sequences(record_raw(tmp_path / name, count=5), truth=None, keys=keys)
    opened: list[str] = []
    plain = BagReader.__enter__

    def counting(bag: BagReader) -> BagReader:
        opened.append(bag.path.name)
        return plain(bag)

    monkeypatch.setattr(BagReader, "__enter__", counting)
    wanted = {(each.key, number) for each in sequences for number in (1, 4)}
    with FramesAgain(sequences, wanted) as again:
        for each in sequences:
            for number in (1, 4):
                np.testing.assert_array_equal(again(each.key, number).image, picture(number))
    assert opened == ["a", "b"]


def test_the_same_pictures_come_from_a_folder_as_when_they_were_looked_at() -> None:
    (sequence,) = open_sequences([PHOTOS]).sequences
    first = next(iter(sequence.samples()))
    with FramesAgain([sequence]) as again:
        np.testing.assert_array_equal(again(sequence.key, 0).image, first.frame.image)


@pytest.mark.parametrize(("number", "found"), [(1, "jpeg image"), (9, "none")])
def test_a_picture_that_is_none_is_refused(tmp_path: Path, number: int, found: str) -> None:
    path = record_compressed(tmp_path / "bag", [jpeg(0), jpeg(1)[:-30], jpeg(2)])
    (sequence,) = bag_sequences(path, truth=None)
    with (
        FramesAgain([sequence]) as again,
        pytest.raises(
            EvaluationError, match=f"picture {number} as it was looked at, found.*{found}"
        ),
    ):
        again(sequence.key, number)
