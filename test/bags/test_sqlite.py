# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""SQLite files that were not closed, are damaged, or of the first formats."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from rosbags.rosbag2 import StoragePlugin

from .foreign import image_cdr, record_plain, stamps
from .reading import read, storages
from .recordings import PERIOD, START, TOPIC


def test_a_killed_sqlite_recorder_is_read_with_its_log(tmp_path: Path) -> None:
    bag = record_plain(tmp_path / "bag", 2, plugin=StoragePlugin.SQLITE3)
    (bag / "metadata.yaml").unlink()
    path = storages(bag)[0]
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode=WAL")
    for index in (2, 3):
        time = START + index * PERIOD
        row = (1, time, image_cdr(index))
        database.execute("INSERT INTO messages (topic_id, timestamp, data) VALUES (?,?,?)", row)
    database.commit()
    killed = tmp_path / "killed"
    shutil.copytree(bag, killed)
    database.close()
    before = {each.name: each.read_bytes() for each in killed.iterdir()}
    found, notes, damage = read(killed)
    assert (found, damage) == (stamps(range(4)), "")
    assert len(notes) == 1
    assert "not closed properly (a write-ahead log), read up to there: 4 messages" in notes[0]
    assert {each.name: each.read_bytes() for each in killed.iterdir()} == before


def test_a_killed_sqlite_recorder_is_read_with_its_journal(tmp_path: Path) -> None:
    bag = record_plain(tmp_path / "bag", 3, plugin=StoragePlugin.SQLITE3)
    path = storages(bag)[0]
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode=DELETE")
    database.execute("PRAGMA cache_size=2")  # so that pages are written before the end
    database.execute("BEGIN")
    for index in range(3, 40):
        row = (1, START + index * PERIOD, image_cdr(index))
        database.execute("INSERT INTO messages (topic_id, timestamp, data) VALUES (?,?,?)", row)
    killed = tmp_path / "killed"
    shutil.copytree(bag, killed)
    database.close()
    assert any(each.name.endswith("-journal") for each in killed.iterdir())
    before = {each.name: each.read_bytes() for each in killed.iterdir()}
    found, notes, damage = read(killed)
    assert (found, damage) == (stamps(range(3)), "")
    assert "a rollback journal" in notes[0]
    assert {each.name: each.read_bytes() for each in killed.iterdir()} == before


def test_a_damaged_sqlite_file_is_an_error_after_what_can_be_read(tmp_path: Path) -> None:
    bag = record_plain(tmp_path / "bag", 20, plugin=StoragePlugin.SQLITE3)
    path = storages(bag)[0]
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * 0.6)])
    found, _, damage = read(bag)
    assert found == stamps(range(20))[: len(found)] and 5 < len(found) < 20
    assert damage.startswith(f"{path}: expected 20 messages on {TOPIC}, found {len(found)} (")
    (bag / "metadata.yaml").unlink()
    assert path.name in read(bag)[2]


def test_the_first_formats_of_sqlite_are_read(tmp_path: Path) -> None:
    bag = record_plain(tmp_path / "bag", 3, plugin=StoragePlugin.SQLITE3)
    database = sqlite3.connect(storages(bag)[0])
    for statement in (
        "DROP TABLE message_definitions",
        "DROP TABLE schema",
        "DROP TABLE metadata",
        "ALTER TABLE topics DROP COLUMN type_description_hash",
        "ALTER TABLE topics DROP COLUMN offered_qos_profiles",
        "ALTER TABLE topics DROP COLUMN serialization_format",
    ):
        database.execute(statement)
        database.commit()
        assert read(bag) == (stamps(range(3)), (), "")
    database.close()
