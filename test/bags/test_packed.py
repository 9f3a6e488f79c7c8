# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Recordings that were packed with zstd, file by file or message by message."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from backports import zstd
from rosbags.rosbag2 import StoragePlugin

from .foreign import Topic, change_metadata, declaration, images, mcap, record_plain, split, stamps
from .reading import PLUGINS, read, storages


@pytest.mark.parametrize("plugin", PLUGINS)
def test_packed_files_and_messages_are_read(tmp_path: Path, plugin: StoragePlugin) -> None:
    bag = split(tmp_path / "bag", plugin, (3, 3))
    names = []
    for path in storages(bag):
        names.append(f"{path.name}.zstd")
        (bag / names[-1]).write_bytes(zstd.compress(path.read_bytes()))
        path.unlink()
    change_metadata(
        bag, relative_file_paths=names, compression_format="zstd", compression_mode="FILE"
    )
    assert read(bag) == (stamps(range(6)), (), "")
    (bag / "metadata.yaml").unlink()
    assert read(bag) == (stamps(range(6)), (), "")
    assert read(bag / names[1])[0] == stamps(range(3, 6))
    # A recorder that was killed while it packed leaves both.
    (bag / names[1].removesuffix(".zstd")).write_bytes(
        zstd.decompress((bag / names[1]).read_bytes())
    )
    found, notes, _ = read(bag)
    assert found == stamps(range(6))
    assert notes == (f"{bag / names[1]}: left out, as {names[1].removesuffix('.zstd')} is there",)


def test_a_packed_file_that_was_cut_is_read_up_to_the_cut(tmp_path: Path) -> None:
    topic = Topic()
    path = tmp_path / "bag.mcap.zstd"
    packed = zstd.compress(mcap(declaration(topic), images(topic, range(60))))
    path.write_bytes(packed[: len(packed) * 3 // 4])
    found, notes, _ = read(path)
    assert found == stamps(range(60))[: len(found)]
    assert len(notes) == 1 and f"read up to there: {len(found)} messages" in notes[0]


def test_packed_messages_are_known_by_themselves(tmp_path: Path) -> None:
    bag = record_plain(tmp_path / "bag", 2, plugin=StoragePlugin.SQLITE3)
    database = sqlite3.connect(storages(bag)[0])
    for key, data in database.execute("SELECT id, data FROM messages").fetchall():
        row = (zstd.compress(data), key)
        database.execute("UPDATE messages SET data = ? WHERE id = ?", row)
    database.commit()
    database.close()
    for _ in range(2):
        assert read(bag)[0] == stamps(range(2))
        (bag / "metadata.yaml").unlink(missing_ok=True)
