# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Boxes over an image as Foxglove draws them: foxglove_msgs/ImageAnnotations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vit_perception.bags.foxglove_types import IMAGE_ANNOTATIONS, LINE_LIST, LINE_LOOP
from vit_perception.bags.messages import Message, make, make_header

_DASHES = 2
"""Along the side of a dashed box: its corners. More of them would make a bag large and slow."""
_THICKNESS, _FONT_SIZE = 2.0, 14.0
# How dark it is below a label, so that it can be read on any picture.
_SHADE = 0.6

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class BoxAnnotation:
    """A box with a label.

    Attributes:
        box: float32 [4], x1 y1 x2 y2 px.
        text: of the label.
        colour: RGB, 0..255.
        dashed: whether its lines are dashed; else they are whole.
    """

    box: NDArray[np.float32]
    text: str
    colour: tuple[int, int, int]
    dashed: bool = False


def annotations_to_message(boxes: Iterable[BoxAnnotation], stamp: int) -> Message:
    """Returns the boxes as outlines with their labels at the top left; `stamp` is the image's."""
    listed = list(boxes)
    time = make_header(stamp, "").stamp
    return make(
        IMAGE_ANNOTATIONS,
        circles=[],
        points=[_outline(each, time) for each in listed],
        texts=[_label(each, time) for each in listed],
    )


def _outline(annotation: BoxAnnotation, time: Message) -> Message:
    left, top, right, bottom = (float(value) for value in annotation.box)
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    points: Iterable[Point] = corners
    if annotation.dashed:
        points = _dashes([*corners, corners[0]])
    return make(
        "foxglove_msgs/msg/PointsAnnotation",
        timestamp=time,
        type=LINE_LIST if annotation.dashed else LINE_LOOP,
        points=[_point(x, y) for x, y in points],
        outline_color=_colour(annotation.colour),
        outline_colors=[],
        fill_color=_colour((0, 0, 0), 0.0),
        thickness=_THICKNESS,
    )


def _dashes(corners: list[Point]) -> Iterator[Point]:
    """Yields the ends of pieces along the lines from corner to corner."""
    for (x1, y1), (x2, y2) in pairwise(corners):
        for step in range(2 * _DASHES - 1):
            # A piece is as long as the gap behind it; each side begins and ends with a piece.
            if step % 2 == 0:
                for end in (step, step + 1):
                    share = end / (2 * _DASHES - 1)
                    yield x1 + share * (x2 - x1), y1 + share * (y2 - y1)


def _label(annotation: BoxAnnotation, time: Message) -> Message:
    left, top = (float(value) for value in annotation.box[:2])
    return make(
        "foxglove_msgs/msg/TextAnnotation",
        timestamp=time,
        position=_point(left, top),
        text=annotation.text,
        font_size=_FONT_SIZE,
        text_color=_colour(annotation.colour),
        background_color=_colour((0, 0, 0), _SHADE),
    )


def _point(x: float, y: float) -> Message:
    return make("foxglove_msgs/msg/Point2", x=x, y=y)


@cache
def _colour(colour: tuple[int, int, int], opacity: float = 1.0) -> Message:
    red, green, blue = (value / 255 for value in colour)
    return make("foxglove_msgs/msg/Color", r=red, g=green, b=blue, a=opacity)
