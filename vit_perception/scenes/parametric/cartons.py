# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Milk and juice cartons, and prints that go round four walls."""

from __future__ import annotations

import numpy as np

from vit_perception.scenes.parametric import layouts, prints
from vit_perception.scenes.parametric.box_shapes import printed_faces, printed_side
from vit_perception.scenes.parametric.meshes import (
    Mesh,
    box,
    circle,
    join,
    lathe,
    loft,
    rotation,
    rounded_rectangle,
)
from vit_perception.scenes.parametric.palette import pick
from vit_perception.scenes.parametric.things import Kind, Paints, Thing, between, fitting


def around(
    width: float, depth: float, height: float, design: prints.Design, rng: np.random.Generator
) -> np.ndarray:
    """Returns a print around the four walls of a carton or bag, from the middle of the back."""
    (total, rows), *_ = fitting([(2 * (width + depth), height)], [1.0])
    scale = total / (2 * (width + depth))
    w, d = width * scale, depth * scale
    picture = prints.ground((total, rows), design)
    # Drawn from the left side on, then rotated until the seam is in the middle of the back.
    layouts.back(picture, (0, rows * 0.1, d, rows * 0.8), design, rng)
    layouts.front(picture, (d, 0, w, rows), design)
    side = picture[:, round(d + w) : round(2 * d + w)]
    if rng.random() < 0.5:
        printed_side(side, design)
    else:
        layouts.back(side, (0, rows * 0.1, side.shape[1], rows * 0.8), design, rng)
    if rng.random() < 0.6:
        layouts.front(picture, (2 * d + w, 0, w, rows), design)
    else:
        layouts.back(picture, (2 * d + w, rows * 0.1, w, rows * 0.8), design, rng)
    return np.ascontiguousarray(np.roll(picture, round(w / 2), axis=1))


def gable_carton(rng: np.random.Generator) -> Thing:
    """Makes a milk carton: square, with a roof and a fin, often with a screw cap."""
    w = between(rng, 0.062, 0.1)
    d = w * between(rng, 0.9, 1.05)
    h = w * between(rng, 1.5, 2.5)
    milk = ("Milk", "Milch", "Whole Milk", "Oat Drink", "Cream", "Buttermilk", "Orange Juice")
    base = prints.package_base(rng, "white", "blue", "light blue", "green")
    design = prints.sample_design(rng, milk, foods=("beige", "orange"), base=base)
    paints = Paints()
    walls = paints.printed(around(w, d, h, design, rng))
    roof_colour = design.base if rng.random() < 0.6 else design.second
    roof = paints.plain(roof_colour)
    top = w * between(rng, 0.38, 0.5)
    fin = w * between(rng, 0.12, 0.2)
    outline = rounded_rectangle(w, d, 0.002, corner=2)
    ridge = outline * [0.99, 0.03]
    levels = [(outline * 0, 0.0), (outline, 0.0), (outline, h), (ridge, h + top)]
    rings = [np.column_stack([shape, np.full(len(shape), z)]) for shape, z in levels]
    end = np.column_stack([ridge, np.full(len(ridge), h + top + fin)])
    close = np.column_stack([ridge * 0, np.full(len(ridge), h + top + fin)])
    mesh = join(
        loft(np.stack(rings[:2]), roof),
        loft(np.stack(rings[1:3]), walls),
        loft(np.stack([rings[2], rings[3], end, close]), roof),
    )
    note = ""
    if rng.random() < 0.6:
        cap = pick(rng)
        slope = float(np.degrees(np.arctan2(top, d / 2)))
        lid = _cap(between(rng, 0.011, 0.015), between(rng, 0.01, 0.016), paints.plain(cap))
        lid = lid.turned(rotation("x", slope)).moved(0, -d / 4, h + top / 2 - 0.002)
        mesh, note = join(mesh, lid), f"with a {cap.word} cap"
    return Thing(mesh, paints, "cardboard", design.colours, note)


def brick_carton(rng: np.random.Generator) -> Thing:
    """Makes a juice or milk brick, small with a straw or large with a cap."""
    small = rng.random() < 0.4
    w = between(rng, 0.045, 0.06) if small else between(rng, 0.07, 0.1)
    d = between(rng, 0.032, 0.045) if small else between(rng, 0.055, 0.075)
    h = between(rng, 0.09, 0.125) if small else between(rng, 0.16, 0.235)
    drinks = (
        "Juice",
        "Apple",
        "Orange",
        "Multi Vitamin",
        "Ice Tea",
        "Soy Drink",
        "Cherry",
        "Mango",
    )
    design = prints.sample_design(
        rng,
        drinks,
        foods=("orange", "red", "yellow", "purple", "green"),
        base=prints.package_base(rng),
    )
    paints = Paints()
    sizes = fitting(
        [(w, h), (w, h), (d, h), (d, h), (w, d), (w, d)], [1, 0.75, 0.75, 0.75, 0.6, 0.3]
    )
    surfaces = [paints.printed(face) for face in printed_faces(sizes, design, rng)]
    body = box((w, d, h), 0.001, surfaces)
    if small:
        straw = paints.plain(pick(rng, "white", "red", "yellow"))
        tube = lathe([([(0, 0), (0.0025, 0), (0.0025, 0.045), (0, 0.045)], straw)], circle(8))
        lean = rotation("y", between(rng, -25, 25))
        return Thing(
            join(body, tube.turned(lean).moved(w * 0.25, 0, h - 0.003)),
            paints,
            "cardboard",
            design.colours,
            "with a straw",
            names=("juice box",),
        )
    if rng.random() < 0.75:
        cap = pick(rng)
        lid = _cap(between(rng, 0.011, 0.015), between(rng, 0.009, 0.014), paints.plain(cap))
        body = join(body, lid.moved(-w * between(rng, 0.1, 0.25), 0, h))
        return Thing(body, paints, "cardboard", design.colours, f"with a {cap.word} cap")
    return Thing(body, paints, "cardboard", design.colours)


def _cap(radius: float, height: float, surface: int) -> Mesh:
    profile = [(0, 0), (radius, 0), (radius, height * 0.85), (radius * 0.9, height), (0, height)]
    return lathe([(profile, surface)], circle(16))


CARTONS = {
    "milk carton": Kind(
        ("carton", "carton of milk", "milk", "drink carton"), gable_carton, (0.1, 0.4), 2.0
    ),
    "juice carton": Kind(
        ("carton", "carton of juice", "drink carton", "juice"), brick_carton, (0.08, 0.26), 2.0
    ),
}
