# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Recordings that were not closed, or of which messages are missing."""

from __future__ import annotations

import shutil
import sqlite3
import struct
from pathlib import Path

import pytest
from backports import zstd
from rosbags.rosbag2 import StoragePlugin

from vit_perception.bags.messages import IMAGE
from vit_perception.bags.reader import BagDamageError, BagError, BagReader, BagTopic

from .foreign import (
    Topic,
    change_metadata,
    chunk,
    declaration,
    image_cdr,
    images,
    information,
    mcap,
    record_plain,
    split,
    stamps,
)
from .recordings import PERIOD, START, TOPIC, record_raw, record_rosbag1

PLUGINS = (StoragePlugin.MCAP, StoragePlugin.SQLITE3)


def read(path: Path) -> tuple[list[int], tuple[str, ...], str]:
    """Stamps of the frames, the notes, and the damage."""
    found = []
    with BagReader(path) as bag:
        try:
            for _, frame in bag.frames():
                found.append(frame.stamp)
        except BagDamageError as error:
            return found, bag.notes, str(error)
        assert not bag.broken
        return found, bag.notes, ""


def storages(path: Path) -> list[Path]:
    return sorted(each for each in path.iterdir() if each.suffix != ".yaml")


def chunks_of(data: bytes) -> list[int]:
    """Places of the chunks of an MCAP file."""
    at, found = 8, []
    while at < len(data) - 8:
        kind, length = struct.unpack_from("<BQ", data, at)
        if kind == 6:
            found.append(at)
        at += 9 + length
    return found


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


@pytest.mark.parametrize("packer", ("", "lz4", "zstd"))
def test_a_killed_recorder_is_read_up_to_the_cut(tmp_path: Path, packer: str) -> None:
    topic = Topic()
    chunks = [
        chunk(declaration(topic) + images(topic, part), part, packer)
        for part in ((0, 1), (2, 3), (4, 5))
    ]
    whole = mcap(*chunks, closed=False)
    path = tmp_path / "killed.mcap"
    path.write_bytes(whole)
    found, notes, damage = read(path)
    assert (found, damage) == (stamps(range(6)), "")
    assert notes == (
        f"{path}: not closed properly (no footer), read up to there: 6 messages; "
        "'mcap recover' makes a whole file of it",
    )
    path.write_bytes(mcap(*chunks))
    assert read(path) == (stamps(range(6)), (), "")
    for cut in range(len(whole) - len(chunks[2]) + 1, len(whole), 97):
        path.write_bytes(whole[:cut])
        found, notes, damage = read(path)
        assert found == stamps(range(6))[: len(found)] and len(found) >= 4
        assert damage == ""
        assert len(notes) == 1
        assert f"read up to there: {len(found)} messages; 'mcap recover'" in notes[0]


@pytest.mark.parametrize("packer", ("", "lz4", "zstd"))
def test_part_of_a_cut_chunk_is_read(tmp_path: Path, packer: str) -> None:
    topic = Topic()
    part = range(60)
    whole = mcap(chunk(declaration(topic) + images(topic, part), part, packer), closed=False)
    path = tmp_path / "killed.mcap"
    path.write_bytes(whole[:-10])
    found, notes, damage = read(path)
    assert (found, damage) == (stamps(range(60))[: len(found)], "")
    assert 20 < len(found) < 60 and f"{len(found)} messages" in notes[0]


def test_zeros_at_the_end_are_where_a_file_was_cut(tmp_path: Path) -> None:
    topic = Topic()
    path = tmp_path / "power.mcap"
    path.write_bytes(mcap(declaration(topic), images(topic, (0, 1)), closed=False) + bytes(5000))
    found, notes, damage = read(path)
    assert (found, damage) == (stamps((0, 1)), "")
    assert "no record at byte" in notes[0] and "2 messages" in notes[0]


def test_a_damaged_chunk_is_left_out_and_an_error(tmp_path: Path) -> None:
    topic = Topic()
    path = tmp_path / "bag.mcap"
    good, bad, last = (
        chunk(declaration(topic) + images(topic, (i,)), (i,), checksum=7 if i == 1 else -1)
        for i in range(3)
    )
    path.write_bytes(mcap(good, bad, last))
    found, notes, damage = read(path)
    assert (found, notes) == (stamps((0, 2)), ())
    assert damage.startswith(f"{path}: the chunk at byte ")
    assert damage.endswith("is damaged: its checksum does not fit; 2 messages were read")


def test_a_summary_announces_too(tmp_path: Path) -> None:
    bag = record_plain(tmp_path / "bag", 4)
    path = storages(bag)[0]
    data = path.read_bytes()
    at = data.index(struct.pack("<BQ", 5, len(image_cdr(0)) + 22), len(data) // 4)
    path.write_bytes(data[:at] + b"\x80" + data[at + 1 :])  # a record of an unknown kind
    _, _, damage = read(path)
    assert damage == f"{path}: expected 4 messages on {TOPIC}, found 3"


def test_a_closed_file_that_is_damaged_inside_is_an_error(tmp_path: Path) -> None:
    bag = record_raw(tmp_path / "bag", 300)
    path = storages(bag)[0]
    data = path.read_bytes()
    first, second = chunks_of(data)[:2]
    assert first < second
    path.write_bytes(data[: second + 6] + b"\xff" + data[second + 7 :])  # beyond the file
    for _ in range(2):
        found, notes, damage = read(bag)
        assert 0 < len(found) < 300 and found == stamps(range(len(found)))
        assert notes == ()
        assert damage.startswith(
            f"{path}: expected 300 messages on {TOPIC}, found {len(found)} (damaged: a record of "
        )
        with BagReader(bag) as reader:
            assert reader.topics() == (BagTopic(TOPIC, IMAGE, len(found)),)
            assert reader.damage() == damage
        (bag / "metadata.yaml").unlink(missing_ok=True)
    topic = Topic()
    data = mcap(declaration(topic), images(topic, range(3)))
    at = data.rindex(struct.pack("<BQ", 5, len(image_cdr(2)) + 22))
    path.write_bytes(data[: at + 5] + b"\xff" + data[at + 6 :])
    found, notes, damage = read(path)
    assert (found, notes) == (stamps(range(2)), ())
    assert damage.startswith(f"{path}: damaged: ")
    assert damage.endswith("what follows is not read; 2 messages were read")


def test_messages_out_of_order_come_in_order(tmp_path: Path) -> None:
    topic = Topic()
    path = tmp_path / "bag.mcap"
    path.write_bytes(mcap(declaration(topic), images(topic, (3, 0, 2, 1))))
    assert read(path) == (stamps(range(4)), (), "")
    chunks = [chunk(images(topic, part), part, "zstd") for part in ((3, 1), (0, 5), (4, 2))]
    path.write_bytes(mcap(declaration(topic), *chunks))
    assert read(path) == (stamps(range(6)), (), "")


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


def test_nothing_to_read_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "bag.mcap"
    for data in (b"", mcap()[:8], mcap()[:20], b"\x89MCAP0\r\n" + b"\xff" * 50, b"#ROSBAG V1.2\n"):
        path.write_bytes(data)
        with pytest.raises(BagError) as caught, BagReader(path) as bag:
            list(bag.frames())
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)
