# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Pens, books, tape and other desk objects."""

from __future__ import annotations

import cv2
import numpy as np

from vit_perception.scenes.parametric import layouts, prints, signs
from vit_perception.scenes.parametric.lettering import stamp
from vit_perception.scenes.parametric.marks import ink_on
from vit_perception.scenes.parametric.meshes import (
    LYING,
    box,
    circle,
    curve,
    join,
    lathe,
    rotation,
)
from vit_perception.scenes.parametric.palette import BLACK, WHITE, Colour, colour_of, pick
from vit_perception.scenes.parametric.slabs import ring_of
from vit_perception.scenes.parametric.things import Kind, Paints, Thing, between, fitting


def marker(rng: np.random.Generator) -> Thing:
    """Makes a felt pen with its cap on; its cap has the colour of its ink."""
    length, r = between(rng, 0.11, 0.15), between(rng, 0.006, 0.011)
    ink = pick(rng, "black", "red", "blue", "green", "orange", "purple", "pink", "yellow")
    body = (
        ink if rng.random() < 0.55 else colour_of(str(rng.choice(["white", "grey", "black"])), rng)
    )
    paints = Paints()
    shell, cap = paints.plain(body), paints.plain(ink)
    split = length * between(rng, 0.6, 0.7)
    line = [(0, 0), (r * 0.8, 0), (r, 0.003), (r, split)]
    hood = [
        (r, split),
        (r * 1.08, split),
        (r * 1.02, length * 0.92),
        (r * 0.75, length),
        (0, length),
    ]
    mesh = lathe([(line, shell), (hood, cap)], circle(20))
    return Thing(mesh.turned(LYING), paints, "plastic", note=f"with a {ink.word} cap")


def pen(rng: np.random.Generator) -> Thing:
    length, r = between(rng, 0.13, 0.15), between(rng, 0.004, 0.006)
    paints = Paints()
    shell = paints.plain(pick(rng, "black", "blue", "red", "white", "silver", "green", "orange"))
    trim = paints.plain(pick(rng, "silver", "black", "gold"))
    line = curve(
        [
            (r * 0.55, length * 0.1),
            (r, length * 0.25),
            (r, length * 0.9),
            (r * 0.9, length * 0.95),
        ],
        3,
    )
    mesh = lathe(
        [
            ([(0, 0), (r * 0.15, 0.002), (r * 0.55, length * 0.1)], trim),
            (line, shell),
            (
                [
                    (r * 0.9, length * 0.95),
                    (r * 0.4, length * 0.955),
                    (r * 0.4, length),
                    (0, length),
                ],
                trim,
            ),
        ],
        circle(16),
    )
    clip = box((0.003, 0.0015, length * 0.28), 0.0005, [trim] * 6).moved(
        y=-r - 0.0012, z=length * 0.66
    )
    return Thing(join(mesh, clip).turned(LYING), paints, "plastic")


def pencil(rng: np.random.Generator) -> Thing:
    length, r = between(rng, 0.1, 0.18), 0.0037
    paints = Paints()
    shell = paints.plain(pick(rng, "yellow", "red", "green", "blue", "black", "orange"))
    wood, lead = paints.plain(colour_of("tan", rng)), paints.plain(colour_of("black", rng))
    mesh = lathe(
        [
            ([(0, 0), (r, 0), (r, length - 0.018)], shell),
            ([(r, length - 0.018), (r * 0.3, length - 0.004)], wood),
            ([(r * 0.3, length - 0.004), (0, length)], lead),
        ],
        circle(6),
    )
    return Thing(mesh.turned(LYING), paints, "wood")


def tape(rng: np.random.Generator) -> Thing:
    """Makes a roll of tape, lying flat or standing."""
    r, w = between(rng, 0.025, 0.06), between(rng, 0.015, 0.05)
    core = r * between(rng, 0.55, 0.8)
    colour = pick(
        rng, "tan", "brown", "silver", "black", "white", "blue", "red", "yellow", "green", "grey"
    )
    paints = Paints()
    outer, inner = (
        paints.plain(colour),
        paints.plain(colour_of(str(rng.choice(["tan", "white", "beige"])), rng)),
    )
    mesh = ring_of(circle(36) * r, circle(36) * core, w, outer, inner)
    return Thing(mesh if rng.random() < 0.7 else mesh.turned(rotation("x", 90)), paints, "plastic")


def book(rng: np.random.Generator) -> Thing:
    """Makes a book lying or standing: printed covers and spine, pale pages."""
    w, h, d = between(rng, 0.1, 0.2), between(rng, 0.16, 0.27), between(rng, 0.008, 0.04)
    design = prints.sample_design(
        rng, ("Novel", "Stories", "Guide", "Cook Book", "Atlas", "Poems", "Notes")
    )
    paints = Paints()
    sizes = fitting([(w, h), (w, h), (d, h)], [1.0, 0.6, 1.0])
    faces = [prints.ground(size, design) for size in sizes]
    layouts.front(faces[0], (0, 0, *sizes[0]), design)
    layouts.back(faces[1], (0, 0, *sizes[1]), design, rng)
    place = (sizes[2][0] * 0.15, sizes[2][1] * 0.15, sizes[2][0] * 0.7, sizes[2][1] * 0.7)
    spine = np.ascontiguousarray(np.rot90(design.brand, 3))
    stamp(faces[2], spine, place, ink_on(faces[2], place, [WHITE, BLACK]))
    front, back, left = (paints.printed(face) for face in faces)
    pages = paints.plain(Colour("white", (238, 234, 222)))
    mesh = box((w, d, h), 0.0008, [front, back, left, pages, pages, pages])
    if rng.random() < 0.8:
        mesh = mesh.turned(rotation("x", -90))
    return Thing(mesh, paints, "paper", design.colours)


def ruler(rng: np.random.Generator) -> Thing:
    length, w = between(rng, 0.15, 0.31), between(rng, 0.025, 0.04)
    colour = pick(rng, "yellow", "tan", "white", "light blue", "silver", "red", "green", "orange")
    face = np.empty((round(500 * w / length), 500, 3), np.uint8)
    face[:] = colour.rgb
    ink = ink_on(face, (0, 0, 500, 10), [BLACK, WHITE])
    rows = face.shape[0]
    for k in range(round(length * 1000 / 5)):
        x = round(6 + k * 488 * 0.005 / length)
        cv2.line(face, (x, 0), (x, round(rows * (0.38 if k % 2 == 0 else 0.2))), ink, 1)
    signs.small_print(face, (20, rows * 0.55, 460, rows * 0.2), ink, rng, rows * 0.2)
    paints = Paints()
    top, side = paints.printed(face), paints.plain(colour)
    material = (
        "wood" if colour.word == "tan" else "metal" if colour.word == "silver" else "plastic"
    )
    return Thing(
        box((length, w, 0.003), 0.0005, [side] * 4 + [top, side]), paints, material, (colour,)
    )


STATIONERY = {
    "marker": Kind(("felt pen", "pen", "marker pen"), marker, (0.1, 0.16), 0.9),
    "pen": Kind(("ballpoint pen", "biro"), pen, (0.12, 0.16), 0.7),
    "pencil": Kind(("lead pencil", "pen"), pencil, (0.09, 0.19), 0.5),
    "roll of tape": Kind(("tape", "adhesive tape", "duct tape"), tape, (0.045, 0.13), 0.8),
    "book": Kind(("paperback", "notebook", "hardcover"), book, (0.15, 0.28), 1.0),
    "ruler": Kind(("measuring stick", "straightedge"), ruler, (0.14, 0.32), 0.5),
}
