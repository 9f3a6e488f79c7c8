# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Places from a recording: pairing, cameras, transforms, and what is missing."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rosbags.rosbag1 import Writer as Rosbag1Writer
from rosbags.typesys import Stores, get_typestore
from scipy.spatial.transform import Rotation

from vit_perception.bags.messages import CAMERA_INFO, IMAGE, TF, make_header
from vit_perception.bags.placing import CAUSES, Placer, Unplaced
from vit_perception.bags.placing_topics import Placing
from vit_perception.bags.reader import BagDamageError, BagError, BagReader
from vit_perception.bags.transforms import take_transforms
from vit_perception.bags.writer import BagWriter
from vit_perception.detections import Detections
from vit_perception.scenes.frame_messages import camera_info, raw_image, transform
from vit_perception.space.camera_model import CameraModel
from vit_perception.space.objects import Objects
from vit_perception.space.rigid import Rigid
from vit_perception.space.transforms import Transforms

from ..space.scene import CAMERA, Solid, View, looking, render

TABLETOP = Path(__file__).parents[2] / "samples" / "tabletop"
START = 1_700_000_000_000_000_000
MILLISECOND = 1_000_000
IMAGES, DEPTH = "/camera/image_raw", "/camera/depth/image_raw"
INFO, DEPTH_INFO = "/camera/camera_info", "/camera/depth/camera_info"
OPTICAL, DEPTH_OPTICAL = "colour_optical", "depth_optical"
NOTHING = Detections(
    boxes=np.zeros((0, 4), np.float32),
    scores=np.zeros(0, np.float32),
    labels=np.zeros(0, np.int64),
    names=(),
    vocabulary_version=0,
)
BLOCK = [Solid("box", (0.2, 0.1, 0.12), at=(0.05, -0.03), yaw=0.4)]


def info(frame: str, camera: CameraModel) -> Any:
    """A sensor_msgs/CameraInfo at START."""
    return camera_info(make_header(START, frame), camera.width, camera.height, camera.matrix)


def record(
    path: Path,
    *,
    seen: View,
    depth: View | None = None,
    late: int = 0,
    leave_out: tuple[str, ...] = (),
    depth_frame: str = OPTICAL,
    moves: dict[int, Rigid] | None = None,
) -> Path:
    """A bag of one image at START; its depth is `late` nanoseconds later.

    moves: world from optical frame, by stamp.
    """
    source = seen if depth is None else depth
    millimetres = np.nan_to_num(1000 * source.depth, posinf=0).astype("<u2")
    size = (seen.camera.height, seen.camera.width, 3)
    messages: list[tuple[str, str, int, Any]] = [
        (
            IMAGES,
            IMAGE,
            START,
            raw_image(make_header(START, OPTICAL), "rgb8", np.zeros(size, np.uint8)),
        ),
        (
            DEPTH,
            IMAGE,
            START + late,
            raw_image(make_header(START + late, depth_frame), "16UC1", millimetres),
        ),
        (INFO, CAMERA_INFO, START, info(OPTICAL, seen.camera)),
    ]
    if depth is not None:
        messages.append((DEPTH_INFO, CAMERA_INFO, START, info(depth_frame, depth.camera)))
    messages += [
        ("/tf", TF, stamp, transform(stamp, OPTICAL, matrix(pose)))
        for stamp, pose in (moves or {}).items()
    ]
    with BagWriter(path) as bag:
        for topic, kind, _, _ in messages:
            bag.add_topic(topic, kind)
        for topic, _, time, message in sorted(messages, key=lambda each: each[2]):
            if topic not in leave_out:
                bag.write(topic, time, message)
    return path


def matrix(pose: Rigid) -> np.ndarray:
    """A pose as 4 x 4."""
    result = np.eye(4)
    result[:3, :3], result[:3, 3] = pose.rotation, pose.translation
    return result


def place(path: Path, seen: View, placing: Placing | None = None) -> Objects:
    """Places the scene's true masks on the bag's only image."""
    masks = seen.masks()
    corners = [
        (*origin, origin[0] + crop.shape[1], origin[1] + crop.shape[0])
        for origin, crop in zip(masks.origins.tolist(), masks.crops, strict=True)
    ]
    found = Detections(
        boxes=np.array(corners, np.float32),
        scores=np.ones(len(masks), np.float32),
        labels=np.zeros(len(masks), np.int64),
        names=("block",),
        vocabulary_version=1,
        masks=masks,
    )
    with BagReader(path) as bag, Placer(path, IMAGES, placing or Placing()) as placer:
        [(message, frame)] = list(bag.frames(IMAGES))
        return placer.place(message.time, frame, found)


