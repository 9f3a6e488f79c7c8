# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Printed packaging: one design, and the front, back, sides and wraps printed from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vit_perception.scenes.parametric.lettering import (
    Letters,
    invented_word,
    sample_letters,
    styled,
    word_mask,
)
from vit_perception.scenes.parametric.palette import (
    Colour,
    colour_of,
    off_shade,
    pick,
    pick_against,
)


@dataclass(frozen=True, slots=True)
class Design:
    """The properties that all faces of one package share."""

    base: Colour
    second: Colour
    accent: Colour
    food: str | None
    brand: np.ndarray
    brand_width: float
    product: np.ndarray
    script: Letters
    layout: int
    ground: int
    seed: int

    @property
    def colours(self) -> tuple[Colour, ...]:
        return self.base, self.second, self.accent


def sample_design(
    rng: np.random.Generator,
    products: Sequence[str],
    *,
    foods: Sequence[str] = (),
    base: Colour | None = None,
) -> Design:
    """Draws a design for one of the products; `foods` are colour words of what it may show."""
    base = base or pick(rng)
    second = pick_against(rng, base)
    accent = pick_against(rng, base, least=60.0)
    letters = sample_letters(rng)
    brand = styled(invented_word(rng), rng)
    if rng.random() < 0.15:
        brand += " " + styled(invented_word(rng, 1), rng)
    product = str(products[int(rng.integers(len(products)))])
    script = sample_letters(rng)
    shows = foods and rng.random() < 0.7
    return Design(
        base=base,
        second=second,
        accent=accent,
        food=str(foods[int(rng.integers(len(foods)))]) if shows else None,
        brand=word_mask(brand, letters),
        brand_width=letters.width,
        product=word_mask(product.upper() if rng.random() < 0.5 else product, script),
        script=script,
        layout=int(rng.integers(7)),
        ground=int(rng.integers(10)),
        seed=int(rng.integers(2**31)),
    )


def ground(size: tuple[int, int], design: Design) -> np.ndarray:
    """Returns the unlettered print uint8 [h,w,3] of a size (w, h); the base colour dominates."""
    rng = np.random.default_rng(design.seed)
    width, height = size
    picture = np.empty((height, width, 3), np.uint8)
    picture[:] = design.base.rgb
    light, dark = design.base.shaded(1.12), design.base.shaded(0.84)
    kind = design.ground
    if kind == 1:
        t = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
        fade = np.array(light, np.float32) * (1 - t) + np.array(dark, np.float32) * t
        picture[:] = fade.astype(np.uint8)
    elif kind == 2:
        step = max(4, round(height * rng.uniform(0.04, 0.12)))
        for y in range(0, height, 2 * step):
            cv2.rectangle(picture, (0, y), (width, y + step - 1), dark, -1)
    elif kind == 3:
        step = max(6, round(min(width, height) * rng.uniform(0.08, 0.2)))
        for x in range(-height, width, 2 * step):
            band = np.array(
                [[x, height], [x + step, height], [x + step + height, 0], [x + height, 0]]
            )
            cv2.fillPoly(picture, [band.astype(np.int32)], light, cv2.LINE_AA)
    elif kind == 4:
        centre = np.array([width / 2, height * rng.uniform(0.3, 0.7)])
        reach = width + height
        for k in range(0, 24, 2):
            a, b = 2 * np.pi * k / 24, 2 * np.pi * (k + 1) / 24
            ray = (
                np.array([[0, 0], [np.cos(a), np.sin(a)], [np.cos(b), np.sin(b)]]) * reach + centre
            )
            cv2.fillPoly(picture, [ray.astype(np.int32)], dark, cv2.LINE_AA)
    elif kind == 5:
        step = max(8, round(min(width, height) * rng.uniform(0.1, 0.2)))
        for row, y in enumerate(range(0, height + step, step)):
            for x in range(row % 2 * step // 2, width + step, step):
                cv2.circle(picture, (x, y), max(1, step // 5), light, -1, cv2.LINE_AA)
    if kind in (6, 7, 8):
        _block(picture, design, rng, kind)
    if rng.random() < 0.35:
        edge = max(2, round(height * rng.uniform(0.02, 0.07)))
        colour = design.accent.rgb
        cv2.rectangle(picture, (0, height - edge), (width, height), colour, -1)
        if rng.random() < 0.5:
            cv2.rectangle(picture, (0, 0), (width, edge), colour, -1)
    return picture


def _block(picture: np.ndarray, design: Design, rng: np.random.Generator, kind: int) -> None:
    """Draws part of the face in the second colour, with a straight, slanted or waved edge."""
    height, width = picture.shape[:2]
    share = rng.uniform(0.2, 0.4)
    across = np.linspace(0, width, 60)
    line = np.full(60, height * share)
    if kind == 7:
        line += height * rng.uniform(-0.12, 0.12) * np.linspace(-1, 1, 60)
    elif kind == 8:
        line += height * rng.uniform(0.03, 0.08) * np.sin(2 * np.pi * across / width * 2)
    low = rng.random() < 0.5
    if low:
        line = height - line
    far = height if low else 0
    shape = np.concatenate([np.column_stack([across, line]), [[width, far], [0, far]]])
    cv2.fillPoly(picture, [shape.astype(np.int32)], design.second.rgb, cv2.LINE_AA)
    if rng.random() < 0.6:
        thick = max(1, round(height * 0.02))
        points = np.column_stack([across, line]).astype(np.int32)
        cv2.polylines(picture, [points], False, design.accent.rgb, thick, cv2.LINE_AA)


def package_base(rng: np.random.Generator, *words: str) -> Colour:
    """Draws a base colour: any, or sometimes one that suits the product."""
    likely = words and rng.random() < 0.5
    colour = colour_of(str(rng.choice(words)), rng) if likely else pick(rng)
    return off_shade(colour, rng) if rng.random() < 0.4 else colour


def sheen(picture: np.ndarray, rng: np.random.Generator, strength: float = 0.1) -> np.ndarray:
    """Returns a print on metal: soft upright streaks of light over uint8 [h,w,3]."""
    across = np.linspace(0, 2 * np.pi, picture.shape[1])
    streaks = np.zeros(picture.shape[1])
    for k in (2, 3, 7):
        streaks += np.cos(k * across + rng.uniform(0, 6.3)) * rng.uniform(0.2, 0.6)
    bright = picture * (1 + strength * streaks[None, :, None])
    lit: np.ndarray = np.clip(bright, 0, 255).astype(np.uint8)
    return lit
