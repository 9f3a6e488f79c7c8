# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from array import array
from functools import partial

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy")

from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header

from vit_perception.detections import Detections
from vit_perception.images.bits import UsedBits
from vit_perception.images.raw import ImageError
from vit_perception.ros import messages

from .bench import SECOND, header, image_message

pytestmark = pytest.mark.ros

RGB = np.random.default_rng(2).integers(0, 256, (5, 7, 3), np.uint8)


def test_a_frame_has_the_pixels_and_the_header_of_its_message() -> None:
    message = image_message(RGB, padding=3, stamp=12 * SECOND + 34)
    frame = messages.frame_of(message, 12 * SECOND + 34, max_pixels=35)
    np.testing.assert_array_equal(frame.image, RGB)
    assert (frame.stamp, frame.frame_id) == (12 * SECOND + 34, "camera_optical_frame")
    # A view: no copy of the picture is made for rgb8.
    assert np.shares_memory(frame.image, np.frombuffer(message.data, np.uint8))


def test_an_image_with_too_many_pixels_is_refused() -> None:
    with pytest.raises(ImageError) as caught:
        messages.frame_of(image_message(RGB), 0, max_pixels=34)
    assert caught.value.cause == "size"


def test_bits_in_use_are_scaled_whether_compressed_or_not() -> None:
    stored = np.random.default_rng(2).integers(0, 4096, (5, 7), np.uint16)
    stored[0, :2] = 0, 4095
    raw = messages.image_message(header(5), stored)
    packed = CompressedImage(header=header(5), format="mono16; png compressed ")
    packed.data = array("B", cv2.imencode(".png", stored)[1].tobytes())
    for message in (raw, packed):
        for fixed in (0, 12):
            bits = partial(UsedBits().measured, fixed=fixed)
            image = messages.frame_of(message, 5, max_pixels=35, bits=bits).image
            np.testing.assert_array_equal(image[..., 1], np.round(stored * (255 / 4095)))
        assert messages.frame_of(message, 5, max_pixels=35).image.max() == 16


def test_image_messages_come_back_as_they_went() -> None:
    strided = np.flipud(RGB)
    message = messages.image_message(header(5), strided)
    assert isinstance(message.data, array)
    assert (message.encoding, message.step, len(message.data)) == ("rgb8", 21, 105)
    frame = messages.frame_of(message, 5, max_pixels=1000)
    np.testing.assert_array_equal(frame.image, strided)


def test_detections_as_a_message() -> None:
    detections = Detections(
        boxes=np.array([[10, 20, 30, 60], [0, 0, 1.5, 1]], np.float32),
        scores=np.array([0.75, 0.5], np.float32),
        labels=np.array([1, 0]),
        names=("spoon", "red mug"),
        vocabulary_version=3,
    )
    head = Header(frame_id="camera")
    message = messages.detection_array(head, detections)
    assert message.header is head
    first, second = message.detections
    hypothesis = first.results[0].hypothesis
    assert (hypothesis.class_id, hypothesis.score, first.id) == ("red mug", 0.75, "")
    assert (first.bbox.center.position.x, first.bbox.center.position.y) == (20.0, 40.0)
    assert (first.bbox.size_x, first.bbox.size_y, first.bbox.center.theta) == (20.0, 40.0, 0.0)
    assert second.results[0].hypothesis.class_id == "spoon"
    assert (second.bbox.size_x, second.bbox.size_y) == (1.5, 1.0)
    assert messages.detection_array(head, Detections.empty(("a",), 0)).detections == []


def test_label_info_numbers_the_names() -> None:
    info = messages.label_info(Header(), ("spoon", "red mug"), 0.25)
    shown = [(each.class_id, each.class_name) for each in info.class_map]
    assert shown == [(0, "spoon"), (1, "red mug")]
    assert info.threshold == 0.25
