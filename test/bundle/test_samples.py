# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The committed recording is what its README says, looked at without the tools that made it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vit_perception.bags.depth import decode_depth
from vit_perception.bags.detections_3d import NamedObjects, objects_from_message
from vit_perception.bags.messages import detections_from_message, header_stamp
from vit_perception.bags.reader import BagReader
from vit_perception.bundle.samples import (
    CAMERA_INFO_TOPIC,
    COMPRESSED_DEPTH_TOPIC,
    COMPRESSED_TOPIC,
    GROUND_TRUTH_3D_TOPIC,
    GROUND_TRUTH_TOPIC,
    sample_bag,
)
from vit_perception.space.rigid import Rigid

FRAMES = 60
PERIOD = 100_000_000


@pytest.fixture(scope="module")
def messages() -> dict[str, list]:
    found: dict[str, list] = {}
    with BagReader(sample_bag()) as bag:
        for message in bag.messages():
            found.setdefault(message.topic, []).append(message.value)
    return found


def rotation(q: object) -> np.ndarray:
    x, y, z, w = q.x, q.y, q.z, q.w
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def test_it_is_small() -> None:
    assert sum(path.stat().st_size for path in sample_bag().iterdir()) <= 6_000_000


def test_every_moment_has_one_stamp_on_all_topics(messages: dict[str, list]) -> None:
    stamps = [header_stamp(m.header) for m in messages[COMPRESSED_TOPIC]]
    assert len(stamps) == FRAMES
    assert set(np.diff(stamps)) == {PERIOD}
    topics = CAMERA_INFO_TOPIC, COMPRESSED_DEPTH_TOPIC, GROUND_TRUTH_TOPIC, GROUND_TRUTH_3D_TOPIC
    for topic in topics:
        assert [header_stamp(m.header) for m in messages[topic]] == stamps
    assert [header_stamp(m.transforms[0].header) for m in messages["/tf"]] == stamps
    assert len(messages["/tf_static"]) == 1


def test_colour_is_640x480_and_the_boxes_lie_in_it(messages: dict[str, list]) -> None:
    with BagReader(sample_bag()) as bag:
        frames = [frame for _, frame in bag.frames()]
        assert bag.broken.total() == 0
    for frame, truth in zip(frames, messages[GROUND_TRUTH_TOPIC], strict=True):
        assert frame.image.shape == (480, 640, 3)
        assert frame.frame_id == truth.header.frame_id
        boxes = detections_from_message(truth).boxes
        # Two mugs; what each of the twelve is called stands in the README.
        assert len(boxes) == 12
        assert (boxes >= 0).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all()
        assert (boxes <= [640, 480, 640, 480]).all()


def test_depth_camera_info_and_tf_agree_on_where_the_table_is(messages: dict[str, list]) -> None:
    rows, columns = np.mgrid[0:480:8, 0:640:8]
    for index in range(0, FRAMES, 10):
        packed = messages[COMPRESSED_DEPTH_TOPIC][index]
        depth = decode_depth(packed.data, str(packed.format))
        metres = depth[::8, ::8] / 1000
        k = messages[CAMERA_INFO_TOPIC][index].k.reshape(3, 3)
        placed = messages["/tf"][index].transforms[0]
        assert placed.child_frame_id == packed.header.frame_id
        in_camera = np.stack(
            [
                (columns - k[0, 2]) * metres / k[0, 0],
                (rows - k[1, 2]) * metres / k[1, 1],
                metres,
            ],
            axis=-1,
        )
        offset = placed.transform.translation
        in_world = in_camera @ rotation(placed.transform.rotation).T
        heights = in_world[..., 2] + offset.z
        table = np.abs(heights) < 0.02
        # Most of what the camera sees is table top, flat to a few millimetres.
        assert table.mean() > 0.4
        assert np.abs(heights[table]).mean() < 0.004
        assert heights[depth[::8, ::8] > 0].max() < 3


def boxes_in_world(messages: dict[str, list]) -> list[NamedObjects]:
    found = []
    for truth, placed in zip(messages[GROUND_TRUTH_3D_TOPIC], messages["/tf"], strict=True):
        transform = placed.transforms[0].transform
        q, t = transform.rotation, transform.translation
        world = Rigid.of_quaternion(np.array([q.x, q.y, q.z, q.w]), (t.x, t.y, t.z))
        read = objects_from_message(truth)
        found.append(replace(read, objects=read.objects.moved(world)))
    return found


def test_boxes_in_space_stand_where_things_are(messages: dict[str, list]) -> None:
    found = boxes_in_world(messages)
    for read, flat in zip(found, messages[GROUND_TRUTH_TOPIC], strict=True):
        assert sorted(read.names) == sorted(
            e.results[0].hypothesis.class_id for e in flat.detections
        )
        assert [int(each) for each in read.ids] == list(range(1, 13))
        np.testing.assert_allclose(read.objects.rotations[:, 2, 2], 1, atol=1e-6)
        corners = np.stack([read.objects.corners(index) for index in range(12)])
        assert corners[..., 2].min() > -0.005
        assert np.ptp(corners[..., 2], axis=1).max() < 0.3
    # Other sides come into sight, but nothing moves.
    centres = np.stack([read.objects.centres for read in found])
    assert np.ptp(centres, axis=0).max() < 0.06
    assert {read.names for read in found} == {found[0].names}


def test_boxes_in_space_are_seen_in_those_of_the_picture(messages: dict[str, list]) -> None:
    for index in range(0, FRAMES, 10):
        k = messages[CAMERA_INFO_TOPIC][index].k.reshape(3, 3)
        flat = messages[GROUND_TRUTH_TOPIC][index].detections
        solid = objects_from_message(messages[GROUND_TRUTH_3D_TOPIC][index]).objects
        pixels = solid.centres @ k.T
        for (x, y), entry in zip(pixels[:, :2] / pixels[:, 2:], flat, strict=True):
            centre = entry.bbox.center.position
            assert abs(x - centre.x) < entry.bbox.size_x / 2
            assert abs(y - centre.y) < entry.bbox.size_y / 2


def test_the_folder_names_its_authors() -> None:
    text = (Path(sample_bag()).parent / "README.md").read_text()
    with BagReader(sample_bag()) as bag:
        first = next(bag.messages([GROUND_TRUTH_TOPIC]))
    for name in detections_from_message(first.value).names:
        assert name in text
