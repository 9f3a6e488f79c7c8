# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Draws the shape of a bottle from the ranges of its kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vit_perception.scenes.parametric import layouts, prints
from vit_perception.scenes.parametric.bottle_tops import TOPS
from vit_perception.scenes.parametric.meshes import (
    circle,
    curve,
    join,
    lathe,
    loft,
    round_like,
    rounded_rectangle,
    sweep,
)
from vit_perception.scenes.parametric.palette import Colour, colour_of, pick
from vit_perception.scenes.parametric.things import Paints, Span, Thing, between, fitting

SEGMENTS = 26


@dataclass(frozen=True, slots=True)
class Form:
    """The ranges of a kind of bottle; values are drawn from its spans, lengths in metres.

    `shoulder`, `neck` and `cap` are shares of the whole height, `throat` the neck's radius over
    the body's, `body` the colour words of what is seen below the label, `flat` depth over width.
    """

    products: Sequence[str]
    height: Span
    slender: Span
    body: Sequence[str]
    material: str = "plastic"
    shoulder: Span = (0.12, 0.25)
    neck: Span = (0.06, 0.12)
    throat: Span = (0.3, 0.45)
    cap: Span = (0.05, 0.09)
    label: Span = (0.3, 0.6)
    flat: Span = (1.0, 1.0)
    square: float = 0.0
    ribs: float = 0.0
    clear: float = 0.0
    foods: Sequence[str] = ()
    caps: Sequence[str] = ()
    top: str = "cap"
    paper: float = 0.9


def bottle(form: Form) -> Callable[[np.random.Generator], Thing]:
    """Returns a maker of bottles of that form."""
    return lambda rng: _bottle(form, rng)


def _bottle(form: Form, rng: np.random.Generator) -> Thing:
    h = between(rng, *form.height)
    r = h / between(rng, *form.slender) / 2
    colour = colour_of(str(rng.choice(list(form.body))), rng)
    if form.clear and rng.random() < form.clear:
        colour = _pale(colour)
    design = prints.sample_design(
        rng, form.products, foods=form.foods, base=prints.package_base(rng)
    )
    if rng.random() > form.paper:
        design = replace(design, base=colour, ground=0)
    paints = Paints()
    body = paints.plain(colour)
    cap_colour = colour_of(str(rng.choice(list(form.caps))), rng) if form.caps else pick(rng)
    cap = paints.plain(cap_colour)
    flat = between(rng, *form.flat)
    outline = circle(SEGMENTS)
    if rng.random() < form.square:
        outline = rounded_rectangle(2, 2 * flat, between(rng, 0.25, 0.6) * flat, 4, 2)
    elif flat < 0.99:
        outline = circle(SEGMENTS) * [1, flat]
    shoulder, neck = h * between(rng, *form.shoulder), h * between(rng, *form.neck)
    cap_h = h * between(rng, *form.cap)
    throat = r * min(flat, 1.0) * between(rng, *form.throat) / max(flat, 0.6)
    straight = h - shoulder - neck - cap_h
    tall = straight * between(rng, *form.label) if form.label[1] else 0.0
    # The label stays clear of the foot's bend and of the shoulder.
    low = max((straight - tall) * between(rng, 0.25, 0.75), r * 0.27)
    tall = min(tall, straight - low - 0.001)
    waist = between(rng, 0.86, 1.0) if rng.random() < 0.25 else 1.0
    sizes = fitting([(2 * np.pi * r * (1 + flat) / 2, max(tall, 0.01))], [1.0])
    face = 0.46 if flat < 0.8 else 0.38
    label = paints.printed(layouts.wrap(sizes[0], design, rng, face=face)) if tall else body
    foot = [
        (0.0, 0.003),
        (r * 0.7, 0.0),
        *curve([(r * 0.88, 0), (r * 0.97, r * 0.08), (r, r * 0.25)], 3),
    ]
    below = _ribbed(r, r * 0.25, low, form, rng)
    rw = r * waist
    middle = [(r, low), (rw, low + tall * 0.02), (rw, low + tall * 0.98), (r, low + tall)]
    above = _ribbed(r, low + tall, straight, form, rng)
    sections = [(foot + below[1:], body), (middle, label), (above, body)]
    lower = lathe([s for s in sections if len(s[0]) > 1], outline)
    bend = between(rng, 0.25, 0.75)
    upper = curve(
        [
            (r, straight),
            (throat + (r - throat) * (1 - bend * 0.35), straight + shoulder * 0.45),
            (throat * 1.08, straight + shoulder * 0.93),
            (throat, straight + shoulder),
        ],
        5,
    )
    round_part = round_like(outline)
    share = np.clip((upper[:, 1] - straight) / shoulder, 0, 1)[:, None, None]
    shape = outline * (1 - share) + round_part * share
    rings = np.concatenate(
        [upper[:, :1, None] * shape, np.broadcast_to(upper[:, 1:, None], (*shape.shape[:2], 1))],
        axis=2,
    )
    z = straight + shoulder
    spout = lathe(
        [([(throat, z), (throat, z + neck + 0.002), (0, z + neck + 0.002)], body)], round_part
    )
    top = TOPS[form.top](throat, cap_h, cap, rng).moved(0, 0, z + neck)
    mesh = join(lower, loft(rings, body), spout, top)
    inks = (*design.colours, colour)
    return Thing(mesh, paints, form.material, inks, f"with a {cap_colour.word} cap")


