# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Sponges, candles, boards, paper rolls and the rest of the household."""

from __future__ import annotations

import cv2
import numpy as np

from vit_perception.scenes.parametric import layouts, prints
from vit_perception.scenes.parametric.containers import CONTAINERS
from vit_perception.scenes.parametric.crockery import ROUND, hollow
from vit_perception.scenes.parametric.meshes import (
    box,
    circle,
    curve,
    join,
    lathe,
    rotation,
    rounded_rectangle,
)
from vit_perception.scenes.parametric.palette import colour_of, pick
from vit_perception.scenes.parametric.slabs import extrude, ring_of
from vit_perception.scenes.parametric.things import Kind, Paints, Thing, between


def sponge(rng: np.random.Generator) -> Thing:
    """Makes a kitchen sponge: soft foam below a scouring pad."""
    w, d, h = between(rng, 0.08, 0.13), between(rng, 0.055, 0.08), between(rng, 0.02, 0.035)
    foam, pad = (
        pick(rng, "yellow", "blue", "pink", "orange", "light blue", "purple"),
        pick(rng, "green", "black", "red", "white"),
    )
    faces = []
    for size in ((160, 60), (160, 60), (100, 60), (100, 60), (160, 100), (160, 100)):
        grain = rng.normal(0, 9, (size[1], size[0], 1))
        faces.append(np.clip(np.array(foam.rgb) + grain, 0, 255).astype(np.uint8))
        for x, y in rng.integers(0, (size[0], size[1]), (60, 2)):
            cv2.circle(faces[-1], (int(x), int(y)), 1, foam.shaded(0.7), -1)
    for face in faces[:4]:
        face[:14] = pad.rgb
    faces[4][:] = np.clip(
        np.array(pad.rgb) + rng.normal(0, 12, (*faces[4].shape[:2], 1)), 0, 255
    ).astype(np.uint8)
    paints = Paints()
    mesh = box((w, d, h), 0.004, [paints.printed(face) for face in faces])
    return Thing(mesh, paints, "foam", (foam, pad))


def candle(rng: np.random.Generator) -> Thing:
    r, h = between(rng, 0.018, 0.04), between(rng, 0.05, 0.16)
    paints = Paints()
    wax, wick = paints.plain(pick(rng)), paints.plain(colour_of("black", rng))
    body = lathe(
        [
            (
                [
                    (0, 0),
                    (r, 0),
                    (r, h * 0.97),
                    (r * 0.93, h),
                    (r * 0.85, h * 0.985),
                    (0, h * 0.975),
                ],
                wax,
            )
        ],
        ROUND,
    )
    thread = lathe([([(0, 0), (0.001, 0), (0.001, 0.012), (0, 0.012)], wick)], circle(8)).moved(
        z=h * 0.97
    )
    return Thing(join(body, thread), paints, "wax")


def cutting_board(rng: np.random.Generator) -> Thing:
    """Makes a board with a hole to hang it by."""
    w, d, h = between(rng, 0.2, 0.36), between(rng, 0.13, 0.25), between(rng, 0.008, 0.022)
    colour = pick(rng, "tan", "brown", "beige", "tan", "white", "green", "blue", "red")
    paints = Paints()
    wood = paints.plain(colour)
    plate = extrude(rounded_rectangle(w, d, between(rng, 0.008, 0.03), 5), 0, h, wood)
    if rng.random() < 0.6:
        grip = ring_of(
            rounded_rectangle(0.07, 0.05, 0.02, 5),
            rounded_rectangle(0.04, 0.022, 0.01, 5),
            h,
            wood,
        )
        plate = join(plate, grip.moved(x=w / 2 + 0.03))
    return Thing(plate, paints, "wood" if colour.word in ("tan", "brown", "beige") else "plastic")


