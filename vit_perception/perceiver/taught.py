# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Taught names: from a shown box to an example, and from examples to scores of rows.

A graph of contract version 2 returns rows of anything with their region embeddings. Minus the
bundle's mean and at unit length, two views of one thing have a high cosine. How the numbers below
were chosen stands in doc/teaching.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vit_perception.boxes import box_iou
from vit_perception.examples import MAX_OTHERS, Example, Examples
from vit_perception.frame import Frame
from vit_perception.perceiver.nms import suppressed
from vit_perception.perceiver.settings import PerceiverError
from vit_perception.wording import shown

Outputs = Mapping[str, NDArray[Any]]

ROWS_OF_A_BOX = 5
"""Rows whose mean is the embedding of a shown box."""
LEAST_OVERLAP = 0.3
"""Intersection over union of a shown box and the best row; with less nothing was found there."""
OTHER_OVERLAP = 0.3
"""Rows with less lie on something else."""
OTHERS_NMS = 0.7
SAME_THING = 0.8
"""Cosine above which a row beside a shown box is taken for another view of a shown thing."""
MOST_OTHERS = 512
"""Rows beside shown boxes that are compared with each frame, in equal shares of the examples."""
TEMPERATURE = 0.1
FLOOR = 0.8
"""Cosine at which a row is as likely nothing that was shown; more where there are look-alikes."""
HIGHEST_FLOOR = 0.9
FAR_VIEW = 0.72
"""Cosine to its name's mean below which an example is a view of its own: two that are unalike."""
OBJECTNESS_POWER = 0.35
CALIBRATION = 1.1
"""Power that brings scores to the scale of those of said names, times that of the bundle."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of anything of one frame.

    Attributes:
        boxes: float32 [N, 4], x1 y1 x2 y2 in pixels, of the network's input or of the source.
        objectness: float32 [N], 0..1.
        embeddings: float32 [N, E], centred, unit length.
    """

    boxes: NDArray[np.float32]
    objectness: NDArray[np.float32]
    embeddings: NDArray[np.float32]


def example_of(
    rows: Rows, box: NDArray[np.float32], name: str, *, negative: bool = False
) -> Example:
    """Returns what a box shows, without the picture.

    Args:
        rows: of the picture, boxes in the same pixels as `box`.
        box: float32 [4], x1 y1 x2 y2.
        name: what the thing is called.
        negative: whether it is not to be called so.

    Raises:
        PerceiverError: the detector sees nothing in the box.
        VocabularyError: the name is refused.
    """
    overlap = box_iou(box[None], rows.boxes)[0]
    near = np.flatnonzero(overlap >= LEAST_OVERLAP)
    if not len(near):
        raise PerceiverError(
            f"{shown(name)}: expected a box around a thing that the detector sees, found none at "
            f"{shown([round(float(side)) for side in box])} (overlap at best "
            f"{overlap.max(initial=0):.2f}, {LEAST_OVERLAP} needed)"
        )
    fit = overlap[near] * np.sqrt(rows.objectness[near])
    best = near[np.argsort(-fit, kind="stable")[:ROWS_OF_A_BOX]]
    mean = rows.embeddings[best].mean(axis=0)
    far = np.flatnonzero(overlap < OTHER_OVERLAP)
    groups = np.zeros(len(far), np.int64)
    kept = suppressed(rows.boxes[far], rows.objectness[far], groups, OTHERS_NMS)[:MAX_OTHERS]
    embedding = mean / max(float(np.linalg.norm(mean)), 1e-6)
    return Example(name, embedding.astype(np.float32), rows.embeddings[far[kept]], negative)


def box_in(frame: Frame, box: Sequence[float] | NDArray[Any], name: str) -> NDArray[np.float32]:
    """Returns the part of a box inside a frame.

    Raises:
        PerceiverError: it has none, or is no box.
    """
    try:
        sides = np.asarray(box, np.float32)
    except (TypeError, ValueError):
        sides = np.zeros(0, np.float32)
    limit = np.array([frame.width, frame.height] * 2, np.float32)
    inside = np.clip(sides, 0, limit) if sides.shape == (4,) else np.zeros(4, np.float32)
    # A NaN fails too.
    if not (inside[0] < inside[2] and inside[1] < inside[3] and np.isfinite(sides).all()):
        raise PerceiverError(
            f"{shown(name)}: expected a box x1 y1 x2 y2 in a picture of "
            f"{frame.width}x{frame.height} px, found {shown(box)}"
        )
    return inside


