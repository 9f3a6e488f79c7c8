# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Invented words in thick, slanted, arched and outlined letters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vit_perception.scenes.parametric.palette import RGB

ONSETS = (
    "b br c ch cl cr d dr f fl fr g gl gr h j k kr l m n p pl pr qu r s sh sl sn sp st t tr v w z"
)
VOWELS = "a a a e e e i i o o o u u ee oo ea ai ou y"
CODAS = "l m n r s t x nd nt sh ck lo na ra ta la za no co ro ly ny sta lle ffy do bi mi ki"
_FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX | cv2.FONT_ITALIC,
)
PIL_FONT = len(_FONTS)


@dataclass(frozen=True, slots=True)
class Letters:
    """A style of letters: font number, thickness, slant, bend, wave and spacing."""

    font: int
    weight: float
    slant: float
    arch: float
    wave: float
    width: float


def sample_letters(rng: np.random.Generator) -> Letters:
    return Letters(
        font=int(rng.integers(PIL_FONT + 1)) if rng.random() < 0.6 else PIL_FONT,
        weight=float(rng.uniform(0.02, 0.13)),
        slant=float(rng.choice([0, 0, 0.15, 0.3])),
        arch=float(rng.choice([0, 0, 0, 0.25, -0.2])),
        wave=float(rng.choice([0, 0, 0, 0.08])),
        width=float(rng.uniform(0.75, 1.35)),
    )


def invented_word(rng: np.random.Generator, syllables: int | None = None) -> str:
    """Returns a word that is no brand we know of: "Brolo", "SHEENTA"."""
    onsets, vowels, codas = ONSETS.split(), VOWELS.split(), CODAS.split()
    count = syllables or int(rng.choice([1, 2, 2, 2, 3]))
    word = ""
    for number in range(count):
        word += onsets[int(rng.integers(len(onsets)))] + vowels[int(rng.integers(len(vowels)))]
        if number == count - 1 or rng.random() < 0.2:
            word += codas[int(rng.integers(len(codas)))]
    return word[:9]


def styled(word: str, rng: np.random.Generator) -> str:
    kind = rng.random()
    return word.upper() if kind < 0.5 else word.title() if kind < 0.9 else word.lower()


@lru_cache(maxsize=1)
def _pil_font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(72)


def word_mask(text: str, letters: Letters) -> np.ndarray:
    """Returns the word as uint8 [h,w] coverage, cut tight, some 70 pixels high."""
    if letters.font == PIL_FONT:
        box = _pil_font().getbbox(text)
        picture = Image.new("L", (int(box[2]) + 40, int(box[3]) + 40))
        ImageDraw.Draw(picture).text((20, 20), text, fill=255, font=_pil_font())
        mask = np.array(picture)
        grow = int(letters.weight * 60)
    else:
        thick = max(2, int(letters.weight * 90))
        (width, height), base = cv2.getTextSize(text, _FONTS[letters.font], 2.4, thick)
        mask = np.zeros((height + base + 60, width + 60), np.uint8)
        cv2.putText(
            mask, text, (30, height + 30), _FONTS[letters.font], 2.4, 255, thick, cv2.LINE_AA
        )
        grow = 0
    if grow > 1:
        mask = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (grow, grow)))
    if letters.slant or letters.arch or letters.wave:
        mask = _bent(mask, letters)
    x, y, width, height = cv2.boundingRect(mask)
    return mask[y : y + height, x : x + width]


def _bent(mask: np.ndarray, letters: Letters) -> np.ndarray:
    rows, columns = mask.shape
    room = int(rows * (abs(letters.arch) + letters.wave)) + 2
    side = int(rows * letters.slant) + 2
    mask = cv2.copyMakeBorder(mask, room, room, side, side, cv2.BORDER_CONSTANT, value=0)
    height, width = mask.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    t = (x / width - 0.5) * 2
    source_y = y + rows * (
        letters.arch * (0.5 - t * t) + letters.wave * np.sin(2 * np.pi * t).astype(np.float32)
    )
    source_x = x + letters.slant * (y - height / 2)
    return cv2.remap(mask, source_x, source_y.astype(np.float32), cv2.INTER_LINEAR)


def stamp(
    picture: np.ndarray,
    mask: np.ndarray,
    window: tuple[float, float, float, float],
    colour: RGB,
    *,
    outline: RGB | None = None,
    width: float = 1.0,
) -> None:
    """Draws coverage uint8 [h,w] into the window (x, y, w, h, pixels) of `picture` in `colour`.

    It is scaled to fit and centred; `width` stretches it sideways first; `outline` is a rim.
    """
    x, y, w, h = window
    rows, columns = mask.shape
    scale = min(w / (columns * width), h / rows)
    size = (round(columns * width * scale), round(rows * scale))
    if min(size) < 3:
        return
    small = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
    left, top = round(x + (w - size[0]) / 2), round(y + (h - size[1]) / 2)
    rim = max(1, round(size[1] / 14)) if outline is not None else 0
    if outline is not None:
        small = cv2.copyMakeBorder(small, rim, rim, rim, rim, cv2.BORDER_CONSTANT, value=0)
        left, top = left - rim, top - rim
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * rim + 1, 2 * rim + 1))
        _blend(picture, cv2.dilate(small, kernel), left, top, outline)
    _blend(picture, small, left, top, colour)


def _blend(picture: np.ndarray, mask: np.ndarray, left: int, top: int, colour: RGB) -> None:
    height, width = picture.shape[:2]
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + mask.shape[1], width), min(top + mask.shape[0], height)
    if x0 >= x1 or y0 >= y1:
        return
    share = mask[y0 - top : y1 - top, x0 - left : x1 - left, None].astype(np.float32) / 255
    part = picture[y0:y1, x0:x1]
    part[:] = (part * (1 - share) + np.array(colour, np.float32) * share).astype(np.uint8)
