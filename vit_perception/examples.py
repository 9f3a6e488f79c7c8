# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Names that were shown, not said: what a thing looked like to a detector."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vit_perception.names import MAX_NAMES, checked_names
from vit_perception.wording import shown

MAX_EXAMPLES = 2000
"""Of one vocabulary: each frame is compared with all of them."""
MAX_OTHERS = 32
"""Of one example."""
MAX_DIMENSION = 4096
MAX_CROP_BYTES = 1_000_000
_MAX_SIDE = 2**15
_MAX_PIXELS = 10**8
_UNIT_LENGTH_TOLERANCE = 1e-3


class ExamplesError(ValueError):
    """Examples cannot be what they are said to be; one line."""


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """The part of a picture that an example came from, with some of its surroundings.

    It is kept so that another bundle can look at the thing again.

    Attributes:
        jpeg: the file.
        box: x1 y1 x2 y2 of the thing, in pixels of the whole picture.
        corner: x and y of the part's first pixel in the whole picture.
        size: width and height of the whole picture.
        scale: pixels of the JPEG for one of the whole picture, at most 1.

    Raises:
        ExamplesError: numbers that no picture can have.
    """

    jpeg: bytes
    box: tuple[float, float, float, float]
    corner: tuple[int, int]
    size: tuple[int, int]
    scale: float = 1.0

    def __post_init__(self) -> None:
        x1, y1, x2, y2 = self.box
        width, height = self.size
        inside = 0 <= self.corner[0] < width and 0 <= self.corner[1] < height
        if not (inside and max(width, height) <= _MAX_SIDE and width * height <= _MAX_PIXELS):
            raise ExamplesError(
                f"crop: expected a place in a picture of at most {_MAX_PIXELS} px, found "
                f"{shown(list(self.corner))} in {shown(list(self.size))}"
            )
        # A NaN fails too.
        if not (0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height and 0 < self.scale <= 1):
            raise ExamplesError(
                f"crop: expected a box in a picture of {width}x{height}, found "
                f"{shown(list(self.box))} at scale {self.scale}"
            )
        if not 0 < len(self.jpeg) <= MAX_CROP_BYTES:
            raise ExamplesError(
                f"crop: expected a JPEG of at most {MAX_CROP_BYTES} bytes, found {len(self.jpeg)}"
            )


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One thing that was shown.

    Attributes:
        name: what it is called.
        embedding: float32 [E], unit length: the mean region embedding of its box, centred.
        others: float32 [M, E], M of 0..MAX_OTHERS, rows of unit length: what else was in the
            picture.
        negative: whether the thing is *not* to be called so.
        crop: the picture it came from; None if it was not kept.

    Raises:
        VocabularyError: the name is refused.
        ExamplesError: another shape, type or length.
    """

    name: str
    embedding: NDArray[np.float32]
    others: NDArray[np.float32]
    negative: bool = False
    crop: Crop | None = None

    def __post_init__(self) -> None:
        checked_names((self.name,))
        shape = self.embedding.shape
        if len(shape) != 1 or not 1 <= shape[0] <= MAX_DIMENSION:
            raise ExamplesError(
                f"embedding: expected [1..{MAX_DIMENSION}], found {list(self.embedding.shape)}"
            )
        others = self.others.shape
        if len(others) != 2 or others[0] > MAX_OTHERS or others[1] != shape[0]:
            raise ExamplesError(
                f"others: expected [0..{MAX_OTHERS}, {shape[0]}], found {list(others)}"
            )
        for field in ("embedding", "others"):
            view = _unit_rows(field, getattr(self, field))
            object.__setattr__(self, field, view)


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Things that were shown to one detector.

    Attributes:
        space: the `Bundle.embedding_id` that embeddings belong to.
        shown: the examples, in the order in which they were shown.

    Raises:
        ExamplesError: too many, or of different dimensions.
    """

    space: str
    shown: tuple[Example, ...] = ()

    def __post_init__(self) -> None:
        if len(self.shown) > MAX_EXAMPLES:
            raise ExamplesError(
                f"examples: expected at most {MAX_EXAMPLES}, found {len(self.shown)}"
            )
        dimensions = sorted({len(example.embedding) for example in self.shown})
        if len(dimensions) > 1:
            raise ExamplesError(f"examples: expected one dimension, found {dimensions}")
        if len(self.names) > MAX_NAMES:
            raise ExamplesError(f"examples: expected at most {MAX_NAMES} names, found more")

    def __len__(self) -> int:
        return len(self.shown)

    @property
    def names(self) -> tuple[str, ...]:
        """Names with an example that is not negative, in the order of their first."""
        return tuple(dict.fromkeys(each.name for each in self.shown if not each.negative))

    def adding(self, examples: Iterable[Example]) -> Examples:
        """Returns these and further examples.

        Raises:
            ExamplesError: too many, or of another dimension.
        """
        return Examples(self.space, (*self.shown, *examples))

    def without(self, name: str) -> Examples:
        """Returns all examples but those of a name.

        Raises:
            ExamplesError: there is none of that name.
        """
        left = tuple(each for each in self.shown if each.name != name)
        if len(left) == len(self.shown):
            known = ", ".join(dict.fromkeys(each.name for each in self.shown)) or "none"
            raise ExamplesError(f"expected a name that was shown ({known}), found {shown(name)}")
        return Examples(self.space, left)

    def of(self, names: Iterable[str]) -> Examples:
        """Returns the examples of some names."""
        wanted = frozenset(names)
        return Examples(self.space, tuple(each for each in self.shown if each.name in wanted))


def _unit_rows(what: str, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns a read-only view of rows of unit length.

    Raises:
        ExamplesError: another type or length; a NaN has none.
    """
    if rows.dtype != np.float32:
        raise ExamplesError(f"{what}: expected float32, found {rows.dtype}")
    lengths = np.linalg.norm(rows, axis=-1)
    wrong = ~(np.abs(lengths - 1) <= _UNIT_LENGTH_TOLERANCE)
    if wrong.any():
        found = float(np.atleast_1d(lengths)[np.atleast_1d(wrong)][0])
        raise ExamplesError(f"{what}: expected unit length, found {found:.4g}")
    view: NDArray[np.float32] = rows.view()
    view.flags.writeable = False
    return view
