# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("mujoco")

from vit_perception.bags.depth import decode_depth
from vit_perception.bags.detections_3d import objects_from_message
from vit_perception.bags.messages import detections_from_message, header_stamp
from vit_perception.bags.reader import BagReader
from vit_perception.bundle.samples import (
    COMPRESSED_DEPTH_TOPIC,
    DEPTH_TOPIC,
    GROUND_TRUTH_3D_TOPIC,
    GROUND_TRUTH_TOPIC,
    IMAGE_TOPIC,
)
from vit_perception.scenes.frame_messages import quaternion
from vit_perception.scenes.labels import Label, Thing
from vit_perception.scenes.moving_camera import CameraFrame
from vit_perception.scenes.sample_bag import main, write_sample_bag
from vit_perception.scenes.scene_truth import Placed, SceneTruth, ground_truth

from ..small_disk import on_small_disk
from .pack import write_boxes


def label(category: str, box: tuple[int, int, int, int], visible: float = 1.0) -> Label:
    thing = Thing(category, category, (category,), (), "plastic", category, "val_instances")
    return Label(box, box[2] * box[3], visible, thing)


def frame(number: int) -> CameraFrame:
    pose = np.eye(4)
    pose[:3, 3] = (0.1, 0.2, number)
    labels = (label("mug", (10, 20, 30, 15)), label("spoon", (0, 0, 20, 20), visible=0.1))
    owner = np.zeros((48, 64), np.uint16)
    owner[20:35, 10:40] = 1
    owner[:20, :20] = 2
    objects = tuple(
        Placed(n, each.thing, np.eye(4), np.zeros((4, 3))) for n, each in enumerate(labels, 1)
    )
    return CameraFrame(
        stamp=1_000_000_000 + number,
        rgb=np.full((48, 64, 3), 40 * number, np.uint8),
        depth=np.full((48, 64), 1000 + number, np.uint16),
        intrinsics=np.array([[60.0, 0, 31.5], [0, 60, 23.5], [0, 0, 1]]),
        pose=pose,
        labels=labels,
        truth=SceneTruth(np.full((48, 64), 1.5, np.float32), owner, objects, (1.0, 0.1)),
    )


def test_frames_become_messages_of_one_stamp(tmp_path: Path) -> None:
    assert write_sample_bag(tmp_path / "bag", (frame(i) for i in range(3))) == 3
    with BagReader(tmp_path / "bag") as bag:
        assert {topic.count for topic in bag.topics()} == {1, 3}
        assert [f.stamp for _, f in bag.frames()] == [1_000_000_000 + i for i in range(3)]
        depth = [m.value for m in bag.messages([COMPRESSED_DEPTH_TOPIC])]
        truth = [m.value for m in bag.messages([GROUND_TRUTH_TOPIC])]
        boxes = [objects_from_message(m.value) for m in bag.messages([GROUND_TRUTH_3D_TOPIC])]
        poses = [m.value.transforms[0] for m in bag.messages(["/tf"])]
    assert (decode_depth(depth[2].data, depth[2].format) == 1002).all()
    assert header_stamp(truth[2].header) == 1_000_000_002
    np.testing.assert_allclose(detections_from_message(truth[0]).boxes, [[10, 20, 40, 35]])
    assert poses[2].transform.translation.z == 2
    assert [each.names for each in boxes] == [("mug",)] * 3
    assert boxes[0].ids == ("1",)
    # 30 by 15 pixels, a sixtieth of 1.5 m apart, seen from straight above.
    np.testing.assert_allclose(boxes[1].objects.sizes, [[29 / 40, 14 / 40, 0]], atol=1e-6)
    np.testing.assert_allclose(boxes[2].objects.centres, [[-7 / 40, 3.5 / 40, 1.5]], atol=1e-6)


def test_raw_pictures_keep_every_value(tmp_path: Path) -> None:
    made = [frame(i) for i in range(2)]
    made[1].depth[3, 5] = 0
    assert write_sample_bag(tmp_path / "bag", iter(made), raw=True) == 2
    with BagReader(tmp_path / "bag") as bag:
        assert bag.image_topic() == IMAGE_TOPIC
        frames = [f for _, f in bag.frames()]
        depth = [m.value for m in bag.messages([DEPTH_TOPIC])]
    for wrote, read, packed in zip(made, frames, depth, strict=True):
        np.testing.assert_array_equal(read.image, wrote.rgb)
        assert read.stamp == wrote.stamp == header_stamp(packed.header)
        assert (packed.encoding, packed.is_bigendian, packed.step) == ("16UC1", 0, 128)
        np.testing.assert_array_equal(packed.data.view("<u2").reshape(48, 64), wrote.depth)


