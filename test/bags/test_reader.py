# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer

from vit_perception.bags import image as bag_image_module
from vit_perception.bags.depth import FORMAT, encode_depth
from vit_perception.bags.messages import COMPRESSED_IMAGE, IMAGE, make, make_header, typestore
from vit_perception.bags.reader import BagError, BagReader, BagTopic
from vit_perception.bags.writer import BagWriter
from vit_perception.frame import Frame
from vit_perception.images.bits import BitDepth

from .recordings import (
    PERIOD,
    START,
    TOPIC,
    compressed_message,
    jpeg,
    picture,
    raw_message,
    record_compressed,
    record_raw,
    record_rosbag1,
)


def test_raw_images_come_back_with_stamp_and_frame(tmp_path: Path) -> None:
    with BagReader(record_raw(tmp_path / "bag", count=4)) as bag:
        assert bag.topics() == (BagTopic(TOPIC, IMAGE, 4),)
        found = list(bag.frames())
    assert [frame.stamp for _, frame in found] == [START + i * PERIOD for i in range(4)]
    assert [message.time - frame.stamp for message, frame in found] == [1_000_000] * 4
    assert {frame.frame_id for _, frame in found} == {"camera_optical"}
    for index, (_, frame) in enumerate(found):
        np.testing.assert_array_equal(frame.image, picture(index))


def test_bits_in_use_are_measured_over_the_topic(tmp_path: Path) -> None:
    """A camera of 12 bits; its dark frame stays dark."""
    with BagWriter(tmp_path / "bag") as bag:
        bag.add_topic(TOPIC, IMAGE)
        for index, white in enumerate((4095, 127)):
            message = raw_message(index, picture(index))
            message.encoding, message.height, message.width, message.step = "mono16", 1, 2, 4
            message.data = np.array([0, white], "<u2").view(np.uint8)
            bag.write(TOPIC, START + index * PERIOD, message)
    with BagReader(tmp_path / "bag") as reader:
        found = [frame.image[0, :, 0].tolist() for _, frame in reader.frames(TOPIC)]
    assert found == [[0, 255], [0, 8]]


def test_images_that_are_not_wanted_still_count_for_the_bits_in_use(tmp_path: Path) -> None:
    topics = {
        "/raw": [np.array([0, white], "<u2").view(np.uint8) for white in (4095, 127)],
        "/png": [
            cv2.imencode(".png", np.array([[0, white]], np.uint16))[1].reshape(-1)
            for white in (4095, 127)
        ],
    }
    with BagWriter(tmp_path / "bag") as bag:
        bag.add_topic("/raw", IMAGE)
        bag.add_topic("/png", COMPRESSED_IMAGE)
        for index in range(2):
            message = raw_message(index, picture(index))
            message.encoding, message.height, message.width, message.step = "mono16", 1, 2, 4
            message.data = topics["/raw"][index]
            bag.write("/raw", START + index * PERIOD, message)
            packed = compressed_message(index, topics["/png"][index].tobytes(), "mono16; png")
            bag.write("/png", START + index * PERIOD, packed)
    with BagReader(tmp_path / "bag") as reader:
        for topic in topics:
            (image,) = reader.images(topic, wanted={1})
            assert image.index == 1 and image.frame is not None
            assert image.frame.image[0, :, 0].tolist() == [0, 8]


def test_of_images_that_are_not_wanted_no_jpeg_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = record_compressed(tmp_path / "bag", [jpeg(0), b"no image", jpeg(2), b"", jpeg(4)])
    decoded: list[str] = []
    plain = bag_image_module.frame_of

    def counting(msgtype: str, value: object, bits: BitDepth) -> Frame:
        decoded.append(msgtype)
        return plain(msgtype, value, bits)

    monkeypatch.setattr(bag_image_module, "frame_of", counting)
    with BagReader(path) as reader:
        found = list(reader.images(wanted={2, 3}))
    assert [image.index for image in found] == [2, 3]
    assert found[0].frame is not None and found[1].frame is None
    # Both that are wanted, and what is no JPEG file and might have 16 bits.
    assert len(decoded) == 3


def test_rosbag1_reads_like_rosbag2(tmp_path: Path) -> None:
    with BagReader(record_rosbag1(tmp_path / "old.bag", count=3)) as bag:
        found = list(bag.frames())
        cdr = bag.cdr(found[2][0])
    assert [frame.stamp for _, frame in found] == [START + i * PERIOD for i in range(3)]
    np.testing.assert_array_equal(found[2][1].image, picture(2))
    value = typestore().deserialize_cdr(cdr, IMAGE)
    assert value.header.frame_id == "camera_optical"
    assert value.step == 3 * 64


def test_sqlite3_reads_like_mcap(tmp_path: Path) -> None:
    path = tmp_path / "bag"
    with Writer(path, version=8, storage_plugin=StoragePlugin.SQLITE3) as writer:
        connection = writer.add_connection(TOPIC, IMAGE, typestore=typestore())
        message = raw_message(0, picture(0))
        writer.write(connection, START, typestore().serialize_cdr(message, IMAGE))
    for place in (path, next(path.glob("*.db3"))):
        with BagReader(place) as bag:
            ((_, frame),) = bag.frames()
        np.testing.assert_array_equal(frame.image, picture(0))


def test_broken_images_are_counted_by_cause_and_the_rest_is_kept(tmp_path: Path) -> None:
    images = [jpeg(0), b"", jpeg(1)[:200], b"\x89PNG\r\n\x1a\n" + bytes(30), jpeg(2)]
    with BagReader(record_compressed(tmp_path / "bag", images)) as bag:
        kept = [frame.stamp for _, frame in bag.frames()]
        assert kept == [START, START + 4 * PERIOD]
        assert bag.broken.total() == 3
        assert all(bag.broken)


