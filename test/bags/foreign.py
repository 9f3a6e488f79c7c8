# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Recordings of other writers and of killed recorders, made record by record."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import lz4.frame
import yaml
from backports import zstd
from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import StoragePlugin, Writer

from vit_perception.bags.messages import IMAGE, typestore

from .recordings import PERIOD, START, TOPIC, picture, raw_message

MAGIC = b"\x89MCAP0\r\n"
PACKERS = {"": bytes, "lz4": lz4.frame.compress, "zstd": zstd.compress}


def image_cdr(index: int) -> bytes:
    """A sensor_msgs/Image of the recording."""
    return bytes(typestore().serialize_cdr(raw_message(index, picture(index)), IMAGE))


def definition() -> str:
    """The definition of sensor_msgs/Image, as recorders store it."""
    return str(typestore().generate_msgdef(IMAGE, ros_version=2)[0])


@dataclass(frozen=True)
class Topic:
    """A channel with its schema."""

    name: str = TOPIC
    encoding: str = "cdr"
    schema: str = IMAGE
    language: str = "ros2msg"
    text: str = ""
    id: int = 1


def record(kind: int, body: bytes) -> bytes:
    """A record of MCAP."""
    return struct.pack("<BQ", kind, len(body)) + body


def text(value: str) -> bytes:
    """A string of MCAP."""
    data = value.encode()
    return struct.pack("<I", len(data)) + data


def declaration(topic: Topic) -> bytes:
    """Schema and channel."""
    schema = struct.pack("<H", topic.id) + text(topic.schema) + text(topic.language)
    channel = struct.pack("<HH", topic.id, topic.id) + text(topic.name) + text(topic.encoding)
    return record(3, schema + text(topic.text)) + record(4, channel + struct.pack("<I", 0))


def recorded(topic: Topic, time: int, data: bytes) -> bytes:
    """A message."""
    return record(5, struct.pack("<HIQQ", topic.id, 0, time, time) + data)


def images(topic: Topic, indexes: Sequence[int]) -> bytes:
    """Messages with pictures of the recording."""
    return b"".join(recorded(topic, START + i * PERIOD, image_cdr(i)) for i in indexes)


def chunk(content: bytes, indexes: Sequence[int], packer: str = "", checksum: int = -1) -> bytes:
    """A chunk with messages of these times."""
    times = [START + i * PERIOD for i in indexes]
    crc = zlib.crc32(content) if checksum < 0 else checksum
    head = struct.pack("<QQQI", min(times), max(times), len(content), crc)
    packed = PACKERS[packer](content)
    return record(6, head + text(packer) + struct.pack("<Q", len(packed)) + packed)


def mcap(*parts: bytes, profile: str = "ros2", closed: bool = True) -> bytes:
    """A file without summary; with `closed` False, as a killed recorder leaves it."""
    data = MAGIC + record(1, text(profile) + text("test")) + b"".join(parts)
    if closed:
        data += record(0x0F, bytes(4)) + record(2, bytes(20)) + MAGIC
    return data


def qos(depth: int) -> Qos:
    """A profile of which only the depth varies."""
    never = QosTime(sec=0, nsec=0)
    return Qos(
        QosHistory.KEEP_LAST,
        depth,
        QosReliability.RELIABLE,
        QosDurability.VOLATILE,
        never,
        never,
        QosLiveliness.AUTOMATIC,
        never,
        False,
    )


def record_plain(
    path: Path, count: int, *, plugin: StoragePlugin = StoragePlugin.MCAP, first: int = 0
) -> Path:
    """Rosbag2 as rosbags writes it, with two publishers of one topic in turn."""
    with Writer(path, version=8, storage_plugin=plugin) as writer:
        connections = [
            writer.add_connection(
                TOPIC, IMAGE, typestore=typestore(), offered_qos_profiles=[qos(depth)]
            )
            for depth in (5, 10)
        ]
        for index in range(first, first + count):
            time = START + index * PERIOD
            writer.write(connections[index % 2], time, image_cdr(index))
    return path


def change_metadata(path: Path, **changes: object) -> None:
    """Overwrites fields of metadata.yaml."""
    file = path / "metadata.yaml"
    document = yaml.safe_load(file.read_text())
    document["rosbag2_bagfile_information"].update(changes)
    file.write_text(yaml.safe_dump(document))


def information(path: Path) -> dict[str, object]:
    """The fields of metadata.yaml."""
    found = yaml.safe_load((path / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    return dict(found)


def split(path: Path, plugin: StoragePlugin, counts: Sequence[int]) -> Path:
    """Rosbag2 whose messages are in several files, as `--max-bag-size` makes it."""
    path.mkdir()
    names, files, topics = [], [], None
    first = 0
    for number, count in enumerate(counts):
        part = record_plain(path / f"part_{number}", count, plugin=plugin, first=first)
        (storage,) = (each for each in part.iterdir() if each.suffix != ".yaml")
        names.append(f"bag_{number}{storage.suffix}")
        storage.rename(path / names[-1])
        fields = information(part)
        files.append({**fields["files"][0], "path": names[-1], "message_count": count})  # type: ignore[index]
        topics = fields["topics_with_message_count"]
        (part / "metadata.yaml").replace(path / "metadata.yaml")
        part.rmdir()
        first += count
    assert isinstance(topics, list)
    for topic in topics:
        topic["message_count"] = 0
    topics[0]["message_count"] = sum(counts)
    change_metadata(
        path,
        relative_file_paths=names,
        files=files,
        message_count=sum(counts),
        topics_with_message_count=topics,
    )
    return path


def stamps(indexes: Sequence[int]) -> list[int]:
    """Stamps of pictures of the recording."""
    return [START + i * PERIOD for i in indexes]
