# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Ground truth on topics: joined with images, or left out with a line, but never wrong."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from test.bags.foreign import Topic, declaration, mcap, recorded
from vit_perception.bags.messages import (
    COMPRESSED_IMAGE,
    DETECTIONS,
    DETECTIONS_3D,
    make,
    make_header,
    typestore,
)
from vit_perception.bags.reader import BagError
from vit_perception.evaluation.samples.bag import BagSequence, bag_sequences
from vit_perception.evaluation.samples.sample import FrameTruth, Sample
from vit_perception.evaluation.samples.topic_truth import TruthTopics

from .recorded import FRONT, TRUTH, WRIST, Said, boxes_of, image, record, stamp, truth


def read(path: Path, *topics: str) -> tuple[list[FrameTruth | None], BagSequence]:
    """The truth of each image of the only camera, and its sequence."""
    (sequence,) = bag_sequences(path, None, TruthTopics(topics))
    samples = list(sequence.samples())
    return [each.truth for each in samples if isinstance(each, Sample)], sequence


def known(truths: list[FrameTruth | None]) -> list[bool]:
    return [each is not None for each in truths]


def test_truth_may_be_recorded_in_any_order(tmp_path: Path) -> None:
    images, truths = [image(i) for i in range(6)], [truth(i) for i in range(6)]
    random.Random(0).shuffle(truths)
    for name, said in (("before", truths + images), ("after", images + truths)):
        found, sequence = read(record(tmp_path / name, said))
        for index, each in enumerate(found):
            assert each is not None
            np.testing.assert_array_equal(each.boxes, boxes_of(index))
        assert (sequence.notes, sequence.unused()) == ((), {})


def test_pictures_without_truth_are_not_empty_pictures(tmp_path: Path) -> None:
    empty = truth(1, names=(), boxes=np.zeros((0, 4)))
    said = [image(0), image(1), image(2), empty, truth(2), truth(7)]
    found, sequence = read(record(tmp_path / "bag", said))
    assert known(found) == [False, True, True]
    assert [len(each) for each in found if each is not None] == [0, 2]
    assert sequence.unused() == {"without a picture": 1}


def test_named_topics_take_the_place_of_the_default(tmp_path: Path) -> None:
    said = [image(0), image(1), truth(0), truth(0, "/a", names=("x", "y")), truth(1, "/b")]
    found, sequence = read(record(tmp_path / "bag", said), "/a", "/b")
    assert [each.names for each in found if each] == [("x", "y"), ("cup", "box")]
    assert sequence.names() == ("box", "cup", "x", "y")


def test_topics_of_several_cameras(tmp_path: Path) -> None:
    said = [image(0), image(0, WRIST, "wrist"), truth(0, "/a"), truth(0, "/b", "wrist")]
    said[3] = truth(0, "/b", "wrist", names=("lid",), boxes=boxes_of(0)[:1])
    sequences = bag_sequences(record(tmp_path / "bag", said), None, TruthTopics(("/a", "/b")))
    names = []
    for sequence in sequences:
        (sample,) = sequence.samples()
        assert isinstance(sample, Sample) and sample.truth is not None
        names.append(sample.truth.names)
    assert names == [("cup", "box"), ("lid",)]


def test_named_topics_have_to_be_there(tmp_path: Path) -> None:
    said = [image(0), truth(0), ("/odd", stamp(0), b"\0\1\0\0")]
    path = record(tmp_path / "bag", said, kinds={"/odd": DETECTIONS_3D})
    with pytest.raises(BagError, match=rf"a topic of ground truth /no, found {TRUTH}$"):
        read(path, TRUTH, "/no")
    with pytest.raises(BagError, match=f"ground truth /odd, found {DETECTIONS_3D} there$"):
        read(path, "/odd")


def test_the_default_topic_of_another_type_is_left_out(tmp_path: Path) -> None:
    """`/ground_truth` is often where a simulated robot is."""
    said = [image(0), (TRUTH, stamp(0), b"\0\1\0\0")]
    kind = "nav_msgs/msg/Odometry"
    found, sequence = read(record(tmp_path / "bag", said, kinds={TRUTH: kind}))
    assert known(found) == [False]
    assert sequence.notes == (
        f"bag: without ground truth: expected {DETECTIONS} on {TRUTH}, found {kind}",
    )


def test_messages_of_no_bytes_are_counted(tmp_path: Path) -> None:
    said: list[Said] = [image(i) for i in range(4)]
    said += [truth(0), (TRUTH, stamp(1), b""), truth(2), (TRUTH, stamp(3), b"\0\1\0\0\1")]
    found, sequence = read(record(tmp_path / "bag", said, kinds={TRUTH: DETECTIONS}))
    assert known(found) == [True, False, True, False]
    (note,) = sequence.notes
    assert note.startswith(
        f"bag: left out 2 messages of ground truth; the first: expected a {DETECTIONS} on {TRUTH},"
    )


