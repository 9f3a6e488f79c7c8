# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Arranges objects: scattered, in piles, stacks and bins, side by side on shelves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vit_perception.scenes.cameras import Vantage
from vit_perception.scenes.catalogue import Asset
from vit_perception.scenes.distractors import Lump, draw_flat, draw_lump, place_lump
from vit_perception.scenes.footing import (
    UP,
    flattest,
    footprint,
    lies_flat,
    outline,
    standing,
    turned_size,
)
from vit_perception.scenes.furniture import Furniture, Prop, make_bin, make_shelf
from vit_perception.scenes.poses import after, random_turn, rotation, turn
from vit_perception.scenes.recolour import Look
from vit_perception.scenes.settle import Body, settle
from vit_perception.scenes.surfaces import Surfaces
from vit_perception.scenes.tabletop import Arrangement, Item

REACH = (0.43, 0.4)
"""Half sides of the part of the table where objects may end, metres: inside every table."""
LYING = 0.12
EVERY_S = 0.09
"""Time between two drops."""


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """An object without a place: its hull float64 [N,3] in its own frame, metres."""

    asset: Asset
    look: Look
    hull: np.ndarray
    shown: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """An object or a lump with its starting place."""

    source: Thing | Lump
    body: Body


def arrange(
    name: str,
    things: Sequence[Thing],
    surfaces: Surfaces,
    rng: np.random.Generator,
    *,
    distractors: float = 0.0,
) -> Arrangement:
    """Puts the objects down in the manner `name`, one of settings.ARRANGEMENTS.

    Objects that find no place, fall off or go into others are left out. `distractors` is the mean
    number of unnamed objects among them.
    """
    count = int(rng.poisson(distractors)) if distractors else 0
    solid = int(rng.binomial(count, 0.6)) if name != "shelf" else 0
    lumps = [draw_lump(surfaces, rng) for _ in range(solid)]
    placed = _WAYS[name](things, lumps, surfaces, rng)
    if name == "shelf" or name == "bin":
        return placed
    flat = tuple(draw_flat(surfaces, 0.35, rng) for _ in range(count - solid))
    return Arrangement(name, placed.items, placed.props + flat, placed.vantage)


def drop(
    things: Sequence[Thing], radius: float, rng: np.random.Generator, *, upright: float
) -> Arrangement:
    """Drops the objects above a disc of `radius` metres; the share `upright` starts upright."""
    parts = _dropped(things, (), (radius, radius), rng, upright=upright)
    return _settled("pile", parts, None, REACH, Vantage())


def stand_apart(
    things: Sequence[Thing | Lump], rng: np.random.Generator, *, lying: float = LYING
) -> list[_Part]:
    """Stands objects on the table without touching; those that find no place are left out."""
    reach = 0.05 + _typical(things) * 0.42 * np.sqrt(len(things)) * float(rng.uniform(0.8, 1.5))
    placed: list[_Part] = []
    taken: list[np.ndarray] = []
    for thing in things:
        tilted = (
            turn((1.0, 0.0, 0.0), 90.0) if rng.random() < lying and not _shown(thing) else None
        )
        for attempt in range(30):
            x, y = rng.uniform(-1, 1, 2) * min(reach * (1 + attempt / 10), 0.9)
            yaw = turn(UP, float(rng.uniform(0, 360)))
            quaternion = yaw if tilted is None else after(yaw, tilted)
            body = standing(thing.hull, float(x), float(y), quaternion)
            around = outline(body)
            if not any(cv2.intersectConvexConvex(around, other)[0] > 0 for other in taken):
                placed.append(_Part(thing, body))
                taken.append(around)
                break
    return placed


def _scattered(
    things: Sequence[Thing], lumps: Sequence[Lump], surfaces: Surfaces, rng: np.random.Generator
) -> Arrangement:
    parts = stand_apart([*things, *lumps], rng)
    reach = (1.2, 1.2)
    return _settled("scattered", parts, None, reach, Vantage())


