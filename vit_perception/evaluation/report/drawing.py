# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Draws a picture twice: left what is true, right what a run published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.report.judged_picture import JudgedPicture
from vit_perception.evaluation.report.values import count
from vit_perception.evaluation.rows.looked_at import FrameRows
from vit_perception.evaluation.samples.sample import FrameTruth
from vit_perception.frame import Frame
from vit_perception.perceiver.overlay import Rectangle, draw_label, place_label, scale_of
from vit_perception.rle import Rle, RleError, decode_mask

WIDTH = 640
"""Pixels of both pictures together."""

_GAP = 4
_HEAD = 22
_LONG_NAME = 24
_MASK_OPACITY = 0.2
_PAPER = (21, 24, 28)
_INK = (228, 232, 236)

Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Mark:
    """How a box is drawn: RGB, px of a dash and of the gap behind it (None: whole lines)."""

    colour: tuple[int, int, int]
    dash: tuple[int, int] | None = None


RIGHT = Mark((86, 180, 233))
WRONG = Mark((255, 146, 43), (8, 5))
UNJUDGED = Mark((200, 204, 208), (2, 4))


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """A box to draw.

    Attributes:
        text: of its label.
        box: float32 [4], x1 y1 x2 y2 px of the picture.
        mask: of the whole picture, or None.
        mark: how it is drawn.
    """

    text: str
    box: NDArray[np.float32]
    mask: Rle | None
    mark: Mark


def side_by_side(
    frame: Frame, truth: FrameTruth, judged: JudgedPicture, names: Sequence[str]
) -> Image:
    """Returns both pictures under their counts, uint8 [H, WIDTH, 3] RGB.

    Right ones have whole blue lines; missed and false ones dashed orange ones; what is not judged
    dotted grey ones.

    Args:
        frame: the picture.
        truth: what is in it.
        judged: what was published of it.
        names: that were asked for.
    """
    wrong = int((~judged.right & ~judged.unjudged).sum())
    true = f"true: {_told(int(judged.counts.sum()), int(judged.missed.sum()), 'missed')}"
    published = f"published: {_told(len(judged.rows), wrong, 'false')}"
    things = found_things(judged.rows, names, judged.right, judged.unjudged)
    return drawn_twice(frame, (true, _true(truth, judged)), (published, things))


def drawn_twice(
    frame: Frame, left: tuple[str, Sequence[Thing]], right: tuple[str, Sequence[Thing]]
) -> Image:
    """Returns a picture twice, each time with a head and things in it, uint8 [H, WIDTH, 3] RGB."""
    width = (WIDTH - _GAP) // 2
    # A very high picture becomes narrow, so that its report stays short.
    height = min(max(1, round(width * frame.height / frame.width)), 2 * width)
    scale = min(width / frame.width, height / frame.height)
    size = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
    small = cv2.resize(np.ascontiguousarray(frame.image), size, interpolation=cv2.INTER_AREA)
    canvas = np.full((_HEAD + height, WIDTH, 3), _PAPER, np.uint8)
    for at, (head, things) in zip((0, width + _GAP), (left, right), strict=True):
        drawn = _drawn(np.asarray(small, np.uint8), things, scale)
        canvas[_HEAD : _HEAD + drawn.shape[0], at : at + drawn.shape[1]] = drawn
        place = (at + 4, _HEAD - 7)
        cv2.putText(canvas, head, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, _INK, 1, cv2.LINE_AA)
    return canvas


def _told(all_of_them: int, bad: int, word: str) -> str:
    return f"{count(all_of_them)}, {count(bad)} {word}" if bad else count(all_of_them)


def _true(truth: FrameTruth, judged: JudgedPicture) -> list[Thing]:
    marks = [
        UNJUDGED if not counts else WRONG if missed else RIGHT
        for counts, missed in zip(judged.counts.tolist(), judged.missed.tolist(), strict=True)
    ]
    masks = truth.masks or (None,) * len(truth)
    return [
        Thing(short(name), box, mask, mark)
        for name, box, mask, mark in zip(truth.names, truth.boxes, masks, marks, strict=True)
    ]


