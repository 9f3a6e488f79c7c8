# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Normals with hard edges, and the OBJ file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vit_perception.scenes.parametric.meshes import Mesh, crossed

WELD_M = 1e-5
"""Corners closer than this are merged; also the resolution of the file."""


CREASE_DEG = 38.0
"""Faces that meet at a sharper angle keep a hard edge."""


def _unique_rows(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the first index of each different row of int64 [N,K], in order, and row numbers."""
    rows = rows - rows.min(axis=0)
    key = np.zeros(len(rows), np.int64)
    for column in rows.T:
        key = key * (int(column.max()) + 1) + column
    _, first, number = np.unique(key, return_index=True, return_inverse=True)
    return first, number


def corner_normals(mesh: Mesh) -> np.ndarray:
    """Returns float64 [F,3,3] unit normals over the faces that meet smoothly.

    They are averaged by area times the angle at the corner, so the cut of a quad has no effect.
    """
    cross = crossed(mesh.corners)
    unit = cross / np.linalg.norm(cross, axis=1, keepdims=True)
    grains = np.rint(mesh.corners.reshape(-1, 3) / WELD_M).astype(np.int64)
    _, vertex = _unique_rows(grains)
    order = np.argsort(vertex, kind="stable")
    counts = np.bincount(vertex)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    # Every corner paired with every corner at the same vertex, its own included.
    mates = counts[vertex]
    begin = np.concatenate([[0], np.cumsum(mates)[:-1]])
    own = np.repeat(np.arange(len(vertex)), mates)
    other = order[np.repeat(starts[vertex] - begin, mates) + np.arange(len(own))]
    smooth = np.einsum("nk,nk->n", unit[own // 3], unit[other // 3]) > np.cos(
        np.radians(CREASE_DEG)
    )
    arms = np.roll(mesh.corners, -1, axis=1) - mesh.corners
    arms /= np.linalg.norm(arms, axis=2, keepdims=True)
    cosine = -np.einsum("fck,fck->fc", arms, np.roll(arms, 1, axis=1))
    angle = np.arccos(np.clip(cosine, -1, 1)).reshape(-1, 1)
    weighted = np.repeat(cross, 3, axis=0) * angle
    total = np.add.reduceat(weighted[other] * smooth[:, None], begin, axis=0)
    total /= np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-15)
    return total.reshape(-1, 3, 3)


def write_obj(path: Path, mesh: Mesh) -> None:
    """Writes the mesh with normals and texture coordinates; surfaces must be laid out already."""
    grains = np.rint(mesh.corners.reshape(-1, 3) / WELD_M).astype(np.int64)
    places = np.rint(mesh.uvs.reshape(-1, 2) * 1e4).astype(np.int64)
    normals = np.rint(corner_normals(mesh).reshape(-1, 3) * 1e3).astype(np.int64)
    parts, numbers = ["mtllib mesh.mtl\nusemtl m\n"], []
    for word, rows, unit in (("v", grains, WELD_M), ("vt", places, 1e-4), ("vn", normals, 1e-3)):
        first, number = _unique_rows(rows)
        digits = {"v": 5, "vt": 4, "vn": 3}[word]
        line = word + f" %.{digits}f" * rows.shape[1] + "\n"
        parts.append(line * len(first) % tuple((rows[first] * unit).reshape(-1).tolist()))
        numbers.append(number + 1)
    indices = np.stack(numbers, axis=1).reshape(-1)
    corner = "%d/%d/%d"
    parts.append(f"f {corner} {corner} {corner}\n" * len(mesh.corners) % tuple(indices.tolist()))
    path.write_text("".join(parts), encoding="utf-8")
