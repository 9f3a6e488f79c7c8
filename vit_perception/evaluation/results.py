# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Detections in the pictures of a dataset, stored compactly."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.detections import Detections
from vit_perception.evaluation.dataset import Dataset, read_frame
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.frame import Frame
from vit_perception.masks import Masks
from vit_perception.perceiver.nms import suppressed
from vit_perception.rle import Rle, encode_crops
from vit_perception.wording import shown

Predict = Callable[[Frame], Detections]
Progress = Callable[[int, int], None]

MASKS_PER_PICTURE = 300
"""Masks are compared for this many of the best rows of a picture.

A graph for evaluation gives thousands of rows; the last ones hold few hits and most of the memory.
"""
PROPOSAL_IOU = 0.7
"""IoU above which class-agnostic metrics merge the boxes of two names."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """N detections of one picture, best first.

    Attributes:
        picture: COCO id.
        boxes: float32 [N, 4], x1 y1 x2 y2 px.
        scores: float32 [N].
        categories: int64 [N], COCO ids.
        masks: N run lengths, or None.
    """

    picture: int
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    categories: NDArray[np.int64]
    masks: tuple[Rle, ...] | None = None

    def __len__(self) -> int:
        return len(self.scores)

    def chosen(self, rows: NDArray[np.int64]) -> Found:
        """Returns some of the rows, in the order given, without masks."""
        return Found(self.picture, self.boxes[rows], self.scores[rows], self.categories[rows])

    def entries(self, categories: Sequence[int]) -> Iterator[dict[str, Any]]:
        """Yields COCO results of these categories: with masks `segmentation`, else `bbox`."""
        rows = np.flatnonzero(np.isin(self.categories, categories))
        sides = self.boxes[rows].astype(np.float64)
        sides[:, 2:] -= sides[:, :2]
        for row, category, score, box in zip(
            rows.tolist(),
            self.categories[rows].tolist(),
            self.scores[rows].tolist(),
            sides.tolist(),
            strict=True,
        ):
            entry = {"image_id": self.picture, "category_id": category, "score": score}
            if self.masks is None:
                entry["bbox"] = box
            else:
                entry["segmentation"] = self.masks[row]
            yield entry

    def proposals(self, limit: int, category: int) -> Found:
        """Returns the best boxes without names, each once, with the score of its best name."""
        together = np.zeros(len(self), np.int64)
        rows = suppressed(self.boxes, self.scores, together, PROPOSAL_IOU)[:limit]
        return Found(
            self.picture, self.boxes[rows], self.scores[rows], np.full(len(rows), category)
        )


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """Detections of all pictures; `masks` has the best MASKS_PER_PICTURE rows, or is None."""

    boxes: tuple[Found, ...]
    masks: tuple[Found, ...] | None


def predict_all(
    data: Dataset,
    predict: Predict,
    predict_masks: Predict | None = None,
    progress: Progress | None = None,
) -> Results:
    """Detects on every picture.

    Args:
        data: the pictures; if they have no masks, none are kept.
        predict: turns a frame into detections with names of the dataset. It asks for all of
            them, with a score threshold near 0 and thousands of detections: average precision
            needs the uncertain ones too.
        predict_masks: the same with few detections and their masks, if `predict` gives none.
        progress: called with (done, all) after every picture.

    Raises:
        EvaluationError: the dataset lacks a detected name.
    """
    targets = {name: (key,) for key, name in data.categories.items()}
    has_masks = data.has_masks
    boxes: list[Found] = []
    masks: list[Found] = []
    for done, picture in enumerate(data.pictures, start=1):
        frame = read_frame(picture)
        detections = predict(frame)
        boxes.append(found(picture.id, detections, targets))
        if has_masks:
            if predict_masks is not None:
                detections = predict_masks(frame)
            if detections.masks is not None:
                masks.append(_found_masks(picture.id, detections, detections.masks, targets))
        if progress is not None:
            progress(done, len(data.pictures))
    return Results(tuple(boxes), tuple(masks) if len(masks) == len(boxes) else None)


def found(picture: int, detections: Detections, targets: Mapping[str, Sequence[int]]) -> Found:
    """Returns detections under the category ids of their names, none or several per name.

    Raises:
        EvaluationError: a name is not among the targets.
    """
    rows, categories = _targeted(detections, targets)
    return Found(picture, detections.boxes[rows], detections.scores[rows], categories)


def _found_masks(
    picture: int, detections: Detections, masks: Masks, targets: Mapping[str, Sequence[int]]
) -> Found:
    rows, categories = _targeted(detections, targets)
    rows, categories = rows[:MASKS_PER_PICTURE], categories[:MASKS_PER_PICTURE]
    return Found(
        picture,
        detections.boxes[rows],
        detections.scores[rows],
        categories,
        encoded(masks, rows.tolist()),
    )


def encoded(masks: Masks, rows: Sequence[int]) -> tuple[Rle, ...]:
    """Returns run lengths of some masks; a box with several names has one mask, kept once."""
    places: dict[tuple[object, ...], int] = {}
    firsts: list[int] = []
    places_of_rows = []
    for row in rows:
        crop = masks.crops[row]
        place = places.setdefault(
            (*masks.origins[row].tolist(), crop.shape, crop.tobytes()), len(firsts)
        )
        if place == len(firsts):
            firsts.append(row)
        places_of_rows.append(place)
    crops = [masks.crops[row] for row in firsts]
    rles = encode_crops(crops, masks.origins[firsts], masks.height, masks.width)
    return tuple(rles[place] for place in places_of_rows)


def _targeted(
    detections: Detections, targets: Mapping[str, Sequence[int]]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns rows and the category of each, best first."""
    occurring = np.unique(detections.labels).tolist()
    for label in occurring:
        if detections.names[label] not in targets:
            raise EvaluationError(
                f"expected names of the dataset, found {shown(detections.names[label])}"
            )
    most = max((len(targets[detections.names[label]]) for label in occurring), default=0)
    table = np.full((len(detections.names), max(1, most)), -1, np.int64)
    for label in occurring:
        categories = targets[detections.names[label]]
        table[label, : len(categories)] = categories
    spread = table[detections.labels]
    rows, columns = np.nonzero(spread != -1)
    return rows.astype(np.int64), spread[rows, columns]
