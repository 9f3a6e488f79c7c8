# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Vases, pots and pans."""

from __future__ import annotations

import numpy as np

from vit_perception.scenes.parametric.crockery import (
    ROUND,
    hollow,
    outside_and_inside,
)
from vit_perception.scenes.parametric.meshes import circle, curve, join, lathe, sweep
from vit_perception.scenes.parametric.palette import colour_of, pick
from vit_perception.scenes.parametric.things import Kind, Paints, Thing, between


def vase(rng: np.random.Generator) -> Thing:
    r, h = between(rng, 0.035, 0.08), between(rng, 0.15, 0.3)
    a, b, c, d = (
        rng.uniform(0.4, 0.8),
        rng.uniform(0.8, 1.0),
        rng.uniform(0.35, 0.8),
        rng.uniform(0.4, 0.75),
    )
    line = curve([(r * a, 0), (r * b, h * 0.35), (r * c, h * 0.75), (r * d, h)], 5)
    outside, inside = outside_and_inside(rng)
    paints = Paints()
    outer, inner = paints.plain(outside), paints.plain(inside)
    return Thing(
        hollow(line, 0.004, outer, inner),
        paints,
        str(rng.choice(["ceramic", "glass", "porcelain"])),
    )


def pot(rng: np.random.Generator) -> Thing:
    """Makes a cooking pot with two ears, with or without its lid."""
    r = between(rng, 0.07, 0.12)
    h = r * between(rng, 0.8, 1.3)
    body = colour_of("silver", rng) if rng.random() < 0.5 else pick(rng)
    grip = colour_of(str(rng.choice(["black", "silver", "red"])), rng)
    paints = Paints()
    outer, ears = paints.plain(body), paints.plain(grip)
    line = [(r * 0.95, 0), (r, r * 0.06), (r, h * 0.97), (r * 1.03, h)]
    meshes = [hollow(line, 0.003, outer, outer)]
    for side in (-1, 1):
        angle = np.linspace(-0.5, 0.5, 9)
        reach = r * (1.0 + 0.28 * np.cos(angle * np.pi) ** 0.5 * (np.abs(angle) < 0.499))
        path = np.column_stack(
            [
                side * reach * np.cos(angle * 0.7),
                side * reach * np.sin(angle * 0.7),
                np.full(9, h * 0.8),
            ]
        )
        meshes.append(sweep(path, circle(8), r * 0.05, ears))
    if rng.random() < 0.5:
        top = [
            (0, 0),
            (r * 1.04, 0),
            (r * 1.04, 0.004),
            *curve([(r * 0.98, 0.006), (r * 0.5, r * 0.16), (r * 0.08, r * 0.2)], 4),
        ]
        knob = [
            (r * 0.08, r * 0.2),
            (r * 0.07, r * 0.28),
            (r * 0.17, r * 0.33),
            (r * 0.15, r * 0.4),
            (0, r * 0.41),
        ]
        meshes.append(lathe([(top, outer), (knob, ears)], ROUND).moved(0, 0, h + 0.001))
    return Thing(join(*meshes), paints, "metal")


def pan(rng: np.random.Generator) -> Thing:
    """Makes a frying pan with a long handle."""
    r = between(rng, 0.08, 0.14)
    h = between(rng, 0.03, 0.06)
    body = colour_of(str(rng.choice(["black", "black", "grey", "silver", "red", "blue"])), rng)
    inside = colour_of("black", rng) if rng.random() < 0.5 else body
    grip = colour_of(str(rng.choice(["black", "black", "brown", "red", "silver"])), rng)
    paints = Paints()
    outer, inner, hold = paints.plain(body), paints.plain(inside), paints.plain(grip)
    mesh = hollow(curve([(r * 0.78, 0), (r * 0.86, h * 0.25), (r, h)], 4), 0.003, outer, inner)
    length = between(rng, 0.14, 0.2)
    t = np.linspace(0, 1, 8)
    path = np.column_stack([r * 0.96 + t * length, np.zeros(8), h * 0.85 + 0.03 * t])
    scales = np.column_stack([0.009 + 0.004 * np.sin(np.pi * t), np.full(8, 0.007)])
    return Thing(
        join(mesh, sweep(path, circle(10), scales, hold)),
        paints,
        "metal",
        note=f"with a {grip.word} handle",
    )


COOKWARE = {
    "vase": Kind(("flower vase", "jug"), vase, (0.14, 0.31), 0.6),
    "pot": Kind(("cooking pot", "saucepan", "casserole"), pot, (0.15, 0.32), 0.6),
    "pan": Kind(("frying pan", "skillet"), pan, (0.28, 0.5), 0.6),
}
