# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Errors in space along a recording: of the sample bag, with its true boxes as detections."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from vit_perception.bags.reader import BagReader
from vit_perception.bags.truth import read_truth
from vit_perception.bags.writer import BagWriter
from vit_perception.bundle.samples import (
    COMPRESSED_DEPTH_TOPIC,
    GROUND_TRUTH_3D_TOPIC,
    GROUND_TRUTH_TOPIC,
    sample_bag,
)
from vit_perception.detections import Detections
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.rows import looking, reading
from vit_perception.evaluation.rows.looking import look
from vit_perception.evaluation.rows.reading import read_all, spaces_of
from vit_perception.evaluation.rows.run import Run
from vit_perception.evaluation.rows.space_summary import spaces
from vit_perception.evaluation.samples.bag import BagSequence, bag_sequences

from .sequences import rows_on_disk

NAMES = ("lemon", "mug", "box of crackers")


class Knowing:
    """Looks with the eyes of the ground truth: its boxes of the asked names, without masks."""

    def __init__(self, score: float) -> None:
        self.names = NAMES
        self.run = Run("a", Path("none"), "fp32", "0" * 64, (0.5,) * len(NAMES), 0.5, 100)
        self._score = score
        self._truth = read_truth(sample_bag(), GROUND_TRUTH_TOPIC)

    def lay(self, frame: Any, stages: Any) -> Any:
        return SimpleNamespace()

    def see(self, laid: Any, stages: Any) -> Any:
        stages.lap("inference")
        return SimpleNamespace()

    def detections(self, seen: Any, frame: Any, stages: Any) -> Detections:
        true = self._truth[frame.stamp]
        rows = [row for row in range(len(true)) if true.class_name(row) in NAMES]
        labels = [NAMES.index(true.class_name(row)) for row in rows]
        return Detections(
            boxes=true.boxes[rows],
            scores=np.full(len(rows), self._score, np.float32),
            labels=np.array(labels, np.int64),
            names=NAMES,
            vocabulary_version=1,
        )


LOOKERS: Any = (Knowing(0.9), Knowing(0.4))


def sequence(bag: Path) -> BagSequence:
    [found] = bag_sequences(bag)
    return found


