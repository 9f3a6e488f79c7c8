# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What showing a thing K times is worth, beside saying its name.

Each picture is measured with examples of other pictures, of other scenes where these are known:
a seed puts the boxes of a thing in an order, and a picture gets the first K that are not of its
own scene. Setting pictures aside for examples would be simpler, but hundreds of things need most
pictures of a dataset, and with twenty pictures there are none to spare. Neighbouring pictures
share nearly all examples, so that this costs little more.

The network runs once a picture. Things are taught in groups, as many at once as lie on a robot's
table: look-alikes of other groups are there, and nobody has shown them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from vit_perception.detections import Detections
from vit_perception.evaluation.dataset import read_frame
from vit_perception.evaluation.results import Found, Progress
from vit_perception.evaluation.things import Box, Scene, Things
from vit_perception.examples import Example, Examples
from vit_perception.frame import Frame
from vit_perception.perceiver.nms import suppressed
from vit_perception.perceiver.settings import GRAPH_ROWS, PerceiverError
from vit_perception.perceiver.taught import Prototypes, Rows, example_of

NAMES_AT_ONCE = 30
WAYS = ("shown", "both", "each")
"""By examples alone; by them or the said name; by the example that is most alike."""

Look = Callable[[Frame], tuple[Detections, Rows]]
"""Returns all rows of said names, in the order of the things, and those of anything."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What the network made of the pictures of some things.

    Attributes:
        said: of each picture, pairs of box and said thing, before suppression.
        rows: of each picture, at most GRAPH_ROWS of anything.
        examples: of each annotation that may show its thing and in which something was seen.
    """

    said: Mapping[int, Found]
    rows: Mapping[int, Rows]
    examples: Mapping[int, Example]


def look_at(things: Things, look: Look, progress: Progress | None = None) -> Seen:
    """Runs the network on each picture, once.

    Args:
        things: what is shown and looked for.
        look: of the names `things.data.names`.
        progress: called with (done, all) after every picture.
    """
    data = things.data
    keys = np.array(sorted(data.asked), np.int64)
    by_picture: dict[int, list[tuple[str, Box]]] = {picture.id: [] for picture in data.pictures}
    for key, boxes in things.boxes.items():
        for box in boxes:
            by_picture[box.picture].append((data.categories[key], box))
    said: dict[int, Found] = {}
    rows: dict[int, Rows] = {}
    examples: dict[int, Example] = {}
    for done, picture in enumerate(data.pictures, start=1):
        found, anything = look(read_frame(picture))
        said[picture.id] = Found(picture.id, found.boxes, found.scores, keys[found.labels])
        for name, box in by_picture[picture.id]:
            try:
                examples[box.annotation] = example_of(anything, box.sides, name)
            except PerceiverError:
                continue  # A user would be told so, and show it again.
        rows[picture.id] = _best(anything)
        if progress is not None:
            progress(done, len(data.pictures))
    return Seen(said, rows, examples)


def by_saying(things: Things, seen: Seen, iou_threshold: float) -> tuple[Found, ...]:
    """Returns what is found under the said names, one entry per picture."""
    found = (seen.said[picture.id] for picture in things.data.pictures)
    return tuple(_suppressed(one, iou_threshold) for one in found)


def by_showing(
    things: Things,
    seen: Seen,
    *,
    shots: int,
    seed: int,
    iou_threshold: float,
    shown_power: float = 1.0,
    at_once: int = NAMES_AT_ONCE,
) -> dict[str, tuple[Found, ...]]:
    """Returns what is found by K examples in each of WAYS, one entry per picture.

    With one example "each" is "shown", and left out. Of a picture, the best GRAPH_ROWS pairs of
    box and shown thing count, as many as a graph gives of said ones.

    Args:
        things: what is shown and looked for.
        seen: of these things.
        shots: K; of a thing with fewer boxes in other scenes there are fewer.
        seed: of the choice of examples, and of the things that are taught together.
        iou_threshold: of the suppression.
        shown_power: of the bundle.
        at_once: the most things that are taught together.
    """
    orders = drawn(things, seen.examples, seed)
    groups = _groups(orders, seed, at_once)

    # Most pictures hold none of the examples, and get the same ones.
    @lru_cache(maxsize=4 * len(groups) + 1)
    def prototypes(annotations: tuple[int, ...], averaged: bool = True) -> Prototypes:
        examples = Examples("", tuple(seen.examples[each] for each in annotations))
        return Prototypes.of(examples, power=shown_power, averaged=averaged)

    ids = {name: key for key, name in things.data.categories.items()}
    found: dict[str, list[Found]] = {way: [] for way in WAYS if way != "each" or shots > 1}
    for picture in things.data.pictures:
        rows, scene = seen.rows[picture.id], things.scenes[picture.id]
        lessons = []
        for group in groups:
            boxes = [box for key in group for box in chosen(orders[key], scene, shots)]
            if boxes:
                lessons.append(tuple(box.annotation for box in boxes))
        shown = _pairs(picture.id, rows, [prototypes(each) for each in lessons], ids)
        both = _joined(seen.said[picture.id], shown)
        found["shown"].append(_suppressed(shown, iou_threshold))
        found["both"].append(_suppressed(both, iou_threshold))
        if "each" in found:
            apart = [prototypes(each, averaged=False) for each in lessons]
            pairs = _pairs(picture.id, rows, apart, ids)
            found["each"].append(_suppressed(pairs, iou_threshold))
    return {way: tuple(some) for way, some in found.items()}


