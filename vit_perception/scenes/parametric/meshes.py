# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Triangle meshes made in code: lofts, lathes, boxes and sweeps.

Lengths are metres, z is up, faces wind outward. A face has the number of its surface (its picture
or colour) and the place of its corners in that picture, 0 to 1, v up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """`corners` float64 [F,3,3] metres, `uvs` float64 [F,3,2], `surfaces` int64 [F]."""

    corners: np.ndarray
    uvs: np.ndarray
    surfaces: np.ndarray

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Mesh:
        return Mesh(self.corners + np.array([x, y, z]), self.uvs, self.surfaces)

    def turned(self, matrix: np.ndarray) -> Mesh:
        """Returns the mesh turned (or stretched by a positive factor) by float64 [3,3]."""
        return Mesh(self.corners @ np.asarray(matrix).T, self.uvs, self.surfaces)

    def standing(self) -> Mesh:
        """Returns the mesh with the origin in the middle of the bottom of its bounding box."""
        points = self.corners.reshape(-1, 3)
        low, high = points.min(axis=0), points.max(axis=0)
        return self.moved(*-np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]]))

    def size(self) -> tuple[float, float, float]:
        """Returns the x, y, z extent in metres."""
        x, y, z = np.ptp(self.corners.reshape(-1, 3), axis=0)
        return float(x), float(y), float(z)

    def areas(self) -> np.ndarray:
        """Returns float64 [F] square metres."""
        areas: np.ndarray = np.linalg.norm(crossed(self.corners), axis=1) / 2
        return areas


def join(*meshes: Mesh) -> Mesh:
    return Mesh(
        np.concatenate([mesh.corners for mesh in meshes]),
        np.concatenate([mesh.uvs for mesh in meshes]),
        np.concatenate([mesh.surfaces for mesh in meshes]),
    )


def rotation(axis: str, degrees: float) -> np.ndarray:
    """Returns float64 [3,3]: a rotation about "x", "y" or "z"."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    a, b = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(3)
    matrix[a, a] = matrix[b, b] = c
    matrix[a, b], matrix[b, a] = -s, s
    return matrix


LYING = rotation("y", 90)
"""Lays upright objects down along x."""


def loft(rings: np.ndarray, surface: int, *, planar: bool = False) -> Mesh:
    """Skins float64 [P,S,3] rings of S points, counter-clockwise as seen from the last ring.

    u follows the longest ring and v the way from the first ring to the last; `planar` maps the
    picture flat onto x and y instead.
    """
    rings = np.asarray(rings, dtype=np.float64)
    count, around = rings.shape[:2]
    closed = np.concatenate([rings, rings[:, :1]], axis=1)
    if planar:
        flat = closed[..., :2]
        low, span = flat.min(axis=(0, 1)), np.ptp(flat, axis=(0, 1))
        uv = (flat - low) / np.maximum(span, 1e-9)
    else:
        steps = np.linalg.norm(np.diff(closed, axis=1), axis=2)
        longest = np.cumsum(steps[int(steps.sum(axis=1).argmax())])
        u = np.concatenate([[0.0], longest]) / max(longest[-1], 1e-9)
        ways = np.linalg.norm(np.diff(rings, axis=0), axis=2).mean(axis=1)
        v = np.concatenate([[0.0], np.cumsum(ways)]) / max(ways.sum(), 1e-9)
        uv = np.stack(np.broadcast_arrays(u[None, :], v[:, None]), axis=-1)
    p, s = (index.reshape(-1) for index in np.mgrid[: count - 1, :around])
    quads = [(p, s), (p, s + 1), (p + 1, s + 1), (p + 1, s)]
    quad_at = np.stack([closed[quad] for quad in quads], axis=1)
    quad_uv = np.stack([uv[quad] for quad in quads], axis=1)
    split = np.array([[0, 1, 2], [0, 2, 3]])
    return solid(quad_at[:, split].reshape(-1, 3, 3), quad_uv[:, split].reshape(-1, 3, 2), surface)


def solid(corners: np.ndarray, uvs: np.ndarray, surface: int) -> Mesh:
    """Returns a mesh without the triangles that have no area."""
    keep = np.linalg.norm(crossed(corners), axis=1) > 1e-11
    return Mesh(corners[keep], uvs[keep], np.full(int(keep.sum()), surface, np.int64))


def circle(segments: int) -> np.ndarray:
    """Returns a unit outline float64 [S,2], counter-clockwise from the back (+y); front: u=0.5."""
    angle = np.pi / 2 + 2 * np.pi * np.arange(segments) / segments
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def rounded_rectangle(
    width: float, depth: float, radius: float, corner: int = 4, edge: int = 1
) -> np.ndarray:
    """Returns an outline float64 [S,2] in metres, from the back's middle counter-clockwise."""
    radius = min(radius, width / 2 * 0.999, depth / 2 * 0.999)
    centre = np.array([width / 2 - radius, depth / 2 - radius])
    points: list[np.ndarray] = []
    for number, (x, y) in enumerate([(-1, 1), (-1, -1), (1, -1), (1, 1)]):
        angles = np.radians(90 * (number + 1) + np.linspace(0, 90, corner + 1))
        turn = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        points.append(centre * (x, y) + radius * turn)
    outline = np.concatenate([np.array([[0.0, depth / 2]]), *points])
    if edge > 1:
        following = np.roll(outline, -1, axis=0)
        long = np.linalg.norm(following - outline, axis=1) > min(width, depth) / 4
        outline = np.concatenate(
            [
                a + (b - a) * np.linspace(0, 1, edge, endpoint=False)[:, None] if far else a[None]
                for a, b, far in zip(outline, following, long, strict=True)
            ]
        )
    return outline


