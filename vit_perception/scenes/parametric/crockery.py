# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Mugs, cups, glasses, bowls and plates: open vessels with inner walls."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vit_perception.scenes.parametric import layouts, prints
from vit_perception.scenes.parametric.meshes import Mesh, circle, curve, join, lathe, sweep
from vit_perception.scenes.parametric.palette import Colour, colour_of, pick, pick_against
from vit_perception.scenes.parametric.things import Kind, Paints, Thing, between, fitting

ROUND = circle(32)
Profile = Sequence[tuple[float, float]] | np.ndarray


def hollow(
    wall: Profile,
    thickness: float,
    outer: int,
    inner: int,
    *,
    outline: np.ndarray = ROUND,
    foot: float = 0.9,
) -> Mesh:
    """Returns an open vessel: outer wall from the foot to the rim, then down inside to a floor.

    `wall` is the outer profile (radius, height) from the foot up; `foot` the radius of the flat
    bottom over the wall's first radius.
    """
    line = np.asarray(wall, dtype=np.float64)
    inside = line[::-1].copy()
    inside[:, 0] = np.maximum(inside[:, 0] - thickness, 1e-4)
    floor = line[0, 1] + thickness
    inside[:, 1] = np.maximum(inside[:, 1], floor)
    under = [(0.0, line[0, 1]), (line[0, 0] * foot, line[0, 1])]
    rim = [(line[-1, 0] - thickness / 2, line[-1, 1] + thickness / 3)]
    return lathe(
        [
            (np.concatenate([under, line]), outer),
            (np.concatenate([line[-1:], rim]), outer),
            (np.concatenate([rim, inside, [(0.0, floor)]]), inner),
        ],
        outline,
    )


def handle(
    x: float, low: float, high: float, reach: float, thick: tuple[float, float], surface: int
) -> Mesh:
    """Returns a mug's ear in the plane y = 0, fixed at x between two heights."""
    mid = (low + high) / 2
    line = curve(
        [
            (x - 0.003, high),
            (x + reach * 0.75, high - (high - low) * 0.05),
            (x + reach, mid + (high - low) * 0.12),
            (x + reach * 0.72, low + (high - low) * 0.12),
            (x - 0.003, low),
        ],
        4,
    )
    path = np.column_stack([line[:, 0], np.zeros(len(line)), line[:, 1]])
    return sweep(path, circle(10), np.array(thick), surface, up=(0, 1, 0))


def outside_and_inside(rng: np.random.Generator) -> tuple[Colour, Colour]:
    """Draws the colours outside and inside: often the same, often white inside."""
    outside = pick(rng)
    chance = rng.random()
    if chance < 0.5:
        return outside, outside
    return outside, colour_of("white", rng) if chance < 0.85 else pick_against(rng, outside)


def _wall(r0: float, r1: float, h: float, belly: float, steps: int = 4) -> np.ndarray:
    """Returns a wall from radius r0 at the foot to r1 at the rim, bellied by a share of r1."""
    return np.concatenate(
        [
            [(r0 * 0.96, 0.0)],
            curve(
                [
                    (r0, h * 0.03),
                    (r0 + (r1 - r0) * 0.35 + belly * r1, h * 0.35),
                    (r0 + (r1 - r0) * 0.75 + belly * r1 * 0.8, h * 0.7),
                    (r1, h),
                ],
                steps,
            ),
        ]
    )