def test_a_message_cut_short_is_counted(tmp_path: Path) -> None:
    cdr = bytes(typestore().serialize_cdr(raw_message(0, picture(0)), IMAGE))
    with BagWriter(tmp_path / "bag") as writer:
        writer.add_topic(TOPIC, IMAGE)
        writer.write_cdr(TOPIC, START, cdr[: len(cdr) // 2])
        writer.write_cdr(TOPIC, START + 1, cdr)
    with BagReader(tmp_path / "bag") as bag:
        assert len(list(bag.frames())) == 1
        assert bag.broken.total() == 1


def test_depth_topics_do_not_make_the_camera_ambiguous(tmp_path: Path) -> None:
    camera, depth = "/camera/image_raw/compressed", "/camera/depth/compressedDepth"
    header = make_header(START, "camera_optical")
    packed = np.frombuffer(encode_depth(np.full((48, 64), 700, np.uint16)), np.uint8)
    with BagWriter(tmp_path / "bag") as writer:
        writer.add_topic(camera, COMPRESSED_IMAGE)
        writer.add_topic(depth, COMPRESSED_IMAGE)
        data = np.frombuffer(jpeg(0), np.uint8)
        writer.write(camera, 1, make(COMPRESSED_IMAGE, header=header, format="jpeg", data=data))
        writer.write(depth, 2, make(COMPRESSED_IMAGE, header=header, format=FORMAT, data=packed))
    with BagReader(tmp_path / "bag") as bag:
        assert bag.image_topic() == camera


def test_two_cameras_have_to_be_chosen_from(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as writer:
        for topic in ("/front", "/wrist"):
            writer.add_topic(topic, IMAGE)
            writer.write(topic, START, raw_message(0, picture(0)))
    with BagReader(tmp_path / "bag") as bag:
        with pytest.raises(BagError, match=r"found /front, /wrist; choose with --topic"):
            bag.image_topic()
        assert bag.image_topic("/wrist") == "/wrist"
        with pytest.raises(BagError, match="expected image topic /rear, found /front, /wrist"):
            bag.image_topic("/rear")


def test_absent_and_damaged_bags_are_refused_in_one_line(tmp_path: Path) -> None:
    whole = record_raw(tmp_path / "whole", count=3)
    empty = tmp_path / "empty"
    empty.mkdir()
    text = tmp_path / "text.mcap"
    text.write_text("not a recording")
    cut = tmp_path / "cut"
    cut.mkdir()
    (cut / "metadata.yaml").write_bytes((whole / "metadata.yaml").read_bytes())
    storage = (whole / "whole.mcap").read_bytes()
    (cut / "whole.mcap").write_bytes(storage[:200])
    nonsense = tmp_path / "nonsense"
    nonsense.mkdir()
    (nonsense / "metadata.yaml").write_text("rosbag2_bagfile_information: [1, 2]\n")
    for path in (tmp_path / "absent", empty, text, cut, nonsense):
        with pytest.raises(BagError) as caught, BagReader(path) as bag:
            list(bag.frames())
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_closed_bag_says_so(tmp_path: Path) -> None:
    bag = BagReader(record_raw(tmp_path / "bag"))
    with pytest.raises(BagError, match="expected an open bag"):
        bag.topics()


def test_images_come_in_their_places_whole_or_with_what_is_wrong(tmp_path: Path) -> None:
    path = record_compressed(tmp_path / "bag", [jpeg(0), jpeg(1)[:200], jpeg(2)])
    with BagReader(path) as bag:
        found = list(bag.images())
    assert [image.index for image in found] == [0, 1, 2]
    assert [image.stamp for image in found] == [START + i * PERIOD for i in range(3)]
    assert [image.time for image in found] == [START + i * PERIOD for i in range(3)]
    assert {image.frame_id for image in found} == {"camera_optical"}
    assert [image.cause for image in found] == ["", "jpeg", ""]
    assert [image.frame is None for image in found] == [False, True, False]
    assert found[1].line.startswith(
        f"{TOPIC}/compressed: frame 1, stamp 1700000000.100000000: jpeg image: expected"
    )
    assert found[0].line == ""


def test_messages_that_cannot_be_decoded_are_told_or_raised(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as writer:
        writer.add_topic(TOPIC, IMAGE)
        writer.write_cdr(TOPIC, START, b"")
        writer.write(TOPIC, START + 1, raw_message(1, picture(1)))
    lines: list[str] = []
    with BagReader(tmp_path / "bag") as bag:
        assert [message.time for message in bag.messages([TOPIC], lines.append)] == [START + 1]
        with pytest.raises(BagError, match=f"/bag: expected a {IMAGE} on {TOPIC}, found: "):
            list(bag.messages([TOPIC]))
        first = bag.first(TOPIC)
    assert len(lines) == 1 and lines[0].startswith(f"expected a {IMAGE} on {TOPIC}, found: ")
    assert first is not None and first.time == START + 1


def test_topics_of_another_type_are_named(tmp_path: Path) -> None:
    with BagReader(record_raw(tmp_path / "bag", count=1)) as bag:
        bag.check_topic(TOPIC, "image topic", IMAGE)
        with pytest.raises(BagError, match=f"expected a thing {TOPIC}, found {IMAGE} there"):
            bag.check_topic(TOPIC, "a thing", COMPRESSED_IMAGE)
        assert bag.camera_topics() == (TOPIC,)
