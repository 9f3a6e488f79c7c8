# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Bags, pouches, tubes and cups of plastic film and foil."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from vit_perception.scenes.parametric import layouts, prints
from vit_perception.scenes.parametric.cartons import around
from vit_perception.scenes.parametric.meshes import (
    Mesh,
    circle,
    grid,
    join,
    lathe,
    loft,
    rotation,
    round_like,
    rounded_rectangle,
)
from vit_perception.scenes.parametric.palette import colour_of, pick
from vit_perception.scenes.parametric.things import Kind, Paints, Thing, between, fitting

Span = tuple[float, float]


def pillow_bag(
    products: Sequence[str],
    foods: Sequence[str],
    width: Span,
    height: Span,
    thick: Span,
    *,
    upright: float = 0.25,
) -> Callable[[np.random.Generator], Thing]:
    """A maker of pillow bags with crimped ends; `thick` is a share of the width."""

    def make(rng: np.random.Generator) -> Thing:
        w, h = between(rng, *width), between(rng, *height)
        t = w * between(rng, *thick) / 2
        design = prints.sample_design(rng, products, foods=foods, base=prints.package_base(rng))
        paints = Paints()
        sizes = fitting([(w, h), (w, h)], [1.0, 0.7])
        pictures = [prints.ground(size, design) for size in sizes]
        layouts.front(pictures[0], (0, sizes[0][1] * 0.05, sizes[0][0], sizes[0][1] * 0.9), design)
        layouts.back(
            pictures[1], (0, sizes[1][1] * 0.08, *sizes[1][:1], sizes[1][1] * 0.84), design, rng
        )
        surfaces = [paints.printed(_crimped(picture)) for picture in pictures]
        mesh = _pillow(w, h, t, surfaces, rng)
        if rng.random() > upright:
            mesh = mesh.turned(rotation("x", -90))
        return Thing(mesh, paints, "foil" if rng.random() < 0.5 else "plastic", design.colours)

    return make


