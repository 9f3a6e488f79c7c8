# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What `teach` and `info` say of examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vit_perception.boxes import box_iou
from vit_perception.cli.teach_lessons import Shown
from vit_perception.examples import Examples
from vit_perception.frame import Frame
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.stages import StageTimes
from vit_perception.vocabulary import vocabulary_of
from vit_perception.wording import shown_name, shown_path

SAME_PLACE = 0.5
"""Overlap of a shown box and what is found in it again."""
_NAMES = 12
"""Names that a summary lists."""


def told(perceiver: Perceiver, frame: Frame, boxes: list[Shown], examples: Examples) -> list[str]:
    """Returns a line for each box that was shown: whether the thing would be found there again."""
    found: list[tuple[str, float, np.ndarray]] = []
    if examples.names:
        query = perceiver.prepare(vocabulary=vocabulary_of(examples))
        detections = perceiver.look(frame, query, StageTimes())
        found = [(each.name, each.score, each.box) for each in detections]
    lines = []
    for one in boxes:
        there = [
            score
            for name, score, box in found
            if name == one.name
            and box_iou(np.array([one.box], np.float32), box[None])[0, 0] >= SAME_PLACE
        ]
        lines.append(_line(one, max(there, default=None), examples))
    return lines


def _line(one: Shown, score: float | None, examples: Examples) -> str:
    x1, y1, x2, y2 = (round(side) for side in one.box)
    name = shown_name(one.name)
    place = f"at {x1},{y1},{x2 - x1},{y2 - y1}"
    if not one.negative:
        again = "not found there again" if score is None else f"found there again with {score:.2f}"
        return f"learned {name} {place}: {again}"
    if one.name not in examples.names:
        return f"learned what is not {name} {place}: show {name} itself too"
    again = "not called so there" if score is None else f"still called so there with {score:.2f}"
    return f"learned what is not {name} {place}: {again}"


def summary(path: Path, examples: Examples) -> str:
    """Returns a line on a file: how many examples and names, and the first names."""
    counted = list(counts(examples))
    listed = ", ".join(counted[:_NAMES])
    more = len(counted) - _NAMES
    if more > 0:
        listed += f" and {more} more"
    line = f"{shown_path(path)}: {len(examples)} examples of {len(counted)} names"
    return f"{line}: {listed}" if listed else line


def counts(examples: Examples) -> Iterator[str]:
    """Yields each name with the number of its examples."""
    right = Counter(each.name for each in examples.shown if not each.negative)
    wrong = Counter(each.name for each in examples.shown if each.negative)
    for name in dict.fromkeys(each.name for each in examples.shown):
        negative = f", {wrong[name]} not" if wrong[name] else ""
        yield f"{shown_name(name)} ({right[name]}{negative})"