def mug(rng: np.random.Generator) -> Thing:
    """Makes a mug: plain, in two colours, or printed."""
    r, h = between(rng, 0.036, 0.048), between(rng, 0.075, 0.115)
    r0 = r * between(rng, 0.72, 1.0)
    outside, inside = outside_and_inside(rng)
    paints = Paints()
    thickness = between(rng, 0.003, 0.005)
    belly = between(rng, 0, 0.09) if rng.random() < 0.5 else 0.0
    line = _wall(r0, r, h, belly)
    inks: tuple[Colour, ...] = ()
    if rng.random() < 0.45:
        design = prints.sample_design(
            rng, ("Hello", "Coffee", "Good Day", "Love", "Boss", "Mum", "Team"), base=outside
        )
        (size,) = fitting([(2 * np.pi * r, h)], [1.0])
        outer = paints.printed(_decorated(size, design, rng))
        inks = (*design.colours, inside)
    else:
        outer = paints.plain(outside)
    inner = outer if inside is outside and not inks else paints.plain(inside)
    ear = paints.plain(outside if rng.random() < 0.8 else inside)
    mesh = hollow(line, thickness, outer, inner)
    top = between(rng, 0.78, 0.9) * h
    x = float(np.interp(h / 2, line[:, 1], line[:, 0]))
    mesh = join(
        mesh,
        handle(
            x - 0.001,
            h * between(rng, 0.14, 0.28),
            top,
            between(rng, 0.024, 0.036),
            (0.0075, 0.005),
            ear,
        ),
    )
    note = f"with {inside.word} inside" if inside is not outside else ""
    return Thing(mesh, paints, "ceramic" if rng.random() < 0.85 else "metal", inks, note)


def _decorated(
    size: tuple[int, int], design: prints.Design, rng: np.random.Generator
) -> np.ndarray:
    """Draws a print for crockery: motif and word on two sides, or a pattern all round."""
    picture = prints.ground(size, design)
    if rng.random() < 0.75:
        w, h = size
        for middle in (0.25, 0.75):
            layouts.front(picture, (w * (middle - 0.16), h * 0.12, w * 0.32, h * 0.76), design)
    return picture


def cup(rng: np.random.Generator) -> Thing:
    """Makes a cup without handle: plastic beaker, paper cup, or a small cup with an ear."""
    kind = rng.random()
    paints = Paints()
    if kind < 0.45:  # a paper cup, printed, with or without a lid
        r, h = between(rng, 0.036, 0.046), between(rng, 0.085, 0.15)
        design = prints.sample_design(
            rng,
            ("Coffee", "To Go", "Cola", "Hot Drinks", "Enjoy"),
            foods=("brown",),
            base=prints.package_base(rng),
        )
        (size,) = fitting([(2 * np.pi * r, h)], [1.0])
        outer, inner = (
            paints.printed(layouts.wrap(size, design, rng)),
            paints.plain(colour_of("white", rng)),
        )
        mesh = hollow([(r * 0.7, 0), (r, h)], 0.0015, outer, inner, foot=0.98)
        if rng.random() < 0.4:
            lid = colour_of(str(rng.choice(["white", "black", "brown"])), rng)
            cover = lathe(
                [
                    (
                        [
                            (0, 0),
                            (r * 1.06, 0),
                            (r * 1.06, 0.006),
                            (r * 0.95, 0.008),
                            (r * 0.9, 0.016),
                            (r * 0.8, 0.016),
                            (r * 0.78, 0.012),
                            (0, 0.012),
                        ],
                        paints.plain(lid),
                    )
                ],
                ROUND,
            )
            mesh = join(mesh, cover.moved(0, 0, h - 0.002))
            return Thing(
                mesh, paints, "paper", design.colours, f"with a {lid.word} lid", ("paper cup",)
            )
        return Thing(mesh, paints, "paper", design.colours, names=("paper cup",))
    outside, inside = outside_and_inside(rng)
    outer = paints.plain(outside)
    inner = paints.plain(inside)
    if kind < 0.75:
        r, h = between(rng, 0.034, 0.045), between(rng, 0.08, 0.14)
        mesh = hollow([(r * between(rng, 0.68, 0.9), 0), (r, h)], 0.002, outer, inner, foot=0.97)
        return Thing(mesh, paints, "plastic", names=("plastic cup", "tumbler"))
    r, h = between(rng, 0.036, 0.052), between(rng, 0.045, 0.07)
    line = _wall(r * between(rng, 0.5, 0.7), r, h, between(rng, 0.03, 0.09))
    mesh = hollow(line, 0.003, outer, inner)
    x = float(np.interp(h * 0.6, line[:, 1], line[:, 0]))
    mesh = join(
        mesh,
        handle(x - 0.002, h * 0.3, h * 0.85, between(rng, 0.016, 0.024), (0.005, 0.0035), outer),
    )
    return Thing(mesh, paints, "ceramic", names=("teacup", "coffee cup"))


