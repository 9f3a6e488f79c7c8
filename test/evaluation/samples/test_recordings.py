# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Truth is that of its image whatever form the recording has, and however it is damaged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rosbags.rosbag1 import Writer as Rosbag1Writer
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from test.bags.foreign import (
    Topic,
    change_metadata,
    chunk,
    declaration,
    information,
    mcap,
    recorded,
)
from test.bags.reading import PLUGINS, storages
from test.bags.recordings import record_rosbag1
from vit_perception.bags.messages import COMPRESSED_IMAGE, DETECTIONS, IMAGE, typestore
from vit_perception.bags.reader import BagDamageError, BagError
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.samples.bag import bag_sequences
from vit_perception.evaluation.samples.sample import Sample

from .reading import told, whole
from .recorded import FRONT, TRUTH, boxes_of, image, masks, record, record_camera, stamp, truth


def test_rosbag1(tmp_path: Path) -> None:
    (sequence,) = bag_sequences(record_rosbag1(tmp_path / "old.bag", count=3))
    assert sequence.key == "old_camera_image_raw"
    assert [sample.frame.stamp for sample in whole(sequence)] == [stamp(i) for i in range(3)]
    assert sequence.notes == (
        "old.bag: without ground truth: expected vision_msgs/msg/Detection2DArray on "
        "/ground_truth, found no such topic",
    )


@pytest.mark.parametrize(
    ("plugin", "mode"),
    [
        (StoragePlugin.SQLITE3, CompressionMode.FILE),
        (StoragePlugin.SQLITE3, CompressionMode.MESSAGE),
        (StoragePlugin.MCAP, CompressionMode.STORAGE),
    ],
)
def test_compressed_bags(tmp_path: Path, plugin: StoragePlugin, mode: CompressionMode) -> None:
    said = [each(i) for i in range(3) for each in (image, truth, masks)]

    def prepare(writer: Writer) -> None:
        writer.set_compression(mode, CompressionFormat.ZSTD)

    path = record(tmp_path / "bag", said, plugin=plugin, prepare=prepare)
    (sequence,) = bag_sequences(path)
    assert told(sequence) == ([stamp(i) for i in range(3)], "")
    assert all(sample.truth and sample.truth.masks for sample in whole(sequence))


@pytest.mark.parametrize("plugin", PLUGINS)
def test_without_metadata(tmp_path: Path, plugin: StoragePlugin) -> None:
    said = [each(i) for i in range(3) for each in (image, truth)]
    path = record(tmp_path / "bag", said, plugin=plugin)
    (path / "metadata.yaml").unlink()
    for place in (path, storages(path)[0]):
        (sequence,) = bag_sequences(place)
        assert told(sequence) == ([stamp(i) for i in range(3)], "")
        assert sequence.key == "bag_front_image_compressed"


@pytest.mark.parametrize("topic", (FRONT, TRUTH))
def test_fewer_messages_than_announced(tmp_path: Path, topic: str) -> None:
    path = record_camera(tmp_path / "bag")
    topics = information(path)["topics_with_message_count"]
    assert isinstance(topics, list)
    for each in topics:
        each["message_count"] += 2 * (each["topic_metadata"]["name"] == topic)
    change_metadata(path, topics_with_message_count=topics)
    (sequence,) = bag_sequences(path)
    found, damage = told(sequence)
    assert found == [stamp(i) for i in range(3)]
    line = f"expected 5 messages on {topic}, found 3"
    if topic == FRONT:
        assert (damage, sequence.notes) == (f"bag.mcap: {line}", ()) or damage.endswith(line)
        assert str(tmp_path) not in damage
    else:
        assert damage == ""
        (note,) = sequence.notes
        assert note.startswith("bag: ground truth is missing: ") and note.endswith(line)
        assert str(tmp_path) not in note


