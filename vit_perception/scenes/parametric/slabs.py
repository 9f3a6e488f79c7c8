# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Flat objects over an outline: slabs, which may be concave, and rings."""

from __future__ import annotations

import numpy as np

from vit_perception.scenes.parametric.meshes import Mesh, join, loft, solid


def extrude(outline: np.ndarray, low: float, high: float, surface: int) -> Mesh:
    """Returns a slab with a counter-clockwise outline float64 [N,2], which may be concave."""
    n = len(outline)
    ring = [np.column_stack([outline, np.full(n, z)]) for z in (low, high)]
    walls = loft(np.stack(ring), surface)
    triangles = np.array(_ears(outline))
    span = np.maximum(np.ptp(outline, axis=0), 1e-9)
    uv = ((outline - outline.min(axis=0)) / span)[triangles]
    top = solid(ring[1][triangles], uv, surface)
    bottom = solid(ring[0][triangles][:, ::-1], uv[:, ::-1], surface)
    return join(walls, top, bottom)


def _ears(outline: np.ndarray) -> list[tuple[int, int, int]]:
    """Cuts a simple counter-clockwise polygon into triangles by ear clipping."""
    left = list(range(len(outline)))
    triangles: list[tuple[int, int, int]] = []

    def turn(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
        area: np.ndarray = (b[0] - a[0]) * (c[..., 1] - a[1]) - (b[1] - a[1]) * (c[..., 0] - a[0])
        return area

    while len(left) > 3:
        for k in range(len(left)):
            i, j, m = left[k - 1], left[k], left[(k + 1) % len(left)]
            a, b, c = outline[i], outline[j], outline[m]
            if turn(a, b, c) <= 0:
                continue
            rest = outline[[x for x in left if x not in (i, j, m)]]
            inside = (turn(a, b, rest) >= 0) & (turn(b, c, rest) >= 0) & (turn(c, a, rest) >= 0)
            if not inside.any():
                triangles.append((i, j, m))
                left.pop(k)
                break
        else:
            raise ValueError("expected a simple counter-clockwise outline")
    return [*triangles, (left[0], left[1], left[2])]


def ring_of(
    outer: np.ndarray, inner: np.ndarray, height: float, surface: int, inside: int | None = None
) -> Mesh:
    """Returns a flat ring between two outlines float64 [S,2] with the same number of points.

    `inside` is the surface of the wall of its hole, if it differs.
    """
    levels = [(outer, 0.0), (outer, height), (inner, height), (inner, 0.0), (outer, 0.0)]
    rings = np.stack([np.column_stack([shape, np.full(len(shape), z)]) for shape, z in levels])
    hole = loft(rings[2:4], surface if inside is None else inside)
    return join(loft(rings[:3], surface), hole, loft(rings[3:], surface))