def drawn(
    things: Things, examples: Mapping[int, Example], seed: int
) -> dict[int, tuple[Box, ...]]:
    """Returns the boxes of each thing that give an example, in the order in which they are taken.

    All scenes have their turn before one has its second.
    """
    orders = {}
    for key, boxes in things.boxes.items():
        usable = [box for box in boxes if box.annotation in examples]
        # A thing's order does not depend on what else is shown.
        mixed = np.random.default_rng((seed, key)).permutation(len(usable)).tolist()
        turns: Counter[Scene] = Counter()
        ranked: list[tuple[int, Box]] = []
        for box in (usable[index] for index in mixed):
            ranked.append((turns[box.scene], box))
            turns[box.scene] += 1
        orders[key] = tuple(box for _, box in sorted(ranked, key=lambda pair: pair[0]))
    return orders


def chosen(order: Sequence[Box], scene: Scene, shots: int) -> tuple[Box, ...]:
    """Returns the first boxes of other scenes, at most `shots`."""
    return tuple(box for box in order if box.scene != scene)[:shots]


def _groups(
    orders: Mapping[int, Sequence[Box]], seed: int, at_once: int
) -> tuple[tuple[int, ...], ...]:
    """Returns the things that are taught together, in groups of nearly the same size."""
    keys = np.array([key for key, order in orders.items() if order], np.int64)
    mixed = np.random.default_rng(seed).permutation(keys)
    parts = np.array_split(mixed, max(1, math.ceil(len(keys) / at_once)))
    return tuple(tuple(part.tolist()) for part in parts if len(part))


def _best(rows: Rows) -> Rows:
    """Returns at most GRAPH_ROWS rows that have a place in the picture."""
    sides = rows.boxes[:, 2:] - rows.boxes[:, :2]
    there = np.flatnonzero((sides > 0).all(axis=1))
    kept = there[np.argsort(-rows.objectness[there], kind="stable")[:GRAPH_ROWS]]
    return Rows(rows.boxes[kept], rows.objectness[kept], rows.embeddings[kept])


def _pairs(
    picture: int, rows: Rows, lessons: Sequence[Prototypes], ids: Mapping[str, int]
) -> Found:
    """Returns the best GRAPH_ROWS pairs of a box and a shown thing, best first."""
    scores = [lesson.scores(rows) for lesson in lessons]
    names = [name for lesson in lessons for name in lesson.names]
    keys = np.array([ids[name] for name in names], np.int64)
    flat: NDArray[np.float32] = np.concatenate(
        scores or [np.zeros((len(rows.boxes), 0), np.float32)], axis=1
    ).ravel()
    best = np.argsort(-flat, kind="stable")[:GRAPH_ROWS]
    best = best[flat[best] > 0]
    at, column = np.divmod(best, max(1, len(keys)))
    return Found(picture, rows.boxes[at], flat[best], keys[column])


def _joined(first: Found, second: Found) -> Found:
    boxes = np.concatenate([first.boxes, second.boxes])
    scores = np.concatenate([first.scores, second.scores])
    categories = np.concatenate([first.categories, second.categories])
    return Found(first.picture, boxes, scores, categories)


def _suppressed(found: Found, iou_threshold: float) -> Found:
    return found.chosen(suppressed(found.boxes, found.scores, found.categories, iou_threshold))