def found_things(
    rows: FrameRows,
    names: Sequence[str],
    right: NDArray[np.bool_],
    unjudged: NDArray[np.bool_] | None = None,
) -> list[Thing]:
    """Returns detections to draw, with their scores.

    Args:
        rows: M detections.
        names: that were asked for.
        right: bool [M], those that are RIGHT; the others are WRONG.
        unjudged: bool [M], those that are UNJUDGED unless they are right; None: none.
    """
    masks = rows.masks or (None,) * len(rows)
    other = np.zeros(len(rows), np.bool_) if unjudged is None else unjudged
    return [
        Thing(
            f"{short(names[label])} {score:.2f}",
            box,
            mask,
            RIGHT if is_right else UNJUDGED if is_unjudged else WRONG,
        )
        for label, score, box, mask, is_right, is_unjudged in zip(
            rows.labels.tolist(),
            rows.scores.tolist(),
            rows.boxes,
            masks,
            right.tolist(),
            other.tolist(),
            strict=True,
        )
    ]


def short(name: str) -> str:
    """Returns a name that fits on a label."""
    return name if len(name) <= _LONG_NAME else name[: _LONG_NAME - 1] + "~"


def _drawn(picture: Image, things: Sequence[Thing], shrunk: float) -> Image:
    """Returns a copy of a picture with things in it; what is wrong lies on top."""
    canvas = picture.copy()
    scale = scale_of(canvas)
    order = sorted(things, key=lambda thing: (UNJUDGED, RIGHT, WRONG).index(thing.mark))
    for thing in order:
        _tint(canvas, thing)
    for thing in order:
        _outline(canvas, thing.box * shrunk, thing.mark)
    taken: list[Rectangle] = []
    # Those on top choose the places of their labels first.
    labels = [
        (place_label(canvas, thing.text, thing.box * shrunk, scale, taken), thing.mark)
        for thing in reversed(order)
    ]
    for (text, place), mark in reversed(labels):
        draw_label(canvas, text, place, mark.colour, scale)
    return np.asarray(canvas, np.uint8)


def _tint(canvas: Image, thing: Thing) -> None:
    if thing.mask is None or thing.mark is UNJUDGED:
        return
    try:
        mask = decode_mask(thing.mask).view(np.uint8)
    except RleError:  # a file of truth may hold anything; its boxes are drawn all the same
        return
    height, width = canvas.shape[:2]
    inside = cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST) > 0
    tinted = canvas[inside] * (1 - _MASK_OPACITY) + np.array(thing.mark.colour) * _MASK_OPACITY
    canvas[inside] = np.rint(tinted)


def _outline(canvas: Image, box: NDArray[np.float32], mark: Mark) -> None:
    height, width = canvas.shape[:2]
    x1, x2 = (int(np.clip(round(float(v)), 0, width - 1)) for v in box[0::2])
    y1, y2 = (int(np.clip(round(float(v)), 0, height - 1)) for v in box[1::2])
    corners = [(x1, y1), (x2, y1), (x2, y2), (x1, y2), (x1, y1)]
    # A dark line below keeps it apart from any picture.
    cv2.rectangle(canvas, corners[0], corners[2], _PAPER, 3)
    for begin, end in pairwise(corners):
        for first, last in _dashes(begin, end, mark.dash):
            cv2.line(canvas, first, last, mark.colour, 2)


def _dashes(
    begin: tuple[int, int], end: tuple[int, int], dash: tuple[int, int] | None
) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Returns the drawn pieces of a level or upright line."""
    if dash is None:
        return [(begin, end)]
    (x1, y1), (x2, y2) = begin, end
    length = max(abs(x2 - x1), abs(y2 - y1))
    step_x, step_y = int(np.sign(x2 - x1)), int(np.sign(y2 - y1))
    return [
        (
            (x1 + step_x * at, y1 + step_y * at),
            (x1 + step_x * min(at + dash[0], length), y1 + step_y * min(at + dash[0], length)),
        )
        for at in range(0, max(length, 1), sum(dash))
    ]
