# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Recordings of other writers: channels that are not read must not keep the others from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rosbags.rosbag2 import StoragePlugin, Writer

from vit_perception.bags.depth import FORMAT, encode_depth
from vit_perception.bags.messages import COMPRESSED_IMAGE, IMAGE, make, make_header, typestore
from vit_perception.bags.reader import BROKEN_SHOWN, BagError, BagReader, BagTopic
from vit_perception.bags.writer import BagWriter

from .foreign import (
    Topic,
    chunk,
    declaration,
    definition,
    image_cdr,
    images,
    mcap,
    record_plain,
    recorded,
    stamps,
)
from .recordings import START, TOPIC, jpeg, record_compressed, record_rosbag1

FOREIGN = {
    "json": (
        Topic("/log", "json", "foxglove.Log", "jsonschema", "{}", id=9),
        "json (foxglove.Log)",
    ),
    "protobuf": (
        Topic("/log", "protobuf", "foxglove.Log", "protobuf", "x", id=9),
        "protobuf (foxglove.Log)",
    ),
    "ros1": (
        Topic("/log", "ros1", "std_msgs/String", "ros1msg", "string data", id=9),
        "ros1 (std_msgs/msg/String)",
    ),
    "schemaless": (Topic("/log", "json", "", "", "", id=9), "json (no type)"),
    "unknown": (
        Topic("/log", "cdr", "my_msgs/msg/Odd", "ros2msg", "", id=9),
        "my_msgs/msg/Odd, whose definition is not in the bag",
    ),
    "unparsable": (
        Topic("/log", "cdr", "my_msgs/msg/Odd", "ros2msg", "int32[ x\n???", id=9),
        "my_msgs/msg/Odd, whose definition cannot be read: ",
    ),
    "incomplete": (
        Topic("/log", "cdr", "my_msgs/msg/Odd", "ros2msg", "my_msgs/Part part\n", id=9),
        "my_msgs/msg/Odd, whose definition cannot be read: ",
    ),
    "idl": (
        Topic("/log", "cdr", "my_msgs/msg/Odd", "ros2idl", "module { broken", id=9),
        "my_msgs/msg/Odd, whose definition cannot be read: ",
    ),
}


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize("profile", ("ros2", ""))
@pytest.mark.parametrize("chunked", (True, False))
def test_other_channels_are_left_out_with_one_line(
    tmp_path: Path, kind: str, profile: str, chunked: bool
) -> None:
    foreign, fault = FOREIGN[kind]
    camera = Topic()
    content = declaration(foreign) + declaration(camera) + recorded(foreign, START, b"{}")
    content += images(camera, range(3)) + recorded(foreign, START + 1, b"{}")
    path = tmp_path / "bag.mcap"
    path.write_bytes(mcap(chunk(content, range(3)) if chunked else content, profile=profile))
    with BagReader(path) as bag:
        assert bag.topics() == (BagTopic(TOPIC, IMAGE, 3),)
        (note,) = bag.notes
        assert note.startswith(f"{path}: left out /log: 2 messages, {fault}")
        assert "\n" not in note
        assert [frame.stamp for _, frame in bag.frames()] == stamps(range(3))
        assert len(list(bag.messages())) == 3
        with pytest.raises(BagError, match="/log") as caught:
            list(bag.messages(["/log"]))
        assert fault in str(caught.value)
        with pytest.raises(BagError, match="expected image topic /log, found") as caught:
            bag.image_topic("/log")
        assert fault in str(caught.value)


def test_sqlite_topics_of_other_encodings_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "bag"
    with Writer(path, version=8, storage_plugin=StoragePlugin.SQLITE3) as writer:
        odd = writer.add_connection(
            "/odd", "my_msgs/msg/Odd", msgdef="int32[ x", rihs01="RIHS01_0"
        )
        log = writer.add_connection(
            "/log", "std_msgs/msg/String", typestore=typestore(), serialization_format="json"
        )
        camera = writer.add_connection(TOPIC, IMAGE, typestore=typestore())
        for connection in (odd, log):
            writer.write(connection, START, b"{}")
        writer.write(camera, START, image_cdr(0))
    for place in (path, next(path.glob("*.db3"))):
        with BagReader(place) as bag:
            assert [line.partition(": left out ")[2] for line in bag.notes] == [
                "/log: 1 message, json (std_msgs/msg/String)",
                "/odd: 1 message, my_msgs/msg/Odd, whose definition cannot be read: "
                + bag.notes[1].rpartition("read: ")[2],
            ]
            assert [frame.stamp for _, frame in bag.frames()] == [START]


