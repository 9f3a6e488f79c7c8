# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Balls, cubes, dice and bricks."""

from __future__ import annotations

import cv2
import numpy as np

from vit_perception.scenes.parametric.meshes import (
    box,
    circle,
    join,
    lathe,
    rotation,
)
from vit_perception.scenes.parametric.palette import colour_of, pick, pick_against
from vit_perception.scenes.parametric.things import Kind, Paints, Thing, between


def ball(rng: np.random.Generator) -> Thing:
    """Makes a plain, two-coloured or striped ball."""
    r = between(rng, 0.02, 0.09)
    a = pick(rng)
    b = pick_against(rng, a)
    paints = Paints()
    first = paints.plain(a)
    second = paints.plain(b) if rng.random() < 0.5 else first
    t = np.linspace(0, np.pi, 19)
    line = np.column_stack([r * np.sin(t), r * (1 - np.cos(t))])
    cuts = [0, 7, 11, 18] if rng.random() < 0.6 else [0, 9, 9, 18]
    tones = [first, second, first]
    sections = [
        (line[i : j + 1], tone) for i, j, tone in zip(cuts, cuts[1:], tones, strict=False) if j > i
    ]
    mesh = lathe(sections, circle(28)).turned(rotation("x", between(rng, 0, 180)))
    return Thing(mesh, paints, str(rng.choice(["rubber", "plastic", "foam"])))


def cube(rng: np.random.Generator) -> Thing:
    side = between(rng, 0.02, 0.06)
    paints = Paints()
    colour = pick(rng)
    mesh = box((side, side, side), side * between(rng, 0.01, 0.12), [paints.plain(colour)] * 6)
    return Thing(mesh, paints, str(rng.choice(["wood", "plastic", "foam"])))


def dice(rng: np.random.Generator) -> Thing:
    side = between(rng, 0.012, 0.025)
    body = pick(rng)
    pips = colour_of("white" if sum(body.rgb) < 420 else "black", rng)
    spots = {1: "4", 2: "08", 3: "048", 4: "0268", 5: "02468", 6: "035268"}
    faces = []
    for number in (1, 6, 2, 5, 3, 4):
        face = np.empty((64, 64, 3), np.uint8)
        face[:] = body.rgb
        for spot in spots[number]:
            row, column = divmod(int(spot), 3)
            cv2.circle(face, (14 + 18 * column, 14 + 18 * row), 6, pips.rgb, -1, cv2.LINE_AA)
        faces.append(face)
    paints = Paints()
    mesh = box((side, side, side), side * 0.14, [paints.printed(face) for face in faces])
    return Thing(mesh, paints, "plastic", (body, pips))


def puzzle_cube(rng: np.random.Generator) -> Thing:
    words = ("red", "orange", "yellow", "green", "blue", "white")
    tones = [colour_of(word, rng) for word in words]
    mixed = rng.random() < 0.6
    faces = []
    for side in range(6):
        face = np.full((96, 96, 3), 18, np.uint8)
        for k in range(9):
            tone = tones[int(rng.integers(6)) if mixed else side].rgb
            x, y = k % 3 * 32, k // 3 * 32
            cv2.rectangle(face, (x + 3, y + 3), (x + 28, y + 28), tone, -1)
        faces.append(face)
    paints = Paints()
    side_m = between(rng, 0.045, 0.058)
    mesh = box((side_m, side_m, side_m), 0.002, [paints.printed(face) for face in faces])
    return Thing(mesh, paints, "plastic", tuple(tones))


def toy_brick(rng: np.random.Generator) -> Thing:
    """Makes a building brick with studs."""
    columns, rows = int(rng.choice([2, 2, 3, 4])), 2
    unit = between(rng, 0.008, 0.016)
    paints = Paints()
    colour = paints.plain(pick(rng, "red", "blue", "yellow", "green", "white", "orange", "black"))
    body = box((columns * unit, rows * unit, unit * 1.2), unit * 0.02, [colour] * 6)
    stud = lathe(
        [([(0, 0), (unit * 0.3, 0), (unit * 0.3, unit * 0.22), (0, unit * 0.22)], colour)],
        circle(16),
    )
    studs = [
        stud.moved((i + 0.5 - columns / 2) * unit, (j + 0.5 - rows / 2) * unit, unit * 1.2)
        for i in range(columns)
        for j in range(rows)
    ]
    return Thing(join(body, *studs), paints, "plastic")


TOYS = {
    "ball": Kind(("toy ball", "sphere"), ball, (0.039, 0.19), 0.8),
    "cube": Kind(("block", "toy block", "wooden cube"), cube, (0.019, 0.061), 0.7),
    "dice": Kind(("die", "game dice"), dice, (0.011, 0.026), 0.4),
    "puzzle cube": Kind(("magic cube", "cube", "toy cube"), puzzle_cube, (0.044, 0.06), 0.5),
    "toy brick": Kind(("building brick", "toy block", "brick"), toy_brick, (0.015, 0.07), 0.5),
}
