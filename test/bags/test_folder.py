# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Which files of a folder are read, whatever its metadata say."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from rosbags.rosbag2 import StoragePlugin

from .foreign import change_metadata, information, record_plain, split, stamps
from .reading import PLUGINS, read, storages


@pytest.mark.parametrize("plugin", PLUGINS)
def test_all_is_read_where_metadata_names_another_qos(
    tmp_path: Path, plugin: StoragePlugin
) -> None:
    bag = record_plain(tmp_path / "bag", 10, plugin=plugin)
    topics = information(bag)["topics_with_message_count"]
    assert isinstance(topics, list) and len(topics) == 2
    topics[0]["topic_metadata"]["offered_qos_profiles"] = ""
    change_metadata(bag, topics_with_message_count=topics)
    assert read(bag) == (stamps(range(10)), (), "")
    # One entry for both, as recorders write where they know one topic.
    change_metadata(bag, topics_with_message_count=[{**topics[0], "message_count": 10}])
    assert read(bag) == (stamps(range(10)), (), "")


@pytest.mark.parametrize("plugin", PLUGINS)
def test_split_bags_are_read_whatever_metadata_say_of_qos_and_types(
    tmp_path: Path, plugin: StoragePlugin
) -> None:
    bag = split(tmp_path / "bag", plugin, (4, 3, 3))
    assert read(bag) == (stamps(range(10)), (), "")
    topics = information(bag)["topics_with_message_count"]
    assert isinstance(topics, list)
    topics[0]["topic_metadata"].update(type_description_hash="RIHS01_00", serialization_format="")
    change_metadata(bag, topics_with_message_count=topics, version=10)
    assert read(bag) == (stamps(range(10)), (), "")


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_folder_without_metadata_is_read_from_its_files(
    tmp_path: Path, plugin: StoragePlugin
) -> None:
    bag = split(tmp_path / "bag", plugin, (2, 2))
    (bag / "metadata.yaml").unlink()
    assert read(bag) == (stamps(range(4)), (), "")
    (bag / "metadata.yaml").write_bytes(b"")
    found, notes, damage = read(bag)
    assert (found, damage) == (stamps(range(4)), "")
    assert len(notes) == 1
    assert notes[0].startswith(f"{bag}/metadata.yaml: expected")


def test_files_that_metadata_do_not_name_are_told(tmp_path: Path) -> None:
    bag = split(tmp_path / "bag", StoragePlugin.MCAP, (2, 2))
    storages(bag)[0].rename(bag / "renamed.mcap")
    found, notes, damage = read(bag)
    assert (found, damage) == (stamps(range(4)), "")
    assert notes == (f"{bag}/metadata.yaml: does not name renamed.mcap, read all the same",)
    (bag / "renamed.mcap").rename(bag / "bag_0.mcap")
    shutil.copy(bag / "bag_1.mcap", bag / "another.mcap")
    found, notes, _ = read(bag)
    assert found == stamps(range(4))
    assert notes == (f"{bag}/metadata.yaml: does not name another.mcap, left out",)


def test_only_files_of_a_folder_count(tmp_path: Path) -> None:
    bag = split(tmp_path / "bag.mcap", StoragePlugin.MCAP, (2, 2))
    (bag / "metadata.yaml").unlink()
    (bag / "older.mcap").mkdir()
    (bag / "notes.txt").write_text("a note")
    assert read(bag) == (stamps(range(4)), (), "")
    (bag / "gone.mcap").symlink_to(tmp_path / "nowhere")
    found, _, damage = read(bag)
    assert found == stamps(range(4))
    assert damage == (
        f"{bag}/gone.mcap: expected a bag file, found: No such file or directory; "
        "4 messages were read"
    )
