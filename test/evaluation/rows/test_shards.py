# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Results of a measurement on disk."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.rows.looked_at import FrameRows, LookedAt
from vit_perception.evaluation.rows.shards import read_shard, write_shard
from vit_perception.evaluation.samples.sample import FrameTruth
from vit_perception.rle import encode_mask


def _rle(width: int):
    mask = np.zeros((6, 8), np.bool_)
    mask[1:4, :width] = True
    return encode_mask(mask)


def _truth(count: int, masks: bool) -> FrameTruth:
    return FrameTruth(
        boxes=np.arange(4 * count, dtype=np.float32).reshape(-1, 4),
        names=tuple(f"name {index}" for index in range(count)),
        masks=tuple(_rle(index) for index in range(count)) if masks else None,
        areas=np.arange(count, dtype=np.float32),
        crowds=np.arange(count) % 2 == 1,
        parts=("", "train", "test")[:count],
        ids=("", "a", "b")[:count],
    )


def _rows(count: int, masks: bool) -> FrameRows:
    return FrameRows(
        boxes=np.arange(4 * count, dtype=np.float32).reshape(-1, 4) / 3,
        scores=np.linspace(1, 0, count, dtype=np.float32),
        labels=np.arange(count, dtype=np.int64),
        masks=tuple(_rle(index) for index in range(count)) if masks else None,
    )


def _frames() -> list[LookedAt]:
    return [
        LookedAt("bag", 0, "", 17, (6, 8), _truth(3, True), (_rows(2, True), _rows(0, False))),
        LookedAt("bag", 2, "", 18, (6, 8), None, (_rows(0, True), _rows(3, False)), "camera"),
        LookedAt("bag", 3, "ü.jpg", 2**62, (6, 8), _truth(0, False), (_rows(1, True),) * 2),
        LookedAt("bag", 4, "", 20, (6, 8), _truth(2, False), (_rows(1, False),) * 2),
    ]


def _same(one: object, other: object) -> bool:
    if isinstance(one, np.ndarray):
        return (
            isinstance(other, np.ndarray)
            and one.dtype == other.dtype
            and np.array_equal(one, other)
        )
    if isinstance(one, (FrameTruth, FrameRows, LookedAt)):
        return type(one) is type(other) and all(
            _same(getattr(one, name), getattr(other, name)) for name in type(one).__slots__
        )
    if isinstance(one, tuple):
        return (
            isinstance(other, tuple)
            and len(one) == len(other)
            and all(_same(*pair) for pair in zip(one, other, strict=True))
        )
    return one == other


@pytest.mark.parametrize("count", [0, 1, 4])
def test_what_was_written_is_read(tmp_path: Path, count: int) -> None:
    frames = _frames()[:count]
    write_shard(tmp_path / "0.npz", frames)
    assert _same(tuple(read_shard(tmp_path / "0.npz")), tuple(frames))


def test_texts_are_kept_whole(tmp_path: Path) -> None:
    """A zero at the end is one, and a long name does not take its room for every thing."""
    names = ("red", "red\0", "ü" * 100_000)
    truth = replace(_truth(3, False), names=names, parts=("\0", "", "\n"), ids=("\0\0", "1", ""))
    frame = LookedAt("bag", 0, "a\0", 17, (6, 8), truth, (_rows(0, False),))
    tracemalloc.start()
    write_shard(tmp_path / "0.npz", [replace(frame, number=number) for number in range(64)])
    found = read_shard(tmp_path / "0.npz")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert _same(found[0], frame)
    assert peak < 100 * 2**20


def test_the_same_pictures_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        write_shard(tmp_path / name, _frames())
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    write_shard(tmp_path / "0.npz", _frames())
    content = (tmp_path / "0.npz").read_bytes()
    for number in range(0, len(content), 97):
        spoiled = content[:number] if number % 2 else content[:number] + b"\xff" + content[number:]
        (tmp_path / "1.npz").write_bytes(spoiled)
        try:
            read_shard(tmp_path / "1.npz")
        except EvaluationError as error:
            assert "1.npz: expected results of a measurement, found: " in str(error)
