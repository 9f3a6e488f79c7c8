# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Egg cartons, ice cube trays and eggs."""

from __future__ import annotations

import numpy as np

from vit_perception.scenes.parametric.meshes import (
    Mesh,
    circle,
    grid,
    join,
    lathe,
    rotation,
)
from vit_perception.scenes.parametric.palette import colour_of, pick
from vit_perception.scenes.parametric.things import Kind, Paints, Thing, between


def _relief(height: np.ndarray, w: float, d: float, thick: float, surface: int) -> Mesh:
    """Returns a sheet formed by heights float64 [A,B] in metres over w x d, closed below."""
    x, y = np.meshgrid(
        np.linspace(-w / 2, w / 2, height.shape[0]),
        np.linspace(-d / 2, d / 2, height.shape[1]),
        indexing="ij",
    )
    top = np.stack([x, y, height + thick], axis=-1)
    low = np.stack([x, y, np.zeros_like(x)], axis=-1)
    uv = np.stack([x / w + 0.5, y / d + 0.5], axis=-1)
    parts = [grid(top, uv, surface), grid(low[::-1], uv[::-1], surface)]
    edges = [
        (top[:, 0], low[:, 0]),
        (top[-1], low[-1]),
        (top[::-1, -1], low[::-1, -1]),
        (top[0, ::-1], low[0, ::-1]),
    ]
    for above, below in edges:
        wall = np.stack([below, above], axis=1)
        parts.append(grid(wall, np.zeros((*wall.shape[:2], 2)), surface))
    return join(*parts)


def egg_carton(rng: np.random.Generator) -> Thing:
    """Makes the open lower half of an egg carton, with a few eggs or none."""
    columns = int(rng.choice([3, 5, 6]))
    cell, tall = 0.048, 0.04
    paints = Paints()
    pulp = paints.plain(
        colour_of(str(rng.choice(["grey", "tan", "beige", "light blue", "pink"])), rng)
    )
    n = 5
    x, y = np.meshgrid(
        np.linspace(0, columns, columns * n + 1), np.linspace(0, 2, 2 * n + 1), indexing="ij"
    )
    bumps = (
        np.clip(1.25 - np.abs(np.sin(np.pi * x)) - np.abs(np.sin(np.pi * y)) * 0.9, 0, 0.75) / 0.75
    )
    rim = np.maximum.reduce([x < 0.1, x > columns - 0.1, y < 0.1, y > 1.9]).astype(float)
    mesh = _relief(tall * np.maximum(bumps, rim * 0.8), columns * cell, 2 * cell, 0.002, pulp)
    eggs = []
    if rng.random() < 0.75:
        shell = paints.plain(colour_of(str(rng.choice(["beige", "tan", "white"])), rng))
        for k in range(columns * 2):
            if rng.random() < 0.75:
                at = ((k // 2 + 0.5 - columns / 2) * cell, (k % 2 - 0.5) * cell, 0.004)
                eggs.append(_egg(0.02, shell, 10).moved(*at))
    return Thing(join(mesh, *eggs), paints, "cardboard")


def _egg(r: float, surface: int, segments: int = 24) -> Mesh:
    t = np.linspace(0, np.pi, segments // 2 + 1)
    z = r * 1.3 * (1 - np.cos(t))
    return lathe(
        [(np.column_stack([r * np.sin(t) * (1 - 0.14 * np.cos(t) * -1), z]), surface)],
        circle(segments),
    )


def egg(rng: np.random.Generator) -> Thing:
    paints = Paints()
    shell = paints.plain(colour_of(str(rng.choice(["beige", "tan", "white", "brown"])), rng))
    mesh = _egg(between(rng, 0.019, 0.024), shell)
    return Thing(mesh.turned(rotation("x", 90)), paints, "food")


def ice_tray(rng: np.random.Generator) -> Thing:
    columns, cell = int(rng.integers(4, 8)), between(rng, 0.026, 0.036)
    paints = Paints()
    n = 6
    x, y = np.meshgrid(
        np.linspace(0, columns, columns * n + 1), np.linspace(0, 2, 2 * n + 1), indexing="ij"
    )
    pit = np.minimum(np.abs(np.sin(np.pi * x)), np.abs(np.sin(np.pi * y)))
    height = 0.026 * (1 - np.clip((pit - 0.25) * 3, 0, 0.92))
    mesh = _relief(
        height,
        columns * cell,
        2 * cell,
        0.002,
        paints.plain(
            pick(rng, "light blue", "white", "blue", "green", "pink", "orange", "purple")
        ),
    )
    return Thing(mesh, paints, "plastic")


MOULDED = {
    "egg carton": Kind(("egg box", "carton of eggs", "carton"), egg_carton, (0.13, 0.3), 0.7),
    "egg": Kind(("hen's egg", "food"), egg, (0.045, 0.07), 0.4),
    "ice cube tray": Kind(("ice tray", "mould"), ice_tray, (0.09, 0.26), 0.4),
}
