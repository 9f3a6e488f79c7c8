# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Trays, bins, buckets and boxes with lids."""

from __future__ import annotations

import numpy as np

from vit_perception.scenes.parametric.crockery import hollow
from vit_perception.scenes.parametric.meshes import (
    Mesh,
    box,
    circle,
    join,
    lathe,
    rounded_rectangle,
    sweep,
)
from vit_perception.scenes.parametric.palette import pick, pick_against
from vit_perception.scenes.parametric.things import Kind, Paints, Thing, between


def _open_box(
    w: float, d: float, h: float, taper: float, wall: float, surface: int, corner: float
) -> Mesh:
    """Returns an open container with a rounded rectangular floor; w and d are at the rim."""
    outline = rounded_rectangle(w, d, corner, 5)
    # Radii are shares of the outline: the wall's thickness is measured on the shorter side.
    line = [(taper, 0.0), (1 - 0.03, h * 0.97), (1.0, h * 0.97), (1.0, h)]
    inside = wall / (min(w, d) / 2)
    outer = np.array(line)
    inner = np.array([(1 - inside, h), (taper - inside, wall), (0.0, wall)])
    return lathe(
        [
            (np.concatenate([[(0.0, 0.0)], outer]), surface),
            (np.concatenate([outer[-1:], inner]), surface),
        ],
        outline,
    )


def tray(rng: np.random.Generator) -> Thing:
    w, d, h = between(rng, 0.2, 0.4), between(rng, 0.14, 0.28), between(rng, 0.015, 0.035)
    colour = pick(rng)
    paints = Paints()
    mesh = _open_box(w, d, h, 0.92, 0.003, paints.plain(colour), between(rng, 0.01, 0.05))
    return Thing(
        mesh,
        paints,
        str(rng.choice(["plastic", "metal", "wood"]))
        if colour.word in ("brown", "tan")
        else "plastic",
    )


def bin_box(rng: np.random.Generator) -> Thing:
    w, h = between(rng, 0.12, 0.36), between(rng, 0.06, 0.18)
    d = w * between(rng, 0.6, 0.95)
    paints = Paints()
    mesh = _open_box(
        w,
        d,
        h,
        between(rng, 0.82, 0.95),
        0.003,
        paints.plain(pick(rng)),
        between(rng, 0.008, 0.03),
    )
    return Thing(mesh, paints, "plastic")


def bucket(rng: np.random.Generator) -> Thing:
    r, h = between(rng, 0.06, 0.14), between(rng, 0.12, 0.26)
    paints = Paints()
    body, wire = paints.plain(pick(rng)), paints.plain(pick(rng, "silver", "black", "white"))
    shell = hollow(
        [(r * 0.75, 0), (r * 0.97, h * 0.96), (r * 1.04, h * 0.96), (r * 1.04, h)],
        0.003,
        body,
        body,
        foot=0.98,
    )
    lean = np.radians(between(rng, -70, 20))
    a = np.linspace(0, np.pi, 17)
    arc = (
        np.column_stack([np.cos(a), np.sin(a) * np.sin(lean), np.sin(a) * np.cos(lean)]) * r * 1.03
    )
    arc[:, 2] = np.maximum(arc[:, 2] + h * 0.93, h * 0.5)
    return Thing(
        join(shell, sweep(arc, circle(8), 0.003, wire, up=(0.0, 1.0, 0.1))),
        paints,
        str(rng.choice(["plastic", "metal"])),
    )


def waste_bin(rng: np.random.Generator) -> Thing:
    r, h = between(rng, 0.08, 0.14), between(rng, 0.2, 0.32)
    paints = Paints()
    outside = paints.plain(pick(rng))
    return Thing(
        hollow([(r * 0.78, 0), (r, h)], 0.003, outside, outside, foot=0.98),
        paints,
        str(rng.choice(["plastic", "metal"])),
    )


def lunch_box(rng: np.random.Generator) -> Thing:
    """Makes a food container with a lid of another colour."""
    w, d, h = between(rng, 0.12, 0.22), between(rng, 0.09, 0.15), between(rng, 0.045, 0.09)
    body = pick(rng)
    cover = pick_against(rng, body, least=40) if rng.random() < 0.8 else body
    paints = Paints()
    base, lid = paints.plain(body), paints.plain(cover)
    outline = rounded_rectangle(w, d, between(rng, 0.012, 0.04), 5)
    mesh = lathe(
        [
            ([(0, 0), (0.88, 0), (0.9, 0.003), (0.96, h * 0.78)], base),
            (
                [
                    (0.96, h * 0.78),
                    (1.0, h * 0.78),
                    (1.0, h * 0.94),
                    (0.98, h * 0.98),
                    (0.86, h),
                    (0.85, h * 0.97),
                    (0, h * 0.97),
                ],
                lid,
            ),
        ],
        outline,
    )
    clips = [
        box((w * 0.2, 0.004, h * 0.3), 0.001, [lid] * 6).moved(
            y=side * (d / 2 + 0.001), z=h * 0.58
        )
        for side in (-1, 1)
    ]
    return Thing(
        join(mesh, *clips),
        paints,
        "plastic",
        note=f"with a {cover.word} lid" if cover is not body else "",
    )


CONTAINERS = {
    "tray": Kind(("serving tray", "platter"), tray, (0.19, 0.41), 0.8),
    "storage bin": Kind(("bin", "plastic box", "container", "box"), bin_box, (0.11, 0.37), 0.9),
    "bucket": Kind(("pail", "plastic bucket"), bucket, (0.12, 0.42), 0.5),
    "trash can": Kind(("waste bin", "bin", "dustbin"), waste_bin, (0.19, 0.33), 0.4),
    "lunch box": Kind(
        ("food container", "plastic container", "box"), lunch_box, (0.11, 0.23), 1.0
    ),
}
