# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The truth of a long recording in little memory."""

from __future__ import annotations

import pickle
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from vit_perception.evaluation.samples.sample import FrameTruth
from vit_perception.evaluation.samples.table import UNKNOWN_SIZE, TruthTable
from vit_perception.rle import Rle, encode_mask


def some(count: int, seed: int, masks: bool = False) -> FrameTruth:
    """The truth of a picture of 48 x 64 px."""
    rng = np.random.default_rng(seed)
    return FrameTruth(
        boxes=rng.random((count, 4), np.float32),
        names=tuple(f"n{i % 3}" if i else "n0" * (seed % 2) for i in range(count)),
        masks=tuple(encode_mask(rng.random((48, 64)) > 0.9) for _ in range(count))
        if masks
        else None,
        areas=rng.random(count, np.float32),
        crowds=rng.random(count) > 0.5,
        parts=tuple("ab"[i % 2] for i in range(count)),
        ids=tuple(str(i + seed) for i in range(count)),
    )


def test_what_was_added_is_there() -> None:
    pictures = [some(3, 1), some(0, 2), some(2, 3, masks=True), some(0, 4, masks=True), some(1, 5)]
    pictures.append(some(1, 6, masks=True))
    table = TruthTable()
    for each in pictures:
        table.add(each, UNKNOWN_SIZE if each.masks is None else (48, 64))
    for stored in (table, pickle.loads(pickle.dumps(table))):
        assert len(stored) == 6
        for row, each in enumerate(pictures):
            found = stored[row]
            for name in ("boxes", "areas", "crowds"):
                np.testing.assert_array_equal(getattr(found, name), getattr(each, name))
                assert getattr(found, name).dtype == getattr(each, name).dtype
            assert found.boxes.shape == (len(each), 4)
            assert (found.names, found.parts, found.ids) == (each.names, each.parts, each.ids)
            assert found.masks == each.masks
            assert stored.size(row) == (UNKNOWN_SIZE if each.masks is None else (48, 64))
        assert stored.names() == ("n0", "n1", "n2")


def outlines() -> tuple[Rle, ...]:
    """Ten masks of 120 px across with uneven edges, of a picture of 640 x 480 px."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:480, :640]
    return tuple(
        encode_mask(np.hypot(y - 240, x - 60 * i) < 60 + rng.integers(-1, 2, 640))
        for i in range(1, 11)
    )


@pytest.mark.parametrize(("masks", "most"), [(False, 4e6), (True, 20e6)])
def test_five_thousand_pictures_of_ten_things_take_little_memory(masks: bool, most: float) -> None:
    picture = replace(some(10, 0), masks=outlines() if masks else None)
    tracemalloc.start()
    try:
        table = TruthTable()
        for _ in range(5000):
            table.add(picture, (480, 640))
        taken, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(table) == 5000
    assert taken < most and peak < 2 * most
