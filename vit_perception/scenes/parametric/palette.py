# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Colours that go together, each with the word that is true for it."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from vit_perception.scenes.colours import METAL_WORDS, WORD_RANGES, nearest_word, sample_rgb

RGB = tuple[int, int, int]
WHITE, BLACK = (250, 250, 248), (22, 20, 20)
"""Plain inks."""
PLAIN_WORDS = tuple(word for word in WORD_RANGES if word not in METAL_WORDS)
# Grocery shelves are redder, whiter and bluer than the colour circle.
_WEIGHTS = {"red": 2.2, "white": 2.6, "blue": 2.0, "yellow": 1.7, "green": 1.7, "orange": 1.4}
_WEIGHTS |= {"black": 0.8, "grey": 0.4, "tan": 0.5, "beige": 0.7, "light blue": 1.2}


@dataclass(frozen=True, slots=True)
class Colour:
    """A colour word and a colour for which it is true."""

    word: str
    rgb: RGB

    def shaded(self, factor: float) -> RGB:
        r, g, b = (int(np.clip(channel * factor, 0, 255)) for channel in self.rgb)
        return r, g, b


def colour_of(word: str, rng: np.random.Generator) -> Colour:
    return Colour(word, sample_rgb(word, rng))


def off_shade(colour: Colour, rng: np.random.Generator) -> Colour:
    """Returns a paler, darker or duller shade for which the word is still the nearest one."""
    hue, saturation, value = colorsys.rgb_to_hsv(*(channel / 255 for channel in colour.rgb))
    saturation = min(1.0, saturation * rng.uniform(0.6, 1.1))
    r, g, b = colorsys.hsv_to_rgb(hue, saturation, min(1.0, value * rng.uniform(0.65, 1.1)))
    rgb = (round(r * 255), round(g * 255), round(b * 255))
    return Colour(colour.word, rgb) if nearest_word(rgb, PLAIN_WORDS) == colour.word else colour


def pick(rng: np.random.Generator, *words: str) -> Colour:
    """Draws one of the words (any but metals if none is given), shelf colours more often."""
    among = words or PLAIN_WORDS
    weights = np.array([_WEIGHTS.get(word, 1.0) if not words else 1.0 for word in among])
    return colour_of(among[int(rng.choice(len(among), p=weights / weights.sum()))], rng)


def light(rgb: RGB) -> float:
    """Returns the perceived lightness, 0 to 255."""
    return 0.3 * rgb[0] + 0.59 * rgb[1] + 0.11 * rgb[2]


def contrast(a: RGB, b: RGB) -> float:
    return abs(light(a) - light(b)) + 0.3 * sum(abs(x - y) for x, y in zip(a, b, strict=True))


def pick_against(rng: np.random.Generator, *others: Colour, least: float = 90.0) -> Colour:
    """Draws a colour that stands out from the others."""
    for _ in range(12):
        colour = pick(rng)
        if all(contrast(colour.rgb, other.rgb) >= least for other in others) and all(
            colour.word != other.word for other in others
        ):
            return colour
    dark = np.mean([light(other.rgb) for other in others]) > 120
    return colour_of("black" if dark else "white", rng)
