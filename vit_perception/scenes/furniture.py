# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Bins and shelves made of boards, and unnamed props."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from vit_perception.scenes.roles import Role
from vit_perception.scenes.settle import Board
from vit_perception.scenes.surfaces import Surfaces

GRID = 5
"""Squares per side of a board's faces: light is computed at their corners."""
WALL_M = 0.03
"""Half thickness of a bin's walls for physics, outward of what is seen: nothing falls through."""


@dataclass(frozen=True, slots=True, eq=False)
class Prop:
    """A rendered object without a name: an OBJ mesh with a texture uint8 [H,W,3], at a pose.

    `shine` is its specular reflection, 0 to 1; `role` what it is in class maps.
    """

    mesh: bytes
    texture: np.ndarray
    position: np.ndarray
    quaternion: np.ndarray
    shine: float = 0.1
    role: Role = Role.THING


@dataclass(frozen=True, slots=True, eq=False)
class Furniture:
    """Boards for physics, and their appearance."""

    solid: tuple[Board, ...]
    props: tuple[Prop, ...]


def draw_skin(surfaces: Surfaces, rng: np.random.Generator, plain: float) -> np.ndarray:
    """Draws a texture, or with probability `plain` a single colour, uint8 [H,W,3]."""
    if rng.random() >= plain:
        return surfaces.draw_texture(rng).levels[1]
    grey = rng.random() < 0.45
    saturation = rng.uniform(0, 0.1) if grey else rng.uniform(0.3, 0.95)
    rgb = colorsys.hsv_to_rgb(rng.random(), saturation, rng.uniform(0.08, 0.97))
    return np.full((8, 8, 3), np.array(rgb) * 255, np.uint8)


def make_bin(
    inner: tuple[float, float], height: float, surfaces: Surfaces, rng: np.random.Generator
) -> Furniture:
    """Makes an open box on the table around the origin: inner half sides and height, metres."""
    x, y = inner
    thick = float(rng.uniform(0.0015, 0.006))
    skin = draw_skin(surfaces, rng, 0.65)
    shine = float(rng.choice([0.05, 0.3]))
    floor = Board((x, y, 0.001), (0.0, 0.0, 0.001))
    walls = [
        Board((x + 2 * thick, thick, height / 2), (0.0, side * (y + thick), height / 2))
        for side in (-1, 1)
    ] + [Board((thick, y, height / 2), (side * (x + thick), 0.0, height / 2)) for side in (-1, 1)]
    rim = []
    if rng.random() < 0.5:
        # A folded edge, as plastic boxes have.
        lip = float(rng.uniform(0.004, 0.01))
        rim = [
            Board((x + 2 * lip, lip, 0.003), (0.0, side * (y + lip), height)) for side in (-1, 1)
        ] + [Board((lip, y, 0.003), (side * (x + lip), 0.0, height)) for side in (-1, 1)]
    solid = [floor]
    solid += [
        Board((x + 2 * WALL_M, WALL_M, height / 2), (0.0, side * (y + WALL_M), height / 2))
        for side in (-1, 1)
    ]
    solid += [
        Board((WALL_M, y, height / 2), (side * (x + WALL_M), 0.0, height / 2)) for side in (-1, 1)
    ]
    props = tuple(
        as_prop(board, skin, 0.4, shine, Role.CONTAINER) for board in (floor, *walls, *rim)
    )
    return Furniture(tuple(solid), props)


def make_shelf(
    half_width: float,
    depth: float,
    gaps: tuple[float, ...],
    surfaces: Surfaces,
    rng: np.random.Generator,
) -> tuple[tuple[Prop, ...], tuple[float, ...]]:
    """Makes boards above one another, open to -y, front edge at y = 0; also the heights of tops.

    `gaps` is the room above each board; all lengths in metres.
    """
    thick = float(rng.uniform(0.004, 0.012))
    board_skin = draw_skin(surfaces, rng, 0.5)
    back_skin = board_skin if rng.random() < 0.5 else draw_skin(surfaces, rng, 0.5)
    middle = depth / 2
    boards, tops, z = [], [], 0.0
    for gap in (*gaps, None):
        half = (half_width, depth / 2, thick)
        if gap is not None or rng.random() < 0.7:
            boards.append(Board(half, (0.0, middle, z + thick)))
        if gap is not None:
            tops.append(z + 2 * thick)
            z += 2 * thick + gap
            if rng.random() < 0.3:
                # A strip for prices along the front edge.
                strip = Board((half_width, 0.002, 0.016), (0.0, -0.002, tops[-1] - thick))
                boards.append(strip)
    sides = [
        Board(
            (thick, depth / 2, z / 2 + thick), (side * (half_width + thick), middle, z / 2 + thick)
        )
        for side in (-1, 1)
        if rng.random() < 0.7
    ]
    back = [Board((half_width, 0.003, z / 2), (0.0, depth + 0.003, z / 2))]
    if rng.random() < 0.2:
        back = []
    props = [as_prop(board, board_skin, 0.5, 0.1, Role.FURNITURE) for board in (*boards, *sides)]
    props += [as_prop(board, back_skin, 0.6, 0.05, Role.FURNITURE) for board in back]
    return tuple(props), tuple(tops)


def as_prop(board: Board, skin: np.ndarray, tile_m: float, shine: float, role: Role) -> Prop:
    """Returns the board as a prop, its skin repeated every `tile_m` metres."""
    mesh = _box_mesh(tuple(round(half, 4) for half in board.half), tile_m)
    return Prop(mesh, skin, np.array(board.position), np.array(board.quaternion), shine, role)


@lru_cache(maxsize=256)
def _box_mesh(half: tuple[float, float, float], tile_m: float) -> bytes:
    """Returns the OBJ of a box whose faces are cut into GRID x GRID squares."""
    lines: list[str] = []
    faces: list[str] = []
    steps = np.linspace(-1, 1, GRID + 1)
    count = 0
    for axis in range(3):
        for sign in (-1, 1):
            u, v = (axis + 1) % 3, (axis + 2) % 3
            normal = np.zeros(3)
            normal[axis] = sign
            for b in steps:
                for a in steps:
                    corner = np.zeros(3)
                    corner[axis], corner[u], corner[v] = (
                        sign * half[axis],
                        a * half[u],
                        b * half[v],
                    )
                    lines.append("v " + " ".join(f"{value:.5f}" for value in corner))
                    lines.append(
                        f"vt {(corner[u] + half[u]) / tile_m:.4f} "
                        f"{(corner[v] + half[v]) / tile_m:.4f}"
                    )
                    lines.append("vn " + " ".join(f"{value:.0f}" for value in normal))
            for row in range(GRID):
                for column in range(GRID):
                    first = count + row * (GRID + 1) + column + 1
                    square = [first, first + 1, first + GRID + 2, first + GRID + 1]
                    if sign < 0:
                        square.reverse()
                    corners = [f"{n}/{n}/{n}" for n in square]
                    faces.append(f"f {corners[0]} {corners[1]} {corners[2]}")
                    faces.append(f"f {corners[0]} {corners[2]} {corners[3]}")
            count += (GRID + 1) ** 2
    return "\n".join([*lines, *faces, ""]).encode()
