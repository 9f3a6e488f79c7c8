# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Where brand, product, picture and small print stand on the faces of one design."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from vit_perception.scenes.parametric import pictures, signs
from vit_perception.scenes.parametric.lettering import (
    stamp,
    word_mask,
)
from vit_perception.scenes.parametric.palette import (
    BLACK,
    RGB,
    WHITE,
    contrast,
    pick,
)
from vit_perception.scenes.parametric.prints import Design, ground

Window = tuple[float, float, float, float]


_CLAIMS = (
    "NEW",
    "100%",
    "BIO",
    "XL",
    "PURE",
    "2 in 1",
    "FRESH",
    "0%",
    "+25%",
    "ECO",
    "No.1",
    "MAXI",
)


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


def ink_on(picture: np.ndarray, window: Window, choices: Sequence[RGB]) -> RGB:
    """The first choice that can be read on what lies in the window, or the best of them."""
    x, y, w, h = (round(value) for value in window)
    part = picture[max(y, 0) : y + h, max(x, 0) : x + w]
    if not part.size:
        return choices[0]
    r, g, b = (int(value) for value in part.reshape(-1, 3).mean(axis=0))
    levels = [contrast((r, g, b), choice) for choice in choices]
    return next(
        (c for c, level in zip(choices, levels, strict=True) if level > 95),
        choices[int(np.argmax(levels))],
    )


def front(picture: np.ndarray, window: Window, design: Design) -> None:
    """Brand, product, food picture and claims inside the window (x, y, w, h) of a print."""
    rng = np.random.default_rng(design.seed + 1)
    x, y, w, h = window
    tall = h > 0.8 * w
    brand: Window
    if design.layout == 0 and tall:  # a word up the side
        brand = (x + w * 0.2, y + h * 0.06, w * 0.6, h * 0.62)
        _brand(picture, brand, design, upright=True)
        _food(picture, (x + w * 0.15, y + h * 0.7, w * 0.7, h * 0.24), design, rng)
        return
    if design.layout == 1:  # a badge in the middle
        badge = (x + w * 0.08, y + h * 0.14, w * 0.84, h * (0.36 if tall else 0.6))
        _badge(picture, badge, design, rng)
        brand = _inside(badge, 0.12, 0.22)
        product = (x + w * 0.15, y + h * 0.54, w * 0.7, h * 0.1)
        show = (x + w * 0.12, y + h * 0.64, w * 0.76, h * 0.3)
    elif design.layout == 2:  # the picture above, the word below
        show = (x + w * 0.1, y + h * 0.06, w * 0.8, h * 0.46)
        brand = (x + w * 0.07, y + h * 0.55, w * 0.86, h * 0.22)
        product = (x + w * 0.15, y + h * 0.8, w * 0.7, h * 0.1)
    elif design.layout == 3:  # spare: one word, a line, much empty
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
    _food(picture, show, design, rng)
    _brand(picture, brand, design, upright=False)
    ink = ink_on(picture, product, [design.accent.rgb, WHITE, BLACK])
    stamp(picture, design.product, product, ink)
    if rng.random() < 0.45:
        _claim(picture, (x, y, w, h), design, rng)
    if rng.random() < 0.6:
        line = (x + w * 0.1, y + h * 0.945, w * rng.uniform(0.3, 0.8), h * 0.03)
        signs.small_print(
            picture, line, ink_on(picture, line, [WHITE, BLACK]), rng, max(h * 0.025, 2.5)
        )
    if rng.random() < 0.5:
        amount = word_mask(str(rng.choice(_AMOUNTS)), design.script)
        place = (x + w * 0.62, y + h * 0.9, w * 0.32, h * 0.06)
        stamp(picture, amount, place, ink_on(picture, place, [WHITE, BLACK]))


def _brand(picture: np.ndarray, window: Window, design: Design, *, upright: bool) -> None:
    choices = [design.accent.rgb, design.second.rgb, WHITE, BLACK]
    if design.seed % 3 == 0:
        choices = [WHITE, BLACK]
    ink = ink_on(picture, window, choices)
    rim = None
    if design.seed % 5 < 2:
        rims = [c for c in (WHITE, design.second.rgb, BLACK) if contrast(c, ink) > 90]
        rim = rims[design.seed % len(rims)] if rims else None
    mask = np.ascontiguousarray(np.rot90(design.brand)) if upright else design.brand
    # Wide words are set taller, so that every brand fills its place.
    stretch = design.brand_width if not upright else 1 / design.brand_width
    fill = window[2] / window[3] * mask.shape[0] / mask.shape[1]
    stretch = float(np.clip(stretch * fill, 0.6, 1.5))
    stamp(picture, mask, window, ink, outline=rim, width=stretch)


