# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The light of a rendered picture: soft rooms, and the hard light of real photographs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

LightKind = Literal["soft", "sun", "dim", "cast", "back", "glare"]
HARD: tuple[LightKind, ...] = ("sun", "dim", "cast", "back", "glare")
MOST_LAMPS = 3
_WHITE = (1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Lamp:
    """A spot light: place in metres, brightness 0 to 1, colour as RGB gains."""

    place: tuple[float, float, float]
    brightness: float
    casts_shadow: bool
    colour: tuple[float, float, float] = _WHITE


@dataclass(frozen=True, slots=True)
class Lighting:
    """Lamps (one to MOST_LAMPS), ambient light, and a factor of the objects' shine."""

    kind: LightKind
    lamps: tuple[Lamp, ...]
    ambient: float
    gloss: float = 1.0


def draw_light(
    hard: float,
    away: tuple[float, float, float],
    rng: np.random.Generator,
    *,
    in_front: bool = False,
) -> Lighting:
    """Draws the light of one picture; hard with probability `hard`.

    `away` points from the scene to the camera; back light comes from the other side. `in_front`
    keeps the lamps on the camera's side, for objects in front of a wall.
    """
    light = _draw(hard, away, rng)
    if not in_front:
        return light
    facing = np.array(away[:2]) / max(float(np.hypot(*away[:2])), 1e-6)
    return replace(light, lamps=tuple(_mirrored(lamp, facing) for lamp in light.lamps))


def _mirrored(lamp: Lamp, facing: np.ndarray) -> Lamp:
    """Returns the lamp on the side of the scene to which `facing` (unit vector) points."""
    place = np.array(lamp.place)
    behind = min(float(place[:2] @ facing), 0.0)
    place[:2] -= 2 * behind * facing
    return replace(lamp, place=(float(place[0]), float(place[1]), float(place[2])))


def _draw(hard: float, away: tuple[float, float, float], rng: np.random.Generator) -> Lighting:
    if rng.random() >= hard:
        return _soft(rng)
    kind = HARD[int(rng.choice(len(HARD), p=[0.34, 0.2, 0.16, 0.14, 0.16]))]
    if kind == "sun":
        # One lamp and little else: shadows are dark and have edges.
        lamp = Lamp(_place(rng, (0.4, 1.8), (0.7, 1.6)), float(rng.uniform(0.75, 1.0)), True)
        return Lighting(kind, (lamp,), float(rng.uniform(0.06, 0.2)))
    if kind == "dim":
        soft = _soft(rng)
        return Lighting(kind, soft.lamps, soft.ambient * 0.8)
    if kind == "cast":
        return _cast(rng)
    if kind == "back":
        # Behind the objects and low, as a window is.
        angle = np.arctan2(-away[1], -away[0]) + rng.normal(0, 0.35)
        reach = rng.uniform(1.0, 1.9)
        place = (float(reach * np.cos(angle)), float(reach * np.sin(angle)))
        lamp = Lamp((*place, float(rng.uniform(0.5, 1.2))), float(rng.uniform(0.7, 1.0)), True)
        return Lighting(kind, (lamp,), float(rng.uniform(0.12, 0.25)), float(rng.uniform(1, 3)))
    soft = _soft(rng)
    return Lighting(kind, soft.lamps, soft.ambient, float(rng.uniform(2.5, 7.0)))


def _soft(rng: np.random.Generator) -> Lighting:
    count = int(rng.integers(1, MOST_LAMPS + 1))
    total = float(rng.uniform(0.45, 0.95))
    shares = np.sort(rng.dirichlet(np.full(count, 2.0)) * total)[::-1]
    # Each shadow costs a rendering: only the brightest lamp casts one. Light from all around casts
    # almost none.
    casts = rng.random() > 0.1
    return Lighting(
        "soft",
        tuple(
            Lamp(_place(rng, (0.1, 1.5), (0.9, 1.9)), float(share), casts and number == 0)
            for number, share in enumerate(shares)
        ),
        float(rng.uniform(0.2, 0.55)),
    )


def _cast(rng: np.random.Generator) -> Lighting:
    """Draws tungsten or daylight that white balance missed, perhaps from two sides."""
    warm = (1.0, float(rng.uniform(0.8, 0.92)), float(rng.uniform(0.55, 0.8)))
    cold = (float(rng.uniform(0.7, 0.88)), float(rng.uniform(0.86, 0.97)), 1.0)
    colours = [warm, cold] if rng.random() < 0.65 else [cold, warm]
    soft = _soft(rng)
    lamps = tuple(
        Lamp(
            lamp.place,
            lamp.brightness,
            lamp.casts_shadow,
            colours[number % 2 if rng.random() < 0.4 else 0],
        )
        for number, lamp in enumerate(soft.lamps)
    )
    return Lighting("cast", lamps, soft.ambient * 0.6)


def _place(
    rng: np.random.Generator, reach: tuple[float, float], height: tuple[float, float]
) -> tuple[float, float, float]:
    angle, distance = rng.uniform(0, 2 * np.pi), rng.uniform(*reach)
    x, y = distance * np.cos(angle), distance * np.sin(angle)
    return float(x), float(y), float(rng.uniform(*height))
