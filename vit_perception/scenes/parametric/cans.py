# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Cans, tins and jars."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from vit_perception.scenes.parametric import layouts, prints
from vit_perception.scenes.parametric.meshes import (
    circle,
    curve,
    join,
    lathe,
    rounded_rectangle,
)
from vit_perception.scenes.parametric.palette import Colour, colour_of, pick
from vit_perception.scenes.parametric.things import Kind, Paints, Thing, between, fitting

ROUND = circle(32)
Span = tuple[float, float]
DRINKS = (
    "Cola",
    "Lemon",
    "Orange",
    "Energy",
    "Soda",
    "Tonic",
    "Ginger Ale",
    "Pilsner",
    "Iced Tea",
)
CANNED = (
    "Beans",
    "Peas",
    "Corn",
    "Tomatoes",
    "Peaches",
    "Soup",
    "Chili",
    "Goulash",
    "Coconut Milk",
)


def sheen(picture: np.ndarray, rng: np.random.Generator, strength: float = 0.1) -> np.ndarray:
    """Print on metal: soft upright streaks of light over uint8 [h,w,3]."""
    across = np.linspace(0, 2 * np.pi, picture.shape[1])
    streaks = sum(
        np.cos(k * across + rng.uniform(0, 6.3)) * rng.uniform(0.2, 0.6) for k in (2, 3, 7)
    )
    bright = picture * (1 + strength * streaks[None, :, None])
    return np.clip(bright, 0, 255).astype(np.uint8)


def drink_can(rng: np.random.Generator) -> Thing:
    """A drink can: necked at both ends, silver lid with a tab."""
    slim = rng.random() < 0.3
    r = between(rng, 0.026, 0.029) if slim else between(rng, 0.0325, 0.034)
    h = between(rng, 0.13, 0.158) if slim else between(rng, 0.105, 0.125)
    if rng.random() < 0.12:
        h = between(rng, 0.155, 0.17)
    silver_body = rng.random() < 0.12
    base = colour_of("silver", rng) if silver_body else prints.package_base(rng)
    design = prints.sample_design(
        rng, DRINKS, foods=("orange", "yellow", "red", "green"), base=base
    )
    picture = layouts.wrap(fitting([(2 * np.pi * r, h)], [1.0])[0], design, rng)
    paints = Paints()
    side = paints.printed(sheen(picture, rng))
    silver = Colour("silver", (188, 190, 194))
    metal, dark = paints.plain(silver), paints.plain(Colour("silver", (168, 170, 174)))
    neck, foot = h * 0.09, h * 0.06
    tops = paints.plain(pick(rng)) if rng.random() < 0.1 else metal
    low = [(0, 0.004), (r * 0.66, 0.004), (r * 0.74, 0), (r * 0.8, 0.0005), (r * 0.97, foot)]
    body = [
        (r * 0.97, foot),
        (r, foot * 1.4),
        (r, h - neck * 1.3),
        (r * 0.985, h - neck),
        (r * 0.84, h - 0.003),
    ]
    rim = [(r * 0.84, h - 0.003), (r * 0.86, h - 0.001), (r * 0.85, h), (r * 0.82, h)]
    top = [(r * 0.82, h), (r * 0.79, h - 0.005), (0, h - 0.004)]
    tab = lathe(
        [([(0, 0), (0.009, 0), (0.009, 0.0012), (0, 0.0012)], dark)], ROUND[::2] * [0.8, 1.3]
    ).moved(0, 0.003, h - 0.0045)
    can = lathe([(low, metal), (body, side), (rim, metal), (top, tops)], ROUND)
    return Thing(join(can, tab), paints, "aluminium", design.colours)