def round_like(outline: np.ndarray) -> np.ndarray:
    """Returns the unit circle with points in the directions of `outline` float64 [S,2]."""
    circle: np.ndarray = outline / np.linalg.norm(outline, axis=1, keepdims=True)
    return circle


def curve(points: Sequence[tuple[float, float]], steps: int) -> np.ndarray:
    """Returns a Catmull-Rom line through the points, `steps` pieces between two: [N,2]."""
    p = np.asarray(points, dtype=np.float64)
    padded = np.concatenate([[2 * p[0] - p[1]], p, [2 * p[-1] - p[-2]]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    parts = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        parts.append(
            b
            + t / 2 * (c - a)
            + t**2 / 2 * (2 * a - 5 * b + 4 * c - d)
            + t**3 / 2 * (3 * b - 3 * c + d - a)
        )
    line: np.ndarray = np.concatenate([*parts, p[-1:]])
    return line


def lathe(
    sections: Sequence[tuple[Sequence[tuple[float, float]] | np.ndarray, int]],
    outline: np.ndarray,
    *,
    planar: Sequence[int] = (),
) -> Mesh:
    """Turns profiles (radius, height) about z; each section has its surface.

    The profile runs from the bottom's middle outward and up, and for hollow objects over the rim
    and down inside. `outline` float64 [S,2] is the shape of radius 1 from above. Sections whose
    number is in `planar` get their picture flat from above.
    """
    meshes = []
    for number, (profile, surface) in enumerate(sections):
        # A spline may swing a little past the axis.
        line = np.maximum(np.asarray(profile, dtype=np.float64), [0.0, -np.inf])
        flat = line[:, :1, None] * outline[None]
        height = np.broadcast_to(line[:, 1:, None], (*flat.shape[:2], 1))
        rings = np.concatenate([flat, height], axis=2)
        meshes.append(loft(rings, surface, planar=number in planar))
    return join(*meshes)


def box(
    size: tuple[float, float, float], radius: float, surfaces: Sequence[int], *, bulge: float = 0.0
) -> Mesh:
    """Returns a box on z = 0 with rounded edges; surfaces: front, back, left, right, top, bottom.

    The front faces -y. `bulge` raises the middles of the front and back by so many metres.
    """
    half = np.array(size) / 2
    radius = min(radius, float(half.min()) * 0.95)
    # Axis of u, of v and of the normal, with signs: pictures read from left to right from outside.
    sides = [
        ((0, 1), (2, 1), (1, -1)),
        ((0, -1), (2, 1), (1, 1)),
        ((1, -1), (2, 1), (0, -1)),
        ((1, 1), (2, 1), (0, 1)),
        ((0, 1), (1, 1), (2, 1)),
        ((0, 1), (1, -1), (2, -1)),
    ]
    meshes = []
    for (u_axis, v_axis, n_axis), surface in zip(sides, surfaces, strict=True):
        inner = (-0.5, 0.0, 0.5) if bulge else ()
        lines = []
        for axis, _ in (u_axis, v_axis):
            h, core = half[axis], half[axis] - radius
            lines.append(np.array([-h, -core, *(core * x for x in inner), core, h]))
        u, v = np.meshgrid(*lines, indexing="ij")
        at = np.zeros((*u.shape, 3))
        at[..., u_axis[0]], at[..., v_axis[0]] = u * u_axis[1], v * v_axis[1]
        at[..., n_axis[0]] = half[n_axis[0]] * n_axis[1]
        core = np.clip(at, -(half - radius), half - radius)
        away = at - core
        away *= radius / np.maximum(np.linalg.norm(away, axis=-1, keepdims=True), 1e-12)
        at = core + away
        if bulge:
            share = (1 - (at[..., 0] / half[0]) ** 2) * (1 - (at[..., 2] / half[2]) ** 2)
            at[..., 1] += np.sign(at[..., 1]) * bulge * np.clip(share, 0, 1)
        at[..., 2] += half[2]
        uv = np.stack([u / half[u_axis[0]], v / half[v_axis[0]]], axis=-1) / 2 + 0.5
        meshes.append(grid(at, uv, surface))
    return join(*meshes)


def grid(at: np.ndarray, uv: np.ndarray, surface: int) -> Mesh:
    """Returns triangles over points [A,B,3], places [A,B,2]; outward is first x second axis."""
    a, b = (index.reshape(-1) for index in np.mgrid[: at.shape[0] - 1, : at.shape[1] - 1])
    quads = [(a, b), (a + 1, b), (a + 1, b + 1), (a, b + 1)]
    split = np.array([[0, 1, 2], [0, 2, 3]])
    corners = np.stack([at[quad] for quad in quads], axis=1)[:, split].reshape(-1, 3, 3)
    uvs = np.stack([uv[quad] for quad in quads], axis=1)[:, split].reshape(-1, 3, 2)
    return solid(corners, uvs, surface)


def sweep(
    path: np.ndarray,
    outline: np.ndarray,
    scales: np.ndarray | float,
    surface: int,
    *,
    up: tuple[float, float, float] = (0.0, 0.0, 1.0),
) -> Mesh:
    """Moves an outline float64 [S,2] along a path float64 [P,3]; both ends are closed.

    `scales` (one number, or float64 [P,2]) stretches the outline sideways and toward `up`, which
    must not be along the path.
    """
    path = np.asarray(path, dtype=np.float64)
    tangent = np.gradient(path, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    above = np.array(up) - (tangent @ np.array(up))[:, None] * tangent
    above /= np.linalg.norm(above, axis=1, keepdims=True)
    side = np.cross(above, tangent)
    scale = np.broadcast_to(np.asarray(scales, dtype=np.float64), (len(path), 2))
    flat = outline[None] * scale[:, None]
    rings = path[:, None] + flat[..., :1] * side[:, None] + flat[..., 1:] * above[:, None]
    ends = [
        np.repeat(ring.mean(axis=0)[None], len(ring), axis=0) for ring in (rings[0], rings[-1])
    ]
    return loft(np.concatenate([ends[:1], rings, ends[1:]]), surface)


def crossed(corners: np.ndarray) -> np.ndarray:
    cross: np.ndarray = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return cross