@pytest.mark.parametrize("share", (0.35, 0.5, 0.8, 0.95))
@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_cut_bag_never_gives_wrong_truth(
    tmp_path: Path, plugin: StoragePlugin, share: float
) -> None:
    said = [each(i) for i in range(28) for each in (image, truth)]
    path = record(tmp_path / "bag", said, plugin=plugin)
    (storage,) = storages(path)
    storage.write_bytes(storage.read_bytes()[: int(storage.stat().st_size * share)])
    try:
        (sequence,) = bag_sequences(path)
    except BagError as error:
        assert "\n" not in str(error)
        return
    found, damage = 0, ""
    try:
        for sample in sequence.samples():
            assert sample.number == found
            found += 1
            if isinstance(sample, Sample):
                assert sample.frame.stamp == stamp(sample.number)
                if sample.truth is not None:
                    np.testing.assert_array_equal(sample.truth.boxes, boxes_of(sample.number))
    except BagDamageError as error:
        damage = str(error)
    if found < 28:
        assert f"expected 28 messages on {FRONT}, found {found}" in damage
    else:  # only the end of the file is missing
        assert damage == "" and "not closed properly" in sequence.notes[0]


@pytest.mark.parametrize("plugin", PLUGINS)
def test_split_bags(tmp_path: Path, plugin: StoragePlugin) -> None:
    """The truth of an image may be in another file; one file of them is missing."""
    path = record(tmp_path / "bag", [each(i) for i in range(3) for each in (image, truth)][:-1])
    path = tmp_path / "split"
    path.mkdir()
    for number, said in enumerate(
        ([image(0), image(1)], [truth(0), image(2)], [truth(2), truth(1), image(3), truth(3)])
    ):
        part = record(tmp_path / f"part_{number}", said, plugin=plugin)
        (storage,) = storages(part)
        storage.rename(path / f"{number}{storage.suffix}")
    (sequence,) = bag_sequences(path)
    assert told(sequence) == ([stamp(i) for i in range(4)], "")
    storages(path)[1].unlink()
    (sequence,) = bag_sequences(path)
    found = [each for each in sequence.samples() if isinstance(each, Sample)]
    assert [each.frame.stamp for each in found] == [stamp(i) for i in (0, 1, 3)]
    assert [each.truth is not None for each in found] == [False, True, True]
    assert sequence.unused() == {"without a picture": 1}


@pytest.mark.parametrize("packer", ("", "lz4", "zstd"))
@pytest.mark.parametrize("closed", (True, False))
def test_files_without_a_summary(tmp_path: Path, packer: str, closed: bool) -> None:
    store = typestore()
    topics = []
    for number, (name, kind) in enumerate(((FRONT, COMPRESSED_IMAGE), (TRUTH, DETECTIONS)), 1):
        text = store.generate_msgdef(kind, ros_version=2)[0]
        topics.append(Topic(name, schema=kind, text=text, id=number))
    content = b"".join(map(declaration, topics))
    for index in range(3):
        for topic, (_, time, message) in zip(topics, (image(index), truth(index)), strict=True):
            content += recorded(topic, time, bytes(store.serialize_cdr(message, topic.schema)))
    path = tmp_path / "bag.mcap"
    path.write_bytes(mcap(chunk(content, range(3), packer), closed=closed))
    (sequence,) = bag_sequences(path)
    assert told(sequence) == ([stamp(i) for i in range(3)], "")
    assert len(sequence.notes) == (not closed)


_ROS1 = {
    "vision_msgs/msg/ObjectHypothesisWithPose": (
        "int64 id\nfloat64 score\ngeometry_msgs/PoseWithCovariance pose\n"
    ),
    "vision_msgs/msg/BoundingBox2D": (
        "geometry_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y\n"
    ),
    "vision_msgs/msg/Detection2D": (
        "std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\n"
        "vision_msgs/BoundingBox2D bbox\n"
    ),
    DETECTIONS: "std_msgs/Header header\nvision_msgs/Detection2D[] detections\n",
}


