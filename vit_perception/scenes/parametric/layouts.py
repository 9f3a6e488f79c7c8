# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Places brand, product, picture and small print on the faces of one design."""

from __future__ import annotations

import cv2
import numpy as np

from vit_perception.scenes.parametric import signs
from vit_perception.scenes.parametric.lettering import (
    stamp,
    word_mask,
)
from vit_perception.scenes.parametric.marks import (
    Window,
    draw_badge,
    draw_brand,
    draw_claim,
    draw_food,
    ink_on,
)
from vit_perception.scenes.parametric.palette import (
    BLACK,
    WHITE,
)
from vit_perception.scenes.parametric.prints import Design, ground

_AMOUNTS = (
    "500 g",
    "250 g",
    "1 kg",
    "330 ml",
    "1 L",
    "750 ml",
    "400 g",
    "6 x 50 g",
    "200 ml",
    "12 oz",
)


def front(picture: np.ndarray, window: Window, design: Design) -> None:
    """Draws brand, product, food picture and claims inside the window (x, y, w, h) of a print."""
    rng = np.random.default_rng(design.seed + 1)
    x, y, w, h = window
    tall = h > 0.8 * w
    brand: Window
    if design.layout == 0 and tall:  # a word up the side
        brand = (x + w * 0.2, y + h * 0.06, w * 0.6, h * 0.62)
        draw_brand(picture, brand, design, upright=True)
        draw_food(picture, (x + w * 0.15, y + h * 0.7, w * 0.7, h * 0.24), design, rng)
        return
    if design.layout == 1:  # a badge in the middle
        badge = (x + w * 0.08, y + h * 0.14, w * 0.84, h * (0.36 if tall else 0.6))
        draw_badge(picture, badge, design, rng)
        brand = _inside(badge, 0.12, 0.22)
        product = (x + w * 0.15, y + h * 0.54, w * 0.7, h * 0.1)
        show = (x + w * 0.12, y + h * 0.64, w * 0.76, h * 0.3)
    elif design.layout == 2:  # the picture above, the word below
        show = (x + w * 0.1, y + h * 0.06, w * 0.8, h * 0.46)
        brand = (x + w * 0.07, y + h * 0.55, w * 0.86, h * 0.22)
        product = (x + w * 0.15, y + h * 0.8, w * 0.7, h * 0.1)
    elif design.layout == 3:  # plain: one word, a line, mostly empty
        brand = (x + w * 0.12, y + h * 0.3, w * 0.76, h * 0.2)
        product = (x + w * 0.2, y + h * 0.56, w * 0.6, h * 0.08)
        show = (x + w * 0.35, y + h * 0.1, w * 0.3, h * 0.16)
        cv2.line(
            picture,
            (round(x + w * 0.2), round(y + h * 0.53)),
            (round(x + w * 0.8), round(y + h * 0.53)),
            ink_on(picture, brand, [design.accent.rgb, WHITE, BLACK]),
            max(1, round(h * 0.01)),
        )
    elif design.layout == 4:  # a coloured band across
        top = y + h * rng.uniform(0.1, 0.35)
        tall_band = h * rng.uniform(0.22, 0.32)
        cv2.rectangle(
            picture,
            (round(x), round(top)),
            (round(x + w), round(top + tall_band)),
            design.second.rgb,
            -1,
        )
        brand = (x + w * 0.07, top + tall_band * 0.15, w * 0.86, tall_band * 0.7)
        product = (x + w * 0.15, top + tall_band * 1.12, w * 0.7, h * 0.09)
        show = (
            x + w * 0.12,
            top + tall_band + h * 0.12,
            w * 0.76,
            y + h * 0.94 - top - tall_band - h * 0.12,
        )
    else:  # the word above, the picture below
        brand = (x + w * 0.06, y + h * 0.05, w * 0.88, h * rng.uniform(0.2, 0.32))
        product = (x + w * 0.12, y + h * 0.4, w * 0.76, h * 0.1)
        show = (x + w * 0.08, y + h * 0.52, w * 0.84, h * 0.38)
    draw_food(picture, show, design, rng)
    draw_brand(picture, brand, design, upright=False)
    ink = ink_on(picture, product, [design.accent.rgb, WHITE, BLACK])
    stamp(picture, design.product, product, ink)
    if rng.random() < 0.45:
        draw_claim(picture, (x, y, w, h), design, rng)
    if rng.random() < 0.6:
        line = (x + w * 0.1, y + h * 0.945, w * rng.uniform(0.3, 0.8), h * 0.03)
        signs.small_print(
            picture, line, ink_on(picture, line, [WHITE, BLACK]), rng, max(h * 0.025, 2.5)
        )
    if rng.random() < 0.5:
        amount = word_mask(str(rng.choice(_AMOUNTS)), design.script)
        place = (x + w * 0.62, y + h * 0.9, w * 0.32, h * 0.06)
        stamp(picture, amount, place, ink_on(picture, place, [WHITE, BLACK]))


