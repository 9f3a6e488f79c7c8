# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What a message or a click says to teach."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from geometry_msgs.msg import Point
from vision_msgs.msg import Detection2D, Detection2DArray

from vit_perception.names import VocabularyError, checked_names
from vit_perception.ros.frames.camera import Camera
from vit_perception.ros.messages import stamp_nanoseconds
from vit_perception.ros.teaching.account import IMAGE, MESSAGE, UNSEEN, Refused
from vit_perception.ros.teaching.pictures import NONE_YET, Looked
from vit_perception.wording import shown

MOST_BOXES = 100
"""Of one message, so that each order is done in a short time."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Lesson:
    """One name of an order.

    Attributes:
        name: what is taught.
        box: x1 y1 x2 y2 in pixels of the image; None where the name is to be forgotten.
        negative: whether the thing in the box is not to be called so.
    """

    name: str
    box: Box | None
    negative: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """What is done as a whole or not at all.

    Attributes:
        lessons: in the order of the message.
        picture: a Frame, or the message of an image; None if names are only forgotten.
        camera: of the image.
    """

    lessons: tuple[Lesson, ...]
    picture: Any
    camera: Camera


def of_message(message: Detection2DArray, camera: Camera) -> Order:
    """Returns what a message says.

    Args:
        message: see `~/teach` in the manual.
        camera: whose images it can mean.

    Raises:
        Refused: it says nothing that can be done.
    """
    count = len(message.detections)
    if not 1 <= count <= MOST_BOXES:
        raise Refused(MESSAGE, f"expected 1 to {MOST_BOXES} detections, found {count}")
    lessons = tuple(_lesson(each) for each in message.detections)
    if all(lesson.box is None for lesson in lessons):
        return Order(lessons, None, camera)
    picture = camera.pictures.of(stamp_nanoseconds(message.header))
    wanted, found = message.header.frame_id, _frame_id(picture)
    if wanted and wanted != found:
        raise Refused(
            MESSAGE, f"expected the frame_id of the image, {shown(found)}, found {shown(wanted)}"
        )
    return Order(lessons, picture, camera)


def of_click(point: Point, name: str, camera: Camera, least: float) -> Order:
    """Returns an order to show the detection under a click in the image looked at last.

    Args:
        point: in pixels of the image.
        name: what it is called.
        camera: of the image.
        least: score of a detection that is drawn.

    Raises:
        Refused: nothing is there.
    """
    if not name:
        raise Refused(MESSAGE, "expected a name in teach_click for what is clicked, found none")
    newest = camera.pictures.newest
    if newest is None:
        raise Refused(IMAGE, NONE_YET)
    return Order((Lesson(_checked(name), _smallest(newest, point, least)),), newest.frame, camera)


def _lesson(detection: Detection2D) -> Lesson:
    if not detection.results:
        raise Refused(MESSAGE, "expected a name in results[0].hypothesis.class_id, found none")
    hypothesis, bbox = detection.results[0].hypothesis, detection.bbox
    name, score = _checked(hypothesis.class_id), hypothesis.score
    if math.isnan(score):
        raise Refused(MESSAGE, f"{shown(name)}: expected a score, found {score}")
    x, y, theta = bbox.center.position.x, bbox.center.position.y, bbox.center.theta
    width, height = bbox.size_x, bbox.size_y
    if width == 0 and height == 0:
        return Lesson(name, None)
    # A NaN fails too.
    if not (math.isfinite(x + y + width + height) and width > 0 and height > 0 and theta == 0):
        found = [x, y, width, height, theta]
        raise Refused(
            MESSAGE,
            f"{shown(name)}: expected a box that is not turned, with a centre and a size above 0 "
            f"in pixels, found x, y, width, height, theta {shown(found)}",
        )
    box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    return Lesson(name, box, negative=score < 0)


def _checked(name: str) -> str:
    try:
        checked_names((name,))
    except VocabularyError as error:
        raise Refused(MESSAGE, str(error)) from None
    return name


def _smallest(looked: Looked, point: Point, least: float) -> Box:
    """Returns the smallest box around a point; of two of one size, the one of the higher score."""
    x1, y1, x2, y2 = looked.boxes.T
    inside = (x1 <= point.x) & (point.x <= x2) & (y1 <= point.y) & (point.y <= y2)
    rows = (inside & (looked.scores >= least)).nonzero()[0].tolist()
    if not rows:
        raise Refused(
            UNSEEN,
            f"expected a detection under the click, found none at {point.x:g}, {point.y:g}",
        )
    areas = (x2 - x1) * (y2 - y1)
    best = min(rows, key=lambda row: (areas[row], -looked.scores[row]))
    left, top, right, bottom = looked.boxes[best].tolist()
    return (left, top, right, bottom)


def _frame_id(picture: Any) -> str:
    header = getattr(picture, "header", None)
    return str(picture.frame_id if header is None else header.frame_id)
