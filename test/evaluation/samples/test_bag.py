# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Cameras of recordings as sequences, whatever the recordings are like."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin

from test.bags.reading import PLUGINS
from test.bags.recordings import record_raw
from vit_perception.bags.reader import BagError
from vit_perception.evaluation.samples.bag import bag_sequences
from vit_perception.evaluation.samples.sample import LeftOut, Sample
from vit_perception.evaluation.samples.topic_truth import TruthTopics

from .reading import told, whole
from .recorded import (
    FRONT,
    TRUTH,
    WRIST,
    boxes_of,
    image,
    masks,
    record,
    record_camera,
    stamp,
    truth,
)


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_camera_with_truth(tmp_path: Path, plugin: StoragePlugin) -> None:
    said = [each(i) for i in range(3) for each in (image, truth)]
    (sequence,) = bag_sequences(record(tmp_path / "run 1", said, plugin=plugin))
    assert sequence.key == "run_1_front_image_compressed"
    assert sequence.title == f"run 1 {FRONT}"
    assert (sequence.notes, sequence.names()) == ((), ("box", "cup"))
    samples = whole(sequence)
    assert [sample.number for sample in samples] == [0, 1, 2]
    assert [sample.time for sample in samples] == [stamp(i) for i in range(3)]
    assert {sample.name for sample in samples} == {""}
    for index, sample in enumerate(samples):
        assert (sample.frame.stamp, sample.frame.frame_id) == (stamp(index), "front")
        found = sample.truth
        assert found is not None
        np.testing.assert_array_equal(found.boxes, boxes_of(index))
        assert (found.names, found.ids, found.parts) == (("cup", "box"), ("1", "2"), ("", ""))
        assert found.masks is None and not found.crowds.any()
        np.testing.assert_array_equal(
            found.areas, [(10 + index) * (10 + index), 20 * (10 + index)]
        )
        assert (found.boxes.dtype, found.areas.dtype) == (np.float32, np.float32)
    assert sequence.unused() == {}


def test_each_pass_and_each_process_reads_the_same(tmp_path: Path) -> None:
    (sequence,) = bag_sequences(record_camera(tmp_path / "bag"))
    first = told(sequence)
    assert first == told(sequence) == told(pickle.loads(pickle.dumps(sequence)))
    assert len(first[0]) == 3


def test_every_camera_is_a_sequence_with_its_own_truth(tmp_path: Path) -> None:
    said = []
    for index in range(3):
        said += [image(index), image(index, WRIST, "wrist"), truth(index)]
        boxes = np.array([[1, 2, 3 + index, 4]], np.float32)
        said.append(truth(index, frame="/wrist", names=("lid",), boxes=boxes))
    front, wrist = bag_sequences(record(tmp_path / "bag", said))
    assert (front.topic, wrist.topic) == (FRONT, WRIST)
    assert front.key != wrist.key
    assert front.names() == wrist.names() == ("box", "cup", "lid")
    assert told(front) == ([stamp(i) for i in range(3)], "")
    for index, sample in enumerate(whole(wrist)):
        assert sample.truth is not None
        assert sample.truth.names == ("lid",)
        np.testing.assert_array_equal(sample.truth.boxes, [[1, 2, 3 + index, 4]])
    assert front.unused() == wrist.unused() == {}
    (chosen,) = bag_sequences(tmp_path / "bag", [WRIST])
    assert chosen.topic == WRIST
    assert [len(sample.truth or ()) for sample in whole(chosen)] == [1, 1, 1]


def test_truth_of_one_of_two_cameras_is_not_that_of_the_other(tmp_path: Path) -> None:
    said = [image(0), image(0, WRIST, "wrist"), truth(0)]
    front, wrist = bag_sequences(record(tmp_path / "bag", said))
    assert [sample.truth is None for sample in (*whole(front), *whole(wrist))] == [False, True]
    assert front.unused() == wrist.unused() == {}


def test_one_camera_needs_no_frame(tmp_path: Path) -> None:
    """A camera that is recorded raw and compressed has one frame, and is one camera."""
    raw = "/front/image", image(0)[1], image(0)[2]
    said = [image(0), raw, truth(0, frame="map")]
    for sequence in bag_sequences(record(tmp_path / "bag", said)):
        assert told(sequence) == ([stamp(0)], "")


def test_cameras_of_one_frame_with_one_truth_are_told(tmp_path: Path) -> None:
    path = record(tmp_path / "bag", [image(0), image(0, WRIST), truth(0)])
    line = (
        f"bag: {FRONT}, {WRIST}: one frame, so that each is measured with the same ground truth; "
        "if it is of one of them, choose that one"
    )
    assert [each.notes for each in bag_sequences(path)] == [(line,), (line,)]
    (chosen,) = bag_sequences(path, [WRIST])
    assert chosen.notes == ()
    apart = record(tmp_path / "apart", [image(0), image(0, WRIST, "wrist"), truth(0)])
    assert [each.notes for each in bag_sequences(apart)] == [(), ()]


