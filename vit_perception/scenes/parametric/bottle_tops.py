# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Caps, corks, pumps and triggers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vit_perception.scenes.parametric.meshes import (
    Mesh,
    circle,
    curve,
    join,
    lathe,
    rotation,
    rounded_rectangle,
    sweep,
)
from vit_perception.scenes.parametric.things import between


def _screw_cap(throat: float, height: float, surface: int, rng: np.random.Generator) -> Mesh:
    c = throat * between(rng, 1.08, 1.3)
    return lathe(
        [([(0, 0), (c, 0), (c, height * 0.9), (c * 0.93, height), (0, height)], surface)],
        circle(24),
    )


def _crown_cap(throat: float, height: float, surface: int, rng: np.random.Generator) -> Mesh:
    c = throat * 1.15
    teeth = circle(42) * (1 + 0.05 * (np.arange(42) % 2))[:, None]
    tall = min(height, 0.008)
    return lathe(
        [([(0, 0), (c, 0), (c * 0.9, tall * 0.8), (c * 0.6, tall), (0, tall)], surface)], teeth
    )


def _foil(throat: float, height: float, surface: int, rng: np.random.Generator) -> Mesh:
    """Returns the capsule over a wine bottle's neck."""
    down = height * between(rng, 0.8, 1.4)
    c = throat * 1.06
    profile = [
        (throat * 0.9, -down),
        (c, -down),
        (c, height * 0.7),
        (c * 1.08, height * 0.72),
        (c * 1.08, height),
        (0, height),
    ]
    return lathe([([(0, -down), *profile], surface)], circle(24))


def _nozzle(throat: float, height: float, surface: int, rng: np.random.Generator) -> Mesh:
    """Returns a pointed squeeze cap."""
    c = throat * between(rng, 1.2, 1.6)
    line = [
        (0, 0),
        (c, 0),
        (c, height * 0.35),
        (c * 0.5, height * 0.5),
        (c * 0.16, height),
        (0, height),
    ]
    return lathe([(line, surface)], circle(24))


def _flip_cap(throat: float, height: float, surface: int, rng: np.random.Generator) -> Mesh:
    """Returns a wide cap that stands on its own."""
    c = throat * between(rng, 1.4, 1.9)
    wall = curve([(c, 0), (c * 0.98, height * 0.7), (c * 0.9, height)], 3)
    return lathe([([(0, 0), *wall, (0, height)], surface)], circle(24))


def _pump(throat: float, height: float, surface: int, rng: np.random.Generator) -> Mesh:
    """Returns a collar, a stem and a bent nozzle."""
    c, stem = throat * 1.2, max(throat * 0.35, 0.003)
    base = lathe(
        [
            (
                [
                    (0, 0),
                    (c, 0),
                    (c, height * 0.3),
                    (stem, height * 0.34),
                    (stem, height * 0.8),
                    (0, height * 0.8),
                ],
                surface,
            )
        ],
        circle(20),
    )
    head = lathe(
        [([(0, 0), (stem * 2.4, 0), (stem * 2.6, height * 0.14), (0, height * 0.16)], surface)],
        circle(20),
    ).moved(0, 0, height * 0.8)
    reach = max(0.028, throat * 2)
    path = np.array([[0, 0, 0.88], [0.7, 0, 0.88], [0.95, 0, 0.84], [1, 0, 0.7]]) * [
        reach,
        0,
        height,
    ]
    spout = sweep(path, circle(10), stem * 0.9, surface, up=(0, 1, 0))
    return join(base, head, spout)


def _trigger(throat: float, height: float, surface: int, rng: np.random.Generator) -> Mesh:
    """Returns the head of a spray bottle: collar, body, nozzle and trigger."""
    c = throat * 1.2
    collar = lathe(
        [([(0, 0), (c, 0), (c * 0.9, height * 0.3), (0, height * 0.3)], surface)], circle(20)
    )
    block = np.array([[-0.55, 0, 0.72], [-0.3, 0, 0.8], [0.2, 0, 0.82], [0.75, 0, 0.84]]) * height
    body = sweep(
        block,
        rounded_rectangle(1, 1, 0.25, 3),
        np.array([[0.2, 0.12], [0.24, 0.24], [0.24, 0.28], [0.16, 0.2]]) * height,
        surface,
    )
    nose = sweep(
        np.array([[0.72, 0, 0.84], [0.85, 0, 0.84]]) * height, circle(10), 0.09 * height, surface
    )
    post = sweep(
        np.array([[0, 0, 0.25], [0, 0, 0.8]]) * height,
        rounded_rectangle(1, 1, 0.25, 3),
        0.26 * height,
        surface,
        up=(1, 0, 0),
    )
    pull = np.array([[0.3, 0, 0.75], [0.42, 0, 0.5], [0.42, 0, 0.25], [0.5, 0, 0.05]]) * height
    lever = sweep(
        pull,
        rounded_rectangle(1, 1, 0.25, 3),
        np.array([0.16, 0.09]) * height,
        surface,
        up=(1, 0, 0),
    )
    return join(collar, body, nose, post, lever).turned(
        rotation("z", 180 * float(rng.random() < 0.5))
    )


TOPS: dict[str, Callable[[float, float, int, np.random.Generator], Mesh]] = {
    "cap": _screw_cap,
    "crown": _crown_cap,
    "foil": _foil,
    "nozzle": _nozzle,
    "flip": _flip_cap,
    "pump": _pump,
    "trigger": _trigger,
}