def test_a_known_type_needs_no_definition(tmp_path: Path) -> None:
    path = tmp_path / "bag.mcap"
    for camera in (
        Topic(),
        Topic(text=definition()),
        Topic(text="int32[ ?"),
        Topic(schema="sensor_msgs/Image"),
        Topic(text="std_msgs/Header header\n" + definition().partition("\n")[2]),
        Topic(language="jsonschema", text="{}"),
    ):
        path.write_bytes(mcap(declaration(camera), images(camera, (0, 1))))
        with BagReader(path) as bag:
            assert bag.notes == ()
            assert [frame.stamp for _, frame in bag.frames()] == stamps((0, 1))


@pytest.mark.parametrize("msgtype", (IMAGE, COMPRESSED_IMAGE))
def test_images_that_a_bag_defines_in_its_own_way_are_broken_ones(
    tmp_path: Path, msgtype: str
) -> None:
    path = tmp_path / "bag.mcap"
    camera = Topic(schema=msgtype, text="uint32 other\n")
    path.write_bytes(mcap(declaration(camera), recorded(camera, START, bytes([0, 1, *[0] * 6]))))
    with BagReader(path) as bag:
        assert list(bag.frames()) == []
        assert bag.broken == {"message": 1}


def test_a_channel_id_may_be_declared_again(tmp_path: Path) -> None:
    path = tmp_path / "bag.mcap"
    first, second, other = Topic(), Topic(id=2), Topic("/other")
    content = declaration(first) * 2 + images(first, (0,)) + declaration(second)
    content += images(second, (1,)) + declaration(other) + images(other, (2, 3))
    for data in (content, chunk(content, range(4)), chunk(content, range(4), "zstd")):
        path.write_bytes(mcap(data))
        with BagReader(path) as bag:
            assert bag.topics() == (BagTopic(TOPIC, IMAGE, 2), BagTopic("/other", IMAGE, 2))
            assert [f.stamp for _, f in bag.frames(TOPIC)] == stamps((0, 1))
            assert [f.stamp for _, f in bag.frames("/other")] == stamps((2, 3))


def test_messages_without_a_channel_are_told(tmp_path: Path) -> None:
    path = tmp_path / "bag.mcap"
    camera, lost = Topic(), Topic(id=5)
    path.write_bytes(mcap(declaration(camera), images(camera, (0,)), images(lost, (1, 2))))
    with BagReader(path) as bag:
        assert bag.notes == (f"{path}: left out 2 messages of channels not declared",)
        assert [frame.stamp for _, frame in bag.frames()] == stamps((0,))


def test_one_topic_in_two_encodings(tmp_path: Path) -> None:
    path = tmp_path / "bag.mcap"
    camera, other = Topic(), Topic(encoding="json", schema="foxglove.RawImage", id=2)
    parts = (declaration(camera), declaration(other), images(camera, (0, 1)))
    path.write_bytes(mcap(*parts, recorded(other, START, b"{}")))
    with BagReader(path) as bag:
        assert [frame.stamp for _, frame in bag.frames()] == stamps((0, 1))
        assert bag.notes == (f"{path}: left out {TOPIC}: 1 message, json (foxglove.RawImage)",)


def test_broken_images_are_named_with_number_and_stamp(tmp_path: Path) -> None:
    count = BROKEN_SHOWN + 5
    images = [jpeg(0), b"", *([jpeg(1)[:200]] * count)]
    with BagReader(record_compressed(tmp_path / "bag", images)) as bag:
        assert len(list(bag.frames())) == 1
        assert bag.broken.total() == count + 1
        assert len(bag.broken_lines) == BROKEN_SHOWN
        assert bag.broken_lines[0].startswith(
            f"{TOPIC}/compressed: frame 1, stamp 1700000000.100000000: compressed image: expected"
        )
    camera = Topic()
    path = tmp_path / "bag.mcap"
    short = recorded(camera, START + 1, b"\0\1\0\0")
    other = Topic(TOPIC, "cdr", "std_msgs/msg/String", id=2)
    string = recorded(other, START + 2, b"\0\1\0\0\2\0\0\0a\0")
    parts = (declaration(camera), declaration(other), images_of(camera), short, string)
    path.write_bytes(mcap(*parts))
    with BagReader(path) as bag:
        assert len(list(bag.frames())) == 1
        assert bag.broken == {"message": 2}
        assert "frame 1, recorded at 1700000000.000000001: " in bag.broken_lines[0]
        assert "expected an image, found a std_msgs/msg/String" in bag.broken_lines[1]