def _crimped(picture: np.ndarray) -> np.ndarray:
    """Fine upright lines along the sealed ends."""
    rows = picture.shape[0]
    edge = max(3, rows // 22)
    for part in (picture[:edge], picture[-edge:]):
        part[:, ::3] = (part[:, ::3] * 0.78).astype(np.uint8)
    return picture


def _pillow(
    w: float, h: float, t: float, surfaces: Sequence[int], rng: np.random.Generator
) -> Mesh:
    across, along = np.linspace(-1, 1, 15), np.linspace(-1, 1, 19)
    x, z = np.meshgrid(across, along, indexing="ij")
    swell = (
        np.clip(1 - np.abs(x) ** 2.6, 0, 1) ** 0.75
        * np.clip(1 - np.abs(z / 0.93) ** 3, 0, 1) ** 0.7
    )
    narrow = 1 - 0.06 * (1 - np.abs(z) ** 4)
    meshes = []
    for side, surface in ((-1, surfaces[0]), (1, surfaces[1])):
        folds = sum(
            rng.uniform(0.02, 0.07) * np.sin(a * x * 3 + b * z * 3 + c)
            for a, b, c in rng.uniform(-3, 3, (4, 3))
        )
        depth = t * swell * (1 + folds)
        at = np.stack([x * narrow * w / 2, side * depth, (z + 1) * h / 2], axis=-1)
        uv = np.stack([(x + 1) / 2 if side < 0 else (1 - x) / 2, (z + 1) / 2], axis=-1)
        if side > 0:
            at, uv = at[::-1], uv[::-1]
        meshes.append(grid(at, uv, surface))
    return join(*meshes)


def standing_bag(
    products: Sequence[str], foods: Sequence[str], material: str, height: Span = (0.14, 0.28)
) -> Callable[[np.random.Generator], Thing]:
    """A maker of bags with a flat foot and a flat or folded top."""

    def make(rng: np.random.Generator) -> Thing:
        h = between(rng, *height)
        w, d = h * between(rng, 0.45, 0.7), h * between(rng, 0.22, 0.38)
        design = prints.sample_design(rng, products, foods=foods, base=prints.package_base(rng))
        paints = Paints()
        walls = paints.printed(around(w, d, h, design, rng))
        ends = paints.plain(design.base)
        foot = rounded_rectangle(w, d, d * 0.2, 3, 4)
        brick = rng.random() < 0.4
        levels = [(0.0, 1.0, 1.0), (0.35, 1.02, 1.04), (0.7, 1.0, 1.0 if brick else 0.75)]
        levels += (
            [(0.86, 0.99, 0.9), (0.95, 0.98, 0.12), (1.0, 0.97, 0.1)]
            if brick
            else [(0.9, 0.99, 0.28), (1.0, 0.98, 0.04)]
        )
        sway = rng.normal(0, 0.012, (len(levels), 2))
        rings = [
            np.column_stack([foot * (a, b) + sway[k] * w * (k > 0), np.full(len(foot), z * h)])
            for k, (z, a, b) in enumerate(levels)
        ]
        caps = [
            np.repeat(ring.mean(axis=0)[None], len(foot), axis=0) for ring in (rings[0], rings[-1])
        ]
        mesh = join(
            loft(np.stack([caps[0], rings[0]]), ends),
            loft(np.stack(rings), walls),
            loft(np.stack([rings[-1], caps[1]]), ends),
        )
        return Thing(mesh, paints, material, design.colours)

    return make


def squeeze_tube(
    products: Sequence[str], length: Span, *, standing: float = 0.3
) -> Callable[[np.random.Generator], Thing]:
    """A maker of tubes of paste or cream: a round end with a cap, a flat sealed end."""

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
    """A plastic cup with a foil lid."""
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
    """A tub of margarine or ice cream: rounded and tapered, with a lid that overlaps."""
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


def bar(rng: np.random.Generator) -> Thing:
    """A chocolate or cereal bar in its wrapper."""
    design = prints.sample_design(
        rng,
        ("Choco", "Nougat", "Caramel", "Protein", "Muesli", "Coconut"),
        foods=("brown", "beige", "red"),
        base=prints.package_base(rng),
    )
    w, h = between(rng, 0.1, 0.2), between(rng, 0.03, 0.085)
    t = between(rng, 0.005, 0.012)
    sizes = fitting([(w, h), (w, h)], [1.0, 0.6])
    faces = [prints.ground(size, design) for size in sizes]
    layouts.front(faces[0], (sizes[0][0] * 0.06, 0, sizes[0][0] * 0.88, sizes[0][1]), design)
    layouts.back(faces[1], (sizes[1][0] * 0.06, 0, sizes[1][0] * 0.88, sizes[1][1]), design, rng)
    paints = Paints()
    # The crimped ends of a bar are at its sides.
    faces = [
        cv2.rotate(
            _crimped(cv2.rotate(f, cv2.ROTATE_90_CLOCKWISE)), cv2.ROTATE_90_COUNTERCLOCKWISE
        )
        for f in faces
    ]
    surfaces = [paints.printed(np.ascontiguousarray(face)) for face in faces]
    x, z = np.meshgrid(np.linspace(-1, 1, 15), np.linspace(-1, 1, 11), indexing="ij")
    swell = np.clip(1 - np.abs(x / 0.93) ** 14, 0, 1) * np.clip(1 - np.abs(z) ** 8, 0, 1)
    meshes = []
    for side, surface in ((-1, surfaces[0]), (1, surfaces[1])):
        at = np.stack([x * w / 2, side * t * swell, z * h / 2], axis=-1)
        uv = np.stack([(x + 1) / 2 if side < 0 else (1 - x) / 2, (z + 1) / 2], axis=-1)
        if side > 0:
            at, uv = at[::-1], uv[::-1]
        meshes.append(grid(at, uv, surface))
    mesh = join(*meshes).turned(rotation("x", -90))
    return Thing(mesh, paints, "foil", design.colours)


POUCHES = {
    "bag of chips": Kind(
        ("bag", "chips packet", "crisps", "snack bag"),
        pillow_bag(
            ("Chips", "Paprika", "Salt", "Nachos", "Tortilla", "Hot"),
            ("yellow", "red", "beige", "orange"),
            (0.13, 0.22),
            (0.18, 0.3),
            (0.22, 0.38),
        ),
        (0.17, 0.32),
        1.5,
    ),
    "bag of candy": Kind(
        ("bag", "candy bag", "sweets", "packet"),
        pillow_bag(
            ("Gummies", "Toffee", "Sours", "Mints", "Peanuts", "Raisins", "Noodles"),
            ("red", "yellow", "green", "orange", "brown"),
            (0.09, 0.17),
            (0.12, 0.21),
            (0.16, 0.3),
        ),
        (0.11, 0.23),
        1.3,
    ),
    "bag of coffee": Kind(
        ("bag", "coffee bag", "coffee", "pouch"),
        standing_bag(("Coffee", "Espresso", "Kaffee", "Crema", "Arabica"), ("brown",), "foil"),
        (0.13, 0.3),
        1.2,
    ),
    "bag of flour": Kind(
        ("bag", "flour", "bag of sugar", "paper bag"),
        standing_bag(
            ("Flour", "Mehl", "Rice", "Sugar", "Oats", "Pet Food"), ("beige", "brown"), "paper"
        ),
        (0.13, 0.3),
        1.2,
    ),
    "toothpaste": Kind(
        ("tube", "tube of toothpaste", "toothpaste tube"),
        squeeze_tube(("Toothpaste", "Mint", "White", "Kids", "Fresh"), (0.11, 0.17)),
        (0.1, 0.21),
        1.2,
    ),
    "tube of cream": Kind(
        ("tube", "cream tube", "hand cream", "lotion tube"),
        squeeze_tube(
            ("Hand Cream", "Sun 50+", "Face", "Gel", "Mayo", "Tomato"), (0.08, 0.16), standing=0.6
        ),
        (0.07, 0.2),
        1.2,
    ),
    "yoghurt cup": Kind(
        ("cup", "yogurt", "pot of yoghurt", "plastic cup"), yoghurt_cup, (0.045, 0.13), 1.4
    ),
    "tub of margarine": Kind(
        ("tub", "butter tub", "plastic tub", "container"), tub, (0.085, 0.19), 1.2
    ),
    "chocolate bar": Kind(("chocolate", "candy bar", "snack bar", "bar"), bar, (0.09, 0.21), 1.1),
}