def _badge(picture: np.ndarray, window: Window, design: Design, rng: np.random.Generator) -> None:
    x, y, w, h = window
    centre, axes = (round(x + w / 2), round(y + h / 2)), (round(w / 2), round(h / 2))
    rim = design.accent.rgb
    kind = rng.integers(4)
    if kind == 0:
        grown = (axes[0] + 3, axes[1] + 3)
        cv2.ellipse(picture, centre, grown, 0, 0, 360, rim, -1, cv2.LINE_AA)
        cv2.ellipse(picture, centre, axes, 0, 0, 360, design.second.rgb, -1, cv2.LINE_AA)
    elif kind == 1:
        cv2.rectangle(
            picture, (round(x), round(y)), (round(x + w), round(y + h)), design.second.rgb, -1
        )
        cv2.rectangle(picture, (round(x), round(y)), (round(x + w), round(y + h)), rim, 2)
    elif kind == 2:
        radius = max(w, h) / 2
        signs.star(picture, x + w / 2, y + h / 2, radius, design.second.rgb, 20, 0.12)
    else:
        tilt = h * rng.uniform(0.1, 0.25)
        shape = np.array([[x, y + tilt], [x + w, y], [x + w, y + h - tilt], [x, y + h]])
        cv2.fillPoly(picture, [shape.astype(np.int32)], design.second.rgb, cv2.LINE_AA)


def _food(picture: np.ndarray, window: Window, design: Design, rng: np.random.Generator) -> None:
    """What the package shows: its food, or signs where it has none."""
    x, y, w, h = window
    if min(w, h) < 6:
        return
    if design.food is None:
        colour = ink_on(picture, window, [design.accent.rgb, design.second.rgb, WHITE])
        kind = rng.integers(5)
        if kind == 0:
            pictures.leaves(picture, window, colour, rng)
        elif kind == 1:
            pictures.hills(picture, window, colour, rng)
        elif kind == 2:
            pictures.splash(picture, window, colour, rng)
        elif kind == 3:
            for k in range(3):
                place = x + w * (k + 0.5) / 3
                signs.pictogram(picture, place, y + h / 2, min(w / 7, h / 2.5), colour, rng)
        else:
            signs.pictogram(picture, x + w / 2, y + h / 2, min(w, h) * 0.42, colour, rng)
        return
    if rng.random() < 0.22:
        wide = rng.random() < 0.6
        if wide:
            window = (x - w * 0.12, y, w * 1.24, h)
        pictures.photograph(picture, window, design.food, rng)
        if rng.random() < 0.5:
            return
    if rng.random() < 0.3:
        pictures.splash(picture, window, WHITE, rng)
    if rng.random() < 0.3:
        pictures.dish(picture, window, design.food, rng)
    else:
        pictures.heap(picture, window, design.food, rng)
    if rng.random() < 0.3:
        pictures.leaves(picture, (x + w * 0.6, y + h * 0.4, w * 0.35, h * 0.5), (60, 130, 45), rng)


def _claim(picture: np.ndarray, window: Window, design: Design, rng: np.random.Generator) -> None:
    """A small round sign in a corner."""
    x, y, w, h = window
    radius = min(w, h) * rng.uniform(0.09, 0.14)
    at = (
        x + (radius * 1.2 if rng.random() < 0.5 else w - radius * 1.2),
        y + h * rng.uniform(0.35, 0.85),
    )
    fill = design.accent.rgb if rng.random() < 0.6 else pick(rng).rgb
    signs.star(picture, *at, radius, fill, 16, float(rng.choice([0.04, 0.2])))
    place = (at[0] - radius * 0.75, at[1] - radius * 0.4, radius * 1.5, radius * 0.8)
    mask = word_mask(str(rng.choice(_CLAIMS)), design.script)
    stamp(picture, mask, place, ink_on(picture, place, [WHITE, BLACK]))


def back(picture: np.ndarray, window: Window, design: Design, rng: np.random.Generator) -> None:
    """A small brand, small print, a nutrition table and a bar code, in the window of a print."""
    x, y, w, h = window
    spots: list[Window]
    if h > w:
        _brand(picture, (x + w * 0.1, y + h * 0.05, w * 0.8, h * 0.13), design, upright=False)
        cuts = np.sort(rng.uniform(0.45, 0.7, 1))
        spots = [
            (x + w * 0.1, y + h * 0.22, w * 0.8, h * (cuts[0] - 0.26)),
            (x + w * 0.1, y + h * cuts[0], w * 0.8, h * (0.76 - cuts[0])),
            (x + w * 0.3, y + h * 0.8, w * 0.6, h * 0.14),
        ]
    else:
        _brand(picture, (x + w * 0.04, y + h * 0.1, w * 0.3, h * 0.25), design, upright=False)
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
        _food(picture, spots[1], design, rng)
    if rng.random() < 0.8:
        signs.bar_code(picture, spots[2], rng)


def lid(size: tuple[int, int], design: Design) -> np.ndarray:
    """A top: the brand alone on the base or second colour."""
    rng = np.random.default_rng(design.seed + 2)
    picture = np.empty((size[1], size[0], 3), np.uint8)
    picture[:] = design.base.rgb if rng.random() < 0.7 else design.second.rgb
    w, h = size
    place = (w * 0.15, h * 0.3, w * 0.7, h * 0.4)
    _brand(picture, place, design, upright=h > 1.6 * w)
    return picture


def wrap(
    size: tuple[int, int], design: Design, rng: np.random.Generator, *, face: float = 0.42
) -> np.ndarray:
    """A print around a round thing: the front in the middle (u = 0.5), the rest at the back.

    `face` is the front's share of the way round; below 0.45 there may be two fronts.
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