def back(picture: np.ndarray, window: Window, design: Design, rng: np.random.Generator) -> None:
    """Draws a small brand, small print, a nutrition table and a bar code in a print's window."""
    x, y, w, h = window
    spots: list[Window]
    if h > w:
        draw_brand(picture, (x + w * 0.1, y + h * 0.05, w * 0.8, h * 0.13), design, upright=False)
        cuts = np.sort(rng.uniform(0.45, 0.7, 1))
        spots = [
            (x + w * 0.1, y + h * 0.22, w * 0.8, h * (cuts[0] - 0.26)),
            (x + w * 0.1, y + h * cuts[0], w * 0.8, h * (0.76 - cuts[0])),
            (x + w * 0.3, y + h * 0.8, w * 0.6, h * 0.14),
        ]
    else:
        draw_brand(picture, (x + w * 0.04, y + h * 0.1, w * 0.3, h * 0.25), design, upright=False)
        spots = [
            (x + w * 0.05, y + h * 0.42, w * 0.3, h * 0.5),
            (x + w * 0.4, y + h * 0.1, w * 0.26, h * 0.8),
            (x + w * 0.7, y + h * 0.3, w * 0.25, h * 0.45),
        ]
    row = float(np.clip(min(w, h) * 0.05, 2.6, 5))
    signs.small_print(picture, spots[0], ink_on(picture, spots[0], [WHITE, BLACK]), rng, row)
    if rng.random() < 0.75:
        signs.facts_table(picture, spots[1], rng)
    else:
        draw_food(picture, spots[1], design, rng)
    if rng.random() < 0.8:
        signs.bar_code(picture, spots[2], rng)


def lid(size: tuple[int, int], design: Design) -> np.ndarray:
    """Returns a top: only the brand, on the base or second colour."""
    rng = np.random.default_rng(design.seed + 2)
    picture = np.empty((size[1], size[0], 3), np.uint8)
    picture[:] = design.base.rgb if rng.random() < 0.7 else design.second.rgb
    w, h = size
    place = (w * 0.15, h * 0.3, w * 0.7, h * 0.4)
    draw_brand(picture, place, design, upright=h > 1.6 * w)
    return picture


def wrap(
    size: tuple[int, int], design: Design, rng: np.random.Generator, *, face: float = 0.42
) -> np.ndarray:
    """Returns a print around a round object: the front in the middle (u = 0.5), the rest behind.

    `face` is the front's share of the circumference; below 0.45 there may be two fronts.
    """
    picture = ground(size, design)
    w, h = size
    wide = w * face
    if face < 0.45 and rng.random() < 0.4:
        for middle in (0.25, 0.75):
            front(picture, (w * middle - wide / 2, 0, wide, h), design)
        gap = w * (0.5 - face)
        if gap > 14:
            signs.bar_code(picture, (w / 2 - gap * 0.4, h * 0.5, gap * 0.8, h * 0.3), rng)
        return picture
    front(picture, (w / 2 - wide / 2, 0, wide, h), design)
    rest = w * (1 - face) / 2
    back(picture, (0, 0, rest * 0.95, h), design, rng)
    place = (w - rest * 0.9, h * 0.15, rest * 0.75, h * 0.7)
    ink = ink_on(picture, place, [WHITE, BLACK])
    signs.small_print(picture, place, ink, rng, float(np.clip(h * 0.04, 2.6, 5)))
    return picture


def _inside(window: Window, across: float, down: float) -> Window:
    x, y, w, h = window
    return x + w * across, y + h * down, w * (1 - 2 * across), h * (1 - 2 * down)