def bowl(rng: np.random.Generator) -> Thing:
    r = between(rng, 0.055, 0.12)
    h = r * between(rng, 0.5, 0.95)
    outside, inside = outside_and_inside(rng)
    paints = Paints()
    outer, inner = paints.plain(outside), paints.plain(inside)
    r0 = r * between(rng, 0.35, 0.55)
    line = curve([(r0, 0), (r0, h * 0.05), (r * 0.72, h * 0.28), (r * 0.93, h * 0.65), (r, h)], 4)
    mesh = hollow(line, between(rng, 0.003, 0.005), outer, inner)
    return Thing(
        mesh, paints, str(rng.choice(["ceramic", "plastic", "porcelain", "wood", "metal"]))
    )


def plate(rng: np.random.Generator) -> Thing:
    """Makes a plate, often with a coloured rim."""
    r = between(rng, 0.075, 0.14)
    h = r * between(rng, 0.1, 0.2)
    ware = pick(rng)
    rim = pick_against(rng, ware) if rng.random() < 0.4 else ware
    paints = Paints()
    body, edge = paints.plain(ware), paints.plain(rim)
    t = 0.004
    well = r * between(rng, 0.6, 0.72)
    under = [
        (0, 0.001),
        (well * 0.85, 0.001),
        (well * 0.88, 0),
        (well * 0.93, 0),
        (well, h * 0.25),
        (r, h - t * 0.4),
    ]
    lip = [(r, h - t * 0.4), (r * 0.995, h), (well * 1.22, h * 0.62 + t * 0.6)]
    inside = [
        *curve(
            [(well * 1.22, h * 0.62 + t * 0.6), (well, t * 1.4 + h * 0.12), (well * 0.85, t)], 3
        ),
        (0, t),
    ]
    mesh = lathe([(under, body), (lip, edge), (inside, body)], circle(40))
    note = f"with a {rim.word} rim" if rim is not ware else ""
    return Thing(mesh, paints, str(rng.choice(["ceramic", "porcelain", "plastic"])), note=note)


def glass(rng: np.random.Generator) -> Thing:
    """Makes a drinking glass; clear ones are pale."""
    r, h = between(rng, 0.03, 0.042), between(rng, 0.08, 0.15)
    tone = colour_of(
        str(rng.choice(["white", "white", "light blue", "light blue", "green", "blue", "grey"])),
        rng,
    )
    paints = Paints()
    body = paints.plain(tone)
    if rng.random() < 0.35:
        stem = [(r * 0.9, 0.0), (r * 0.9, 0.002), (0.006, 0.006), (0.004, h * 0.45)]
        cup_line = curve(
            [(0.004, h * 0.45), (r * 0.75, h * 0.55), (r, h * 0.75), (r * 0.85, h * 1.15)], 4
        )
        line = np.concatenate([stem, cup_line[1:]])
        inside = cup_line[::-1].copy()
        inside[:, 0] = np.maximum(inside[:, 0] - 0.0015, 0)
        inside[-1] = (0.0, h * 0.46)
        mesh = lathe([(np.concatenate([[(0, 0)], line, inside]), body)], ROUND)
        return Thing(mesh, paints, "glass", names=("wine glass",))
    line = curve(
        [(r * between(rng, 0.7, 1.0), 0), (r * between(rng, 0.85, 1.0), h * 0.5), (r, h)], 4
    )
    return Thing(hollow(line, 0.0022, body, body, foot=0.97), paints, "glass")


CROCKERY = {
    "mug": Kind(("coffee mug", "cup", "tea mug"), mug, (0.08, 0.15), 1.6),
    "cup": Kind(("drinking cup", "beaker"), cup, (0.06, 0.17), 1.6),
    "bowl": Kind(("cereal bowl", "soup bowl", "dish"), bowl, (0.1, 0.25), 1.2),
    "plate": Kind(("dinner plate", "dish"), plate, (0.14, 0.29), 1.0),
    "glass": Kind(("drinking glass", "cup", "tumbler"), glass, (0.075, 0.18), 0.9),
}