def images_of(camera: Topic) -> bytes:
    return images(camera, (0,))


@pytest.mark.parametrize(
    "layout", (FORMAT, "32FC1; compressedDepth png", "png", "32FC1; png compressed ", "")
)
def test_depth_given_as_a_picture_is_refused(tmp_path: Path, layout: str) -> None:
    data = encode_depth(np.full((48, 64), 700, np.uint16))
    if "compressedDepth" not in layout:
        data = data[12:]
    packed = np.frombuffer(data, np.uint8)
    with BagWriter(tmp_path / "bag") as writer:
        writer.add_topic("/depth", COMPRESSED_IMAGE)
        header = make_header(START, "camera")
        fields = {"header": header, "format": layout, "data": packed}
        writer.write("/depth", START, make(COMPRESSED_IMAGE, **fields))
    with BagReader(tmp_path / "bag") as bag:
        with pytest.raises(BagError, match="expected colour images on /depth, found depth"):
            bag.image_topic("/depth")
        with pytest.raises(BagError, match="expected one colour image topic, found none"):
            bag.image_topic()


@pytest.mark.parametrize(
    ("encoding", "width"), (("16UC1", 2), ("mono16", 2), ("32FC1", 4), ("rgb8", 3))
)
def test_raw_depth_is_refused_or_named(tmp_path: Path, encoding: str, width: int) -> None:
    with BagWriter(tmp_path / "bag") as writer:
        writer.add_topic("/depth", IMAGE)
        image = make(
            IMAGE,
            header=make_header(START, "camera"),
            height=4,
            width=6,
            encoding=encoding,
            is_bigendian=0,
            step=6 * width,
            data=np.zeros(24 * width, np.uint8),
        )
        writer.write("/depth", START, image)
    with BagReader(tmp_path / "bag") as bag:
        assert bag.depth("/depth") == ("" if encoding == "rgb8" else encoding)
        if encoding == "32FC1":
            with pytest.raises(BagError, match=r"found depth \(32FC1\)"):
                bag.image_topic("/depth")
        else:
            assert bag.image_topic("/depth") == "/depth"


_CAMERA = Topic()
_SAMPLES = (
    mcap(declaration(_CAMERA), images(_CAMERA, (0, 1))),
    mcap(chunk(declaration(_CAMERA) + images(_CAMERA, (0, 1)), (0, 1), "zstd"), closed=False),
)


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[bytes]]:
    folder = tmp_path_factory.mktemp("samples")
    sqlite = record_plain(folder / "sqlite", 2, plugin=StoragePlugin.SQLITE3)
    closed = record_plain(folder / "mcap", 2)
    return {
        "bag.mcap": [*_SAMPLES, next(closed.glob("*.mcap")).read_bytes()],
        "bag.db3": [next(sqlite.glob("*.db3")).read_bytes()],
        "bag.bag": [record_rosbag1(folder / "old.bag", count=2).read_bytes()],
    }


@given(st.data())
def test_damaged_bytes_never_give_anything_but_a_bag_error(
    tmp_path_factory: pytest.TempPathFactory, samples: dict[str, list[bytes]], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(samples)))
    content = bytearray(data.draw(st.sampled_from(samples[name])))
    for _ in range(data.draw(st.integers(1, 4))):
        # The first and last bytes hold the structure.
        edge = data.draw(st.sampled_from((200, len(content))))
        at = data.draw(st.integers(0, min(edge, len(content)) - 1))
        at = at if data.draw(st.booleans()) else len(content) - 1 - at
        content[at] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("fuzz") / name
    path.write_bytes(bytes(content))
    try:
        with BagReader(path) as bag:
            bag.damage()
            for _ in bag.frames(TOPIC):
                pass
    except BagError as error:
        assert "\n" not in str(error)