def tin(
    radius: Span,
    height: Span,
    products: Sequence[str],
    foods: Sequence[str],
    *,
    oval: float = 0.0,
    paper: float = 0.75,
) -> Callable[[np.random.Generator], Thing]:
    """A maker of food tins; `oval` is the share that is not round, `paper` with a paper label."""

    def make(rng: np.random.Generator) -> Thing:
        r, h = between(rng, *radius), between(rng, *height)
        outline = ROUND
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
        label = paints.printed(picture if rng.random() < paper else sheen(picture, rng))
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
    """The ribbed metal end of a tin, sometimes with a ring to pull."""
    tone = np.array((186, 188, 190) if rng.random() < 0.8 else (196, 170, 96), np.float64)
    y, x = np.mgrid[:side, :side] / side - 0.5
    away = np.hypot(x, y)
    wave = np.cos(away * between(rng, 60, 110)) * (away > 0.28) * 16
    turn = np.cos(2 * np.arctan2(y, x) + rng.uniform(0, 6.3)) * 12
    picture = np.clip(tone + (wave + turn)[..., None], 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        middle, dark = (side // 2, round(side * 0.3)), tuple(int(c * 0.6) for c in tone)
        cv2.circle(picture, middle, round(side * 0.11), dark, max(2, side // 30), cv2.LINE_AA)
        cv2.line(picture, (middle[0], round(side * 0.12)), middle, dark, 2, cv2.LINE_AA)
    return picture


def canister(rng: np.random.Generator) -> Thing:
    """A tall can of coffee, cocoa or formula with a plastic lid."""
    r, h = between(rng, 0.04, 0.068), between(rng, 0.11, 0.19)
    products = ("Coffee", "Cocoa", "Protein", "Formula", "Ground", "Espresso", "Nuts")
    design = prints.sample_design(
        rng, products, foods=("brown", "beige"), base=prints.package_base(rng)
    )
    paints = Paints()
    sizes = fitting([(2 * np.pi * r, h * 0.88)], [1.0])
    label = paints.printed(layouts.wrap(sizes[0], design, rng))
    cap = pick(rng) if rng.random() < 0.6 else colour_of("white", rng)
    lid, metal = paints.plain(cap), paints.plain(colour_of("silver", rng))
    e = r * 0.02
    mesh = lathe(
        [
            ([(0, 0.002), (r - e, 0.002), (r - e, 0), (r, 0), (r, 0.004), (r - e, 0.005)], metal),
            ([(r - e, 0.005), (r - e, h * 0.9)], label),
            (
                [
                    (r - e, h * 0.9),
                    (r + e, h * 0.9),
                    (r + e, h * 0.99),
                    (r, h),
                    (r * 0.9, h),
                    (r * 0.88, h - 0.003),
                    (0, h - 0.003),
                ],
                lid,
            ),
        ],
        ROUND,
    )
    return Thing(mesh, paints, "metal", design.colours, f"with a {cap.word} lid")


def snack_tube(rng: np.random.Generator) -> Thing:
    """A tall cardboard tube of stacked chips."""
    r, h = between(rng, 0.034, 0.041), between(rng, 0.17, 0.27)
    design = prints.sample_design(
        rng,
        ("Chips", "Paprika", "Sour Cream", "Original", "Hot"),
        foods=("yellow", "red", "beige"),
        base=prints.package_base(rng),
    )
    paints = Paints()
    label = paints.printed(layouts.wrap(fitting([(2 * np.pi * r, h)], [1.0])[0], design, rng))
    metal, cap = paints.plain(colour_of("silver", rng)), colour_of("white", rng)
    if rng.random() < 0.4:
        cap = pick(rng)
    lid = paints.plain(cap)
    mesh = lathe(
        [
            ([(0, 0.003), (r * 0.95, 0.003), (r * 0.97, 0), (r, 0), (r, 0.003)], metal),
            ([(r, 0.003), (r, h * 0.96)], label),
            ([(r, h * 0.96), (r * 1.03, h * 0.96), (r * 1.03, h), (0, h)], lid),
        ],
        ROUND,
    )
    return Thing(mesh, paints, "cardboard", design.colours)


def aerosol(rng: np.random.Generator) -> Thing:
    """A spray can: deodorant, paint, hair spray."""
    r, h = between(rng, 0.019, 0.034), between(rng, 0.11, 0.2)
    products = ("Deo Spray", "Hair Spray", "Lubricant", "Air Fresh", "Spray Paint", "Shaving Foam")
    design = prints.sample_design(rng, products, base=prints.package_base(rng))
    paints = Paints()
    label = paints.printed(
        sheen(layouts.wrap(fitting([(2 * np.pi * r, h)], [1.0])[0], design, rng), rng)
    )
    metal = paints.plain(colour_of("silver", rng))
    cap = pick(rng)
    lid = paints.plain(cap)
    dome, tall = r * between(rng, 0.15, 0.4), h * between(rng, 0.14, 0.24)
    c = r * between(rng, 0.72, 1.0)
    shoulder = curve([(r, h), (r * 0.95, h + dome * 0.5), (c * 0.95, h + dome)], 4)
    mesh = lathe(
        [
            ([(0, 0.003), (r * 0.9, 0.003), (r * 0.92, 0), (r, 0.001), (r, 0.004)], metal),
            ([(r, 0.004), (r, h)], label),
            (shoulder, metal),
            (
                [
                    (c * 0.95, h + dome),
                    (c, h + dome),
                    (c, h + dome + tall * 0.9),
                    (c * 0.9, h + dome + tall),
                    (0, h + dome + tall),
                ],
                lid,
            ),
        ],
        ROUND,
    )
    return Thing(mesh, paints, "metal", design.colours, f"with a {cap.word} cap")


VEG = ("red", "green", "yellow", "orange", "beige")
CANS = {
    "soda can": Kind(("can", "drink can", "beverage can"), drink_can, (0.1, 0.175), 2.4),
    "tin can": Kind(
        ("can", "food can", "tin"),
        tin((0.032, 0.055), (0.08, 0.13), CANNED, VEG),
        (0.075, 0.14),
        1.8,
    ),
    "soup can": Kind(
        ("can", "can of soup", "tin can"),
        tin(
            (0.031, 0.042),
            (0.095, 0.12),
            ("Soup", "Tomato Soup", "Chicken Noodle", "Minestrone"),
            VEG,
        ),
        (0.09, 0.13),
        1.5,
    ),
    "tuna can": Kind(
        ("can", "can of tuna", "flat can", "tin"),
        tin(
            (0.036, 0.046),
            (0.028, 0.045),
            ("Tuna", "Thon", "Cat Food", "Pate", "Thunfisch"),
            ("red", "beige"),
        ),
        (0.07, 0.1),
        1.5,
    ),
    "fish tin": Kind(
        ("can", "sardine can", "can of fish", "tin"),
        tin(
            (0.038, 0.048),
            (0.022, 0.035),
            ("Sardines", "Herring", "Mackerel", "Ham"),
            ("red", "beige"),
            oval=1.0,
        ),
        (0.08, 0.14),
        1.2,
    ),
    "coffee can": Kind(("can", "can of coffee", "canister", "tin"), canister, (0.1, 0.2), 1.3),
    "chips can": Kind(
        ("can", "tube of chips", "potato chips", "snack tube"), snack_tube, (0.16, 0.28), 1.2
    ),
    "spray can": Kind(("can", "aerosol can", "spray", "deodorant"), aerosol, (0.12, 0.3), 1.2),
}
