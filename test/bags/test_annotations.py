# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Boxes as Foxglove draws them."""

from __future__ import annotations

import numpy as np

from vit_perception.bags.annotations import BoxAnnotation, annotations_to_message
from vit_perception.bags.foxglove_types import FOXGLOVE_MSGS, IMAGE_ANNOTATIONS
from vit_perception.bags.messages import typestore

BOX = np.array([10, 20, 40, 80], np.float32)
BLUE = (0, 51, 255)


def test_a_box_is_a_closed_outline_with_its_label_at_the_top_left() -> None:
    message = annotations_to_message([BoxAnnotation(BOX, "red mug 0.91", BLUE)], 3_000_000_007)
    raw = typestore().serialize_cdr(message, IMAGE_ANNOTATIONS)
    (outline,) = typestore().deserialize_cdr(raw, IMAGE_ANNOTATIONS).points
    assert outline.type == outline.LINE_LOOP == 2
    assert [(point.x, point.y) for point in outline.points] == [
        (10, 20),
        (40, 20),
        (40, 80),
        (10, 80),
    ]
    assert (outline.timestamp.sec, outline.timestamp.nanosec) == (3, 7)
    colour = outline.outline_color
    assert (colour.r, colour.g, colour.b, colour.a) == (0, 0.2, 1, 1)
    assert outline.fill_color.a == 0
    (text,) = message.texts
    assert text.text == "red mug 0.91"
    assert (text.position.x, text.position.y) == (10, 20)


def test_a_dashed_box_has_its_corners_alone() -> None:
    message = annotations_to_message([BoxAnnotation(BOX, "missed", BLUE, dashed=True)], 0)
    (outline,) = message.points
    assert outline.type == outline.LINE_LIST == 4
    points = [(round(point.x), round(point.y)) for point in outline.points]
    # The ends of two pieces a side; between them the middle third is open.
    assert points[:4] == [(10, 20), (20, 20), (30, 20), (40, 20)]
    assert len(points) == 16
    for corner in ((10, 20), (40, 20), (40, 80), (10, 80)):
        assert points.count(corner) == 2


def test_every_part_of_the_messages_is_defined() -> None:
    definition, _ = typestore().generate_msgdef(IMAGE_ANNOTATIONS, ros_version=2)
    for name in FOXGLOVE_MSGS:
        assert name == "ImageAnnotations" or f"MSG: foxglove_msgs/{name}\n" in definition
