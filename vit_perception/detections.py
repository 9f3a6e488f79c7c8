# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What a detector found in one frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.masks import Masks


class DetectionsError(ValueError):
    """Detections were built from arrays that do not fit together."""


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """N detections of one frame, best first.

    Attributes:
        boxes: float32 [N, 4], x1 y1 x2 y2 in pixels of the source image.
        scores: float32 [N], 0..1.
        labels: int64 [N], index into `names`.
        names: the vocabulary these were found with.
        vocabulary_version: the version of that vocabulary.
        masks: N masks in the source image, or None where none were asked for or made.

    Raises:
        DetectionsError: a shape, type or number differs, or a label is not an index into `names`.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]
    names: tuple[str, ...]
    vocabulary_version: int
    masks: Masks | None = None

    def __post_init__(self) -> None:
        count = len(self.scores)
        _check("boxes", self.boxes, np.float32, (count, 4))
        _check("scores", self.scores, np.float32, (count,))
        _check("labels", self.labels, np.int64, (count,))
        if count and not 0 <= self.labels.min() <= self.labels.max() < len(self.names):
            raise DetectionsError(
                f"labels: expected 0..{len(self.names) - 1}, "
                f"found {self.labels.min()}..{self.labels.max()}"
            )
        if self.masks is not None and len(self.masks) != count:
            raise DetectionsError(f"masks: expected {count}, found {len(self.masks)}")

    @classmethod
    def empty(cls, names: tuple[str, ...], vocabulary_version: int) -> Detections:
        """Nothing found with this vocabulary."""
        return cls(
            boxes=np.zeros((0, 4), np.float32),
            scores=np.zeros(0, np.float32),
            labels=np.zeros(0, np.int64),
            names=names,
            vocabulary_version=vocabulary_version,
        )

    def __len__(self) -> int:
        return len(self.scores)

    def class_name(self, index: int) -> str:
        """Name of detection `index`."""
        return self.names[int(self.labels[index])]


def _check(what: str, array: NDArray[Any], dtype: type, shape: tuple[int, ...]) -> None:
    if array.dtype != dtype or array.shape != shape:
        raise DetectionsError(
            f"{what}: expected {np.dtype(dtype)} {list(shape)}, "
            f"found {array.dtype} {list(array.shape)}"
        )
