# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Food tins: round or oval, with a paper label or printed metal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from vit_perception.scenes.parametric import layouts, prints
from vit_perception.scenes.parametric.meshes import circle, lathe, rounded_rectangle
from vit_perception.scenes.parametric.palette import Colour, colour_of
from vit_perception.scenes.parametric.things import Paints, Span, Thing, between, fitting


def tin(
    radius: Span,
    height: Span,
    products: Sequence[str],
    foods: Sequence[str],
    *,
    oval: float = 0.0,
    paper: float = 0.75,
) -> Callable[[np.random.Generator], Thing]:
    """Returns a maker of food tins; shares: `oval` is not round, `paper` has a paper label."""

    def make(rng: np.random.Generator) -> Thing:
        r, h = between(rng, *radius), between(rng, *height)
        outline = circle(32)
        if rng.random() < oval:
            stretch = between(rng, 1.3, 1.75)
            corner = 0.3 if rng.random() < 0.5 else 0.9
            outline = rounded_rectangle(2 * stretch**0.5, 2 / stretch**0.5, corner, 6, 3)
        design = prints.sample_design(rng, products, foods=foods, base=prints.package_base(rng))
        around = float(np.linalg.norm(np.diff(outline, axis=0), axis=1).sum() * r)
        flat = h < 0.9 * r
        sizes = fitting([(around, h * 0.9), (2 * r, 2 * r)], [1.0, 1.0 if flat else 0.3])
        paints = Paints()
        picture = layouts.wrap(sizes[0], design, rng, face=0.5 if flat else 0.42)
        label = paints.printed(picture if rng.random() < paper else prints.sheen(picture, rng))
        gold = rng.random() < 0.2
        metal = paints.plain(colour_of("gold" if gold else "silver", rng))
        lip, rib = min(0.003, h * 0.06), r * 0.03
        low = [(0, lip), (r - rib, lip), (r - rib, 0), (r, 0), (r, lip), (r - rib, lip * 1.3)]
        side = [(r - rib, lip * 1.3), (r - rib, h - lip * 1.3)]
        high = [
            (r - rib, h - lip * 1.3),
            (r, h - lip),
            (r, h),
            (r - rib, h),
            (r - rib * 1.2, h - lip),
        ]
        if flat and rng.random() < 0.8:
            cover = paints.printed(_round_label(sizes[1], design))
        else:
            cover = paints.printed(_rings(96, rng))
        top = [(r - rib * 1.2, h - lip), (0, h - lip)]
        mesh = lathe(
            [(low, metal), (side, label), (high, metal), (top, cover)], outline, planar=[3]
        )
        inks = (*design.colours, Colour("silver", (186, 188, 190)))
        return Thing(mesh, paints, "metal", inks)

    return make


def _round_label(size: tuple[int, int], design: prints.Design) -> np.ndarray:
    picture = prints.ground(size, design)
    w, h = size
    layouts.front(picture, (w * 0.14, h * 0.14, w * 0.72, h * 0.72), design)
    return picture


def _rings(side: int, rng: np.random.Generator) -> np.ndarray:
    """Returns the ribbed metal end of a tin, sometimes with a ring to pull."""
    tone = np.array((186, 188, 190) if rng.random() < 0.8 else (196, 170, 96), np.float64)
    y, x = np.mgrid[:side, :side] / side - 0.5
    away = np.hypot(x, y)
    wave = np.cos(away * between(rng, 60, 110)) * (away > 0.28) * 16
    turn = np.cos(2 * np.arctan2(y, x) + rng.uniform(0, 6.3)) * 12
    picture: np.ndarray = np.clip(tone + (wave + turn)[..., None], 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        middle, dark = (side // 2, round(side * 0.3)), tuple(int(c * 0.6) for c in tone)
        cv2.circle(picture, middle, round(side * 0.11), dark, max(2, side // 30), cv2.LINE_AA)
        cv2.line(picture, (middle[0], round(side * 0.12)), middle, dark, 2, cv2.LINE_AA)
    return picture
