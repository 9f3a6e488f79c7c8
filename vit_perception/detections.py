# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What a detector found in one frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from vit_perception.masks import Masks
from vit_perception.rle import encode_mask

_SHOWN = 5


class DetectionsError(ValueError):
    """Detections were built from arrays that do not fit together."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Detection:
    """One thing that was found.

    Attributes:
        name: what it was found as.
        score: 0..1.
        box: float32 [4], x1 y1 x2 y2 in pixels of the source image.
        label: index of the name in the vocabulary.
        id: the same as long as it is the same thing, from 1 on; 0 while it was not seen often
            enough; None without a tracker.
    """

    name: str
    score: float
    box: NDArray[np.float32]
    label: int
    id: int | None = None
    _masks: Masks | None = None

    @property
    def mask(self) -> NDArray[np.bool_] | None:
        """Its mask in the source image, bool [H, W], made anew; None without masks."""
        return None if self._masks is None else self._masks.one(0)

    def __repr__(self) -> str:
        x1, y1, x2, y2 = self.box.tolist()
        mask = "" if self._masks is None else f", mask of {int(self._masks.areas()[0])} px"
        place = f"{x1:.0f},{y1:.0f} to {x2:.0f},{y2:.0f}"
        return f"<{_called(self.name, self.id)} {self.score:.2f} at {place}{mask}>"


@dataclass(frozen=True, slots=True, eq=False)
class NameScores:
    """What else N detections may be: the best names of each box.

    Attributes:
        labels: int64 [N, K], index into the names, best first; -1 where there are fewer.
        scores: float32 [N, K], 0..1; 0 where there are fewer.
    """

    labels: NDArray[np.int64]
    scores: NDArray[np.float32]

    def chosen(self, rows: NDArray[Any]) -> NameScores:
        """Returns those of some detections."""
        return NameScores(self.labels[rows], self.scores[rows])


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Detections:
    """N detections of one frame, best first.

    `found[0]` is a Detection; `found[:5]`, `found[found.scores > 0.5]` and `found[[2, 0]]` are
    Detections; iteration gives each Detection.

    Attributes:
        boxes: float32 [N, 4], x1 y1 x2 y2 in pixels of the source image.
        scores: float32 [N], 0..1.
        labels: int64 [N], index into `names`.
        names: the vocabulary these were found with.
        vocabulary_version: the version of that vocabulary.
        masks: N masks in the source image, or None where none were asked for or made.
        ids: int64 [N], of the things over time, from 1 on; 0 for what was not seen often enough
            yet; None without a tracker.
        name_scores: the best names of each box, its own among them; None where they were not
            asked for.

    Raises:
        DetectionsError: a shape, type or number differs, a label is not an index into `names`, or
            an id is below 0.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]
    names: tuple[str, ...]
    vocabulary_version: int
    masks: Masks | None = None
    ids: NDArray[np.int64] | None = None
    name_scores: NameScores | None = None

    def __post_init__(self) -> None:
        count = len(self.scores)
        arrays: list[tuple[str, NDArray[Any], type, tuple[int, ...]]] = [
            ("boxes", self.boxes, np.float32, (count, 4)),
            ("scores", self.scores, np.float32, (count,)),
            ("labels", self.labels, np.int64, (count,)),
        ]
        if self.ids is not None:
            arrays.append(("ids", self.ids, np.int64, (count,)))
        for what, array, dtype, shape in arrays:
            if array.dtype != dtype or array.shape != shape:
                raise DetectionsError(
                    f"{what}: expected {np.dtype(dtype)} {list(shape)}, "
                    f"found {array.dtype} {list(array.shape)}"
                )
        if count and not 0 <= self.labels.min() <= self.labels.max() < len(self.names):
            raise DetectionsError(
                f"labels: expected 0..{len(self.names) - 1}, "
                f"found {self.labels.min()}..{self.labels.max()}"
            )
        if self.ids is not None and count and self.ids.min() < 0:
            raise DetectionsError(f"ids: expected 0 or more, found {self.ids.min()}")
        if self.masks is not None and len(self.masks.crops) != count:
            raise DetectionsError(f"masks: expected {count}, found {len(self.masks.crops)}")
        if self.name_scores is not None and len(self.name_scores.labels) != count:
            raise DetectionsError(
                f"name_scores: expected {count}, found {len(self.name_scores.labels)}"
            )

    @classmethod
    def empty(cls, names: tuple[str, ...], vocabulary_version: int) -> Detections:
        """Returns nothing found with this vocabulary."""
        return cls(
            boxes=np.zeros((0, 4), np.float32),
            scores=np.zeros(0, np.float32),
            labels=np.zeros(0, np.int64),
            names=names,
            vocabulary_version=vocabulary_version,
        )

    def __len__(self) -> int:
        return len(self.scores)

    def __iter__(self) -> Iterator[Detection]:
        return (self[index] for index in range(len(self)))

    @overload
    def __getitem__(self, chosen: int | np.integer[Any]) -> Detection: ...

    @overload
    def __getitem__(self, chosen: slice | Sequence[int] | NDArray[Any]) -> Detections: ...

    def __getitem__(
        self, chosen: int | np.integer[Any] | slice | Sequence[int] | NDArray[Any]
    ) -> Detection | Detections:
        """Returns one Detection by its number, or Detections by slice, mask or numbers.

        Args:
            chosen: an integer, negative from the end; a slice; bool [N]; or integers [M].

        Raises:
            IndexError: a number beyond the end, or a mask of another length.
        """
        if isinstance(chosen, (int, np.integer)):
            if not -len(self) <= chosen < len(self):
                raise IndexError(f"expected one of {len(self)} detections, found {chosen}")
            index = int(chosen) % len(self)
            return Detection(
                name=self.class_name(index),
                score=float(self.scores[index]),
                box=self.boxes[index],
                label=int(self.labels[index]),
                id=None if self.ids is None else int(self.ids[index]),
                _masks=None if self.masks is None else self.masks.chosen(np.array([index])),
            )
        rows = np.arange(len(self))[chosen if isinstance(chosen, slice) else _rows(chosen)]
        return replace(
            self,
            boxes=self.boxes[rows],
            scores=self.scores[rows],
            labels=self.labels[rows],
            masks=None if self.masks is None else self.masks.chosen(rows),
            ids=None if self.ids is None else self.ids[rows],
            name_scores=None if self.name_scores is None else self.name_scores.chosen(rows),
        )

    def __repr__(self) -> str:
        ids = [None] * len(self) if self.ids is None else self.ids.tolist()
        listed = [
            f"{_called(self.class_name(i), ids[i])} {self.scores[i]:.2f}"
            for i in range(len(self))[:_SHOWN]
        ]
        if len(self) > _SHOWN:
            listed.append(f"{len(self) - _SHOWN} more")
        masks = " with masks" if self.masks is not None else ""
        return f"<{len(self)} detections{masks}: {', '.join(listed) or 'nothing'}>"

    def class_name(self, index: int) -> str:
        """Returns the name of detection `index`."""
        return self.names[int(self.labels[index])]

    def id_texts(self) -> tuple[str, ...]:
        """Returns the N ids as messages have them: "" for none, and until it is confirmed."""
        if self.ids is None:
            return ("",) * len(self)
        return tuple(str(each) if each else "" for each in self.ids.tolist())

    def to_coco(
        self, image_id: int | str = 0, category_ids: dict[str, int] | None = None
    ) -> list[dict[str, Any]]:
        """Returns the detections as entries of a COCO results file, ready for json.

        Args:
            image_id: of the image.
            category_ids: of the names; None: label + 1, in the order of `names`.

        Returns:
            One dict for each, with image_id, category_id, category (the name), bbox [x, y, width,
            height] in pixels, score, with masks segmentation {size [h, w], counts} in compressed
            run lengths, and with an id track_id.

        Raises:
            KeyError: `category_ids` lacks a name that was found.
        """
        entries: list[dict[str, Any]] = []
        for index, (x1, y1, x2, y2) in enumerate(self.boxes.tolist()):
            name = self.class_name(index)
            entry: dict[str, Any] = {
                "image_id": image_id,
                "category_id": (
                    int(self.labels[index]) + 1 if category_ids is None else category_ids[name]
                ),
                "category": name,
                "bbox": [round(value, 2) for value in (x1, y1, x2 - x1, y2 - y1)],
                "score": round(float(self.scores[index]), 5),
            }
            if self.masks is not None:
                entry["segmentation"] = encode_mask(self.masks.one(index))
            if self.ids is not None and self.ids[index]:
                entry["track_id"] = int(self.ids[index])
            entries.append(entry)
        return entries


def _called(name: str, id: int | None) -> str:
    return f"{name} #{id}" if id else name


def _rows(chosen: Sequence[int] | NDArray[Any]) -> NDArray[Any]:
    rows = np.asarray(chosen)
    # An empty list is float64 to numpy.
    return rows if rows.size or rows.dtype == np.bool_ else rows.astype(np.int64)
