# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Jars of glass and plastic."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from vit_perception.scenes.parametric import layouts, prints
from vit_perception.scenes.parametric.meshes import (
    Mesh,
    circle,
    curve,
    join,
    lathe,
    rounded_rectangle,
)
from vit_perception.scenes.parametric.palette import colour_of, pick
from vit_perception.scenes.parametric.things import Kind, Paints, Span, Thing, between, fitting

ROUND = circle(32)


def jar(
    products: Sequence[str],
    contents: Sequence[str],
    foods: Sequence[str],
    *,
    radius: Span = (0.028, 0.048),
    slender: Span = (1.9, 3.2),
) -> Callable[[np.random.Generator], Thing]:
    """Returns a maker of jars: contents seen through the glass, a label band and a lid.

    `slender` is height over radius.
    """

    def make(rng: np.random.Generator) -> Thing:
        r = between(rng, *radius)
        h = r * between(rng, *slender)
        design = prints.sample_design(rng, products, foods=foods, base=prints.package_base(rng))
        paints = Paints()
        inside = colour_of(str(rng.choice(list(contents))), rng)
        glass = paints.plain(inside)
        low, high = h * between(rng, 0.12, 0.25), h * between(rng, 0.68, 0.8)
        sizes = fitting([(2 * np.pi * r, high - low), (2 * r, 2 * r)], [1.0, 0.5])
        label = paints.printed(layouts.wrap(sizes[0], design, rng))
        cap = pick(rng) if rng.random() < 0.75 else colour_of("gold", rng)
        lid = paints.plain(cap)
        n = r * between(rng, 0.74, 0.95)
        c = n * 1.06
        lh = between(rng, 0.01, 0.022)
        outline = ROUND
        if rng.random() < 0.25:
            outline = rounded_rectangle(2, 2, 0.55, 6, 2)
        cover = lid
        if rng.random() < 0.35:
            cover = paints.printed(layouts.lid(sizes[1], design))
        shoulder = curve([(r, high), (r * 0.99, h * 0.86), (n * 1.01, h * 0.95), (n, h)], 3)
        foot = [
            (0, 0.002),
            (r * 0.85, 0),
            *curve([(r * 0.9, 0), (r * 0.98, r * 0.06), (r, r * 0.2)], 2),
            (r, low),
        ]
        body = lathe(
            [
                (foot, glass),
                ([(r, low), (r, high)], label),
                (np.concatenate([shoulder, [(0.0, h)]]), glass),
            ],
            outline,
        )
        top = lathe(
            [
                ([(0, 0), (c, 0), (c, lh * 0.9), (c * 0.95, lh)], lid),
                ([(c * 0.95, lh), (0, lh)], cover),
            ],
            ROUND,
            planar=[1],
        ).moved(0, 0, h - 0.002)
        inks = (*design.colours, inside)
        return Thing(join(body, top), paints, "glass", inks, f"with a {cap.word} lid")

    return make


def pill_bottle(rng: np.random.Generator) -> Thing:
    """Makes a plastic jar of tablets or vitamins."""
    r = between(rng, 0.018, 0.034)
    h = r * between(rng, 2.2, 3.4)
    design = prints.sample_design(
        rng, ("Vitamin D", "Zinc", "Omega 3", "Tablets", "Aspirin"), base=prints.package_base(rng)
    )
    body_colour = colour_of(str(rng.choice(["white", "white", "orange", "brown", "green"])), rng)
    paints = Paints()
    body = paints.plain(body_colour)
    label = paints.printed(
        layouts.wrap(fitting([(2 * np.pi * r, h * 0.6)], [1.0])[0], design, rng)
    )
    cap = colour_of("white", rng) if rng.random() < 0.6 else pick(rng)
    lid = paints.plain(cap)
    n = r * between(rng, 0.7, 0.85)
    mesh = _bottle_jar(r, h, n, body, label, lid)
    return Thing(mesh, paints, "plastic", (*design.colours, body_colour), f"with a {cap.word} cap")


def _bottle_jar(r: float, h: float, n: float, body: int, label: int, lid: int) -> Mesh:
    cap_h = h * 0.24
    shoulder = curve([(r, h * 0.8), (r * 0.93, h * 0.87), (n, h * 0.92)], 4)
    return lathe(
        [
            ([(0, 0), (r * 0.94, 0), (r, r * 0.08), (r, h * 0.12)], body),
            ([(r, h * 0.12), (r, h * 0.74)], label),
            ([(r, h * 0.74), *shoulder], body),
            (
                [
                    (n, h * 0.92),
                    (n * 1.12, h * 0.92),
                    (n * 1.12, h * 0.92 + cap_h * 0.93),
                    (n * 1.05, h * 0.92 + cap_h),
                    (0, h * 0.92 + cap_h),
                ],
                lid,
            ),
        ],
        ROUND,
    )


JARS = {
    "jam jar": Kind(
        ("jar", "jar of jam", "marmalade", "glass jar"),
        jar(
            ("Jam", "Strawberry", "Apricot", "Cherry", "Marmalade"),
            ("red", "orange", "purple", "yellow"),
            ("red", "orange", "purple"),
        ),
        (0.05, 0.18),
        1.5,
    ),
    "honey jar": Kind(
        ("jar", "jar of honey", "honey", "glass jar"),
        jar(
            ("Honey", "Bee Honey", "Blossom", "Miel"),
            ("gold", "orange", "brown"),
            ("yellow", "beige"),
        ),
        (0.05, 0.18),
        1.2,
    ),
    "pickle jar": Kind(
        ("jar", "jar of pickles", "glass jar", "preserves"),
        jar(
            ("Pickles", "Gherkins", "Olives", "Peppers", "Capers"),
            ("green", "red", "black"),
            ("green", "red"),
            slender=(2.4, 4.0),
        ),
        (0.06, 0.21),
        1.2,
    ),
    "peanut butter jar": Kind(
        ("jar", "jar of peanut butter", "spread", "plastic jar"),
        jar(
            ("Peanut Butter", "Nut Spread", "Hazelnut", "Tahini", "Crunchy"),
            ("brown", "tan"),
            ("brown", "beige"),
            radius=(0.033, 0.05),
            slender=(2.0, 3.0),
        ),
        (0.06, 0.18),
        1.2,
    ),
    "sauce jar": Kind(
        ("jar", "jar of sauce", "pasta sauce", "tomato sauce"),
        jar(
            ("Basilico", "Tomato Sauce", "Pesto", "Salsa", "Curry"),
            ("red", "orange", "green"),
            ("red", "green"),
            slender=(2.8, 4.2),
        ),
        (0.07, 0.22),
        1.3,
    ),
    "pill bottle": Kind(
        ("bottle", "vitamin bottle", "medicine bottle", "plastic jar"),
        pill_bottle,
        (0.04, 0.15),
        1.2,
    ),
}
