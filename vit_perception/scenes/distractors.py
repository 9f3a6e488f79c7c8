# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Small objects without name or label: pebbles, blocks, cables, crumbs, cloths and paper."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vit_perception.scenes.furniture import Prop, draw_skin
from vit_perception.scenes.poses import IDENTITY, turn
from vit_perception.scenes.surfaces import Surfaces

UNIFORM_SKIN = 0.6
"""Share of nameless objects in one colour."""


@dataclass(frozen=True, slots=True, eq=False)
class Lump:
    """A convex nameless object without a place: vertices float64 [N,3], OBJ, texture."""

    hull: np.ndarray
    mesh: bytes
    texture: np.ndarray
    shine: float


def draw_lump(surfaces: Surfaces, rng: np.random.Generator) -> Lump:
    """Draws a random convex object of 1 to 6 cm between pebble and block, z from 0 up."""
    rows, columns = 7, 14
    latitude = np.linspace(-np.pi / 2, np.pi / 2, rows)[:, None]
    longitude = np.linspace(-np.pi, np.pi, columns)[None]
    # A superellipsoid: exponents near 0 make blocks and cylinders, 1 makes ellipsoids.
    up, around = rng.uniform(0.1, 1.2, 2)
    half = float(np.exp(rng.uniform(np.log(0.006), np.log(0.03)))) * rng.uniform(0.35, 1.0, 3)
    x = half[0] * _power(np.cos(latitude), up) * _power(np.cos(longitude), around)
    y = half[1] * _power(np.cos(latitude), up) * _power(np.sin(longitude), around)
    z = half[2] * _power(np.sin(latitude), up) * np.ones_like(longitude)
    corners = np.stack([x, y, z + half[2]], axis=-1).reshape(-1, 3)
    u, v = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))
    shine = float(rng.choice([0.05, 0.4]))
    mesh = _obj(corners, np.stack([u, v], -1).reshape(-1, 2), _grid_faces(rows, columns))
    return Lump(corners, mesh, draw_skin(surfaces, rng, UNIFORM_SKIN), shine)


def _power(values: np.ndarray, exponent: float) -> np.ndarray:
    power: np.ndarray = np.sign(values) * np.abs(values) ** exponent
    return power


def draw_flat(surfaces: Surfaces, reach: float, rng: np.random.Generator) -> Prop:
    """Draws a cable, crumbs, a cloth or a sheet of paper within `reach` metres of the middle."""
    kind = rng.random()
    x, y = rng.uniform(-reach, reach, 2)
    position, quaternion = np.array([x, y, 0.0]), turn((0, 0, 1), float(rng.uniform(0, 360)))
    if kind < 0.35:
        return Prop(_cable(rng), draw_skin(surfaces, rng, 1.0), position, quaternion, 0.2)
    if kind < 0.6:
        return Prop(_crumbs(rng), draw_skin(surfaces, rng, 1.0), position, quaternion, 0.05)
    if kind < 0.8:
        mesh = _sheet(rng, float(rng.uniform(0.06, 0.2)), float(rng.uniform(0.002, 0.008)))
        return Prop(mesh, draw_skin(surfaces, rng, 0.4), position, quaternion, 0.0)
    mesh = _sheet(rng, float(rng.uniform(0.04, 0.13)), 0.0004)
    return Prop(mesh, _paper(rng), position, quaternion, 0.02)


def place_lump(lump: Lump, position: np.ndarray, quaternion: np.ndarray = IDENTITY) -> Prop:
    """Returns the lump at its place."""
    return Prop(lump.mesh, lump.texture, position, quaternion, lump.shine)