@pytest.mark.parametrize(
    "box", [(5, 5, 5, 9), (9, 5, 5, 9), (np.nan, 1, 2, 3), (0, 0, np.inf, 3), (0, 0, 1e39, 3)]
)
def test_boxes_that_are_none_are_counted(tmp_path: Path, box: tuple[float, ...]) -> None:
    topic, time, message = truth(1)
    x1, y1, x2, y2 = box
    place = message.detections[1].bbox
    place.center.position.x, place.size_x = (x1 + x2) / 2, x2 - x1
    place.center.position.y, place.size_y = (y1 + y2) / 2, y2 - y1
    said = [image(0), image(1), truth(0), (topic, time, message)]
    found, sequence = read(record(tmp_path / "bag", said))
    assert known(found) == [True, False]
    (note,) = sequence.notes
    assert note.startswith(
        f"bag: left out 1 message of ground truth; the first: {TRUTH}: message 1: detection 1: "
        "expected a box of some px, found corners "
    )


def test_different_truths_of_one_stamp_are_not_used(tmp_path: Path) -> None:
    said = [image(0), image(1), truth(0), truth(1), truth(1, names=("cup", "can")), truth(0)]
    found, sequence = read(record(tmp_path / "bag", said))
    assert known(found) == [True, False]
    assert sequence.notes == (
        "bag: left out 1 message of ground truth said again",
        "bag: 1 stamp with several, different truths: the pictures are not scored",
    )
    assert sequence.unused() == {"contradicted": 1}


def test_boxes_are_cut_at_the_edges(tmp_path: Path) -> None:
    boxes = np.array([[-6, -2, 10, 6], [60, 40, 90, 80], [-20, 0, -1, 9], [1, 2, 3, 4]])
    said = [image(0), truth(0, boxes=boxes, names=("a", "b", "c", "d"))]
    found, sequence = read(record(tmp_path / "bag", said))
    assert found[0] is not None
    np.testing.assert_array_equal(found[0].boxes, [[0, 0, 10, 6], [60, 40, 64, 48], [1, 2, 3, 4]])
    np.testing.assert_array_equal(found[0].areas, [60, 32, 4])
    assert (found[0].names, found[0].ids) == (("a", "b", "d"), ("1", "2", "4"))
    assert sequence.unused() == {"things outside of the picture": 1}


def test_another_encoding_of_the_topic_is_told(tmp_path: Path) -> None:
    path = tmp_path / "bag.mcap"
    camera = Topic(FRONT, schema=COMPRESSED_IMAGE)
    foreign = Topic(TRUTH, "json", "foxglove.Labels", "jsonschema", "{}", id=9)
    picture = typestore().serialize_cdr(image(0)[2], COMPRESSED_IMAGE)
    content = declaration(camera) + declaration(foreign) + recorded(foreign, stamp(0), b"{}")
    path.write_bytes(mcap(content, recorded(camera, stamp(0), bytes(picture))))
    found, sequence = read(path)
    assert known(found) == [False]
    assert sequence.notes == (
        f"bag.mcap: left out {TRUTH}: 1 message, json (foxglove.Labels)",
        f"bag.mcap: without ground truth: expected {DETECTIONS} on {TRUTH}, found no such topic",
    )
    with pytest.raises(BagError, match=r"found json \(foxglove.Labels\) there"):
        read(path, TRUTH)


def test_a_topic_of_two_types_is_read_where_it_is_truth(tmp_path: Path) -> None:
    path = tmp_path / "bag.mcap"
    store = typestore()
    camera = Topic(FRONT, schema=COMPRESSED_IMAGE)
    text = store.generate_msgdef(DETECTIONS, ros_version=2)[0]
    right = Topic(TRUTH, schema=DETECTIONS, text=text, id=2)
    text = store.generate_msgdef(DETECTIONS_3D, ros_version=2)[0]
    wrong = Topic(TRUTH, schema=DETECTIONS_3D, text=text, id=3)
    picture = bytes(store.serialize_cdr(image(0)[2], COMPRESSED_IMAGE))
    message = bytes(store.serialize_cdr(truth(0)[2], DETECTIONS))
    empty = make(DETECTIONS_3D, header=make_header(stamp(0), "front"), detections=[])
    other = bytes(store.serialize_cdr(empty, DETECTIONS_3D))
    parts = [declaration(each) for each in (camera, right, wrong)]
    parts += [recorded(camera, stamp(0), picture), recorded(wrong, stamp(0), other)]
    path.write_bytes(mcap(*parts, recorded(right, stamp(0), message)))
    found, sequence = read(path)
    assert known(found) == [True]
    (note,) = sequence.notes
    assert note.startswith("bag.mcap: left out 1 message of ground truth; the first: ")
    assert note.endswith(f"message 0: expected {DETECTIONS}, found {DETECTIONS_3D}")


def test_an_empty_topic_of_truth_is_told(tmp_path: Path) -> None:
    path = record(tmp_path / "bag", [image(0)], kinds={TRUTH: DETECTIONS})
    found, sequence = read(path)
    assert known(found) == [False]
    assert sequence.notes == (f"bag: {TRUTH} holds no ground truth",)
