# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The prints on the faces of a package: its brand, badge, food and claims."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from vit_perception.scenes.parametric import pictures, signs
from vit_perception.scenes.parametric.lettering import stamp, word_mask
from vit_perception.scenes.parametric.palette import BLACK, RGB, WHITE, contrast, pick
from vit_perception.scenes.parametric.prints import Design

Window = tuple[float, float, float, float]
"""x, y, w, h in pixels of a print."""
READABLE = 95
"""Contrast (palette.contrast) from which letters can be read at a glance; judged by eye."""

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


def ink_on(picture: np.ndarray, window: Window, choices: Sequence[RGB]) -> RGB:
    """Returns the first choice that can be read in the window, or the best of them."""
    x, y, w, h = (round(value) for value in window)
    part = picture[max(y, 0) : y + h, max(x, 0) : x + w]
    if not part.size:
        return choices[0]
    r, g, b = (int(value) for value in part.reshape(-1, 3).mean(axis=0))
    levels = [contrast((r, g, b), choice) for choice in choices]
    return next(
        (c for c, level in zip(choices, levels, strict=True) if level > READABLE),
        choices[int(np.argmax(levels))],
    )


def draw_brand(picture: np.ndarray, window: Window, design: Design, *, upright: bool) -> None:
    """Draws the invented word in an ink that can be read there, sometimes with a rim.

    `upright` turns it up the side. The style depends on the design only, so all faces have the
    same.
    """
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


def draw_badge(
    picture: np.ndarray, window: Window, design: Design, rng: np.random.Generator
) -> None:
    """Draws an oval, frame, toothed disc or slanted band in the second colour, behind a word."""
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


def draw_food(
    picture: np.ndarray, window: Window, design: Design, rng: np.random.Generator
) -> None:
    """Draws what the package shows: its food, or signs if it has none."""
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


def draw_claim(
    picture: np.ndarray, window: Window, design: Design, rng: np.random.Generator
) -> None:
    """Draws a small round sign in a corner."""
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
