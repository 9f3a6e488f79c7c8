# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vit_perception.bags.depth import FORMAT, decode_depth, encode_depth
from vit_perception.bags.messages import (
    DETECTIONS,
    detections_from_message,
    detections_to_message,
    header_stamp,
    typestore,
)
from vit_perception.detections import Detections
from vit_perception.images.raw import ImageError

# As distributions announce them over DDS (vision_msgs 4.1 and 4.2).
HASHES = {
    "vision_msgs/msg/Detection2DArray": (
        "RIHS01_214274120007f4a683866481336b70310268cfa107aebe9d594a6acf75bda968"
    ),
    "vision_msgs/msg/Detection3DArray": (
        "RIHS01_793f5eab9595ac1c0da07873cc859db42eae51f0ee76056db8562515d830e018"
    ),
    "vision_msgs/msg/VisionInfo": (
        "RIHS01_95d3116a17484ad91c9a2686e1d54890bbfc3ff6c6a2de137738c4950d45d284"
    ),
    "vision_msgs/msg/LabelInfo": (
        "RIHS01_3d37df4015cdf660cc851c51897f2acd957e1ca6205ba0a99aebffb9406b0783"
    ),
    "tf2_msgs/msg/TFMessage": (
        "RIHS01_e369d0f05a23ae52508854b66f6aa0437f3449d652e8cbf22d5abe85d020f087"
    ),
}


@pytest.mark.parametrize("msgtype", HASHES)
def test_types_are_those_of_ros(msgtype: str) -> None:
    assert typestore().hash_rihs01(msgtype) == HASHES[msgtype]


@pytest.mark.parametrize(
    ("written", "read"), [((7, 0), [7, 0]), (("", ""), None), (("person_3", "7"), None)]
)
def test_ids_survive_the_message_where_they_are_numbers(written: Any, read: Any) -> None:
    before = Detections(
        boxes=np.zeros((2, 4), np.float32),
        scores=np.ones(2, np.float32),
        labels=np.zeros(2, np.int64),
        names=("mug",),
        vocabulary_version=0,
        ids=None if isinstance(written[0], str) else np.array(written),
    )
    message = detections_to_message(before, 0, "")
    if before.ids is None:
        assert [each.id for each in message.detections] == ["", ""]
        for each, text in zip(message.detections, written, strict=True):
            each.id = text
    else:
        assert [each.id for each in message.detections] == ["7", ""]
    after = detections_from_message(message)
    assert (None if after.ids is None else after.ids.tolist()) == read


def test_detections_survive_the_message() -> None:
    stamp = 1_700_000_000_123_456_789
    before = Detections(
        boxes=np.array([[1, 2, 30, 40], [5.5, 6.25, 7, 8]], np.float32),
        scores=np.array([0.75, 0.5], np.float32),
        labels=np.array([1, 0], np.int64),
        names=("red mug", "spoon"),
        vocabulary_version=3,
    )
    message = detections_to_message(before, stamp, "camera_optical")
    raw = typestore().serialize_cdr(message, DETECTIONS)
    message = typestore().deserialize_cdr(raw, DETECTIONS)
    after = detections_from_message(message)
    assert header_stamp(message.header) == stamp
    assert header_stamp(message.detections[1].header) == stamp
    assert message.detections[0].results[0].hypothesis.class_id == "spoon"
    assert [after.class_name(i) for i in range(2)] == ["spoon", "red mug"]
    np.testing.assert_allclose(after.boxes, before.boxes)
    np.testing.assert_allclose(after.scores, before.scores)


def test_nothing_found_is_a_message_too() -> None:
    message = detections_to_message(Detections.empty(("mug",), 0), 5, "camera")
    assert len(detections_from_message(message)) == 0


def test_depth_is_packed_without_loss() -> None:
    depth = np.random.default_rng(0).integers(0, 65536, (30, 40)).astype(np.uint16)
    packed = np.frombuffer(encode_depth(depth), np.uint8)
    np.testing.assert_array_equal(decode_depth(packed, FORMAT), depth)


def test_damaged_depth_is_refused() -> None:
    packed = encode_depth(np.full((30, 40), 700, np.uint16))
    colour = "rgb8; jpeg compressed bgr8"
    for data, layout in (
        (b"", FORMAT),
        (bytes(200), FORMAT),
        (packed[:30], FORMAT),
        (packed[:-20], FORMAT),
        (packed, colour),
    ):
        with pytest.raises(ImageError):
            decode_depth(np.frombuffer(data, np.uint8), layout)
