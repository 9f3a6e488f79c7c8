# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Spoons, forks, knives, spatulas and other long kitchen tools, lying along x."""

from __future__ import annotations

import numpy as np

from vit_perception.scenes.parametric.meshes import (
    Mesh,
    circle,
    curve,
    join,
    loft,
    rotation,
    sweep,
)
from vit_perception.scenes.parametric.palette import Colour, colour_of, pick
from vit_perception.scenes.parametric.things import Kind, Paints, Thing, between

HANDLES = ("black", "black", "red", "blue", "green", "white", "brown")


def strip(
    stations: list[tuple[float, float, float, float, float]], surface: int, steps: int = 5
) -> Mesh:
    """Returns a long thin piece along x with smooth sides.

    Each station is x, half width, height of its middle, hollow (how far the middle of its upper
    side lies below the edges) and thickness, metres.
    """
    table = np.asarray(stations, dtype=np.float64)
    if steps > 1:
        columns = [
            curve(list(zip(table[:, 0], table[:, k], strict=True)), steps) for k in range(1, 5)
        ]
        table = np.column_stack([columns[0][:, 0], *(column[:, 1] for column in columns)])
    x, wide, z, deep, thick = (table[:, k, None] for k in range(5))
    s = np.linspace(1, -1, 9)[None]
    top_y, top_z = wide * s, z - deep * (1 - s**2)
    # Rounded edges: the piece is thinnest at its sides.
    low_y, low_z = top_y[:, ::-1], (top_z - thick * (0.35 + 0.65 * (1 - s**4)))[:, ::-1]
    y, height = np.concatenate([top_y, low_y], axis=1), np.concatenate([top_z, low_z], axis=1)
    rings = np.stack([np.broadcast_to(x, y.shape), y, height], axis=-1)
    ends = [
        np.repeat(ring.mean(axis=0)[None], ring.shape[0], axis=0) for ring in (rings[0], rings[-1])
    ]
    return loft(np.concatenate([ends[:1], rings, ends[1:]]), surface)


def _material(rng: np.random.Generator) -> tuple[str, Colour]:
    chance = rng.random()
    if chance < 0.55:
        return "metal", colour_of("silver", rng)
    if chance < 0.7:
        return "metal", colour_of("gold", rng)
    if chance < 0.85:
        return "wood", colour_of(str(rng.choice(["tan", "brown"])), rng)
    return "plastic", pick(rng)


def _paints(rng: np.random.Generator) -> tuple[Paints, str, int, int]:
    """Draws paints, material, and surfaces of working end and handle, one in four of its own."""
    material, colour = _material(rng)
    paints = Paints()
    head = paints.plain(colour)
    grip = colour_of(str(rng.choice(HANDLES)), rng) if rng.random() < 0.25 else colour
    return paints, material, head, head if grip is colour else paints.plain(grip)


def _handle(length: float, wide: float, surface: int, lift: float) -> Mesh:
    """Returns a handle from x = -length to 0."""
    return strip(
        [
            (-length, wide * 0.75, lift, 0, 0.0025),
            (-length * 0.93, wide, lift, 0, 0.0028),
            (-length * 0.5, wide * 0.6, lift + 0.004, 0, 0.003),
            (-length * 0.15, wide * 0.38, 0.006, 0, 0.003),
            (0.004, wide * 0.42, 0.003, 0.0005, 0.002),
        ],
        surface,
        3,
    )


def spoon(rng: np.random.Generator) -> Thing:
    length = between(rng, 0.13, 0.2)
    bowl, wide = length * between(rng, 0.26, 0.34), length * between(rng, 0.09, 0.12)
    deep = wide * between(rng, 0.35, 0.55)
    paints, material, head, hold = _paints(rng)
    scoop = strip(
        [
            (0, wide * 0.2, 0.003, 0.0003, 0.0018),
            (bowl * 0.12, wide * 0.5, 0.003, deep * 0.35, 0.0018),
            (bowl * 0.4, wide, 0.003, deep, 0.0018),
            (bowl * 0.75, wide * 0.82, 0.003, deep * 0.8, 0.0018),
            (bowl * 0.95, wide * 0.35, 0.003, deep * 0.2, 0.0018),
            (bowl, wide * 0.05, 0.003, 0, 0.001),
        ],
        head,
        4,
    )
    return Thing(
        join(scoop, _handle(length - bowl, length * 0.045, hold, between(rng, 0.004, 0.016))),
        paints,
        material,
    )


def fork(rng: np.random.Generator) -> Thing:
    length = between(rng, 0.14, 0.21)
    head = length * 0.2
    wide = length * between(rng, 0.055, 0.07)
    paints, material, metal, hold = _paints(rng)
    palm = strip(
        [
            (0, wide * 0.35, 0.003, 0, 0.0018),
            (head * 0.35, wide * 0.95, 0.0, 0.001, 0.0018),
            (head * 0.62, wide, 0.0, 0.0008, 0.0018),
        ],
        metal,
        3,
    )
    count = int(rng.choice([3, 4, 4]))
    tine = wide / count * 0.55
    tines = [
        strip(
            [
                (head * 0.55, tine, 0.0, 0, 0.0018),
                (head * 1.2, tine * 0.9, 0.003, 0, 0.0018),
                (head * 1.55, tine * 0.5, 0.008, 0, 0.0015),
            ],
            metal,
            2,
        ).moved(y=(k - (count - 1) / 2) * (2 * wide - 2 * tine) / (count - 1))
        for k in range(count)
    ]
    return Thing(
        join(
            palm, *tines, _handle(length - head, length * 0.042, hold, between(rng, 0.004, 0.014))
        ),
        paints,
        material,
    )


