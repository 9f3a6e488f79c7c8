# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Bolts, nuts and washers."""

from __future__ import annotations

import numpy as np

from vit_perception.scenes.parametric.meshes import LYING, circle, join, lathe
from vit_perception.scenes.parametric.palette import colour_of
from vit_perception.scenes.parametric.slabs import ring_of
from vit_perception.scenes.parametric.things import Paints, Thing, between


def _hexagon(points: int = 36) -> np.ndarray:
    """Returns a circumscribed unit hexagon float64 [points,2]."""
    angle = np.pi / 2 + 2 * np.pi * np.arange(points) / points
    reach = 1 / np.cos((angle % (np.pi / 3)) - np.pi / 6)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1) * reach[:, None]


def _metal(rng: np.random.Generator) -> tuple[Paints, int]:
    paints = Paints()
    return paints, paints.plain(
        colour_of(str(rng.choice(["silver", "silver", "gold", "grey", "black"])), rng)
    )


def bolt(rng: np.random.Generator) -> Thing:
    """Makes a hexagon bolt, standing on its head or lying."""
    d = between(rng, 0.006, 0.016)
    length = d * between(rng, 2.0, 6.0)
    paints, metal = _metal(rng)
    head = lathe(
        [([(0, 0), (0.95, 0), (1, d * 0.06), (1, d * 0.65), (0, d * 0.65)], metal)],
        _hexagon() * d * 0.85,
    )
    turns = int(np.clip(length / (d * 0.16), 6, 26))
    z = np.linspace(d * 0.65, d * 0.65 + length, 2 * turns + 1)
    wall = np.where(np.arange(2 * turns + 1) % 2, d * 0.5, d * 0.43)
    shank = lathe(
        [
            ([(0.0, z[0]), *zip(wall, z, strict=True)], metal),
            ([(wall[-1], z[-1]), (0, z[-1])], metal),
        ],
        circle(16),
    )
    mesh = join(head, shank)
    return Thing(mesh.turned(LYING) if rng.random() < 0.7 else mesh, paints, "metal")


def nut(rng: np.random.Generator) -> Thing:
    d = between(rng, 0.006, 0.02)
    paints, metal = _metal(rng)
    return Thing(
        ring_of(_hexagon() * d * 0.85, circle(36) * d * 0.5, d * between(rng, 0.7, 0.9), metal),
        paints,
        "metal",
    )


def washer(rng: np.random.Generator) -> Thing:
    d = between(rng, 0.01, 0.022)
    paints, metal = _metal(rng)
    ring = ring_of(
        circle(32) * d,
        circle(32) * d * between(rng, 0.45, 0.6),
        between(rng, 0.0012, 0.0025),
        metal,
    )
    return Thing(ring, paints, "metal")