def _pile(
    things: Sequence[Thing], lumps: Sequence[Lump], surfaces: Surfaces, rng: np.random.Generator
) -> Arrangement:
    radius = _typical(things) * 0.25 * np.sqrt(len(things)) * float(rng.uniform(0.4, 1.4))
    parts = _dropped(things, lumps, (radius, radius), rng)
    return _settled("pile", parts, None, REACH, Vantage())


def _bin(
    things: Sequence[Thing], lumps: Sequence[Lump], surfaces: Surfaces, rng: np.random.Generator
) -> Arrangement:
    side = _typical(things) * 0.5 * np.sqrt(len(things)) * float(rng.uniform(0.8, 1.3))
    longest = max(float(np.ptp(thing.hull, axis=0).max()) for thing in things)
    side = float(np.clip(max(side, longest * 0.5), 0.09, 0.3))
    inner = (side * float(rng.uniform(1.0, 1.3)), side)
    height = float(rng.uniform(0.05, 0.16)) * float(np.clip(side / 0.2, 0.6, 1.3))
    box = make_bin(inner, height, surfaces, rng)
    parts = _dropped(things, lumps, (inner[0] * 0.55, inner[1] * 0.55), rng)
    steep = float(np.degrees(np.arctan2(height, side))) + 18.0
    return _settled("bin", parts, box, REACH, Vantage(elevation=(min(steep, 70.0), 90.0)))


def _stack(
    things: Sequence[Thing], lumps: Sequence[Lump], surfaces: Surfaces, rng: np.random.Generator
) -> Arrangement:
    """Stacks flat and box-like objects, the largest below; the others stand around them."""
    flat = [thing for thing in things if not thing.shown and lies_flat(thing.hull)]
    others = [thing for thing in things if not any(thing is one for one in flat)]
    piles = [flat[n : n + 6] for n in range(0, len(flat), 6)]
    # A stack takes the place of its lowest object.
    bases = [max(pile, key=lambda thing: footprint(thing.hull)) for pile in piles]
    parts: list[_Part] = []
    for part in stand_apart([*bases, *others, *lumps], rng, lying=0.05):
        number = next((n for n, base in enumerate(bases) if base is part.source), None)
        parts += [part] if number is None else _on_one_another(piles[number], part.body, rng)
    return _settled("stack", parts, None, REACH, Vantage())


def _on_one_another(pile: Sequence[Thing], base: Body, rng: np.random.Generator) -> list[_Part]:
    top = 0.0
    parts: list[_Part] = []
    for thing in sorted(pile, key=lambda thing: footprint(thing.hull), reverse=True):
        slack = 0.08 * np.sqrt(footprint(thing.hull))
        x, y = base.position[:2] + rng.normal(0, slack if parts else 0.0, 2)
        quaternion = after(turn(UP, float(rng.uniform(0, 360))), flattest(thing.hull))
        body = standing(thing.hull, float(x), float(y), quaternion, top + 0.002)
        top = float((body.hull @ rotation(quaternion).T + body.position)[:, 2].max())
        parts.append(_Part(thing, body))
    return parts