def knife(rng: np.random.Generator) -> Thing:
    """Makes a table or kitchen knife, lying on its flat side."""
    kitchen = rng.random() < 0.5
    blade, wide = (
        (between(rng, 0.09, 0.19), between(rng, 0.011, 0.02))
        if kitchen
        else (between(rng, 0.09, 0.11), between(rng, 0.008, 0.01))
    )
    grip_long = between(rng, 0.09, 0.13)
    paints = Paints()
    metal = paints.plain(colour_of("silver", rng))
    grip = (
        colour_of(str(rng.choice(HANDLES)), rng)
        if kitchen or rng.random() < 0.4
        else colour_of("silver", rng)
    )
    hold = paints.plain(grip)
    y = wide * 0.3
    steel = join(
        strip(
            [
                (0, wide * 0.9, 0.008, 0, 0.002),
                (blade * 0.6, wide, 0.008, 0, 0.0018),
                (blade * 0.88, wide * 0.75, 0.008, 0, 0.0015),
                (blade, wide * 0.12, 0.008, 0, 0.001),
            ],
            metal,
            4,
        ).moved(y=-y),
    )
    wood = strip(
        [
            (-grip_long, 0.008, 0.012, 0, 0.012),
            (-grip_long * 0.85, 0.012, 0.014, 0, 0.014),
            (-grip_long * 0.4, 0.009, 0.014, 0, 0.014),
            (0.004, 0.011, 0.013, 0, 0.012),
        ],
        hold,
        3,
    )
    return Thing(
        join(steel, wood),
        paints,
        "metal",
        note=f"with a {grip.word} handle",
        names=("kitchen knife",) if kitchen else ("table knife",),
    )


def spatula(rng: np.random.Generator) -> Thing:
    length, head = between(rng, 0.18, 0.24), between(rng, 0.07, 0.11)
    wide = between(rng, 0.025, 0.045)
    whole = rng.random() < 0.5
    colour = pick(rng, "black", "red", "blue", "green", "tan", "brown", "grey", "orange")
    grip = colour if whole else colour_of(str(rng.choice(HANDLES)), rng)
    paints = Paints()
    flat, hold = paints.plain(colour), paints.plain(grip)
    blade = strip(
        [
            (0, wide * 0.35, 0.012, 0, 0.003),
            (head * 0.25, wide * 0.85, 0.004, 0, 0.003),
            (head, wide, 0.002, 0, 0.002),
        ],
        flat,
        4,
    )
    path = np.array(
        [[-length, 0, 0.05], [-length * 0.5, 0, 0.035], [-length * 0.15, 0, 0.02], [0.01, 0, 0.01]]
    )
    rod = sweep(
        path,
        circle(10),
        np.array([[0.011, 0.008], [0.008, 0.006], [0.006, 0.005], [0.008, 0.003]]),
        hold,
    )
    wooden = colour.word in ("tan", "brown")
    return Thing(
        join(blade, rod),
        paints,
        "wood" if wooden else "plastic",
        names=("wooden spatula",) if wooden else (),
    )


def chopsticks(rng: np.random.Generator) -> Thing:
    length = between(rng, 0.18, 0.25)
    colour = pick(rng, "brown", "tan", "black", "red")
    paints = Paints()
    surface = paints.plain(colour)
    path = np.array([[-length / 2, 0, 0.004], [0, 0, 0.004], [length / 2, 0, 0.003]])
    stick = sweep(
        path, circle(10), np.array([0.0038, 0.003, 0.0016])[:, None] * np.ones(2), surface
    )
    other = stick.turned(rotation("z", between(rng, -9, 9))).moved(y=between(rng, 0.009, 0.016))
    return Thing(
        join(stick, other), paints, "wood" if colour.word in ("brown", "tan") else "plastic"
    )


def ladle(rng: np.random.Generator) -> Thing:
    length = between(rng, 0.18, 0.26)
    r = between(rng, 0.032, 0.045)
    material, colour = _material(rng)
    paints = Paints()
    surface = paints.plain(colour)
    scoop = strip(
        [
            (0, r * 0.35, 0.0, 0.004, 0.002),
            (r * 0.3, r * 0.75, 0, r * 0.45, 0.002),
            (r, r, 0, r * 0.8, 0.002),
            (r * 1.7, r * 0.75, 0, r * 0.45, 0.002),
            (r * 2, r * 0.25, 0, 0.003, 0.002),
        ],
        surface,
        4,
    )
    path = np.array(
        [[-length, 0, 0.055], [-length * 0.5, 0, 0.04], [-0.03, 0, 0.016], [0.01, 0, -0.001]]
    )
    rod = sweep(
        path,
        circle(10),
        np.array([[0.007, 0.004], [0.006, 0.004], [0.005, 0.004], [0.008, 0.003]]),
        surface,
    )
    return Thing(join(scoop, rod), paints, material)


CUTLERY = {
    "spoon": Kind(("tablespoon", "teaspoon", "cutlery"), spoon, (0.12, 0.22), 1.0),
    "fork": Kind(("table fork", "cutlery"), fork, (0.13, 0.25), 1.0),
    "knife": Kind(("cutlery", "blade"), knife, (0.17, 0.34), 1.0),
    "spatula": Kind(("turner", "kitchen utensil"), spatula, (0.24, 0.37), 0.7),
    "ladle": Kind(("soup ladle", "kitchen utensil"), ladle, (0.23, 0.37), 0.5),
    "chopsticks": Kind(("pair of chopsticks", "sticks"), chopsticks, (0.17, 0.27), 0.4),
}