def _cable(rng: np.random.Generator) -> bytes:
    """Returns a tube along a curve that bends at random."""
    steps, sides = 70, 6
    radius = float(rng.uniform(0.0012, 0.0035))
    bend = np.cumsum(rng.normal(0, 0.12, steps))
    heading = np.cumsum((bend - bend.mean()) * 0.35)
    stride = float(rng.uniform(0.004, 0.009))
    path = np.cumsum(np.stack([np.cos(heading), np.sin(heading)], 1) * stride, axis=0)
    path -= path.mean(axis=0)
    around = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    side = np.stack([-np.sin(heading), np.cos(heading)], 1)
    corners = np.empty((steps, sides, 3))
    corners[..., :2] = path[:, None] + np.cos(around)[None, :, None] * side[:, None] * radius
    corners[..., 2] = radius + radius * np.sin(around)
    index = np.arange(steps * sides).reshape(steps, sides)
    one, two = index[:-1], index[1:]
    a, b, c, d = one, two, np.roll(two, -1, axis=1), np.roll(one, -1, axis=1)
    faces = np.concatenate([np.stack(t, -1).reshape(-1, 3) for t in ((a, b, c), (a, c, d))])
    flat = corners.reshape(-1, 3)
    return _obj(flat, np.zeros((len(flat), 2)), faces)


def _crumbs(rng: np.random.Generator) -> bytes:
    """Returns many specks of a millimetre or two, as eight-sided bits."""
    count = int(rng.integers(8, 50))
    spread = float(rng.uniform(0.01, 0.08))
    size = rng.uniform(0.0006, 0.0028, (count, 1, 1))
    base = np.array([[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], float)
    points = base[None] * size * rng.uniform(0.5, 1.3, (count, 6, 3))
    places = np.concatenate([rng.normal(0, spread, (count, 2)), size[:, 0] * 0.8], axis=1)
    points += places[:, None]
    octahedron = np.array(
        [[0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4], [1, 0, 5], [2, 1, 5], [3, 2, 5], [0, 3, 5]]
    )
    faces = (octahedron[None] + 6 * np.arange(count)[:, None, None]).reshape(-1, 3)
    flat = points.reshape(-1, 3)
    return _obj(flat, np.zeros((len(flat), 2)), faces)


def _sheet(rng: np.random.Generator, half: float, height: float) -> bytes:
    """Returns a rectangle with soft waves, seen from above."""
    steps = 20
    u, v = np.meshgrid(np.linspace(-1, 1, steps), np.linspace(-1, 1, steps))
    z = np.zeros_like(u)
    for _ in range(4):
        k, phase = rng.normal(0, 3, 2), rng.uniform(0, 2 * np.pi)
        z += np.sin(k[0] * u + k[1] * v + phase)
    z = (z - z.min()) / np.ptp(z) * height + 0.0008
    aspect = float(rng.uniform(0.5, 1.0))
    corners = np.stack([u * half, v * half * aspect, z], -1).reshape(-1, 3)
    faces = _grid_faces(steps, steps)
    return _obj(corners, np.stack([u + 1, v + 1], -1).reshape(-1, 2) / 2, faces)


def _paper(rng: np.random.Generator) -> np.ndarray:
    """Returns a light sheet with grey lines for print."""
    sheet = np.full((128, 96, 3), rng.uniform(205, 252, 3), np.uint8)
    if rng.random() < 0.7:
        for row in range(10, 118, int(rng.integers(5, 12))):
            end = int(rng.integers(40, 90))
            sheet[row : row + 2, 8:end] = int(rng.integers(30, 120))
    return sheet


def _grid_faces(rows: int, columns: int) -> np.ndarray:
    """Returns two triangles for each square of a grid of corners, int64 [F,3]."""
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    return np.concatenate([np.stack(t, -1).reshape(-1, 3) for t in ((a, b, c), (a, c, d))])


def _obj(corners: np.ndarray, uv: np.ndarray, faces: np.ndarray) -> bytes:
    lines = [f"v {x:.5f} {y:.5f} {z:.5f}" for x, y, z in corners]
    lines += [f"vt {u:.4f} {v:.4f}" for u, v in uv]
    lines += [f"f {a}/{a} {b}/{b} {c}/{c}" for a, b, c in faces + 1]
    return ("\n".join(lines) + "\n").encode()
