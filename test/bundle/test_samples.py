# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The committed recording is what its README says, looked at without the tools that made it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vit_perception.bags.depth import decode_depth
from vit_perception.bags.messages import detections_from_message, header_stamp
from vit_perception.bags.reader import BagReader
from vit_perception.bundle.samples import (
    CAMERA_INFO_TOPIC,
    COMPRESSED_DEPTH_TOPIC,
    COMPRESSED_TOPIC,
    GROUND_TRUTH_TOPIC,
    sample_bag,
)

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
    for topic in (CAMERA_INFO_TOPIC, COMPRESSED_DEPTH_TOPIC, GROUND_TRUTH_TOPIC):
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


def test_the_folder_names_its_authors() -> None:
    text = (Path(sample_bag()).parent / "README.md").read_text()
    with BagReader(sample_bag()) as bag:
        first = next(bag.messages([GROUND_TRUTH_TOPIC]))
    for name in detections_from_message(first.value).names:
        assert name in text
