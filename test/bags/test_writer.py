# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from vit_perception.bags.messages import IMAGE
from vit_perception.bags.reader import BagError, BagReader
from vit_perception.bags.writer import BagWriter
from vit_perception.output import lock
from vit_perception.output.failure import OutputError

from .recordings import TOPIC, picture, raw_message, record_raw


def test_the_same_messages_give_the_same_bytes(tmp_path: Path) -> None:
    first = record_raw(tmp_path / "one" / "bag")
    second = record_raw(tmp_path / "two" / "bag")
    names = sorted(path.name for path in first.iterdir())
    assert names == ["bag.mcap", "metadata.yaml"]
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_an_existing_folder_is_never_overwritten(tmp_path: Path) -> None:
    path = record_raw(tmp_path / "bag")
    before = (path / "bag.mcap").read_bytes()
    with pytest.raises(BagError, match="expected a new folder"), BagWriter(path):
        pytest.fail("the writer opened")
    assert (path / "bag.mcap").read_bytes() == before


def test_a_bag_that_was_not_finished_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), BagWriter(tmp_path / "bag") as bag:
        bag.add_topic(TOPIC, IMAGE)
        bag.write(TOPIC, 1, raw_message(0, picture(0)))
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_second_writer_of_a_bag_is_refused_and_the_first_keeps_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "PATIENCE", 0)
    alone = record_raw(tmp_path / "alone" / "bag")
    path = tmp_path / "bag"
    with BagWriter(path) as bag:
        bag.add_topic(TOPIC, IMAGE)
        with pytest.raises(OutputError, match="bag: expected one writer, found process"):
            record_raw(path)
        bag.write(TOPIC, 1, raw_message(0, picture(0)))
    with BagReader(path) as result:
        assert len(list(result.messages([TOPIC]))) == 1
    assert {each.name for each in tmp_path.iterdir()} == {"alone", "bag"}
    assert {each.name for each in alone.iterdir()} == {each.name for each in path.iterdir()}


def test_unknown_types_are_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(BagError, match="expected a known message type, found my_msgs/msg/Thing"),
        BagWriter(tmp_path / "bag") as bag,
    ):
        bag.add_topic("/thing", "my_msgs/msg/Thing")