def _shelf(
    things: Sequence[Thing], lumps: Sequence[Lump], surfaces: Surfaces, rng: np.random.Generator
) -> Arrangement:
    """Puts objects side by side on one to three boards, faces to the front, grouped by kind."""
    facing = {
        id(thing): float(rng.choice([0, 0, 90, 180, 180, 270]) + rng.normal(0, 3))
        for thing in things
    }
    order = [things[int(n)] for n in rng.permutation(len(things))]
    order.sort(key=lambda thing: (not thing.shown, thing.asset.category))
    sizes = [turned_size(thing.hull, facing[id(thing)]) for thing in order]
    space = float(rng.choice([0.003, 0.012, 0.04]))
    rows = int(np.clip(rng.integers(1, 4), 1, max(1, len(order) // 2)))
    wide = sum(size[0] + space for size in sizes) / rows
    half_width = float(np.clip(max(wide * 0.56, max(s[0] for s in sizes) * 0.7), 0.12, 0.85))
    depth = float(np.clip(max(size[1] for size in sizes) + 0.06, 0.15, 0.6))
    gap = max(size[2] for size in sizes) + float(rng.uniform(0.02, 0.1))
    boards, tops = make_shelf(half_width, depth, (gap,) * rows, surfaces, rng)
    items: list[Item] = []
    row, x = 0, -half_width + space + 0.004
    front = float(rng.uniform(0.005, 0.04))
    for thing, size in zip(order, sizes, strict=True):
        if x + size[0] > half_width:
            row, x = row + 1, -half_width + space + 0.004
        if row >= rows:
            break
        place = (x + size[0] / 2, front + size[1] / 2 + float(rng.uniform(0, 0.02)))
        body = standing(thing.hull, *place, turn(UP, facing[id(thing)]), tops[row])
        items.append(_item(thing, body.position, body.quaternion))
        x += size[0] + space * float(rng.uniform(0.8, 2.0))
    vantage = Vantage((-90 - 38, -90 + 38), (-4.0, 28.0), 0.22)
    return Arrangement("shelf", tuple(items), boards, vantage)


_Way = Callable[[Sequence[Thing], Sequence[Lump], Surfaces, np.random.Generator], Arrangement]
_WAYS: dict[str, _Way] = {
    "scattered": _scattered,
    "pile": _pile,
    "stack": _stack,
    "bin": _bin,
    "shelf": _shelf,
}


def _dropped(
    things: Sequence[Thing],
    lumps: Sequence[Lump],
    radius: tuple[float, float],
    rng: np.random.Generator,
    *,
    upright: float = 0.4,
) -> list[_Part]:
    """Drops the objects one after the other above the middle; those to be shown last, upright."""
    mixed: list[Thing | Lump] = [*things, *lumps]
    mixed = [mixed[int(n)] for n in rng.permutation(len(mixed))]
    mixed.sort(key=_shown)
    parts = []
    for number, thing in enumerate(mixed):
        angle, share = rng.uniform(0, 2 * np.pi), np.sqrt(rng.random())
        stands = rng.random() < (0.8 if _shown(thing) else upright)
        quaternion = turn(UP, float(rng.uniform(0, 360))) if stands else random_turn(rng)
        place = np.array(
            [radius[0] * share * np.cos(angle), radius[1] * share * np.sin(angle), 0.0]
        )
        parts.append(_Part(thing, Body(thing.hull, place, quaternion, EVERY_S * (number + 1))))
    return parts


def _settled(
    name: str,
    parts: Sequence[_Part],
    furniture: Furniture | None,
    reach: tuple[float, float],
    vantage: Vantage,
) -> Arrangement:
    solid = furniture.solid if furniture else ()
    rests = settle([part.body for part in parts], solid, reach)
    items: list[Item] = []
    props: list[Prop] = list(furniture.props) if furniture else []
    for part, rest in zip(parts, rests, strict=True):
        if rest is None:
            continue
        if isinstance(part.source, Thing):
            items.append(_item(part.source, rest.position, rest.quaternion))
        else:
            props.append(place_lump(part.source, rest.position, rest.quaternion))
    return Arrangement(name, tuple(items), tuple(props), vantage)


def _item(thing: Thing, position: np.ndarray, quaternion: np.ndarray) -> Item:
    return Item(thing.asset, thing.look, thing.hull, position, quaternion, thing.shown)


def _shown(thing: Thing | Lump) -> bool:
    return isinstance(thing, Thing) and thing.shown


def _typical(things: Sequence[Thing | Lump]) -> float:
    """Returns the mean of the objects' longest horizontal sides, metres."""
    return float(np.mean([np.ptp(thing.hull, axis=0)[:2].max() for thing in things]))
