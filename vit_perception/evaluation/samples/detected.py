# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What is true of one image, from messages: boxes with names, and an image of numbers."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.samples.sample import FrameTruth
from vit_perception.images.raw import DEFAULT_MAX_PIXELS, ImageError, RawImage
from vit_perception.perceiver import instances
from vit_perception.rle import encode_crops
from vit_perception.wording import shown

_NUMBERS = {"mono8": "u1", "mono16": "u2", "16UC1": "u2"}


def truth_of(message: Any) -> FrameTruth:
    """Returns what a Detection2DArray says, also one of the versions before vision_msgs 4.

    A thing gets its best hypothesis as its name, without blanks around; without one it has the
    name "", and nothing is judged by name there. Boxes that are turned become the upright ones
    around them.

    Raises:
        EvaluationError: a box is not finite or has no size.
        AttributeError, TypeError, ValueError: the bag defines the message in another way.
    """
    found = list(message.detections)
    with np.errstate(over="ignore", invalid="ignore"):
        corners = np.array([_corners(each.bbox) for each in found], np.float64)
        boxes = corners.reshape(-1, 4).astype(np.float32)
        sizes = boxes[:, 2:] - boxes[:, :2]
    # Written so that NaN fails.
    for index in np.flatnonzero(~((sizes > 0) & (sizes < np.inf)).all(axis=1)):
        raise EvaluationError(
            f"detection {index}: expected a box of some px, found corners {boxes[index].tolist()}"
        )
    return FrameTruth(
        boxes=boxes,
        names=tuple(_name(each.results) for each in found),
        masks=None,
        areas=sizes.prod(axis=1),
        crowds=np.zeros(len(found), np.bool_),
        parts=("",) * len(found),
        ids=tuple(_id(each) for each in found),
    )


def numbers_of(image: Any) -> NDArray[np.unsignedinteger[Any]]:
    """Returns the pixels of an image of numbers, uint8 or uint16 [H, W] of any byte order.

    Raises:
        ImageError: it has another encoding than mono8, mono16 or 16UC1, or too few bytes.
    """
    kind = _NUMBERS.get(image.encoding)
    if kind is None:
        raise ImageError(
            "encoding",
            f"expected an image of mono8, mono16 or 16UC1, found {shown(image.encoding)}",
        )
    pixels: NDArray[np.unsignedinteger[Any]] = RawImage.checked(image, DEFAULT_MAX_PIXELS).pixels(
        1, kind
    )[..., 0]
    return pixels


def with_masks(truth: FrameTruth, numbers: NDArray[Any]) -> FrameTruth:
    """Returns the truth with masks, and their areas.

    Args:
        truth: N things.
        numbers: [H, W], n at the pixels of thing n - 1, 0 elsewhere.

    Raises:
        EvaluationError: a number is beyond N.
    """
    highest = int(numbers.max(initial=0))
    if highest > len(truth):
        raise EvaluationError(
            f"expected pixels of 0 to {len(truth)}, as there are things, found {highest}"
        )
    masks = instances.as_masks(numbers.astype(np.uint16), len(truth))
    rles = encode_crops(masks.crops, masks.origins, masks.height, masks.width)
    return replace(truth, masks=rles, areas=masks.areas().astype(np.float32))


def inside(truth: FrameTruth, height: int, width: int) -> FrameTruth:
    """Returns truth of a message with boxes cut at the edges; things beyond are left out.

    A thing's area is that of its mask, else of what is left of its box.
    """
    boxes = np.clip(truth.boxes, 0, np.array([width, height, width, height], np.float32))
    if np.array_equal(boxes, truth.boxes):
        return truth
    sizes = boxes[:, 2:] - boxes[:, :2]
    rows = np.flatnonzero((sizes > 0).all(axis=1)).tolist()
    areas = sizes.prod(axis=1) if truth.masks is None else truth.areas
    names, parts, ids = (
        tuple(values[row] for row in rows) for values in (truth.names, truth.parts, truth.ids)
    )
    masks = None if truth.masks is None else tuple(truth.masks[row] for row in rows)
    return FrameTruth(boxes[rows], names, masks, areas[rows], truth.crowds[rows], parts, ids)


def _name(results: Any) -> str:
    best = max(map(_score_and_name, results), key=lambda pair: pair[0], default=(0.0, ""))
    return best[1]


def _score_and_name(result: Any) -> tuple[float, str]:
    # Before version 4 a result was its own hypothesis, before version 3 with an `id`.
    hypothesis = getattr(result, "hypothesis", result)
    name = hypothesis.class_id if hasattr(hypothesis, "class_id") else hypothesis.id
    score = float(hypothesis.score)
    return (-math.inf if math.isnan(score) else score), " ".join(str(name).split())


def _id(detection: Any) -> str:
    # Before version 4 trackers had a field of their own.
    return str(getattr(detection, "id", getattr(detection, "tracking_id", "")))


def _corners(box: Any) -> tuple[float, float, float, float]:
    centre = getattr(box.center, "position", box.center)  # before version 4 a Pose2D of its own
    turn = float(box.center.theta)
    across, down = abs(math.cos(turn)), abs(math.sin(turn))
    half_x = (across * box.size_x + down * box.size_y) / 2
    half_y = (down * box.size_x + across * box.size_y) / 2
    return centre.x - half_x, centre.y - half_y, centre.x + half_x, centre.y + half_y
