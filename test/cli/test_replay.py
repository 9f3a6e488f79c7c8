# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vit_perception.bags.messages import detections_from_message, header_stamp
from vit_perception.bags.reader import BagReader
from vit_perception.bundle.samples import COMPRESSED_TOPIC, GROUND_TRUTH_TOPIC
from vit_perception.cli.__main__ import main
from vit_perception.evaluation.hit_rate import HitRate

from ..bags.recordings import jpeg, record_compressed, record_rosbag1
from ..bags.squares import FRAME_ID, START, record_squares

TOPIC = "/detector/detections"


def replay(bag: Path, out: Path, bundle: Path, *options: str) -> int:
    return main(["replay", str(bag), "--out", str(out), "--bundle", str(bundle), *options])


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
        assert [t.name for t in result.topics()] == [TOPIC, "/detector/vision_info"]
    assert [message.time for message in found] == [message.time for message in truth]
    for index, (expected, message) in enumerate(zip(truth, found, strict=True)):
        header = message.value.header
        assert header_stamp(header) == START + index * 100_000_000
        assert header.frame_id == FRAME_ID
        rate.add(detections_from_message(expected.value), detections_from_message(message.value))
    assert rate.named_rate == 1
    assert rate.objects.total() == 18
    assert info.value.database_version == 1
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
        assert [t.name for t in result.topics()] == [COMPRESSED_TOPIC, "/found", "/vision_info"]
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
