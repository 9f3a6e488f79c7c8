# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A generated object: mesh, colours and prints, and the texture made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from vit_perception.scenes.colours import METAL_WORDS
from vit_perception.scenes.parametric.meshes import Mesh
from vit_perception.scenes.parametric.palette import Colour
from vit_perception.scenes.parametric.pictures import FRUIT, aged
from vit_perception.scenes.recolour import PATCH_PX

Span = tuple[float, float]
"""Least and greatest of a uniform draw."""
TEXTURE_PX = 512
BORDER_PX = 2
"""Each print is continued this far beyond its edges, so that neighbours do not bleed in."""


@dataclass(slots=True, eq=False)
class Paints:
    """The surfaces of one object, numbered in the order in which they are added."""

    surfaces: list[Colour | np.ndarray] = field(default_factory=list)

    def plain(self, colour: Colour) -> int:
        self.surfaces.append(colour)
        return len(self.surfaces) - 1

    def printed(self, picture: np.ndarray, *, edge: float = 0.0) -> int:
        """Adds a print uint8 [h,w,3]; `edge` is how worn its edges are, 0 to 1."""
        # Seeded by its content, so that makers need not pass a generator to every print.
        rng = np.random.default_rng([picture.size, int(picture[:: 1 + len(picture) // 8].sum())])
        self.surfaces.append(aged(picture, rng, edge))
        return len(self.surfaces) - 1


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """The result of a maker; `inks` are the colours of its prints."""

    mesh: Mesh
    paints: Paints
    material: str
    inks: tuple[Colour, ...] = ()
    note: str = ""
    """A few words after the category in the caption: "with a white cap"."""
    names: tuple[str, ...] = ()
    """Names beyond those of the category."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One category: its further names, its maker, its weight and its size.

    `longest_m` are the least and greatest longest side in metres.
    """

    names: tuple[str, ...]
    make: Callable[[np.random.Generator], Thing]
    longest_m: tuple[float, float]
    weight: float = 1.0


def between(rng: np.random.Generator, low: float, high: float) -> float:
    return float(rng.uniform(low, high))


def fitting(
    sizes_m: Sequence[tuple[float, float]], shares: Sequence[float]
) -> list[tuple[int, int]]:
    """Returns pixels (w, h) for prints of those sizes in metres that together fill one texture.

    `shares` are their relative resolutions.
    """
    scale = (
        0.97
        * TEXTURE_PX
        / max(max(w * s, h * s) for (w, h), s in zip(sizes_m, shares, strict=True))
    )
    while True:
        sizes = [
            (max(8, round(w * s * scale)), max(8, round(h * s * scale)))
            for (w, h), s in zip(sizes_m, shares, strict=True)
        ]
        # Room for a row of plain patches as well.
        if _packed(sizes)[1] <= TEXTURE_PX - PATCH_PX - 2 * BORDER_PX:
            return sizes
        scale *= 0.95


def _packed(sizes: Sequence[tuple[int, int]]) -> tuple[list[tuple[int, int]], int]:
    """Returns left top corners of sizes set in rows, the tallest first, and the height used."""
    places = [(0, 0)] * len(sizes)
    x = y = row = 0
    for number in sorted(range(len(sizes)), key=lambda n: (-sizes[n][1], n)):
        width, height = (side + 2 * BORDER_PX for side in sizes[number])
        if x + width > TEXTURE_PX:
            x, y, row = 0, y + row, 0
        places[number] = (x + BORDER_PX, y + BORDER_PX)
        x, row = x + width, max(row, height)
    return places, y + row


def textured(thing: Thing) -> tuple[Mesh, np.ndarray]:
    """Returns the mesh with its places in one texture, and the texture uint8 [h,w,3]."""
    surfaces = thing.paints.surfaces
    if not any(isinstance(surface, np.ndarray) for surface in surfaces):
        return _patched(thing.mesh, [s for s in surfaces if isinstance(s, Colour)])
    tiles = [
        surface if isinstance(surface, np.ndarray) else _patch(surface) for surface in surfaces
    ]
    places, height = _packed([(tile.shape[1], tile.shape[0]) for tile in tiles])
    while height > TEXTURE_PX or any(tile.shape[1] > TEXTURE_PX - 2 * BORDER_PX for tile in tiles):
        tiles = [_smaller(tile) for tile in tiles]
        places, height = _packed([(tile.shape[1], tile.shape[0]) for tile in tiles])
    width = max(x + tile.shape[1] for (x, _), tile in zip(places, tiles, strict=True)) + BORDER_PX
    # JPEG works in blocks of 16.
    width, height = -(-width // 16) * 16, -(-height // 16) * 16
    texture = np.zeros((height, width, 3), np.uint8)
    rectangles = np.empty((len(tiles), 4))
    for number, ((x, y), tile) in enumerate(zip(places, tiles, strict=True)):
        b = BORDER_PX
        rows, columns = tile.shape[:2]
        framed = cv2.copyMakeBorder(tile, b, b, b, b, cv2.BORDER_REPLICATE)
        texture[y - b : y + rows + b, x - b : x + columns + b] = framed
        rectangles[number] = (x + 0.5, y + 0.5, columns - 1, rows - 1)
        if isinstance(surfaces[number], Colour):
            rectangles[number] = (x + columns / 2, y + rows / 2, 0, 0)
    left, top, wide, high = rectangles[thing.mesh.surfaces].T[..., None]
    u, v = thing.mesh.uvs[..., 0], thing.mesh.uvs[..., 1]
    uvs = np.stack([(left + u * wide) / width, 1 - (top + (1 - v) * high) / height], axis=-1)
    return Mesh(thing.mesh.corners, uvs, thing.mesh.surfaces), texture


def _patch(colour: Colour) -> np.ndarray:
    patch = np.empty((PATCH_PX, PATCH_PX, 3), np.uint8)
    patch[:] = colour.rgb
    return patch


def _smaller(tile: np.ndarray) -> np.ndarray:
    rows, columns = tile.shape[:2]
    if max(rows, columns) <= PATCH_PX:
        return tile
    size = (max(8, int(columns * 0.93)), max(8, int(rows * 0.93)))
    return cv2.resize(tile, size, interpolation=cv2.INTER_AREA)


def _patched(mesh: Mesh, colours: list[Colour]) -> tuple[Mesh, np.ndarray]:
    """Returns a texture of plain patches only, as recolouring expects it."""
    columns = int(np.ceil(np.sqrt(len(colours))))
    rows = -(-len(colours) // columns)
    texture = np.zeros((rows * PATCH_PX, columns * PATCH_PX, 3), np.uint8)
    middles = np.empty((len(colours), 2))
    for number in range(rows * columns):
        row, column = divmod(number, columns)
        colour = colours[min(number, len(colours) - 1)]
        texture[row * PATCH_PX :, column * PATCH_PX : (column + 1) * PATCH_PX] = colour.rgb
        if number < len(colours):
            middles[number] = ((column + 0.5) / columns, 1 - (row + 0.5) / rows)
    uvs = np.repeat(middles[mesh.surfaces][:, None], 3, axis=1)
    return Mesh(mesh.corners, uvs, mesh.surfaces), texture


def _shown(mesh: Mesh) -> np.ndarray:
    """Returns float64 [F], how much of a face is seen: little of bottoms and of inner walls."""
    corners = mesh.corners
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    points = corners.reshape(-1, 3)
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    away = (corners.mean(axis=1) - middle)[:, :2]
    away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-9)
    inward = (normal[:, :2] * away).sum(axis=1) < -0.3
    return np.where(normal[:, 2] < -0.7, 0.15, np.where(inward & (normal[:, 2] < 0.4), 0.2, 1.0))


def seen_colours(thing: Thing, samples: int = 300) -> tuple[str, ...]:
    """Returns colour words by the visible area that shows them, the greatest first; at most three.

    Measured on points spread over the visible mesh.
    """
    rng = np.random.default_rng(0)
    shows = thing.mesh.areas() * _shown(thing.mesh)
    faces = rng.choice(len(shows), samples, p=shows / shows.sum())
    weights = rng.dirichlet(np.ones(3), samples)
    points = np.einsum("nk,nkd->nd", weights, thing.mesh.uvs[faces])
    inks = [(ink.word, ink.rgb) for ink in thing.inks]
    inks += [("white", (250, 250, 248)), ("black", (22, 20, 20))]
    inks += [(word, tone) for word in ("brown", "beige") for tone in FRUIT[word] if thing.inks]
    tones = np.array([rgb for _, rgb in inks], dtype=np.float64)
    shares: dict[str, float] = {}
    for number, surface in enumerate(thing.paints.surfaces):
        mine = points[thing.mesh.surfaces[faces] == number]
        if isinstance(surface, Colour):
            shares[surface.word] = shares.get(surface.word, 0.0) + len(mine)
        elif len(mine):
            rows, columns = surface.shape[:2]
            y = np.clip(((1 - mine[:, 1]) * rows).astype(int), 0, rows - 1)
            x = np.clip((mine[:, 0] * columns).astype(int), 0, columns - 1)
            away = np.linalg.norm(surface[y, x][:, None].astype(np.float64) - tones, axis=2)
            for nearest in away.argmin(axis=1):
                word = inks[int(nearest)][0]
                shares[word] = shares.get(word, 0.0) + 1
    for word in METAL_WORDS & set(shares):
        # The bare ends of a printed tin do not count for its colour.
        if thing.inks and word != thing.inks[0].word:
            shares[word] *= 0.4
    ordered = sorted(shares, key=lambda word: -shares[word])
    return tuple(
        word for rank, word in enumerate(ordered) if rank == 0 or shares[word] > 0.13 * samples
    )[:3]
