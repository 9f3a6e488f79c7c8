# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Colour words and the colours for which they are true."""

from __future__ import annotations

import colorsys

import numpy as np

WORD_RANGES: dict[str, tuple[tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    "red": ((352, 364), (0.78, 0.95), (0.60, 0.88)),
    "orange": ((20, 31), (0.82, 1.0), (0.88, 1.0)),
    "yellow": ((47, 56), (0.72, 1.0), (0.86, 1.0)),
    "green": ((95, 150), (0.50, 0.90), (0.32, 0.68)),
    "blue": ((212, 236), (0.68, 0.95), (0.48, 0.90)),
    "light blue": ((195, 213), (0.30, 0.50), (0.82, 0.97)),
    "teal": ((174, 186), (0.65, 0.95), (0.40, 0.65)),
    "purple": ((268, 290), (0.45, 0.75), (0.42, 0.75)),
    "pink": ((325, 350), (0.38, 0.65), (0.88, 1.0)),
    "brown": ((16, 29), (0.52, 0.75), (0.28, 0.48)),
    "tan": ((28, 36), (0.32, 0.45), (0.66, 0.80)),
    "beige": ((33, 44), (0.16, 0.28), (0.80, 0.92)),
    "white": ((30, 60), (0.0, 0.04), (0.90, 1.0)),
    "black": ((0, 360), (0.0, 0.12), (0.04, 0.13)),
    "grey": ((200, 240), (0.0, 0.06), (0.36, 0.58)),
    "silver": ((200, 240), (0.0, 0.04), (0.66, 0.78)),
    "gold": ((40, 47), (0.58, 0.75), (0.68, 0.85)),
}
"""Word -> (hue degrees, saturation, value) ranges of a surface under white light.

Neighbouring ranges leave a gap, so that mild changes of light do not change the word.
"""

METAL_WORDS = frozenset({"silver", "gold"})
METALS = frozenset({"metal", "aluminium", "brass", "copper", "foil"})
SHINY = METALS | {"ceramic", "porcelain", "glass", "plastic", "rubber"}
WOOD_WORDS = ("brown", "tan", "beige")


def words_for(material: str, rng: np.random.Generator) -> tuple[str, ...]:
    """Returns the words to which an object of this material can plausibly be recoloured."""
    if material in ("wood", "wicker") and rng.random() < 0.7:
        return WOOD_WORDS
    metal = material in METALS
    return tuple(word for word in WORD_RANGES if metal or word not in METAL_WORDS)


def sample_rgb(word: str, rng: np.random.Generator) -> tuple[int, int, int]:
    """Returns a colour for which `word` (a key of WORD_RANGES) is true, 0 to 255."""
    hue, saturation, value = (rng.uniform(*span) for span in WORD_RANGES[word])
    red, green, blue = colorsys.hsv_to_rgb(hue % 360 / 360, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def nearest_word(rgb: tuple[float, float, float], words: tuple[str, ...]) -> str:
    """Returns the one of `words` (keys of WORD_RANGES) with the range nearest `rgb`, 0 to 255."""
    hue, saturation, value = colorsys.rgb_to_hsv(*(channel / 255 for channel in rgb))

    def distance(word: str) -> float:
        hues, saturations, values = WORD_RANGES[word]
        middle, reach = sum(hues) / 2, (hues[1] - hues[0]) / 2
        turn = max(abs((hue * 360 - middle + 180) % 360 - 180) - reach, 0.0)
        # Greys have almost no hue.
        coloured = min(saturation, max(saturations)) * min(value, max(values))
        return (
            4.0 * turn / 180 * coloured
            + value * _outside(saturation, saturations)
            + _outside(value, values)
        )

    return min(words, key=distance)


def _outside(value: float, span: tuple[float, float]) -> float:
    return max(span[0] - value, value - span[1], 0.0)
