# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Hand tools."""

from __future__ import annotations

import numpy as np

from vit_perception.scenes.parametric.fixings import bolt, nut, washer
from vit_perception.scenes.parametric.meshes import (
    LYING,
    box,
    circle,
    curve,
    join,
    lathe,
    rotation,
    rounded_rectangle,
    sweep,
)
from vit_perception.scenes.parametric.palette import colour_of, pick
from vit_perception.scenes.parametric.slabs import extrude, ring_of
from vit_perception.scenes.parametric.things import Kind, Paints, Thing, between

GRIPS = ("red", "yellow", "blue", "green", "orange", "black", "purple")


def screwdriver(rng: np.random.Generator) -> Thing:
    grip, shaft = between(rng, 0.075, 0.12), between(rng, 0.06, 0.16)
    r = between(rng, 0.011, 0.017)
    colour = colour_of(str(rng.choice(GRIPS)), rng)
    paints = Paints()
    hold, metal, end = (
        paints.plain(colour),
        paints.plain(colour_of("silver", rng)),
        paints.plain(pick(rng, *GRIPS)),
    )
    fluted = circle(24) * (1 - 0.09 * (np.arange(24) % 4 == 0))[:, None]
    line = curve(
        [
            (r * 0.8, 0.002),
            (r, grip * 0.15),
            (r * 0.95, grip * 0.6),
            (r * 0.55, grip * 0.8),
            (r * 0.75, grip),
        ],
        4,
    )
    handle = lathe(
        [([(0, 0), *line[:4]], end), (line[3:], hold), ([line[-1], (0, grip)], hold)], fluted
    )
    s = between(rng, 0.0025, 0.004)
    z = grip + shaft
    rod = [(0.0, grip - 0.002), (s, grip - 0.002), (s, z - shaft * 0.08)]
    if rng.random() < 0.5:
        blade = lathe([([*rod, (s * 0.3, z), (0, z)], metal)], circle(12))
    else:
        path = np.array([[0, 0, z - shaft * 0.08], [0, 0, z - shaft * 0.03], [0, 0, z]])
        widths = np.array([[s, s], [s * 1.6, s * 0.6], [s * 1.3, s * 0.2]])
        tip = sweep(path, circle(12), widths, metal, up=(1, 0, 0))
        blade = join(lathe([([*rod, (0, z - shaft * 0.08)], metal)], circle(12)), tip)
    return Thing(
        join(handle, blade).turned(LYING), paints, "metal", note=f"with a {colour.word} handle"
    )


def hammer(rng: np.random.Generator) -> Thing:
    """Makes a hammer lying on its side: claw, bench or mallet head."""
    length = between(rng, 0.24, 0.34)
    paints = Paints()
    grip = colour_of(
        str(rng.choice(["brown", "tan", "red", "black", "blue", "yellow", "orange"])), rng
    )
    steel = colour_of(str(rng.choice(["silver", "grey", "black"])), rng)
    hold, metal = paints.plain(grip), paints.plain(steel)
    t = np.linspace(0, 1, 9)
    path = np.column_stack([np.zeros(9), -t * length, np.full(9, 0.014)])
    scales = np.column_stack([0.014 + 0.006 * np.sin(t * 3.0) * t, np.full(9, 0.011)])
    handle = sweep(path, circle(14), scales, hold)
    w = between(rng, 0.045, 0.06)
    face = sweep(
        np.array([[0.0, 0, 0.014], [w * 0.5, 0, 0.014], [w * 0.6, 0, 0.014], [w, 0, 0.014]]),
        circle(18),
        np.array([0.014, 0.012, 0.014, 0.0145])[:, None] * np.ones(2),
        metal,
    )
    if rng.random() < 0.5:  # a claw
        claws = [
            sweep(
                np.column_stack(
                    [
                        -w * 1.3 * t[::2],
                        side * (0.003 + 0.006 * t[::2]) - 0.018 * t[::2] ** 2,
                        np.full(5, 0.014) + side * 0.004,
                    ]
                ),
                rounded_rectangle(1, 1, 0.2, 3),
                np.column_stack([0.02 - 0.013 * t[::2], 0.009 - 0.006 * t[::2]]),
                metal,
            )
            for side in (-1, 1)
        ]
    else:  # a peen
        claws = [
            sweep(
                np.array([[0.005, 0, 0.014], [-w * 0.4, 0, 0.014], [-w, 0, 0.014]]),
                rounded_rectangle(1, 1, 0.1, 3),
                np.array([[0.026, 0.026], [0.024, 0.02], [0.024, 0.003]]),
                metal,
                up=(0, 1, 0),
            )
        ]
    return Thing(join(handle, face, *claws), paints, "metal", note=f"with a {grip.word} handle")


def _jaw(r: float, gap: float, handle: float, length: float) -> np.ndarray:
    """Returns the outline of an open jaw at the right end of a bar that reaches to x = -length."""
    start = np.arcsin(handle / 2 / r)
    slot = np.arcsin(gap / 2 / r)
    lower = -np.linspace(np.pi - start, slot, 12)
    upper = np.linspace(slot, np.pi - start, 12)
    low = np.column_stack([np.cos(lower), np.sin(lower)]) * r
    high = np.column_stack([np.cos(upper), np.sin(upper)]) * r
    inside = np.array([[-r * 0.1, -gap / 2], [-r * 0.35, 0.0], [-r * 0.1, gap / 2]])
    bar = np.array([[-length, handle / 2], [-length, -handle / 2]])
    return np.concatenate([low, inside, high, bar])