def without(target: Path, topic: str, first: int = 0) -> Path:
    """The sample bag without the messages of a topic from some number on."""
    met = 0
    with BagReader(sample_bag()) as bag, BagWriter(target) as out:
        for message in bag.messages():
            met += message.topic == topic
            if message.topic != topic or met <= first:
                latched = message.topic == "/tf_static"
                out.add_topic(message.topic, message.msgtype, latched=latched)
                out.write_cdr(message.topic, message.time, message.raw)
    return target


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 16 pictures, as the sample bag has 60."""
    for module in (looking, reading):
        monkeypatch.setattr(module, "BLOCK", 16)


@pytest.mark.usefixtures("small_blocks")
def test_published_things_are_compared_with_where_they_are(tmp_path: Path) -> None:
    sample = sequence(sample_bag())
    account = look(sample, LOOKERS, tmp_path)
    assert (account.looked_at, account.notes) == (60, sample.notes)
    sure, weak = spaces(spaces_of(tmp_path, [sample.key]), ["sure", "weak"]).values()
    # Every twentieth of 60 pictures; one lemon, two mugs and one box.
    assert (sure["pictures"], sure["every"], sure["unplaced"]) == (3, 20, {})
    assert {name: each["things"] for name, each in sure["per_name"].items()} == {
        "box of crackers": 3,
        "lemon": 3,
        "mug": 6,
    }
    assert (sure["things"], sure["found"]) == (12, 12)
    assert 0 < sure["centre_median_mm"] < sure["centre_p95_mm"] < 60
    assert 0 < sure["per_name"]["lemon"]["centre_p95_mm"] < 20
    # What a robot would not publish is not found.
    assert (weak["things"], weak["found"], weak["centre_median_mm"]) == (12, 0, None)
    assert len(list(read_all(tmp_path, [sample.key]))) == 60


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("number", [20, 45])
def test_interrupted_and_resumed_the_errors_are_the_same(number: int, tmp_path: Path) -> None:
    sample = sequence(sample_bag())
    look(sample, LOOKERS, tmp_path / "whole")

    def interrupt(pictures: int) -> None:
        if pictures == number:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        look(sample, LOOKERS, tmp_path / "resumed", interrupt)
    look(sample, LOOKERS, tmp_path / "resumed")
    expected = rows_on_disk(tmp_path / "whole")
    assert sum(name.endswith(".json") for name in expected) == 4
    assert rows_on_disk(tmp_path / "resumed") == expected


def test_a_recording_without_depth_says_so(tmp_path: Path) -> None:
    bare = sequence(without(tmp_path / "bare", COMPRESSED_DEPTH_TOPIC))
    account = look(bare, LOOKERS, tmp_path / "out")
    assert account.notes[-1] == (
        "errors in space are not measured: bare: expected one topic of depth images, found none"
    )
    assert spaces(spaces_of(tmp_path / "out", [bare.key]), ["a", "b"]) == {}


def test_a_recording_that_does_not_say_where_things_are_is_not_placed(tmp_path: Path) -> None:
    silent = sequence(without(tmp_path / "silent", GROUND_TRUTH_3D_TOPIC))
    account = look(silent, LOOKERS, tmp_path / "out")
    assert account.notes == silent.notes
    assert list(spaces_of(tmp_path / "out", [silent.key])) == []


def test_pictures_without_a_place_are_counted(tmp_path: Path) -> None:
    """The depth camera stops at picture 30."""
    half = sequence(without(tmp_path / "half", COMPRESSED_DEPTH_TOPIC, 30))
    look(half, LOOKERS, tmp_path / "out")
    sure, _ = spaces(spaces_of(tmp_path / "out", [half.key]), ["sure", "weak"]).values()
    assert (sure["pictures"], sure["unplaced"], sure["found"]) == (2, {"no_depth": 1}, 8)


def test_blocks_are_summed_up(tmp_path: Path) -> None:
    blocks = [
        {
            "placed": 2,
            "unplaced": {"no_depth": 1},
            "runs": [{"mug": {"things": 2, "mm": [10, 30]}}],
        },
        {
            "placed": 1,
            "unplaced": {"no_depth": 1, "unit": 1},
            "runs": [{"can": {"things": 1, "mm": []}, "mug": {"things": 1, "mm": [20]}}],
        },
    ]
    paths = [tmp_path / f"{number}.json" for number in range(2)]
    for path, block in zip(paths, blocks, strict=True):
        path.write_text(json.dumps(block))
    nothing = {"things": 1, "found": 0, "centre_median_mm": None, "centre_p95_mm": None}
    mugs = {"things": 3, "found": 3, "centre_median_mm": 20, "centre_p95_mm": 29}
    assert spaces(paths, ["a"]) == {
        "a": {
            **mugs,
            "things": 4,
            "per_name": {"can": nothing, "mug": mugs},
            "every": 20,
            "pictures": 3,
            "unplaced": {"no_depth": 2, "unit": 1},
        }
    }
    assert spaces([], ["a"]) == {}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"placed": 1, "unplaced": {}, "runs": []}',
        b'{"placed": "1", "unplaced": {}, "runs": [{}]}',
        b'{"placed": 1, "unplaced": {}, "runs": [{"mug": {"things": 1, "mm": [NaN]}}]}',
    ],
)
def test_another_file_is_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "0.json").write_bytes(content)
    with pytest.raises(
        EvaluationError, match="0.json: expected errors in space of 1 runs"
    ) as told:
        spaces([tmp_path / "0.json"], ["a"])
    assert str(told.value).isprintable()