def assert_there(objects: Objects, world_from_frame: Rigid, within: float = 0.005) -> None:
    """The block's box has its place and size; its lower edge is hidden in part."""
    world = objects.moved(world_from_frame)
    assert len(world) == 1
    np.testing.assert_allclose(world.centres[0], [0.05, -0.03, 0.06], atol=within)
    np.testing.assert_allclose(world.sizes[0], [0.2, 0.1, 0.12], atol=2 * within)


def test_an_aligned_depth_image_of_the_same_stamp(tmp_path: Path) -> None:
    seen = render(BLOCK)
    objects = place(record(tmp_path / "bag", seen=seen), seen)
    assert_there(objects, seen.camera_from_world.inverse())


def test_the_depth_of_another_camera_beside_it(tmp_path: Path) -> None:
    seen = render(BLOCK)
    small = CameraModel(
        np.array([[310.0, 0, 210], [0, 310, 120], [0, 0, 1]]), np.zeros(0), "", 424, 240
    )
    # 5 cm to the right, turned a little.
    depth_from_optical = Rigid(
        Rotation.from_euler("y", 2, degrees=True).as_matrix(), np.array([-0.05, 0.002, 0.004])
    )
    beside = render(BLOCK, depth_from_optical @ seen.camera_from_world, small)
    moves = {START: Rigid.identity()}
    path = record(
        tmp_path / "bag", seen=seen, depth=beside, depth_frame=DEPTH_OPTICAL, moves=moves
    )
    with pytest.raises(Unplaced, match="depth_optical") as unplaced:
        place(path, seen)
    assert unplaced.value.cause == "no_transform"
    again = tmp_path / "again"
    record(again, seen=seen, depth=beside, depth_frame=DEPTH_OPTICAL)
    with_static = tmp_path / "static"
    with BagReader(again) as old, BagWriter(with_static) as new:
        new.add_topic("/tf_static", TF, latched=True)
        message = transform(START, DEPTH_OPTICAL, matrix(depth_from_optical.inverse()))
        message.transforms[0].header.frame_id = OPTICAL
        new.write("/tf_static", START - 1, message)
        for each in old.messages():
            new.add_topic(each.topic, each.msgtype)
            new.write_cdr(each.topic, each.time, each.raw)
    assert_there(place(with_static, seen), seen.camera_from_world.inverse(), within=0.008)


def test_the_transform_is_that_of_the_image_s_stamp(tmp_path: Path) -> None:
    seen = render(BLOCK)
    pose = seen.camera_from_world.inverse()
    aside = Rigid(np.eye(3), np.array([0.2, 0, 0]))
    moves = {
        START - 100 * MILLISECOND: aside.inverse() @ pose,
        START + 100 * MILLISECOND: aside @ pose,
    }
    path = record(tmp_path / "bag", seen=seen, moves=moves)
    assert_there(place(path, seen, Placing(target_frame="world")), Rigid.identity())


@pytest.mark.parametrize(
    ("changes", "placing", "cause", "text"),
    [
        ({"late": 30 * MILLISECOND}, {}, "no_depth", "the nearest 0.030 s away"),
        ({"leave_out": (INFO,)}, {}, "no_camera_info", "a message on /camera/camera_info"),
        ({}, {"target_frame": "map"}, "no_transform", "map"),
    ],
)
def test_what_is_missing_is_named(
    tmp_path: Path, changes: dict[str, Any], placing: dict[str, Any], cause: str, text: str
) -> None:
    seen = render(BLOCK)
    path = record(tmp_path / "bag", seen=seen, **changes)
    with pytest.raises(Unplaced, match=text) as unplaced:
        place(path, seen, Placing(**placing))
    assert unplaced.value.cause == cause
    assert cause in CAUSES


def test_a_recording_without_depth_is_refused(tmp_path: Path) -> None:
    seen = render(BLOCK)
    path = record(tmp_path / "bag", seen=seen, leave_out=(DEPTH,))
    with pytest.raises(BagError, match="expected one topic of depth images, found none"):
        place(path, seen)


def test_depth_in_another_unit_is_named(tmp_path: Path) -> None:
    seen = render(BLOCK)
    wrong = replace(seen, depth=seen.depth / 1000)
    with pytest.raises(Unplaced, match="holds millimetres .* found metres") as unplaced:
        place(record(tmp_path / "bag", seen=seen, depth=wrong), seen)
    assert unplaced.value.cause == "unit"