def test_truth_of_ros_1(tmp_path: Path) -> None:
    """Its `vision_msgs` has numbers for names, and its frames may begin with a slash."""
    store = get_typestore(Stores.ROS1_NOETIC)
    for name, text in _ROS1.items():
        store.register(get_types_from_msg(text, name))

    def made(kind: str, **fields: Any) -> Any:
        return store.types[kind](**fields)

    def header(index: int) -> Any:
        seconds, nanoseconds = divmod(stamp(index), 1_000_000_000)
        time = made("builtin_interfaces/msg/Time", sec=seconds, nanosec=nanoseconds)
        return made("std_msgs/msg/Header", seq=index, stamp=time, frame_id="/front")

    def boxed(index: int, box: Sequence[float]) -> Any:
        x1, y1, x2, y2 = box
        zero = made("geometry_msgs/msg/Point", x=0.0, y=0.0, z=0.0)
        still = made("geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=0.0, w=1.0)
        pose = made("geometry_msgs/msg/Pose", position=zero, orientation=still)
        nowhere = made("geometry_msgs/msg/PoseWithCovariance", pose=pose, covariance=np.zeros(36))
        guesses = [
            made("vision_msgs/msg/ObjectHypothesisWithPose", id=id, score=score, pose=nowhere)
            for id, score in ((3, 0.2), (7, 0.8))
        ]
        centre = made("geometry_msgs/msg/Pose2D", x=(x1 + x2) / 2, y=(y1 + y2) / 2, theta=0.0)
        place = made(
            "vision_msgs/msg/BoundingBox2D", center=centre, size_x=x2 - x1, size_y=y2 - y1
        )
        return made(
            "vision_msgs/msg/Detection2D", header=header(index), results=guesses, bbox=place
        )

    path = tmp_path / "old.bag"
    with Rosbag1Writer(path) as writer:
        pictures = writer.add_connection(FRONT, COMPRESSED_IMAGE, typestore=store)
        truths = writer.add_connection(TRUTH, DETECTIONS, typestore=store)
        for index in range(3):
            data = image(index)[2].data
            picture = made(COMPRESSED_IMAGE, header=header(index), format="jpeg", data=data)
            writer.write(pictures, stamp(index), store.serialize_ros1(picture, COMPRESSED_IMAGE))
            things = [boxed(index, box) for box in boxes_of(index).tolist()]
            said = made(DETECTIONS, header=header(index), detections=things)
            writer.write(truths, stamp(index), store.serialize_ros1(said, DETECTIONS))
    (sequence,) = bag_sequences(path)
    assert told(sequence) == ([stamp(i) for i in range(3)], "")
    assert (sequence.names(), sequence.notes) == (("7",), ())


@given(st.data())
def test_damaged_messages_give_the_truth_of_their_image_or_a_line(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Of each message any bytes may be others, or it ends early."""
    said = []
    for topic, time, message in (each(i) for i in range(2) for each in (image, truth, masks)):
        content = bytearray(typestore().serialize_cdr(message, message.__msgtype__))
        for _ in range(data.draw(st.integers(0, 3))):
            at = data.draw(st.integers(0, min(len(content), 400) - 1))
            content[at] = data.draw(st.integers(0, 255))
        end = data.draw(st.integers(0, len(content))) if data.draw(st.booleans()) else None
        said.append((topic, time, bytes(content[:end])))
    kinds = {FRONT: COMPRESSED_IMAGE, TRUTH: DETECTIONS, f"{TRUTH}/instances": IMAGE}
    path = record(tmp_path_factory.mktemp("fuzz") / "bag", said, kinds=kinds)
    try:
        (sequence,) = bag_sequences(path)
        found = list(sequence.samples())
    except (BagError, EvaluationError) as error:
        assert "\n" not in str(error)
        return
    assert [each.number for each in found] == [0, 1]
    for each in found:
        if isinstance(each, Sample) and each.truth is not None:
            assert len(each.truth.boxes) == len(each.truth.names) == len(each.truth.ids)
            assert (each.truth.boxes[:, 2:] > each.truth.boxes[:, :2]).all()
            assert np.isfinite(each.truth.boxes).all()
    assert all("\n" not in note for note in sequence.notes)
