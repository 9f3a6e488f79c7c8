# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""One image of a recording by its time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vit_perception.bags.messages import COMPRESSED_IMAGE
from vit_perception.bags.moment import frame_at
from vit_perception.bags.reader import BagError, BagReader
from vit_perception.bags.writer import BagWriter
from vit_perception.frame import Frame

from ..refusals import refusal_of
from .foreign import change_metadata
from .recordings import PERIOD, START, TOPIC, jpeg, picture, record_compressed, record_raw

SECONDS = PERIOD / 1e9


def at(path: Path, seconds: float, topic: str = TOPIC) -> Frame:
    with BagReader(path) as bag:
        return frame_at(bag, topic, seconds)


@pytest.mark.parametrize(
    ("periods", "index"), [(0, 0), (0.4, 0), (0.6, 1), (2, 2), (2.9, 3), (3 + 0.9 / SECONDS, 3)]
)
def test_the_nearest_image_is_taken(tmp_path: Path, periods: float, index: int) -> None:
    bag = record_raw(tmp_path / "bag", 4)
    frame = at(bag, periods * SECONDS)
    assert frame.stamp == START + index * PERIOD
    np.testing.assert_array_equal(frame.image, picture(index))


def test_times_behind_the_end_are_refused(tmp_path: Path) -> None:
    bag = record_raw(tmp_path / "bag", 4)
    line = refusal_of(BagError, lambda: at(bag, 60))
    assert line == f"{bag}: {TOPIC}: expected a time of 0..{3 * SECONDS:.2f} s, found 60"


def test_of_a_damaged_recording_what_is_there_is_taken(tmp_path: Path) -> None:
    bag = record_raw(tmp_path / "bag", 4)
    topics = [{"message_count": 7, "topic_metadata": {"name": TOPIC}}]
    change_metadata(bag, topics_with_message_count=topics)
    assert at(bag, 3 * SECONDS).stamp == START + 3 * PERIOD
    line = refusal_of(BagError, lambda: at(bag, 60))
    assert line.endswith(f"expected 7 messages on {TOPIC}, found 4")


def test_a_broken_image_and_an_empty_topic_are_refused(tmp_path: Path) -> None:
    topic = f"{TOPIC}/compressed"
    bag = record_compressed(tmp_path / "bag", [jpeg(0), b"no JPEG"])
    assert at(bag, 0, topic).stamp == START
    line = refusal_of(BagError, lambda: at(bag, SECONDS, topic))
    assert line.startswith(f"{bag}: {topic}: expected an image at {SECONDS:g} s, found ")
    with BagWriter(tmp_path / "empty") as out:
        out.add_topic(topic, COMPRESSED_IMAGE)
    line = refusal_of(BagError, lambda: at(tmp_path / "empty", 0, topic))
    assert line == f"{tmp_path}/empty: {topic}: expected an image, found none"
