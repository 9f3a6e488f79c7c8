# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Recordings of which files or messages are missing or cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest
from rosbags.rosbag2 import StoragePlugin

from vit_perception.bags.messages import IMAGE
from vit_perception.bags.reader import BagError, BagReader, BagTopic

from .foreign import change_metadata, information, mcap, record_plain, split, stamps
from .reading import PLUGINS, read, storages
from .recordings import TOPIC, record_rosbag1


@pytest.mark.parametrize("plugin", PLUGINS)
def test_fewer_messages_than_announced_are_an_error_after_all_that_are_there(
    tmp_path: Path, plugin: StoragePlugin
) -> None:
    bag = record_plain(tmp_path / "bag", 6, plugin=plugin)
    topics = information(bag)["topics_with_message_count"]
    assert isinstance(topics, list)
    topics[0]["message_count"] += 4
    change_metadata(bag, topics_with_message_count=topics)
    found, notes, damage = read(bag)
    assert (found, notes) == (stamps(range(6)), ())
    assert damage == f"{storages(bag)[0]}: expected 10 messages on {TOPIC}, found 6"
    with BagReader(bag) as reader:
        assert reader.topics() == (BagTopic(TOPIC, IMAGE, 6),)
        assert reader.damage() == damage


@pytest.mark.parametrize("plugin", PLUGINS)
@pytest.mark.parametrize("harm", ("absent", "empty", "other"))
def test_the_other_files_are_read_where_one_is_damaged(
    tmp_path: Path, plugin: StoragePlugin, harm: str
) -> None:
    bag = split(tmp_path / "bag", plugin, (4, 3, 3))
    middle = storages(bag)[1]
    if harm == "absent":
        middle.unlink()
    else:
        middle.write_bytes(b"" if harm == "empty" else b"not a recording at all")
    for metadata in (True, False):
        if not metadata:
            (bag / "metadata.yaml").unlink()
        found, _, damage = read(bag)
        assert found == stamps([0, 1, 2, 3, 7, 8, 9])
        if metadata:
            assert damage.startswith(f"{middle}: expected 10 messages on {TOPIC}, found 7 (")
        elif harm != "absent":
            assert damage.startswith(f"{middle}: expected a bag file")
            assert damage.endswith("7 messages were read")
        else:
            assert damage == ""


def test_a_rosbag1_without_index_is_read(tmp_path: Path) -> None:
    whole = record_rosbag1(tmp_path / "old.bag", count=4)
    data = whole.read_bytes()
    active = tmp_path / "old.bag.active"
    at = data.index(b"index_pos=") + len(b"index_pos=")
    active.write_bytes(data[:at] + bytes(8) + data[at + 8 :])
    found, notes, damage = read(active)
    assert (found, damage) == (stamps(range(4)), "")
    assert "no usable index" in notes[0] and "4 messages; 'rosbag reindex'" in notes[0]
    cut = tmp_path / "cut.bag"
    cut.write_bytes(data[: len(data) // 2])
    found, notes, damage = read(cut)
    assert found == stamps(range(4))[: len(found)] and 0 < len(found) < 4
    assert damage == "" and f"{len(found)} message" in notes[0]


def test_nothing_to_read_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "bag.mcap"
    for data in (b"", mcap()[:8], mcap()[:20], b"\x89MCAP0\r\n" + b"\xff" * 50, b"#ROSBAG V1.2\n"):
        path.write_bytes(data)
        with pytest.raises(BagError) as caught, BagReader(path) as bag:
            list(bag.frames())
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)
