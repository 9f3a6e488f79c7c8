# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vit_perception.bags.detections_3d import (
    Detections3DError,
    objects_from_message,
    objects_to_message,
)
from vit_perception.bags.messages import DETECTIONS_3D, Message, header_stamp, typestore
from vit_perception.detections import Detections
from vit_perception.space.objects import Objects

STAMP = 1_700_000_000_123_456_789


def detections() -> Detections:
    return Detections(
        boxes=np.zeros((3, 4), np.float32),
        scores=np.array([0.75, 0.5, 0.25], np.float32),
        labels=np.array([1, 0, 1], np.int64),
        names=("red mug", "spoon"),
        vocabulary_version=3,
    )


def two_things() -> Objects:
    """The first and the last of three detections."""
    rng = np.random.default_rng(3)
    half = rng.normal(size=(2, 6, 6))
    return Objects(
        rows=np.array([0, 2]),
        centres=np.array([[0.1, -0.2, 0.7], [0.0, 0.05, 0.9]]),
        sizes=np.array([[0.2, 0.1, 0.05], [0.3, 0.02, 0.01]]),
        rotations=Rotation.from_euler("zyx", [[30, 20, 10], [170, -40, 5]], True).as_matrix(),
        covariances=half @ half.transpose(0, 2, 1),
        points=np.array([100, 40]),
        visible=np.array([0.9, 0.5]),
        surfaces=(np.zeros((100, 3), np.float32), np.zeros((40, 3), np.float32)),
        pixels=(np.zeros((100, 2), np.int32), np.zeros((40, 2), np.int32)),
        left_out={1: "no_depth"},
    )


def written(objects: Objects) -> Message:
    """Returns what is read of a message that was written."""
    message = objects_to_message(objects, detections(), STAMP, "camera_optical")
    return typestore().deserialize_cdr(
        typestore().serialize_cdr(message, DETECTIONS_3D), DETECTIONS_3D
    )


def test_things_survive_the_message() -> None:
    before = two_things()
    message = written(before)
    after = objects_from_message(message)
    assert [header_stamp(entry.header) for entry in message.detections] == [STAMP, STAMP]
    assert {entry.header.frame_id for entry in message.detections} == {"camera_optical"}
    assert after.names == ("spoon", "spoon")
    assert after.ids == ("", "")
    np.testing.assert_allclose(after.scores, [0.75, 0.25])
    np.testing.assert_array_equal(after.objects.rows, [0, 1])
    for what in ("centres", "sizes", "rotations", "covariances"):
        np.testing.assert_allclose(
            getattr(after.objects, what), getattr(before, what), atol=1e-12, err_msg=what
        )


def test_pose_of_the_hypothesis_is_that_of_the_box() -> None:
    entry = written(two_things()).detections[0]
    assert entry.results[0].pose.pose == entry.bbox.center
    assert entry.bbox.size.x == 0.2
    np.testing.assert_allclose(
        entry.results[0].pose.covariance, two_things().covariances[0].reshape(-1)
    )


def test_nothing_is_a_message_too() -> None:
    things = two_things()
    nothing = Objects(
        **{
            name: getattr(things, name)[:0]
            for name in things.__slots__
            if name not in ("left_out", "support")
        }
    )
    message = written(nothing)
    assert header_stamp(message.header) == STAMP
    read = objects_from_message(message)
    assert (len(read.objects), read.names, read.objects.covariances.shape) == (0, (), (0, 6, 6))


def test_detections_without_hypotheses_are_left_out() -> None:
    message = written(two_things())
    message.detections[0].results = []
    read = objects_from_message(message)
    np.testing.assert_array_equal(read.objects.rows, [1])
    np.testing.assert_allclose(read.objects.sizes, two_things().sizes[1:])


@pytest.mark.parametrize(
    ("part", "field", "value", "finding"),
    [
        ("size", "y", -0.1, "detection 1: expected sides of 0 m or more, found 0.3, -0.1, 0.01"),
        ("size", "x", np.nan, "detection 1: expected sides of 0 m or more, found nan, 0.02, 0.01"),
        ("orientation", "w", 7.0, "detection 1: transform: expected a quaternion of length 1"),
        ("position", "z", np.inf, "detection 1: transform: expected finite numbers"),
    ],
)
def test_boxes_that_are_none_are_refused(
    part: str, field: str, value: float, finding: str
) -> None:
    message = written(two_things())
    box = message.detections[1].bbox
    setattr(box.size if part == "size" else getattr(box.center, part), field, value)
    with pytest.raises(Detections3DError) as raised:
        objects_from_message(message)
    assert str(raised.value).startswith(finding)