def _pale(colour: Colour) -> Colour:
    """Returns the colour of almost clear plastic or glass: nearly white, a trace of the colour."""
    r, g, b = (round(225 - (255 - channel) * 0.1) for channel in colour.rgb)
    return Colour("white", (r, g, b)) if colour.word != "light blue" else colour


def _ribbed(
    r: float, low: float, high: float, form: Form, rng: np.random.Generator
) -> list[tuple[float, float]]:
    """Returns a straight wall or, on water bottles, one with grooves."""
    if high - low < 0.02 or rng.random() >= form.ribs:
        return [(r, low), (r, max(high, low + 1e-4))]
    count = int(np.clip((high - low) / 0.012, 2, 5))
    z = np.linspace(low, high, 2 * count + 1)
    wall = r * (1 - 0.04 * (np.arange(2 * count + 1) % 2))
    return list(zip(wall.tolist(), z.tolist(), strict=True))


def handled_jug(rng: np.random.Generator) -> Thing:
    """Makes a detergent bottle with a handle at its side."""
    form = Form(
        ("Color", "Ultra", "Softener", "Fresh Wash", "Bleach", "Clean"),
        (0.2, 0.29),
        (1.35, 1.9),
        ("white", "blue", "orange", "green", "red", "yellow", "purple", "pink"),
        flat=(0.5, 0.65),
        square=0.7,
        shoulder=(0.22, 0.3),
        neck=(0.02, 0.04),
        cap=(0.1, 0.16),
        throat=(0.34, 0.5),
        label=(0.65, 0.9),
        top="flip",
    )
    thing = _bottle(form, rng)
    size = thing.mesh.size()
    w, h = size[0], size[2]
    x = w * 0.47
    path = np.array(
        [
            [x * 0.75, 0, 0.78],
            [x * 1.15, 0, 0.72],
            [x * 1.2, 0, 0.55],
            [x * 1.15, 0, 0.4],
            [x * 0.85, 0, 0.34],
        ]
    )
    path[:, 2] *= h
    path = np.column_stack(
        [
            curve([(p[0], p[2]) for p in path], 4)[:, 0],
            np.zeros(17),
            curve([(p[0], p[2]) for p in path], 4)[:, 1],
        ]
    )
    handle = sweep(path, circle(10), w * 0.065, 0, up=(0, 1, 0))
    return replace(thing, mesh=join(thing.mesh, handle))
