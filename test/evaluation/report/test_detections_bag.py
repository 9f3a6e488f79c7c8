# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The bag of what was true and what was published."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rosbags.rosbag2 import Reader
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from vit_perception.bags.reader import BagReader
from vit_perception.evaluation.report.bag_topics import BagTopics
from vit_perception.evaluation.report.detections_bag import write_detections
from vit_perception.evaluation.rows.looked_at import LookedAt
from vit_perception.frame import Frame
from vit_perception.images.compressed import decode_compressed
from vit_perception.rle import encode_mask

from ..figures.frames import NAMES, SIZE, looked_at, rows, run, truth

MUG, BOWL = (10.0, 10.0, 50.0, 60.0), (100.0, 10.0, 160.0, 60.0)
RUNS = (run("nano-fp32"), run("nano-int8"))
START = 1_700_000_000_000_000_000


def _frames(count: int = 3, sequence: str = "morning") -> list[LookedAt]:
    right, wrong = rows(("mug", 0.9, MUG), ("bowl", 0.2, BOWL)), rows(("spoon", 0.75, BOWL))
    true = replace(truth(("mug", MUG), ("bowl", BOWL)), ids=("7", ""))
    frames = [looked_at(n, true, right, wrong, sequence=sequence) for n in range(count)]
    frames[-1] = replace(frames[-1], truth=None)
    return [replace(each, frame_id="camera") for each in frames]


def _frame_of(sequence: str, number: int) -> Frame:
    return Frame(np.full((*SIZE, 3), 40 * number, np.uint8), frame_id="camera")


def _write(path: Path, frames: Sequence[LookedAt], **options: Any) -> None:
    sequences = list(dict.fromkeys(each.sequence for each in frames))
    write_detections(path, RUNS, NAMES, sequences, iter(frames), _frame_of, **options)


def _read(path: Path) -> dict[str, list[tuple[int, Any]]]:
    found: dict[str, list[tuple[int, Any]]] = {}
    with BagReader(path) as bag:
        assert bag.notes == ()
        for message in bag.messages():
            found.setdefault(message.topic, []).append((message.time, message.value))
    return found


def test_each_run_has_what_it_published_at_the_time_of_the_image(tmp_path: Path) -> None:
    _write(tmp_path / "detections.mcap", _frames())
    found = _read(tmp_path / "detections.mcap")
    assert sorted(found) == [
        "/ground_truth/annotations",
        "/ground_truth/detections",
        "/nano_fp32/annotations",
        "/nano_fp32/detections",
        "/nano_int8/annotations",
        "/nano_int8/detections",
    ]
    times = [START + 100_000_000 * number for number in range(3)]
    for topic in ("/nano_fp32/detections", "/nano_int8/annotations"):
        assert [time for time, _ in found[topic]] == times
    # Nothing is known of the last picture.
    assert [time for time, _ in found["/ground_truth/detections"]] == times[:2]
    _, message = found["/nano_fp32/detections"][1]
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (1_700_000_000, 100_000_000)
    assert message.header.frame_id == "camera"
    # The bowl's score of 0.2 is below the threshold.
    (detection,) = message.detections
    hypothesis = detection.results[0].hypothesis
    assert (hypothesis.class_id, round(hypothesis.score, 3)) == ("mug", 0.9)
    box = detection.bbox
    assert (box.center.position.x, box.center.position.y, box.size_x, box.size_y) == (
        30,
        35,
        40,
        50,
    )
    _, true = found["/ground_truth/detections"][0]
    assert true.header.frame_id == "camera"
    assert [each.id for each in true.detections] == ["7", ""]
    assert [each.results[0].hypothesis.class_id for each in true.detections] == ["mug", "bowl"]


def test_annotations_tell_right_from_false_and_missed(tmp_path: Path) -> None:
    _write(tmp_path / "detections.mcap", _frames())
    found = _read(tmp_path / "detections.mcap")
    _, right = found["/nano_fp32/annotations"][0]
    assert [each.text for each in right.texts] == ["mug 0.90", "missed bowl"]
    assert [each.type for each in right.points] == [2, 4]
    _, wrong = found["/nano_int8/annotations"][0]
    assert [each.text for each in wrong.texts] == ["spoon 0.75", "missed mug", "missed bowl"]
    assert right.points[0].outline_color != wrong.points[0].outline_color
    assert wrong.points[0].outline_color == wrong.points[1].outline_color
    _, unknown = found["/nano_fp32/annotations"][2]
    assert [each.text for each in unknown.texts] == ["mug 0.90"]


