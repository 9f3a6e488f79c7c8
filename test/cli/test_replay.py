# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vit_perception.bags.depth import encode_depth
from vit_perception.bags.messages import (
    COMPRESSED_IMAGE,
    detections_from_message,
    header_stamp,
)
from vit_perception.bags.reader import BagReader
from vit_perception.bags.writer import BagWriter
from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.samples import COMPRESSED_TOPIC, GROUND_TRUTH_TOPIC
from vit_perception.cli.__main__ import main
from vit_perception.evaluation.hit_rate import HitRate
from vit_perception.perceiver.instances import instance_map
from vit_perception.perceiver.perceiver import Perceiver

from ..bags.foreign import (
    Topic,
    change_metadata,
    declaration,
    images,
    mcap,
    record_plain,
    recorded,
)
from ..bags.recordings import compressed_message, jpeg, record_compressed, record_rosbag1
from ..bags.squares import FRAME_ID, START, record_squares
from ..toy_bundle import toy_vocabulary

TOPIC = "/detector/detections"


def replay(bag: Path, out: Path, bundle: Path, *options: str) -> int:
    return main(["replay", str(bag), "--out", str(out), "--bundle", str(bundle), *options])


def test_things_are_followed_if_asked(
    tmp_path: Path, toy_bundle_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = record_squares(tmp_path / "bag", count=6)
    options = ("--vocabulary", "red, green, cyan", "--track", "--track-min-hits", "3")
    assert replay(bag, tmp_path / "out", toy_bundle_dir, *options) == 0
    assert "18 detections of 3 followed things on /detector/detections" in capsys.readouterr().out
    with BagReader(tmp_path / "out") as result:
        found = [
            {each.results[0].hypothesis.class_id: each.id for each in message.value.detections}
            for message in result.messages([TOPIC])
        ]
    assert all(set(each.values()) == {""} for each in found[:2])
    assert set(found[2].values()) == {"1", "2", "3"}
    assert found[2:] == [found[2]] * 4


def test_an_option_of_tracking_needs_tracking(
    tmp_path: Path, toy_bundle_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = record_squares(tmp_path / "bag", count=1)
    assert replay(bag, tmp_path / "out", toy_bundle_dir, "--track-memory", "3") == 2
    assert "--track-memory: expected --track beside it, found none" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_every_frame_is_used_and_stamps_and_frames_are_kept(
    tmp_path: Path, toy_bundle_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = record_squares(tmp_path / "bag", count=6)
    options = ("--vocabulary", "red, green, cyan")
    assert replay(bag, tmp_path / "out", toy_bundle_dir, *options) == 0
    rate = HitRate()
    with BagReader(bag) as source, BagReader(tmp_path / "out") as result:
        truth = list(source.messages([GROUND_TRUTH_TOPIC]))
        found = list(result.messages([TOPIC]))
        (info,) = result.messages(["/detector/vision_info"])
        (labels,) = result.messages(["/detector/label_info"])
        assert [t.name for t in result.topics()] == [
            TOPIC,
            "/detector/label_info",
            "/detector/vision_info",
        ]
    assert [message.time for message in found] == [message.time for message in truth]
    for index, (expected, message) in enumerate(zip(truth, found, strict=True)):
        header = message.value.header
        assert header_stamp(header) == START + index * 100_000_000
        assert header.frame_id == FRAME_ID
        rate.add(detections_from_message(expected.value), detections_from_message(message.value))
    assert rate.named_rate == 1
    assert rate.objects.total() == 18
    assert info.value.database_version == 1
    assert [(c.class_id, c.class_name) for c in labels.value.class_map] == [
        (0, "red"),
        (1, "green"),
        (2, "cyan"),
    ]
    assert labels.value.threshold == pytest.approx(0.6)
    for message in (info, labels):
        assert header_stamp(message.value.header) == START
    assert "6 frames, 18 detections" in capsys.readouterr().out


def test_two_runs_give_identical_files(tmp_path: Path, toy_bundle_dir: Path) -> None:
    bag = record_squares(tmp_path / "bag", count=4)
    for run in ("one", "two"):
        assert replay(bag, tmp_path / run / "out", toy_bundle_dir, "--with-images") == 0
    files = sorted(path.name for path in (tmp_path / "one" / "out").iterdir())
    assert files == ["metadata.yaml", "out.mcap"]
    for name in files:
        first, second = (tmp_path / run / "out" / name for run in ("one", "two"))
        assert first.read_bytes() == second.read_bytes()


def test_images_are_copied_when_asked_for(tmp_path: Path, toy_bundle_dir: Path) -> None:
    bag = record_squares(tmp_path / "bag", count=2)
    replay(bag, tmp_path / "out", toy_bundle_dir, "--with-images", "--output-topic", "/found")
    with BagReader(bag) as source, BagReader(tmp_path / "out") as result:
        topics = [t.name for t in result.topics()]
        assert topics == [COMPRESSED_TOPIC, "/found", "/label_info", "/vision_info"]
        before = [message.raw for message in source.messages([COMPRESSED_TOPIC])]
        after = [message.raw for message in result.messages([COMPRESSED_TOPIC])]
    assert before == after


def test_rosbag1_becomes_rosbag2(tmp_path: Path, toy_bundle_dir: Path) -> None:
    bag = record_rosbag1(tmp_path / "old.bag", count=3)
    assert replay(bag, tmp_path / "out", toy_bundle_dir, "--with-images") == 0
    with BagReader(bag) as source, BagReader(tmp_path / "out") as result:
        for (_, before), (_, after) in zip(source.frames(), result.frames(), strict=True):
            assert before.stamp == after.stamp
            np.testing.assert_array_equal(before.image, after.image)


def test_broken_images_are_counted_and_only_broken_ones_are_a_failure(
    tmp_path: Path, toy_bundle_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = record_compressed(tmp_path / "bag", [jpeg(0), jpeg(1)[:100], jpeg(2)])
    assert replay(bag, tmp_path / "out", toy_bundle_dir) == 0
    assert "2 frames, 1 broken" in capsys.readouterr().out
    bag = record_compressed(tmp_path / "worse", [b"", b""])
    assert replay(bag, tmp_path / "out2", toy_bundle_dir) == 1


def test_masks_are_written_as_the_node_publishes_them(
    tmp_path: Path, toy_segmentation_bundle: Bundle
) -> None:
    bag = record_squares(tmp_path / "bag", count=3)
    bundle = toy_segmentation_bundle.directory
    options = ("--vocabulary", "red, green, yellow")
    assert replay(bag, tmp_path / "out", bundle, *options) == 0
    vocabulary = toy_vocabulary(("red", "green", "yellow"))
    perceiver = Perceiver(toy_segmentation_bundle, vocabulary=vocabulary, threads=1)
    with BagReader(bag) as source, BagReader(tmp_path / "out") as result:
        found = list(result.messages([TOPIC]))
        maps = list(result.messages(["/detector/instances"]))
        frames = [frame for _, frame in source.frames()]
    assert len(maps) == len(found) == len(frames) == 3
    for frame, boxes, image in zip(frames, found, maps, strict=True):
        detections = perceiver(frame)
        assert detections.masks is not None and len(detections) == 2
        assert image.time == boxes.time
        assert header_stamp(image.value.header) == frame.stamp
        assert image.value.header.frame_id == FRAME_ID
        assert (image.value.encoding, image.value.step) == ("mono16", 2 * frame.width)
        owner = image.value.data.view("<u2").reshape(image.value.height, image.value.width)
        np.testing.assert_array_equal(owner, instance_map(detections.masks))
        assert set(np.unique(owner)) == {0, 1, 2}
        assert len(boxes.value.detections) == 2
    assert replay(bag, tmp_path / "boxes", bundle, "--no-masks", *options) == 0
    with BagReader(tmp_path / "boxes") as result:
        assert "/detector/instances" not in [topic.name for topic in result.topics()]
        boxes = list(result.messages([TOPIC]))
    assert [m.raw for m in boxes] == [m.raw for m in found]


def test_results_must_not_take_the_name_of_another_topic(
    tmp_path: Path, toy_bundle_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = record_squares(tmp_path / "bag", count=1)
    for options in (
        ("--output-topic", "/found/instances"),
        ("--output-topic", COMPRESSED_TOPIC, "--with-images"),
    ):
        assert replay(bag, tmp_path / "out", toy_bundle_dir, *options) == 2
        line = capsys.readouterr().err
        assert line.count("\n") == 1 and options[1] in line
        assert not (tmp_path / "out").exists()


def test_broken_frames_are_named_up_to_a_number(
    tmp_path: Path, toy_bundle_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = record_compressed(tmp_path / "bag", [jpeg(0), *[jpeg(1)[:100]] * 13])
    assert replay(bag, tmp_path / "out", toy_bundle_dir) == 0
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert len(lines) == 11
    assert "frame 1, stamp 1700000000.100000000: jpeg image: expected" in lines[0]
    assert lines[-1].endswith("left out 3 more broken frames")
    assert "1 frames, 13 broken (jpeg)" in out


def test_missing_messages_are_an_error_after_the_bag_is_written(
    tmp_path: Path, toy_bundle_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = record_plain(tmp_path / "bag", 4)
    change_metadata(
        bag,
        topics_with_message_count=[
            {"message_count": 7, "topic_metadata": {"name": "/camera/image_raw"}}
        ],
    )
    assert replay(bag, tmp_path / "out", toy_bundle_dir) == 2
    out, err = capsys.readouterr()
    assert "4 frames" in out
    path = bag / "bag.mcap"
    assert err == (
        f"vit-perception replay: {path}: expected 7 messages on /camera/image_raw, found 4\n"
    )
    with BagReader(tmp_path / "out") as result:
        assert len(list(result.messages([TOPIC]))) == 4


def test_a_killed_recorder_and_foreign_channels_are_told(
    tmp_path: Path, toy_bundle_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    camera = Topic()
    log = Topic("/log", "json", "foxglove.Log", "jsonschema", "{}", id=9)
    path = tmp_path / "killed.mcap"
    parts = (declaration(camera), declaration(log), recorded(log, 5, b"{}"))
    path.write_bytes(mcap(*parts, images(camera, (0, 1)), closed=False)[:-9])
    assert replay(path, tmp_path / "out", toy_bundle_dir) == 0
    out, err = capsys.readouterr()
    assert "1 frames" in out
    first, second = err.splitlines()
    assert "killed.mcap: not closed properly" in first and "'mcap recover'" in first
    assert second.endswith("left out /log: 1 message, json (foxglove.Log)")


@pytest.mark.parametrize(("layout", "status"), (("png", 2), ("16UC1; png compressed ", 0)))
def test_depth_as_a_picture_is_refused_or_told(
    tmp_path: Path,
    toy_bundle_dir: Path,
    capsys: pytest.CaptureFixture[str],
    layout: str,
    status: int,
) -> None:
    packed = encode_depth(np.full((48, 64), 700, np.uint16))[12:]
    with BagWriter(tmp_path / "bag") as bag:
        bag.add_topic("/depth", COMPRESSED_IMAGE)
        bag.write("/depth", 1, compressed_message(0, packed, layout))
    options = ("--topic", "/depth")
    assert replay(tmp_path / "bag", tmp_path / "out", toy_bundle_dir, *options) == status
    (line,) = capsys.readouterr().err.splitlines()
    assert "/depth" in line
    assert ("found depth" if status else "16UC1; png compressed, as depth and thermal") in line


def test_results_are_explained_again_when_stamps_go_back(
    tmp_path: Path, toy_bundle_dir: Path
) -> None:
    topic = "/camera/image_raw/compressed"
    with BagWriter(tmp_path / "bag") as bag:
        bag.add_topic(topic, COMPRESSED_IMAGE)
        for time, index in enumerate((1, 2, 0, 1)):
            bag.write(topic, time, compressed_message(index, jpeg(0)))
    assert replay(tmp_path / "bag", tmp_path / "out", toy_bundle_dir) == 0
    with BagReader(tmp_path / "out") as result:
        for name in ("label_info", "vision_info"):
            told = list(result.messages([f"/detector/{name}"]))
            assert [message.time for message in told] == [0, 2]
