# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Attribute pairs: of two objects of one category, is the box on the one asked for?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import numpy as np

from vit_perception.boxes import box_iou
from vit_perception.detections import Detections
from vit_perception.evaluation.asks import Ask
from vit_perception.evaluation.coco_entries import corners
from vit_perception.evaluation.dataset import Dataset, read_frame
from vit_perception.evaluation.hit_rate import IOU
from vit_perception.evaluation.results import Predict, Progress

Asker = Callable[[Sequence[str]], Predict]
"""Turns a vocabulary into a predictor."""
Answer = Literal["right", "on_other", "elsewhere", "no_box"]
ANSWERS: tuple[Answer, ...] = ("right", "on_other", "elsewhere", "no_box")


def evaluate_pairs(data: Dataset, ask: Asker, progress: Progress | None = None) -> dict[str, Any]:
    """Asks each picture for each of its phrases alone, and judges the box with the best score.

    Args:
        data: a dataset with asks.
        ask: turns a vocabulary of one phrase into a predictor with a score threshold near 0.
        progress: called with (done, all) after every picture.

    Returns:
        `overall` and `parts` (name → the same keys): `asked`, `accuracy` and the count of each of
        ANSWERS.
    """
    boxes = {annotation["id"]: annotation["bbox"] for annotation in data.annotations}
    by_picture: dict[int, list[Ask]] = {}
    for one in data.asks:
        by_picture.setdefault(one.picture, []).append(one)
    pictures = [picture for picture in data.pictures if picture.id in by_picture]
    answers: list[tuple[str, Answer]] = []
    for done, picture in enumerate(pictures, start=1):
        frame = read_frame(picture)
        for one in by_picture[picture.id]:
            detections = ask((one.phrase,))(frame)
            answers.append((one.part, judge(detections, boxes[one.annotation], boxes[one.other])))
        if progress is not None:
            progress(done, len(pictures))
    parts = sorted({part for part, _ in answers})
    return {
        "overall": _row(answer for _, answer in answers),
        "parts": {part: _row(a for where, a in answers if where == part) for part in parts},
    }


def judge(detections: Detections, asked: Sequence[float], other: Sequence[float]) -> Answer:
    """Returns where the best box lies; boxes of the two objects as x y w h px."""
    if not len(detections):
        return "no_box"
    best = int(np.argmax(detections.scores))
    on_asked, on_other = (
        box_iou(detections.boxes[best : best + 1], corners([asked, other]))[0] >= IOU
    )
    if on_asked:
        return "right"
    return "on_other" if on_other else "elsewhere"


def _row(answers: Iterable[Answer]) -> dict[str, Any]:
    counts = Counter(answers)
    asked = counts.total()
    return {
        "asked": asked,
        "accuracy": counts["right"] / asked if asked else None,
        **{answer: counts[answer] for answer in ANSWERS},
    }
