# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Trays, bins, boxes with lids, balls, cubes, candles and the rest of the household."""

from __future__ import annotations

import cv2
import numpy as np

from vit_perception.scenes.parametric import layouts, prints
from vit_perception.scenes.parametric.crockery import ROUND, hollow
from vit_perception.scenes.parametric.meshes import (
    Mesh,
    box,
    circle,
    curve,
    extrude,
    join,
    lathe,
    rotation,
    rounded_rectangle,
    sweep,
)
from vit_perception.scenes.parametric.palette import colour_of, pick, pick_against
from vit_perception.scenes.parametric.things import Kind, Paints, Thing, between
from vit_perception.scenes.parametric.tools import ring_of


def _open_box(
    w: float, d: float, h: float, taper: float, wall: float, surface: int, corner: float
) -> Mesh:
    """An open container with a rounded rectangular floor; w and d are at the rim."""
    outline = rounded_rectangle(w, d, corner, 5)
    # Radii are shares of the outline: the wall's thickness is measured on the shorter side.
    line = [(taper, 0.0), (1 - 0.03, h * 0.97), (1.0, h * 0.97), (1.0, h)]
    inside = wall / (min(w, d) / 2)
    outer = np.array(line)
    inner = np.array([(1 - inside, h), (taper - inside, wall), (0.0, wall)])
    return lathe(
        [
            (np.concatenate([[(0.0, 0.0)], outer]), surface),
            (np.concatenate([outer[-1:], inner]), surface),
        ],
        outline,
    )


def tray(rng: np.random.Generator) -> Thing:
    w, d, h = between(rng, 0.2, 0.4), between(rng, 0.14, 0.28), between(rng, 0.015, 0.035)
    colour = pick(rng)
    paints = Paints()
    mesh = _open_box(w, d, h, 0.92, 0.003, paints.plain(colour), between(rng, 0.01, 0.05))
    return Thing(
        mesh,
        paints,
        str(rng.choice(["plastic", "metal", "wood"]))
        if colour.word in ("brown", "tan")
        else "plastic",
    )


def bin_box(rng: np.random.Generator) -> Thing:
    w, h = between(rng, 0.12, 0.36), between(rng, 0.06, 0.18)
    d = w * between(rng, 0.6, 0.95)
    paints = Paints()
    mesh = _open_box(
        w,
        d,
        h,
        between(rng, 0.82, 0.95),
        0.003,
        paints.plain(pick(rng)),
        between(rng, 0.008, 0.03),
    )
    return Thing(mesh, paints, "plastic")


def bucket(rng: np.random.Generator) -> Thing:
    r, h = between(rng, 0.06, 0.14), between(rng, 0.12, 0.26)
    paints = Paints()
    body, wire = paints.plain(pick(rng)), paints.plain(pick(rng, "silver", "black", "white"))
    shell = hollow(
        [(r * 0.75, 0), (r * 0.97, h * 0.96), (r * 1.04, h * 0.96), (r * 1.04, h)],
        0.003,
        body,
        body,
        foot=0.98,
    )
    lean = np.radians(between(rng, -70, 20))
    a = np.linspace(0, np.pi, 17)
    arc = (
        np.column_stack([np.cos(a), np.sin(a) * np.sin(lean), np.sin(a) * np.cos(lean)]) * r * 1.03
    )
    arc[:, 2] = np.maximum(arc[:, 2] + h * 0.93, h * 0.5)
    return Thing(
        join(shell, sweep(arc, circle(8), 0.003, wire, up=(0.0, 1.0, 0.1))),
        paints,
        str(rng.choice(["plastic", "metal"])),
    )


def waste_bin(rng: np.random.Generator) -> Thing:
    r, h = between(rng, 0.08, 0.14), between(rng, 0.2, 0.32)
    paints = Paints()
    outside = paints.plain(pick(rng))
    return Thing(
        hollow([(r * 0.78, 0), (r, h)], 0.003, outside, outside, foot=0.98),
        paints,
        str(rng.choice(["plastic", "metal"])),
    )


def lunch_box(rng: np.random.Generator) -> Thing:
    """A food container with a lid of another colour."""
    w, d, h = between(rng, 0.12, 0.22), between(rng, 0.09, 0.15), between(rng, 0.045, 0.09)
    body = pick(rng)
    cover = pick_against(rng, body, least=40) if rng.random() < 0.8 else body
    paints = Paints()
    base, lid = paints.plain(body), paints.plain(cover)
    outline = rounded_rectangle(w, d, between(rng, 0.012, 0.04), 5)
    mesh = lathe(
        [
            ([(0, 0), (0.88, 0), (0.9, 0.003), (0.96, h * 0.78)], base),
            (
                [
                    (0.96, h * 0.78),
                    (1.0, h * 0.78),
                    (1.0, h * 0.94),
                    (0.98, h * 0.98),
                    (0.86, h),
                    (0.85, h * 0.97),
                    (0, h * 0.97),
                ],
                lid,
            ),
        ],
        outline,
    )
    clips = [
        box((w * 0.2, 0.004, h * 0.3), 0.001, [lid] * 6).moved(
            y=side * (d / 2 + 0.001), z=h * 0.58
        )
        for side in (-1, 1)
    ]
    return Thing(
        join(mesh, *clips),
        paints,
        "plastic",
        note=f"with a {cover.word} lid" if cover is not body else "",
    )


def sponge(rng: np.random.Generator) -> Thing:
    """A kitchen sponge: soft foam below a scouring pad."""
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
    """A board with a hole to hang it by."""
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
    """A roll of toilet or kitchen paper."""
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
    """A small shaker for salt, pepper or spices."""
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
    "tray": Kind(("serving tray", "platter"), tray, (0.19, 0.41), 0.8),
    "storage bin": Kind(("bin", "plastic box", "container", "box"), bin_box, (0.11, 0.37), 0.9),
    "bucket": Kind(("pail", "plastic bucket"), bucket, (0.12, 0.42), 0.5),
    "trash can": Kind(("waste bin", "bin", "dustbin"), waste_bin, (0.19, 0.33), 0.4),
    "lunch box": Kind(
        ("food container", "plastic container", "box"), lunch_box, (0.11, 0.23), 1.0
    ),
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