@pytest.mark.parametrize("all_of_them", [False, True])
def test_some_pictures_are_drawn(tmp_path: Path, all_of_them: bool) -> None:
    path = tmp_path / "detections.mcap"
    _write(path, _frames(), overlays=[("morning", 1)], all_overlays=all_of_them)
    found = _read(path)
    count = 3 if all_of_them else 1
    assert len(found["/image/compressed"]) == len(found["/nano_int8/overlay/compressed"]) == count
    time, message = found["/image/compressed"][count // 2]
    assert time == START + 100_000_000
    assert (message.format, message.header.frame_id) == ("jpeg", "camera")
    plain = decode_compressed(format="jpeg", data=message.data)
    assert abs(int(plain.mean()) - 40) < 2
    _, drawn = found["/nano_fp32/overlay/compressed"][count // 2]
    overlay = decode_compressed(format="jpeg", data=drawn.data)
    changed = (np.abs(overlay.astype(int) - plain).max(axis=2) > 60).nonzero()
    assert 0 < changed[1].max() <= 110, "the mug and its label"


def test_masks_are_drawn_into_the_overlay(tmp_path: Path) -> None:
    masks = [np.zeros(SIZE, np.bool_), np.zeros(SIZE, np.bool_)]
    masks[0][20:50, 20:40] = True
    found = replace(
        rows(("mug", 0.9, MUG), ("bowl", 0.8, BOWL)), masks=tuple(map(encode_mask, masks))
    )
    frames = [looked_at(0, truth(), found, found)]
    _write(tmp_path / "detections.mcap", frames, all_overlays=True)
    _, drawn = _read(tmp_path / "detections.mcap")["/nano_fp32/overlay/compressed"][0]
    overlay = decode_compressed(format="jpeg", data=drawn.data)
    # The bowl's mask is empty.
    assert overlay[35, 30].max() > 60 and overlay[35, 130].max() < 30


def test_cameras_have_topics_of_their_own(tmp_path: Path) -> None:
    frames = [*_frames(2, "front cam"), *_frames(2, "3d")]
    _write(tmp_path / "detections.mcap", frames)
    found = _read(tmp_path / "detections.mcap")
    assert {topic for topic in found if topic.endswith("detections")} == {
        f"/{camera}/{who}/detections"
        for camera in ("front_cam", "source_3d")
        for who in ("ground_truth", "nano_fp32", "nano_int8")
    }


def test_the_same_input_gives_the_same_bytes_and_replaces_an_older_file(tmp_path: Path) -> None:
    written = []
    for folder in ("a", "b"):
        path = tmp_path / folder / "detections.mcap"
        path.parent.mkdir()
        path.write_bytes(b"older")
        _write(path, _frames(), all_overlays=True)
        assert [each.name for each in path.parent.iterdir()] == [path.name]
        written.append(path.read_bytes())
    assert written[0] == written[1]


def test_what_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    def frames() -> Iterator[LookedAt]:
        yield from _frames()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_detections(
            tmp_path / "detections.mcap", RUNS, NAMES, ["morning"], frames(), _frame_of
        )
    assert list(tmp_path.iterdir()) == []


def test_pictures_without_stamps_follow_each_other(tmp_path: Path) -> None:
    frames = [replace(each, stamp=0) for each in _frames()]
    _write(tmp_path / "detections.mcap", frames)
    found = _read(tmp_path / "detections.mcap")["/nano_fp32/detections"]
    assert [time for time, _ in found] == [0, 1_000_000_000, 2_000_000_000]
    assert {message.header.stamp.sec for _, message in found} == {0}


def test_rosbags_reads_it_by_the_definitions_in_it(tmp_path: Path) -> None:
    _write(tmp_path / "detections.mcap", _frames(), all_overlays=True)
    with Reader(tmp_path / "detections.mcap") as bag:
        store = get_typestore(Stores.EMPTY)
        for connection in bag.connections:
            store.register(get_types_from_msg(connection.msgdef.data, connection.msgtype))
        texts = [
            each.text
            for connection, _, raw in bag.messages()
            if connection.topic == "/ground_truth/annotations"
            for each in store.deserialize_cdr(raw, connection.msgtype).texts
        ]
    assert texts == ["mug", "bowl"] * 2


def test_the_library_of_the_format_reads_it(tmp_path: Path) -> None:
    reader = pytest.importorskip("mcap.reader")
    decoder = pytest.importorskip("mcap_ros2.decoder")
    _write(tmp_path / "detections.mcap", _frames(), all_overlays=True)
    with (tmp_path / "detections.mcap").open("rb") as file:
        bag = reader.make_reader(
            file, validate_crcs=True, decoder_factories=[decoder.DecoderFactory()]
        )
        found = [(channel.topic, value) for _, channel, _, value in bag.iter_decoded_messages()]
    assert len(found) == 2 * 2 + 3 * (2 * 2 + 1 + 2)
    first = next(value for topic, value in found if topic == "/nano_fp32/annotations")
    assert first.texts[0].text == "mug 0.90"


def test_keys_become_names_that_ros_takes() -> None:
    topics = BagTopics.of(["a-b", "a.b", "3d", "--", "image", "a__b_"], ["only"])
    assert topics.runs == ("a_b", "a_b_2", "run_3d", "run", "image_2", "a_b_3")
    assert topics.topic("only", "a_b", "detections") == "/a_b/detections"
