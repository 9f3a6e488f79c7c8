# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Bags and wrappers of film, foil and paper."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from vit_perception.scenes.parametric import layouts, prints
from vit_perception.scenes.parametric.cartons import around
from vit_perception.scenes.parametric.meshes import (
    Mesh,
    grid,
    join,
    loft,
    rotation,
    rounded_rectangle,
)
from vit_perception.scenes.parametric.things import Paints, Span, Thing, between, fitting


def pillow_bag(
    products: Sequence[str],
    foods: Sequence[str],
    width: Span,
    height: Span,
    thick: Span,
    *,
    upright: float = 0.25,
) -> Callable[[np.random.Generator], Thing]:
    """Returns a maker of pillow bags with crimped ends; `thick` is a share of the width."""

    def make(rng: np.random.Generator) -> Thing:
        w, h = between(rng, *width), between(rng, *height)
        t = w * between(rng, *thick) / 2
        design = prints.sample_design(rng, products, foods=foods, base=prints.package_base(rng))
        paints = Paints()
        sizes = fitting([(w, h), (w, h)], [1.0, 0.7])
        pictures = [prints.ground(size, design) for size in sizes]
        layouts.front(pictures[0], (0, sizes[0][1] * 0.05, sizes[0][0], sizes[0][1] * 0.9), design)
        layouts.back(
            pictures[1], (0, sizes[1][1] * 0.08, *sizes[1][:1], sizes[1][1] * 0.84), design, rng
        )
        surfaces = [paints.printed(_crimped(picture)) for picture in pictures]
        mesh = _pillow(w, h, t, surfaces, rng)
        if rng.random() > upright:
            mesh = mesh.turned(rotation("x", -90))
        return Thing(mesh, paints, "foil" if rng.random() < 0.5 else "plastic", design.colours)

    return make


def _crimped(picture: np.ndarray) -> np.ndarray:
    """Adds fine upright lines along the sealed ends."""
    rows = picture.shape[0]
    edge = max(3, rows // 22)
    for part in (picture[:edge], picture[-edge:]):
        part[:, ::3] = (part[:, ::3] * 0.78).astype(np.uint8)
    return picture


def _pillow(
    w: float, h: float, t: float, surfaces: Sequence[int], rng: np.random.Generator
) -> Mesh:
    across, along = np.linspace(-1, 1, 15), np.linspace(-1, 1, 19)
    x, z = np.meshgrid(across, along, indexing="ij")
    swell = (
        np.clip(1 - np.abs(x) ** 2.6, 0, 1) ** 0.75
        * np.clip(1 - np.abs(z / 0.93) ** 3, 0, 1) ** 0.7
    )
    narrow = 1 - 0.06 * (1 - np.abs(z) ** 4)
    meshes = []
    for side, surface in ((-1, surfaces[0]), (1, surfaces[1])):
        folds = sum(
            rng.uniform(0.02, 0.07) * np.sin(a * x * 3 + b * z * 3 + c)
            for a, b, c in rng.uniform(-3, 3, (4, 3))
        )
        depth = t * swell * (1 + folds)
        at = np.stack([x * narrow * w / 2, side * depth, (z + 1) * h / 2], axis=-1)
        uv = np.stack([(x + 1) / 2 if side < 0 else (1 - x) / 2, (z + 1) / 2], axis=-1)
        if side > 0:
            at, uv = at[::-1], uv[::-1]
        meshes.append(grid(at, uv, surface))
    return join(*meshes)


def standing_bag(
    products: Sequence[str], foods: Sequence[str], material: str, height: Span = (0.14, 0.28)
) -> Callable[[np.random.Generator], Thing]:
    """Returns a maker of bags with a flat foot and a flat or folded top."""

    def make(rng: np.random.Generator) -> Thing:
        h = between(rng, *height)
        w, d = h * between(rng, 0.45, 0.7), h * between(rng, 0.22, 0.38)
        design = prints.sample_design(rng, products, foods=foods, base=prints.package_base(rng))
        paints = Paints()
        walls = paints.printed(around(w, d, h, design, rng))
        ends = paints.plain(design.base)
        foot = rounded_rectangle(w, d, d * 0.2, 3, 4)
        brick = rng.random() < 0.4
        levels = [(0.0, 1.0, 1.0), (0.35, 1.02, 1.04), (0.7, 1.0, 1.0 if brick else 0.75)]
        levels += (
            [(0.86, 0.99, 0.9), (0.95, 0.98, 0.12), (1.0, 0.97, 0.1)]
            if brick
            else [(0.9, 0.99, 0.28), (1.0, 0.98, 0.04)]
        )
        sway = rng.normal(0, 0.012, (len(levels), 2))
        rings = [
            np.column_stack([foot * (a, b) + sway[k] * w * (k > 0), np.full(len(foot), z * h)])
            for k, (z, a, b) in enumerate(levels)
        ]
        caps = [
            np.repeat(ring.mean(axis=0)[None], len(foot), axis=0) for ring in (rings[0], rings[-1])
        ]
        mesh = join(
            loft(np.stack([caps[0], rings[0]]), ends),
            loft(np.stack(rings), walls),
            loft(np.stack([rings[-1], caps[1]]), ends),
        )
        return Thing(mesh, paints, material, design.colours)

    return make


def bar(rng: np.random.Generator) -> Thing:
    """Makes a chocolate or cereal bar in its wrapper."""
    design = prints.sample_design(
        rng,
        ("Choco", "Nougat", "Caramel", "Protein", "Muesli", "Coconut"),
        foods=("brown", "beige", "red"),
        base=prints.package_base(rng),
    )
    w, h = between(rng, 0.1, 0.2), between(rng, 0.03, 0.085)
    t = between(rng, 0.005, 0.012)
    sizes = fitting([(w, h), (w, h)], [1.0, 0.6])
    faces = [prints.ground(size, design) for size in sizes]
    layouts.front(faces[0], (sizes[0][0] * 0.06, 0, sizes[0][0] * 0.88, sizes[0][1]), design)
    layouts.back(faces[1], (sizes[1][0] * 0.06, 0, sizes[1][0] * 0.88, sizes[1][1]), design, rng)
    paints = Paints()
    # The crimped ends of a bar are at its sides.
    faces = [
        cv2.rotate(
            _crimped(cv2.rotate(f, cv2.ROTATE_90_CLOCKWISE)), cv2.ROTATE_90_COUNTERCLOCKWISE
        )
        for f in faces
    ]
    surfaces = [paints.printed(np.ascontiguousarray(face)) for face in faces]
    x, z = np.meshgrid(np.linspace(-1, 1, 15), np.linspace(-1, 1, 11), indexing="ij")
    swell = np.clip(1 - np.abs(x / 0.93) ** 14, 0, 1) * np.clip(1 - np.abs(z) ** 8, 0, 1)
    meshes = []
    for side, surface in ((-1, surfaces[0]), (1, surfaces[1])):
        at = np.stack([x * w / 2, side * t * swell, z * h / 2], axis=-1)
        uv = np.stack([(x + 1) / 2 if side < 0 else (1 - x) / 2, (z + 1) / 2], axis=-1)
        if side > 0:
            at, uv = at[::-1], uv[::-1]
        meshes.append(grid(at, uv, surface))
    mesh = join(*meshes).turned(rotation("x", -90))
    return Thing(mesh, paints, "foil", design.colours)
