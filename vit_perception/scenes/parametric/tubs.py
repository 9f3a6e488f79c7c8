# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Squeeze tubes, cups and tubs of soft plastic."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from vit_perception.scenes.parametric import layouts, prints
from vit_perception.scenes.parametric.meshes import (
    circle,
    join,
    lathe,
    loft,
    rotation,
    round_like,
    rounded_rectangle,
)
from vit_perception.scenes.parametric.palette import colour_of, pick
from vit_perception.scenes.parametric.things import Paints, Span, Thing, between, fitting


def squeeze_tube(
    products: Sequence[str], length: Span, *, standing: float = 0.3
) -> Callable[[np.random.Generator], Thing]:
    """Returns a maker of tubes of paste or cream: a round end with a cap, a flat sealed end."""

    def make(rng: np.random.Generator) -> Thing:
        h = between(rng, *length)
        r = h * between(rng, 0.1, 0.16)
        design = prints.sample_design(rng, products, base=prints.package_base(rng))
        paints = Paints()
        (along, girth), *_ = fitting([(h, 2 * np.pi * r)], [1.0])
        picture = prints.ground((along, girth), design)
        layouts.front(picture, (along * 0.05, girth * 0.3, along * 0.9, girth * 0.4), design)
        layouts.back(picture, (along * 0.1, 0, along * 0.8, girth * 0.22), design, rng)
        upright = np.ascontiguousarray(np.rot90(picture))
        body = paints.printed(upright)
        cap_colour = pick(rng) if rng.random() < 0.6 else colour_of("white", rng)
        cap = paints.plain(cap_colour)
        outline = circle(28)
        t = np.linspace(0, 1, 9)
        wide, deep = r * (1 + 0.45 * t), r * (1 - 0.96 * t**1.6)
        rings = np.stack(
            [
                np.column_stack([outline * (a, b), np.full(28, z)])
                for a, b, z in zip(wide, deep, t * h, strict=True)
            ]
        )
        end = np.repeat(rings[-1].mean(axis=0)[None, None], 28, axis=1)
        c = r * between(rng, 0.45, 0.95)
        tall = r * between(rng, 0.6, 1.2)
        top = lathe(
            [([(0, -tall), (c * 0.93, -tall), (c, -tall * 0.9), (c, -0.15 * r), (r, 0)], cap)],
            round_like(outline),
        )
        mesh = join(top, loft(rings, body), loft(np.concatenate([rings[-1:], end]), body))
        if rng.random() > standing:
            mesh = mesh.turned(rotation("x", -90)).turned(rotation("z", 90))
        return Thing(mesh, paints, "plastic", design.colours, f"with a {cap_colour.word} cap")

    return make


def yoghurt_cup(rng: np.random.Generator) -> Thing:
    """Makes a plastic cup with a foil lid."""
    r = between(rng, 0.03, 0.048)
    h = r * between(rng, 1.2, 2.3)
    foods = ("red", "purple", "yellow", "orange", "brown")
    design = prints.sample_design(
        rng,
        ("Yoghurt", "Quark", "Pudding", "Cream Cheese", "Skyr", "Vanilla"),
        foods=foods,
        base=prints.package_base(rng, "white"),
    )
    paints = Paints()
    sizes = fitting([(2 * np.pi * r, h), (2 * r, 2 * r)], [1.0, 0.9])
    side = paints.printed(layouts.wrap(sizes[0], design, rng))
    cover = prints.ground(sizes[1], design)
    w, rows = sizes[1]
    layouts.front(cover, (w * 0.14, rows * 0.14, w * 0.72, rows * 0.72), design)
    lid, plain = paints.printed(cover), paints.plain(colour_of("white", rng))
    s = r * between(rng, 0.72, 0.9)
    mesh = lathe(
        [
            ([(0, 0), (s * 0.93, 0), (s, s * 0.06)], plain),
            ([(s, s * 0.06), (r, h * 0.94)], side),
            ([(r, h * 0.94), (r * 1.05, h * 0.95), (r * 1.07, h * 0.985), (r * 1.07, h)], plain),
            ([(r * 1.07, h), (0, h)], lid),
        ],
        circle(32),
        planar=[3],
    )
    return Thing(mesh, paints, "plastic", design.colours)


def tub(rng: np.random.Generator) -> Thing:
    """Makes a tub of margarine or ice cream: rounded and tapered, with a lid that overlaps."""
    w, d = between(rng, 0.09, 0.17), between(rng, 0.08, 0.12)
    h = between(rng, 0.045, 0.1)
    design = prints.sample_design(
        rng,
        ("Butter", "Margarine", "Ice Cream", "Feta", "Hummus", "Spread"),
        foods=("beige", "brown", "red", "yellow"),
        base=prints.package_base(rng),
    )
    paints = Paints()
    outline = rounded_rectangle(w, d, min(w, d) * between(rng, 0.15, 0.5), 5, 3)
    sizes = fitting([(2 * (w + d), h), (w, d)], [1.0, 1.2])
    side = paints.printed(layouts.wrap(sizes[0], design, rng, face=0.3))
    cover = prints.ground(sizes[1], design)
    layouts.front(cover, (0, 0, *sizes[1]), design)
    lid, rim = paints.printed(cover), paints.plain(design.base)
    mesh = lathe(
        [
            ([(0, 0), (0.84, 0), (0.86, 0.002)], rim),
            ([(0.86, 0.002), (0.96, h * 0.85)], side),
            ([(0.96, h * 0.85), (1.0, h * 0.85), (1.0, h * 0.97), (0.985, h)], rim),
            ([(0.985, h), (0, h)], lid),
        ],
        outline,
        planar=[3],
    )
    return Thing(mesh, paints, "plastic", design.colours)
