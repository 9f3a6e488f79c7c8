# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Drink cans, canisters, tubes of chips and spray cans; tins are in tins.py."""

from __future__ import annotations

import numpy as np

from vit_perception.scenes.parametric import layouts, prints
from vit_perception.scenes.parametric.meshes import (
    circle,
    curve,
    join,
    lathe,
)
from vit_perception.scenes.parametric.palette import Colour, colour_of, pick
from vit_perception.scenes.parametric.things import Kind, Paints, Thing, between, fitting
from vit_perception.scenes.parametric.tins import tin

ROUND = circle(32)
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


def drink_can(rng: np.random.Generator) -> Thing:
    """Makes a drink can: necked at both ends, silver lid with a tab."""
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
    side = paints.printed(prints.sheen(picture, rng))
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


def canister(rng: np.random.Generator) -> Thing:
    """Makes a tall can of coffee, cocoa or formula with a plastic lid."""
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
    """Makes a tall cardboard tube of stacked chips."""
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
    """Makes a spray can: deodorant, paint, hair spray."""
    r, h = between(rng, 0.019, 0.034), between(rng, 0.11, 0.2)
    products = ("Deo Spray", "Hair Spray", "Lubricant", "Air Fresh", "Spray Paint", "Shaving Foam")
    design = prints.sample_design(rng, products, base=prints.package_base(rng))
    paints = Paints()
    label = paints.printed(
        prints.sheen(layouts.wrap(fitting([(2 * np.pi * r, h)], [1.0])[0], design, rng), rng)
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
