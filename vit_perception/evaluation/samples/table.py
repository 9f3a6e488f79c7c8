# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What is true of many pictures, in little memory."""

from __future__ import annotations

import zlib
from array import array

import numpy as np

from vit_perception.evaluation.samples.sample import FrameTruth
from vit_perception.rle import Rle

UNKNOWN_SIZE = (0, 0)


class TruthTable:
    """The truth of P pictures in arrays, numbered as they were added.

    The truth of a whole recording is kept, as the names in it have to be known before the first
    picture is looked at, and as truth may be recorded long before or after its picture. A thing
    takes 33 bytes, and each name, part and id is kept once; masks are packed, those of a picture
    together.
    """

    def __init__(self) -> None:
        self._sizes = array("q")
        self._ends = array("q")
        self._boxes = array("f")
        self._areas = array("f")
        self._crowds = bytearray()
        self._words = tuple((_Words(), array("i")) for _ in ("names", "parts", "ids"))
        self._masks: list[bytes | None] = []

    def __len__(self) -> int:
        return len(self._ends)

    def add(self, truth: FrameTruth, size: tuple[int, int] = UNKNOWN_SIZE) -> None:
        """Takes the truth of the next picture.

        Args:
            truth: its masks have the size of the picture.
            size: height and width of the picture, px, which has to be known with masks.
        """
        self._sizes.extend(size)
        self._boxes.frombytes(truth.boxes.tobytes())
        self._areas.frombytes(truth.areas.tobytes())
        self._crowds += truth.crowds.tobytes()
        for (words, numbers), values in zip(
            self._words, (truth.names, truth.parts, truth.ids), strict=True
        ):
            numbers.extend(words.number(value) for value in values)
        # COCO's text has no space in it.
        text = None if truth.masks is None else " ".join(rle["counts"] for rle in truth.masks)
        self._masks.append(None if text is None else zlib.compress(text.encode("ascii")))
        self._ends.append(len(self._crowds))

    def size(self, row: int) -> tuple[int, int]:
        """Returns height and width of a picture, px; UNKNOWN_SIZE where they are not stated."""
        return self._sizes[2 * row], self._sizes[2 * row + 1]

    def __getitem__(self, row: int) -> FrameTruth:
        begin, end = self._ends[row - 1] if row else 0, self._ends[row]
        names, parts, ids = (
            tuple(words.texts[number] for number in numbers[begin:end])
            for words, numbers in self._words
        )
        return FrameTruth(
            boxes=np.array(self._boxes[4 * begin : 4 * end], np.float32).reshape(-1, 4),
            names=names,
            masks=self._rles(row),
            areas=np.array(self._areas[begin:end], np.float32),
            crowds=np.array(self._crowds[begin:end], np.bool_),
            parts=parts,
            ids=ids,
        )

    def names(self) -> tuple[str, ...]:
        """Returns the names that occur, sorted; things without a name have none."""
        return tuple(sorted(name for name in self._words[0][0].texts if name))

    def _rles(self, row: int) -> tuple[Rle, ...] | None:
        packed = self._masks[row]
        if packed is None:
            return None
        texts = zlib.decompress(packed).decode("ascii").split()
        return tuple(Rle(size=list(self.size(row)), counts=text) for text in texts)


class _Words:
    """Texts, each once, by number."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        number = self._numbers.setdefault(text, len(self.texts))
        if number == len(self.texts):
            self.texts.append(text)
        return number