def test_a_slop_lets_depth_be_late(tmp_path: Path) -> None:
    seen = render(BLOCK)
    path = record(tmp_path / "bag", seen=seen, late=30 * MILLISECOND)
    objects = place(path, seen, Placing(slop=0.04))
    assert_there(objects, seen.camera_from_world.inverse())


def test_a_camera_info_of_another_size_is_named(tmp_path: Path) -> None:
    seen = render(BLOCK)
    half = CameraModel(CAMERA.matrix / 2, np.zeros(0), "", 320, 240)
    path = record(tmp_path / "bag", seen=seen, depth=render(BLOCK, looking(), half))
    with pytest.raises(Unplaced, match="640x480 px like the image, found 320x240"):
        place(path, seen, Placing(camera_info=DEPTH_INFO))
    # Depth of half the size, with its own camera_info, is taken to the image's pixels.
    assert_there(place(path, seen), seen.camera_from_world.inverse(), within=0.008)


@pytest.mark.parametrize("what", ["depth", "camera_info", "depth_camera_info"])
def test_a_topic_that_is_not_there_is_refused(tmp_path: Path, what: str) -> None:
    seen = render(BLOCK)
    path = record(tmp_path / "bag", seen=seen)
    with pytest.raises(BagError, match="topic /nowhere, found /camera"):
        place(path, seen, Placing(**{what: "/nowhere"}))


def test_reading_ahead_into_a_damaged_end_loses_no_image(tmp_path: Path) -> None:
    bag = tmp_path / "tabletop"
    shutil.copytree(TABLETOP, bag)
    with (bag / "tabletop.mcap").open("r+b") as file:
        file.truncate(1_000_000)
    topic, seen, placed = "/camera/image_raw/compressed", 0, 0
    with BagReader(bag) as reader, Placer(bag, topic) as placer:
        with pytest.raises(BagDamageError):
            for message, frame in reader.frames(topic):
                seen += 1
                with suppress(Unplaced):
                    placed += len(placer.place(message.time, frame, NOTHING).rows) + 1
        assert seen > 5 and placed >= seen - 1
        assert "messages on" in placer.damage


def test_a_bag_of_ros_1_has_capitals_in_its_camera_info(tmp_path: Path) -> None:
    seen = render(BLOCK)
    store = get_typestore(Stores.ROS1_NOETIC)
    types = store.types
    stamp = types["builtin_interfaces/msg/Time"](sec=START // 10**9, nanosec=0)
    header = types["std_msgs/msg/Header"](seq=0, stamp=stamp, frame_id=OPTICAL)

    def old(message: Any) -> Any:
        kind = types[message.__msgtype__]
        fields = {
            name: getattr(message, name.lower())
            for name in kind.__dataclass_fields__
            if name not in ("header", "roi", "__msgtype__")
        }
        if hasattr(message, "roi"):
            fields["roi"] = types["sensor_msgs/msg/RegionOfInterest"](0, 0, 0, 0, False)
        return kind(header=header, **fields)

    size = (seen.camera.height, seen.camera.width, 3)
    millimetres = np.nan_to_num(1000 * seen.depth, posinf=0).astype("<u2")
    path = tmp_path / "old.bag"
    with Rosbag1Writer(path) as bag:
        for topic, message in (
            (IMAGES, raw_image(make_header(START, OPTICAL), "rgb8", np.zeros(size, np.uint8))),
            (DEPTH, raw_image(make_header(START, OPTICAL), "16UC1", millimetres)),
            (INFO, info(OPTICAL, seen.camera)),
        ):
            kind = message.__msgtype__
            connection = bag.add_connection(topic, kind, typestore=store)
            bag.write(connection, START, store.serialize_ros1(old(message), kind))
    assert_there(place(path, seen), seen.camera_from_world.inverse())


def test_types_that_a_bag_defines_in_its_own_way_are_named(tmp_path: Path) -> None:
    seen = render(BLOCK)
    path = record(tmp_path / "bag", seen=seen)
    with BagReader(path) as bag, Placer(path, IMAGES, Placing()) as placer:
        [(message, frame)] = list(bag.frames(IMAGES))
        placer.place(message.time, frame, NOTHING)
        placer._infos[INFO] = SimpleNamespace(roi=placer._infos[INFO].roi)
        with pytest.raises(Unplaced, match="/camera/camera_info: expected a sensor_msgs/msg/Cam"):
            placer.place(message.time, frame, NOTHING)
    assert placer.unplaced == {"unreadable": 1}
    transforms = Transforms()
    for value in (SimpleNamespace(), SimpleNamespace(transforms=[SimpleNamespace()])):
        take_transforms(replace(message, topic="/tf", msgtype=TF, value=value), transforms)