@dataclass(frozen=True, slots=True, eq=False)
class Prototypes:
    """Examples as matrices, ready to be compared with rows.

    Attributes:
        names: T names.
        views: float32 [V, E], unit length, in the order of names: the mean example of each, and
            the examples that the mean does not stand for.
        starts: int64 [T], first view of each name.
        floors: float32 [T], the cosine at which a row is as likely nothing that was shown.
        against: float32 [Q, E], negative examples.
        against_of: int64 [Q], index into `names`.
        others: float32 [M, E], what else was in the pictures.
        power: of scores, of the bundle.
    """

    names: tuple[str, ...]
    views: NDArray[np.float32]
    starts: NDArray[np.int64]
    floors: NDArray[np.float32]
    against: NDArray[np.float32]
    against_of: NDArray[np.int64]
    others: NDArray[np.float32]
    power: float

    @classmethod
    def of(cls, examples: Examples, *, power: float = 1.0, averaged: bool = True) -> Prototypes:
        """Returns the matrices of examples with at least one name.

        Args:
            power: `Bundle.shown_power` of the bundle they were shown to.
            averaged: whether a name has its mean example as a view; else each example is one.
        """
        names = examples.names
        index = {name: number for number, name in enumerate(names)}
        positive = [each for each in examples.shown if not each.negative]
        negative = [each for each in examples.shown if each.negative and each.name in index]
        rows = np.stack([each.embedding for each in positive])
        owners = np.array([index[each.name] for each in positive], np.int64)
        sums = np.zeros((len(names), rows.shape[1]), np.float32)
        np.add.at(sums, owners, rows)
        means = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-6)
        # A thing may look quite different from behind.
        own = (rows * means[owners]).sum(axis=1) < FAR_VIEW
        view_owners = np.concatenate([np.arange(len(names)), owners[own]]) if averaged else owners
        order = np.argsort(view_owners, kind="stable")
        views = (np.concatenate([means, rows[own]]) if averaged else rows)[order]
        share = max(1, MOST_OTHERS // len(examples))
        others = np.concatenate([each.others[:share] for each in examples.shown])
        alike = _cosines(others, rows)
        # The same thing may have been there twice, or was shown from another box.
        kept = alike.max(axis=1, initial=-1.0) < SAME_THING
        # What is most like a name and is not it: another name's example, or something beside it.
        rivals = np.concatenate([_cosines(rows, rows), alike[kept]])
        rivals[: len(rows)][owners[:, None] == owners] = -1.0
        floors = np.full(len(names), FLOOR, np.float32)
        np.maximum.at(floors, owners, rivals.max(axis=0))
        return cls(
            names=names,
            views=views.astype(np.float32),
            starts=np.searchsorted(view_owners[order], np.arange(len(names))).astype(np.int64),
            floors=np.minimum(floors, HIGHEST_FLOOR),
            against=np.array([each.embedding for each in negative], np.float32).reshape(
                -1, rows.shape[1]
            ),
            against_of=np.array([index[each.name] for each in negative], np.int64),
            others=others[kept],
            power=power,
        )

    def scores(self, rows: Rows) -> NDArray[np.float32]:
        """Returns scores [N, T], 0..1, of each row as each name.

        A softmax over all names (each by its best view) and what else was in the pictures, in
        which each name has its own floor and its negative examples as further rivals; times a
        power of the objectness.
        """
        # Cosines are at most 1: nothing overflows.
        best = np.maximum.reduceat(_cosines(rows.embeddings, self.views), self.starts, axis=1)
        names = np.exp(best / TEMPERATURE)
        total = names.sum(axis=1, keepdims=True)
        if len(self.others):
            others = _cosines(rows.embeddings, self.others).max(axis=1, keepdims=True)
            total = total + np.exp(others / TEMPERATURE)
        rivals = np.repeat(np.exp(self.floors / TEMPERATURE)[None], len(names), axis=0)
        if len(self.against):
            against = np.exp(_cosines(rows.embeddings, self.against) / TEMPERATURE)
            strongest = np.zeros_like(names)
            np.maximum.at(strongest.T, self.against_of, against.T)
            rivals += strongest
        share = names / (total + rivals)
        scores = (share * rows.objectness[:, None] ** OBJECTNESS_POWER) ** (
            CALIBRATION * self.power
        )
        return np.asarray(scores, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Taught:
    """The shown names of a query.

    Attributes:
        prototypes: of T names.
        labels: int64 [T], index of each in the vocabulary.
        thresholds: float32 [T], the least score of each.
    """

    prototypes: Prototypes
    labels: NDArray[np.int64]
    thresholds: NDArray[np.float32]

    def beside(self, named: Outputs, anything: Outputs, mean: NDArray[np.float32]) -> Outputs:
        """Returns the rows of said names, then those of shown names that reach their threshold.

        Args:
            named: rows of said names, see the graph contract.
            anything: rows of anything.
            mean: float32 [E] of the bundle.
        """
        scores = self.prototypes.scores(rows_of(anything, anything["boxes"][0], mean))
        least = np.maximum(self.thresholds, np.finfo(np.float32).tiny)
        rows, columns = np.nonzero(scores >= least)
        found = {name: value[:, rows] for name, value in anything.items() if name != "prototypes"}
        found["scores"] = scores[rows, columns][None]
        found["labels"] = self.labels[columns][None]
        return {
            name: value if name == "prototypes" else np.concatenate([value, found[name]], axis=1)
            for name, value in named.items()
        }


def rows_of(anything: Outputs, boxes: NDArray[np.float32], mean: NDArray[np.float32]) -> Rows:
    """Returns rows of anything [N] with boxes of one's own, [N, 4]."""
    embeddings = anything["embeddings"][0] - mean
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    unit = np.asarray(embeddings / np.maximum(lengths, 1e-6), np.float32)
    return Rows(boxes, anything["scores"][0], unit)


def _cosines(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the products [N, M] of rows of unit length, [N, E] and [M, E].

    BLAS is not used: on a busy robot its threads wait 20 ms for each other, for a product that
    takes less than one.
    """
    if not (len(one) and len(other)):
        return np.zeros((len(one), len(other)), np.float32)
    nothing: Any = None
    return np.asarray(cv2.gemm(one, other, 1.0, nothing, 0.0, flags=cv2.GEMM_2_T), np.float32)
