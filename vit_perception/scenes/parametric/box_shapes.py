# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Printed boxes and parcels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from vit_perception.scenes.parametric import layouts, prints
from vit_perception.scenes.parametric.lettering import stamp
from vit_perception.scenes.parametric.marks import ink_on
from vit_perception.scenes.parametric.meshes import (
    box,
    rotation,
)
from vit_perception.scenes.parametric.palette import BLACK, WHITE, Colour, colour_of
from vit_perception.scenes.parametric.signs import bar_code, small_print
from vit_perception.scenes.parametric.things import Paints, Span, Thing, between, fitting


def printed_box(
    products: Sequence[str],
    foods: Sequence[str],
    width: Span,
    depth: Span,
    height: Span,
    *,
    lying: float = 0.0,
    sideways: float = 0.0,
) -> Callable[[np.random.Generator], Thing]:
    """Returns a maker of boxes: front (width x height) and depth in metres.

    `lying` is the share that lies with its front up, `sideways` the share wider than high.
    """

    def make(rng: np.random.Generator) -> Thing:
        w, d, h = between(rng, *width), between(rng, *depth), between(rng, *height)
        if rng.random() < sideways:
            w, h = h, w
        base = prints.package_base(rng)
        design = prints.sample_design(rng, products, foods=foods, base=base)
        paints = Paints()
        sizes = fitting(
            [(w, h), (w, h), (d, h), (d, h), (w, d), (w, d)], [1, 0.75, 0.75, 0.75, 0.75, 0.3]
        )
        faces = printed_faces(sizes, design, rng)
        worn = between(rng, 0.0, 0.35)
        surfaces = [paints.printed(face, edge=worn) for face in faces]
        mesh = box((w, d, h), between(rng, 0.0005, 0.0025), surfaces).turned(_squeezed(rng))
        if rng.random() < lying:
            mesh = mesh.turned(rotation("x", -90))
        return Thing(mesh, paints, "cardboard", design.colours)

    return make


def _squeezed(rng: np.random.Generator) -> np.ndarray:
    """Returns float64 [3,3] that makes a box no longer quite square."""
    lean = rng.normal(0, 0.012, 2)
    return np.array([[1.0, 0.0, lean[0]], [0.0, 1.0, lean[1]], [0.0, 0.0, 1.0]])


def printed_faces(
    sizes: Sequence[tuple[int, int]], design: prints.Design, rng: np.random.Generator
) -> list[np.ndarray]:
    """Returns front, back, left, right, top and bottom of one design."""
    grounds = [prints.ground(size, design) for size in sizes]
    windows = [(0.0, 0.0, float(w), float(h)) for w, h in sizes]
    layouts.front(grounds[0], windows[0], design)
    if rng.random() < 0.4:
        layouts.front(grounds[1], windows[1], design)
    else:
        layouts.back(grounds[1], windows[1], design, rng)
    # One side lists the contents, the other shows the brand.
    layouts.back(grounds[2], windows[2], design, rng)
    printed_side(grounds[3], design)
    grounds[4] = layouts.lid(sizes[4], design)
    if rng.random() < 0.5:
        flap = grounds[4].shape[0] // 2
        cv2.line(grounds[4], (0, flap), (sizes[4][0], flap), design.base.shaded(0.7), 1)
    bar_code(grounds[5], (2, 2, sizes[5][0] * 0.4, sizes[5][1] * 0.7), rng)
    return grounds


def printed_side(picture: np.ndarray, design: prints.Design) -> None:
    h, w = picture.shape[:2]
    tall = h > 1.5 * w
    mask = np.ascontiguousarray(np.rot90(design.brand)) if tall else design.brand
    place = (w * 0.2, h * 0.12, w * 0.6, h * 0.6)
    ink = ink_on(picture, place, [design.accent.rgb, WHITE, BLACK])
    stamp(picture, mask, place, ink)


def shipping_box(rng: np.random.Generator) -> Thing:
    """Makes a plain cardboard box with tape and, often, an address label."""
    w, d, h = (between(rng, *span) for span in ((0.12, 0.34), (0.1, 0.26), (0.06, 0.22)))
    board = colour_of("tan", rng) if rng.random() < 0.8 else colour_of("brown", rng)
    sizes = fitting([(w, h), (w, h), (d, h), (d, h), (w, d), (w, d)], [1, 0.6, 0.6, 0.6, 1, 0.5])
    faces = [_board(size, board, rng) for size in sizes]
    tape = board.shaded(between(rng, 1.08, 1.25)) if rng.random() < 0.7 else WHITE
    for number in (4, 5):
        rows, columns = faces[number].shape[:2]
        thick = max(3, round(rows * 0.14))
        middle = rows // 2
        cv2.rectangle(
            faces[number], (0, middle - thick // 2), (columns, middle + thick // 2), tape, -1
        )
        cv2.line(faces[number], (0, middle), (columns, middle), board.shaded(0.7), 1)
    for number in (0, 4):
        if rng.random() < 0.5:
            _address(faces[number], rng)
    if rng.random() < 0.5:
        design = prints.sample_design(
            rng, ("Fragile", "This side up", "Storage", "Express"), base=board
        )
        for number in (0, 1):
            rows, columns = faces[number].shape[:2]
            place = (columns * 0.1, rows * 0.3, columns * 0.5, rows * 0.3)
            stamp(faces[number], design.brand, place, board.shaded(0.35))
    paints = Paints()
    surfaces = [paints.printed(face) for face in faces]
    return Thing(box((w, d, h), 0.0015, surfaces), paints, "cardboard", (board,))


def _board(size: tuple[int, int], colour: Colour, rng: np.random.Generator) -> np.ndarray:
    """Returns corrugated board: its colour with fine grain."""
    grain = rng.normal(0, 5, (size[1], size[0], 1)) + rng.normal(0, 3, (1, size[0], 1))
    return np.clip(np.array(colour.rgb) + grain, 0, 255).astype(np.uint8)


def _address(picture: np.ndarray, rng: np.random.Generator) -> None:
    rows, columns = picture.shape[:2]
    w, h = columns * between(rng, 0.25, 0.4), rows * between(rng, 0.3, 0.5)
    x, y = columns * between(rng, 0.05, 0.5), rows * between(rng, 0.05, 0.45)
    corner, far = (round(x), round(y)), (round(x + w), round(y + h))
    cv2.rectangle(picture, corner, far, (248, 248, 246), -1)
    small_print(picture, (x + 4, y + 4, w * 0.6, h * 0.45), (30, 30, 30), rng, 5)
    bar_code(picture, (x + w * 0.1, y + h * 0.55, w * 0.8, h * 0.38), rng)