def coaster(rng: np.random.Generator) -> Thing:
    side = between(rng, 0.08, 0.11)
    design = prints.sample_design(rng, ("Pils", "Bar", "Hello", "Cafe"))
    picture = prints.ground((200, 200), design)
    layouts.front(picture, (30, 30, 140, 140), design)
    paints = Paints()
    edge, top = paints.plain(design.base), paints.printed(picture)
    outline = (
        circle(36) * side / 2
        if rng.random() < 0.5
        else rounded_rectangle(side, side, side * 0.12, 5)
    )
    h = between(rng, 0.002, 0.006)
    mesh = lathe([([(0, 0), (1, 0), (1, h)], edge), ([(1, h), (0, h)], top)], outline, planar=[1])
    return Thing(mesh, paints, "cardboard", design.colours)


def paper_roll(rng: np.random.Generator) -> Thing:
    """Makes a roll of toilet or kitchen paper."""
    kitchen = rng.random() < 0.4
    r, h = (
        between(rng, 0.05, 0.062),
        between(rng, 0.21, 0.26) if kitchen else between(rng, 0.09, 0.105),
    )
    paints = Paints()
    paper, core = paints.plain(colour_of("white", rng)), paints.plain(colour_of("tan", rng))
    mesh = ring_of(circle(36) * r, circle(36) * 0.021, h, paper, core)
    if rng.random() < 0.3:
        mesh = mesh.turned(rotation("x", 90))
    return Thing(mesh, paints, "paper", names=("paper towel",) if kitchen else ("toilet paper",))


def flower_pot(rng: np.random.Generator) -> Thing:
    r, h = between(rng, 0.04, 0.09), between(rng, 0.07, 0.15)
    paints = Paints()
    clay = paints.plain(pick(rng, "brown", "orange", "white", "black", "tan", "blue", "green"))
    line = [(r * 0.68, 0), (r * 0.9, h * 0.72), (r, h * 0.72), (r, h)]
    return Thing(hollow(line, 0.005, clay, clay, foot=0.98), paints, "ceramic")


def salt_shaker(rng: np.random.Generator) -> Thing:
    """Makes a small shaker for salt, pepper or spices."""
    r, h = between(rng, 0.018, 0.026), between(rng, 0.06, 0.11)
    paints = Paints()
    body, top = pick(rng), colour_of("silver", rng) if rng.random() < 0.5 else pick(rng)
    glass, cap = paints.plain(body), paints.plain(top)
    line = curve([(r, 0.002), (r * 0.85, h * 0.35), (r * 0.9, h * 0.72)], 5)
    dome = curve([(r * 0.93, h * 0.72), (r * 0.9, h * 0.88), (r * 0.55, h * 0.98), (0.0, h)], 4)
    mesh = lathe(
        [
            (np.concatenate([[(0, 0), (r * 0.95, 0)], line]), glass),
            (np.concatenate([line[-1:], dome]), cap),
        ],
        circle(24),
    )
    return Thing(
        mesh,
        paints,
        str(rng.choice(["glass", "ceramic", "plastic"])),
        note=f"with a {top.word} top" if top.word != body.word else "",
    )


HOUSEHOLD = {
    **CONTAINERS,
    "sponge": Kind(("kitchen sponge", "dish sponge", "scouring pad"), sponge, (0.079, 0.14), 0.7),
    "candle": Kind(("pillar candle", "wax candle"), candle, (0.045, 0.19), 0.6),
    "cutting board": Kind(("chopping board", "board"), cutting_board, (0.19, 0.46), 0.6),
    "coaster": Kind(("beer mat", "drink mat"), coaster, (0.079, 0.12), 0.5),
    "paper roll": Kind(("roll of paper", "tissue roll", "roll"), paper_roll, (0.089, 0.27), 0.7),
    "flower pot": Kind(("plant pot", "planter", "pot"), flower_pot, (0.07, 0.19), 0.5),
    "salt shaker": Kind(
        ("shaker", "pepper shaker", "spice shaker"), salt_shaker, (0.055, 0.12), 0.6
    ),
}