def test_truth_in_a_frame_without_a_camera_is_told(tmp_path: Path) -> None:
    said = [image(0), image(0, WRIST, "wrist"), truth(0, frame="map")]
    path = record(tmp_path / "bag", said)
    for sequence in bag_sequences(path):
        assert [sample.truth for sample in whole(sequence)] == [None]
        assert sequence.notes == (
            "bag: 1 message of ground truth in the frame 'map', of which no camera sends images",
        )
    # Whoever names both says that they belong together.
    (sequence,) = bag_sequences(path, [WRIST], TruthTopics((TRUTH,)))
    assert (sequence.notes, len(whole(sequence)[0].truth or ())) == ((), 2)


def test_a_camera_and_the_truth_of_another_do_not_belong_together(tmp_path: Path) -> None:
    path = record(tmp_path / "bag", [image(0), image(0, WRIST, "wrist"), truth(0)])
    (sequence,) = bag_sequences(path, [WRIST], TruthTopics((TRUTH,)))
    assert whole(sequence)[0].truth is None


def test_absent_topics_are_one_line(tmp_path: Path) -> None:
    path = record_camera(tmp_path / "bag")
    with pytest.raises(BagError, match=rf"expected image topic /rear, found {FRONT}$"):
        bag_sequences(path, [FRONT, "/rear"])
    with pytest.raises(BagError, match=r"expected image topic /ground_truth, found vision_msgs"):
        bag_sequences(path, [TRUTH])
    with pytest.raises(BagError, match="found depth"):
        bag_sequences(
            record(tmp_path / "depth", [masks(0, "/depth", encoding="32FC1")]), ["/depth"]
        )
    with pytest.raises(BagError, match="expected a topic of colour images, found none"):
        bag_sequences(record(tmp_path / "blind", [truth(0)]))


def test_broken_images_keep_their_places(tmp_path: Path) -> None:
    topic, time, message = image(1)
    message.data = message.data[:200]
    said = [image(0), truth(0), (topic, time, message), truth(1), image(2), truth(2)]
    (sequence,) = bag_sequences(record(tmp_path / "bag", said))
    found = list(sequence.samples())
    assert [each.number for each in found] == [0, 1, 2]
    assert isinstance(found[1], LeftOut) and found[1].cause == "jpeg"
    assert found[1].line.startswith(f"{FRONT}: frame 1, stamp 1700000000.100000000: jpeg image: ")
    assert sequence.unused() == {"of a broken picture": 1}


def test_images_of_no_bytes_keep_their_places(tmp_path: Path) -> None:
    said = [image(0), truth(0), (FRONT, stamp(1), b""), image(2), truth(2)]
    (sequence,) = bag_sequences(record(tmp_path / "bag", said))
    found = list(sequence.samples())
    assert [type(each) for each in found] == [Sample, LeftOut, Sample]
    assert isinstance(found[1], LeftOut) and found[1].cause == "message"


def test_the_second_image_of_a_stamp_is_not_scored(tmp_path: Path) -> None:
    said = [image(0), image(1, when=stamp(0)), image(2), *(truth(i) for i in (0, 2))]
    (sequence,) = bag_sequences(record(tmp_path / "bag", said))
    assert [sample.truth is None for sample in whole(sequence)] == [False, True, False]
    assert sequence.unused() == {"of a picture whose stamp was there before": 1}


def test_a_wide_topic_is_named(tmp_path: Path) -> None:
    path = record(tmp_path / "bag", [masks(0, "/thermal")])
    (sequence,) = bag_sequences(path, ["/thermal"], None)
    assert sequence.notes == (
        "bag: /thermal holds mono16, as depth and thermal cameras send it; its values are looked "
        "at as shades of grey",
    )
    assert [sample.truth for sample in whole(sequence)] == [None]


def test_nothing_is_looked_for_where_no_truth_is_wanted(tmp_path: Path) -> None:
    (sequence,) = bag_sequences(record_raw(tmp_path / "bag"), truth=None)
    assert (sequence.notes, sequence.names(), sequence.unused()) == ((), (), {})
    assert len(whole(sequence)) == 4


def test_keys_of_alike_names_differ(tmp_path: Path) -> None:
    keys: set[str] = set()
    found = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        said = [image(0, topic) for topic in ("/x/y", "/x_y", "/")]
        if folder == "a":
            said[2] = image(0, "/grün")
        else:
            said.pop()
        found += bag_sequences(record(tmp_path / folder / "bag", said), keys=keys)
    assert [sequence.key for sequence in found] == [
        "bag_gr_n",
        "bag_x_y",
        "bag_x_y_2",
        "bag_x_y_3",
        "bag_x_y_4",
    ]
    assert keys == {sequence.key for sequence in found}


def test_a_topic_of_another_type_is_no_camera(tmp_path: Path) -> None:
    said = [image(0), ("/odd", stamp(0), b"\0\1\0\0"), truth(0)]
    path = record(tmp_path / "bag", said, kinds={"/odd": "std_msgs/msg/String"})
    assert [sequence.topic for sequence in bag_sequences(path)] == [FRONT]
    with pytest.raises(BagError, match="expected image topic /odd, found std_msgs/msg/String"):
        bag_sequences(path, ["/odd"])
