# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer

from vit_perception.bags.messages import COMPRESSED_IMAGE, IMAGE, make, make_header, typestore
from vit_perception.bags.reader import BagError
from vit_perception.bags.writer import BagWriter
from vit_perception.bundle.samples import COMPRESSED_TOPIC
from vit_perception.images.compressed import encode_jpeg
from vit_perception.ros.realtime.pictures import Pictures, read_pictures

from ...bags.squares import START

MS = 1_000_000
SECOND = 1000 * MS
JPEG = np.frombuffer(encode_jpeg(np.zeros((8, 8, 3), np.uint8)), np.uint8)


def picture(stamp: int) -> Any:
    header = make_header(stamp, "camera")
    return make(COMPRESSED_IMAGE, header=header, format="jpeg", data=JPEG)


def record(path: Path, stamps_and_times: list[tuple[int, int]]) -> Path:
    with BagWriter(path) as bag:
        bag.add_topic(COMPRESSED_TOPIC, COMPRESSED_IMAGE)
        for stamp, time in stamps_and_times:
            bag.write(COMPRESSED_TOPIC, time, picture(stamp))
    return path


def test_stamps_and_times_of_one_clock(tmp_path: Path) -> None:
    taken = [(START, START + 30 * MS), (START + SECOND, START + SECOND + 10 * MS)]
    pictures = read_pictures(record(tmp_path / "bag", taken), COMPRESSED_TOPIC)
    assert pictures.msgtype == COMPRESSED_IMAGE
    assert list(zip(pictures.stamps, pictures.times, strict=True)) == taken
    assert pictures.lag == 0
    assert pictures.known == {START, START + SECOND}
    assert pictures.instant(1, START + SECOND) == START + SECOND
    assert pictures.notes() == []


def test_of_different_clocks_the_fastest_picture_took_no_time(tmp_path: Path) -> None:
    taken = [(5 * SECOND, START + 30 * MS), (6 * SECOND, START + SECOND + 10 * MS)]
    pictures = read_pictures(record(tmp_path / "bag", taken), COMPRESSED_TOPIC)
    assert pictures.lag == START + SECOND + 10 * MS - 6 * SECOND
    (note,) = pictures.notes()
    assert note.startswith(f"stamps and times of the recording are {pictures.lag / 1e9:.1f} s")


def test_a_picture_without_a_stamp_was_taken_when_it_was_recorded(tmp_path: Path) -> None:
    taken = [(0, START), (START + SECOND, START + SECOND), (START + SECOND, START + 2 * SECOND)]
    pictures = read_pictures(record(tmp_path / "bag", taken), COMPRESSED_TOPIC)
    assert pictures.known == frozenset()
    assert pictures.instant(0, 0) == START
    assert pictures.instant(7, 0) is None
    (note,) = pictures.notes()
    assert note.startswith("3 of 3 pictures have no stamp or one of another picture")


def test_what_cannot_be_read_keeps_its_place() -> None:
    pictures = Pictures(IMAGE, (5, None, 7), (6, None, 9), "3 messages are missing")
    assert len(pictures) == 3
    assert pictures.instant(1, 0) is None
    assert pictures.notes() == [
        "3 messages are missing",
        "1 of 3 pictures are no messages that can be read",
    ]


def test_a_message_without_bytes_keeps_its_place(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as bag:
        bag.add_topic(COMPRESSED_TOPIC, COMPRESSED_IMAGE)
        bag.write_cdr(COMPRESSED_TOPIC, START, b"")
        bag.write(COMPRESSED_TOPIC, START + 1, picture(START))
    pictures = read_pictures(tmp_path / "bag", COMPRESSED_TOPIC)
    assert pictures.stamps == (None, START)
    assert pictures.times == (None, START + 1)


def test_what_is_missing_of_a_bag_is_told(tmp_path: Path) -> None:
    bag = record(tmp_path / "bag", [(START, START), (START + 1, START + 1)])
    metadata = bag / "metadata.yaml"
    metadata.write_text(metadata.read_text().replace("message_count: 2", "message_count: 5"))
    pictures = read_pictures(bag, COMPRESSED_TOPIC)
    assert len(pictures) == 2
    assert pictures.notes() == [pictures.damage] != [""]


def test_a_topic_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BagError, match="expected image topic /other, found"):
        read_pictures(record(tmp_path / "bag", [(START, START)]), "/other")


def test_images_of_two_types_on_one_topic_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bag"
    with Writer(path, version=8, storage_plugin=StoragePlugin.MCAP) as writer:
        for kind in (COMPRESSED_IMAGE, IMAGE):
            writer.add_connection(COMPRESSED_TOPIC, kind, typestore=typestore())
        cdr = typestore().serialize_cdr(picture(START), COMPRESSED_IMAGE)
        writer.write(writer.connections[0], START, cdr)
    with pytest.raises(BagError, match="expected images of one type on"):
        read_pictures(path, COMPRESSED_TOPIC)
