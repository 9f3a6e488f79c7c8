# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Signs and pages to learn reading from: texts on textures, seen at an angle (card 63).

The letters are those of OpenCV, which are the same on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vit_perception.models.text.characters import PRINTABLE

FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_PLAIN,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
)
LETTERS = PRINTABLE.replace("\n", "").replace(" ", "")
_LETTER, _HEIGHT, _MARGIN = 20, 30, 5
"""Height of a letter and of a line, and margin, px, before they are fitted into the picture."""


class Signs:
    """Draws pictures of texts, each time others; a `training.unit.Documents`.

    Args:
        seed: of the first ones.
        count: pictures of a batch.
        alphabet: of the texts.
        characters: least and largest number in a line.
        lines: least and largest number on a picture; several make it a page.
        fonts: of OpenCV.
        tilt: how far corners lie from those of the picture, as a share of its side.
    """

    def __init__(
        self,
        seed: int,
        count: int,
        alphabet: str = LETTERS,
        characters: tuple[int, int] = (3, 12),
        lines: tuple[int, int] = (1, 1),
        fonts: Sequence[int] = FONTS,
        tilt: float = 0.15,
    ) -> None:
        self.rng = np.random.default_rng(seed)
        self.count, self.alphabet, self.fonts, self.tilt = count, list(alphabet), fonts, tilt
        self.characters, self.lines = characters, lines

    def __call__(self, side: int) -> tuple[Tensor, list[str]]:
        """Returns float [count, 3, side, side] RGB in [0, 1], and the texts."""
        texts = [self._text() for _ in range(self.count)]
        pictures = np.stack([self.picture(text, side) for text in texts])
        return torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous(), texts

    def picture(self, text: str, side: int) -> NDArray[np.float32]:
        """Returns a picture of a text, float [side, side, 3] RGB in [0, 1]."""
        ink = self._warped(self._ink(text), side)[:, :, None]
        dark, bright = self.rng.uniform(0, 0.35, 3), self.rng.uniform(0.65, 1, 3)
        if self.rng.random() < 0.5:
            dark, bright = bright, dark
        found = self._texture(side, dark) * (1 - ink) + bright * ink
        found = found + self.rng.normal(0, 0.03, found.shape)
        return found.clip(0, 1).astype(np.float32)

    def _text(self) -> str:
        (least, most), (few, many) = self.characters, self.lines
        lengths = self.rng.integers(least, most + 1, self.rng.integers(few, many + 1))
        return "\n".join("".join(self.rng.choice(self.alphabet, length)) for length in lengths)

    def _ink(self, text: str) -> NDArray[np.float32]:
        """Returns where there is ink, 0 to 1, as large as the text."""
        font = int(self.rng.choice(self.fonts))
        weight = int(self.rng.integers(2, 4))
        rows = text.split("\n")
        scale = cv2.getFontScaleFromHeight(font, _LETTER, weight)
        width = max(cv2.getTextSize(row, font, scale, weight)[0][0] for row in rows)
        canvas = np.zeros((_HEIGHT * len(rows) + 2 * _MARGIN, width + 2 * _MARGIN), np.uint8)
        for index, row in enumerate(rows):
            base = (_MARGIN, _MARGIN + _HEIGHT * index + _LETTER + 3)
            cv2.putText(canvas, row, base, font, scale, 255, weight, cv2.LINE_AA)
        return np.asarray(canvas / 255, np.float32)

    def _warped(self, ink: NDArray[np.float32], side: int) -> NDArray[np.float32]:
        """Fits ink into a square, its corners moved at random."""
        height, width = ink.shape
        ratio = side / max(height, width)
        if ratio < 1:
            size = (max(1, round(ratio * width)), max(1, round(ratio * height)))
            ink = np.asarray(cv2.resize(ink, size, interpolation=cv2.INTER_AREA), np.float32)
            height, width = ink.shape
            ratio = 1.0
        corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
        from_ = corners * np.array([width, height], np.float32)
        middle = (side - ratio * np.array([width, height])) / 2
        to = (
            ratio * from_
            + middle
            + self.rng.uniform(0, self.tilt, (4, 2)) * side * (1 - 2 * corners)
        )
        matrix = cv2.getPerspectiveTransform(from_, to.astype(np.float32))
        return np.asarray(cv2.warpPerspective(ink, matrix, (side, side)), np.float32)

    def _texture(self, side: int, colour: NDArray[np.float64]) -> NDArray[np.float64]:
        cells = int(self.rng.integers(2, 9))
        coarse = self.rng.normal(0, 0.06, (cells, cells, 3))
        rough = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
        return colour + np.asarray(rough, np.float64)