def test_a_bag_of_own_meshes(pack: Path, rendering: None, tmp_path: Path) -> None:
    mine = write_boxes(tmp_path / "mine", ("tin_red", "tin_blue"))
    out = tmp_path / "bag"
    words = ["--assets", str(pack), "--assets", str(mine), "--objects", "tin_red,crate_green"]
    path = ["--seconds", "0.4", "--rate", "5", "--size", "96x64", "--seed", "3", "--raw"]
    path += ["--sensor", "kinect"]
    assert main([*words, *path, "--out", str(out)]) == 0
    with BagReader(out) as bag:
        frames = [f for _, f in bag.frames()]
        truth = [m.value for m in bag.messages([GROUND_TRUTH_TOPIC])]
    assert [f.image.shape for f in frames] == [(64, 96, 3)] * 2
    assert frames[1].stamp - frames[0].stamp == 200_000_000
    assert detections_from_message(truth[0]).names == ("crate", "tin")


@pytest.mark.parametrize(
    ("words", "finding"),
    [
        (["--objects", "teapot"], "expected the object teapot, found no object of that id"),
        (["--out", "."], "expected a new folder, found one that is there already"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    words: list[str], finding: str, pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--assets", str(pack), "--out", str(tmp_path / "bag"), *words]) == 2
    error = capsys.readouterr().err
    assert error.startswith("sample_bag: ")
    assert finding in error
    assert error.count("\n") == 1
    assert not (tmp_path / "bag").exists()


def test_a_full_disk_is_one_line_and_leaves_nothing(
    pack: Path, rendering: None, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    words = ["--assets", str(pack), "--objects", "crate_green", "--seconds", "1", "--rate", "5"]
    run = ["-m", "vit_perception.scenes.sample_bag", *words, "--raw", "--out", str(disk / "bag")]
    outcome = on_small_disk(disk, "256k", *run)
    assert outcome.code == 2
    last = outcome.stderr.splitlines()[-1]
    full = "expected to write here, found No space left on device"
    assert last == f"sample_bag: {disk}/bag: {full}"
    assert "Traceback" not in outcome.stderr
    assert outcome.left == ()


def test_sigterm_leaves_nothing(pack: Path, rendering: None, tmp_path: Path) -> None:
    words = ["--assets", str(pack), "--objects", "crate_green", "--seconds", "1000"]
    command = [sys.executable, "-m", "vit_perception.scenes.sample_bag", *words]
    with subprocess.Popen(
        [*command, "--out", str(tmp_path / "bag")], stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stderr is not None
        assert run.stderr.read(2) == "\n1"  # written as a carriage return
        run.terminate()
        last = run.stderr.read().splitlines()[-1]
    assert (run.returncode, last) == (143, "sample_bag: interrupted")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words", [["--size", "640"], ["--rate", "0"], ["--seconds", "-1"], ["--seed", "-1"]]
)
def test_impossible_options_are_named(
    words: list[str], pack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["--assets", str(pack), *words])
    assert f"argument {words[0]}: expected" in capsys.readouterr().err


def test_what_is_hardly_visible_is_not_asked_for() -> None:
    found = ground_truth(
        [label("spoon", (0, 0, 20, 20), visible=0.1), label("mug", (1, 2, 3, 40))]
    )
    assert found.names == ("mug",)
    np.testing.assert_array_equal(found.boxes, [[1, 2, 4, 42]])
    assert len(ground_truth([])) == 0


angles = st.floats(-np.pi, np.pi)


@settings(max_examples=60, deadline=None)
@given(angles, angles, angles)
def test_quaternions_turn_like_their_matrices(a: float, b: float, c: float) -> None:
    def about(axis: int, angle: float) -> np.ndarray:
        turn = np.eye(3)
        i, j = [k for k in range(3) if k != axis]
        turn[i, i] = turn[j, j] = np.cos(angle)
        turn[i, j], turn[j, i] = -np.sin(angle), np.sin(angle)
        return turn

    matrix = about(0, a) @ about(1, b) @ about(2, c)
    x, y, z, w = quaternion(matrix)
    assert w >= 0
    assert x * x + y * y + z * z + w * w == pytest.approx(1)
    vector = np.array([0.3, -0.7, 0.2])
    axis = np.array([x, y, z])
    turned = vector + 2 * np.cross(axis, np.cross(axis, vector) + w * vector)
    np.testing.assert_allclose(turned, matrix @ vector, atol=1e-9)
