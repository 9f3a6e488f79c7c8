# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""MCAP files that were not closed, are damaged inside, or have messages out of order."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from vit_perception.bags.messages import IMAGE
from vit_perception.bags.reader import BagReader, BagTopic

from .foreign import Topic, chunk, declaration, image_cdr, images, mcap, record_plain, stamps
from .reading import read, storages
from .recordings import TOPIC, record_raw


def chunks_of(data: bytes) -> list[int]:
    """Places of the chunks of an MCAP file."""
    at, found = 8, []
    while at < len(data) - 8:
        kind, length = struct.unpack_from("<BQ", data, at)
        if kind == 6:
            found.append(at)
        at += 9 + length
    return found


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