def wrench(rng: np.random.Generator) -> Thing:
    """Makes a spanner: an open jaw at one end, a ring or a second jaw at the other."""
    length = between(rng, 0.12, 0.24)
    r = length * between(rng, 0.075, 0.095)
    thick = between(rng, 0.005, 0.008)
    colour = colour_of(str(rng.choice(["silver", "silver", "grey", "black", "gold"])), rng)
    paints = Paints()
    metal = paints.plain(colour)
    reach = length - 2 * r
    jaw = extrude(_jaw(r, r * 1.05, r * 0.75, reach), 0, thick, metal)
    if rng.random() < 0.6:
        ring = ring_of(circle(24) * r * 0.9, circle(24) * r * 0.55, thick * 1.15, metal).moved(
            x=-reach - r * 0.5
        )
    else:
        ring = extrude(_jaw(r * 0.85, r * 0.85, r * 0.7, reach * 0.5), 0, thick, metal)
        ring = ring.turned(rotation("z", 180)).moved(x=-reach - r * 0.3)
    return Thing(join(jaw, ring), paints, "metal")


def pliers(rng: np.random.Generator) -> Thing:
    """Makes combination pliers, slightly open."""
    length = between(rng, 0.14, 0.2)
    paints = Paints()
    grip = colour_of(str(rng.choice(GRIPS)), rng)
    hold, metal = (
        paints.plain(grip),
        paints.plain(colour_of(str(rng.choice(["silver", "grey", "black"])), rng)),
    )
    spread = between(rng, 0.018, 0.03)
    parts = []
    for side in (-1, 1):
        line = curve(
            [
                (0.0, 0.002),
                (-length * 0.2, spread * 0.7),
                (-length * 0.45, spread),
                (-length * 0.72, spread * 0.8),
            ],
            4,
        )
        path = np.column_stack([line[:, 0], side * line[:, 1], np.full(len(line), 0.007)])
        parts.append(sweep(path, circle(10), np.array([0.007, 0.006]), hold))
        jaw = np.array(
            [
                [-0.005, side * -0.002, 0.007],
                [length * 0.12, side * 0.006, 0.007],
                [length * 0.28, side * 0.003, 0.007],
            ]
        )
        parts.append(
            sweep(
                jaw,
                rounded_rectangle(1, 1, 0.3, 3),
                np.array([[0.016, 0.011], [0.013, 0.01], [0.005, 0.006]]),
                metal,
            )
        )
    pivot = lathe([([(0, 0), (0.011, 0), (0.011, 0.013), (0, 0.013)], metal)], circle(20)).moved(
        x=0.004
    )
    return Thing(join(*parts, pivot), paints, "metal", note=f"with {grip.word} handles")


def tape_measure(rng: np.random.Generator) -> Thing:
    w = between(rng, 0.05, 0.075)
    paints = Paints()
    case, band = (
        paints.plain(pick(rng, "yellow", "orange", "black", "red", "blue", "green")),
        paints.plain(colour_of("black", rng)),
    )
    metal = paints.plain(colour_of("silver", rng))
    d = w * between(rng, 0.45, 0.6)
    outline = rounded_rectangle(w, w * 0.92, w * 0.28, 6)
    body = lathe(
        [([(0, 0), (0.94, 0), (1, d * 0.08), (1, d * 0.92), (0.94, d), (0, d)], case)], outline
    )
    badge = lathe(
        [([(0, 0), (w * 0.3, 0), (w * 0.28, 0.002), (0, 0.002)], band)], circle(24)
    ).moved(z=d)
    tongue = box((0.018, d * 0.4, 0.002), 0.0005, [metal] * 6).moved(x=w / 2 + 0.006, z=d * 0.3)
    flat = join(body, badge)
    return Thing(join(flat.turned(rotation("x", 90)).standing(), tongue), paints, "plastic")


TOOLS = {
    "screwdriver": Kind(
        ("phillips screwdriver", "hand tool", "tool"), screwdriver, (0.13, 0.3), 0.9
    ),
    "hammer": Kind(("claw hammer", "hand tool", "tool"), hammer, (0.24, 0.38), 0.8),
    "wrench": Kind(("spanner", "hand tool", "tool"), wrench, (0.11, 0.25), 0.7),
    "pliers": Kind(("pair of pliers", "hand tool", "tool"), pliers, (0.12, 0.22), 0.7),
    "bolt": Kind(("hex bolt", "screw", "fastener"), bolt, (0.015, 0.12), 0.5),
    "nut": Kind(("hex nut", "fastener"), nut, (0.009, 0.05), 0.5),
    "washer": Kind(("metal washer", "ring", "fastener"), washer, (0.018, 0.046), 0.3),
    "tape measure": Kind(
        ("measuring tape", "ruler tape", "tool"), tape_measure, (0.045, 0.1), 0.6
    ),
}
