# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The objects of a composed picture, their sizes and places."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vit_perception.scenes.backgrounds import Background
from vit_perception.scenes.sprites import Sprite

SMALLEST, LARGEST = 0.04, 0.9
"""Longest side of an object as a share of the picture's shorter side."""


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A sprite with its longest side in pixels, its rotation in degrees and its middle (x, y)."""

    sprite: Sprite
    longest: float
    angle: float
    x: float
    y: float


class Shelf:
    """Sprites by category and by object, so that rare categories are drawn as often as others."""

    def __init__(self, sprites: Sequence[Sprite]) -> None:
        grouped: dict[str, dict[str, list[Sprite]]] = defaultdict(lambda: defaultdict(list))
        for sprite in sprites:
            grouped[sprite.thing.category][sprite.thing.asset].append(sprite)
        self._groups = {
            category: [grouped[category][key] for key in sorted(grouped[category])]
            for category in sorted(grouped)
        }
        self.categories = list(self._groups)
        # A photograph shows one side only: it is drawn less often than an object with views.
        views = [sum(map(len, assets)) for assets in self._groups.values()]
        weights = np.array([1.0 if count > 4 else 0.45 for count in views])
        self._weights = weights / weights.sum()
        self.coloured = [
            category
            for category, assets in self._groups.items()
            if len({s.thing.colours[0] for a in assets for s in a if s.thing.colours}) >= 2
        ]

    def draw_category(self, rng: np.random.Generator) -> str:
        index: int = rng.choice(len(self.categories), p=self._weights)
        return self.categories[index]

    def draw(self, category: str, rng: np.random.Generator) -> list[Sprite]:
        """Returns all sprites of one object of the category."""
        assets = self._groups[category]
        return assets[int(rng.integers(len(assets)))]


def choose_sprites(
    shelf: Shelf, count: int, elevation: float | None, rng: np.random.Generator
) -> list[Sprite]:
    """Returns `count` sprites, balanced by category; sometimes several of one in other colours.

    `elevation` (degrees) prefers views near the camera's angle; None takes any view.
    """
    categories = [shelf.draw_category(rng) for _ in range(count)]
    if count >= 2 and shelf.coloured and rng.random() < 0.2:
        repeated = shelf.coloured[int(rng.integers(len(shelf.coloured)))]
        for slot in range(min(count, int(rng.integers(2, 5)))):
            categories[slot] = repeated
    return [_view(shelf.draw(category, rng), elevation, rng) for category in categories]


def choose_crowd(
    shelf: Shelf, count: int, elevation: float | None, rng: np.random.Generator
) -> list[Sprite]:
    """Returns `count` sprites of one or two objects: a crate of apples, a row of cartons."""
    kinds = [shelf.draw(shelf.draw_category(rng), rng) for _ in range(1 + (rng.random() < 0.4))]
    return [_view(kinds[int(n)], elevation, rng) for n in rng.integers(len(kinds), size=count)]


def _view(sprites: Sequence[Sprite], elevation: float | None, rng: np.random.Generator) -> Sprite:
    candidates = [sprites[int(i)] for i in rng.integers(len(sprites), size=4)]
    if elevation is None or rng.random() < 0.25:
        return candidates[0]
    return min(candidates, key=lambda sprite: abs(sprite.elevation - elevation))


def arrange(
    sprites: Sequence[Sprite],
    background: Background,
    width: int,
    height: int,
    rng: np.random.Generator,
) -> list[Placed]:
    """Gives every sprite a size, a rotation and a place, from back to front."""
    shorter = min(width, height)
    longest = _sizes(sprites, shorter, rng)
    if background.shelves:
        return _on_shelves(sprites, longest, background.shelves, width, height, rng)
    turned = rng.random() < (0.7 if background.kind == "flat" else 0.2)
    pile = len(sprites) >= 3 and rng.random() < 0.25
    centre = rng.uniform(0.3, 0.7, 2) * (width, height)
    spread = float(rng.uniform(0.08, 0.25)) * shorter
    taken: list[tuple[float, float, float]] = []
    placed = []
    for sprite, size in zip(sprites, longest, strict=True):
        if pile and rng.random() < 0.8:
            x, y = centre + rng.normal(0, spread, 2)
        else:
            x, y = _free_place(size, taken, background.horizon, width, height, rng)
        if background.kind == "table":
            # Further up the picture is further away.
            depth = (y - background.horizon) / max(height - background.horizon, 1)
            size *= float(np.clip(0.65 + 0.6 * depth, 0.5, 1.25))
        angle = rng.uniform(0, 360) if turned and rng.random() < 0.6 else rng.normal(0, 5)
        taken.append((float(x), float(y), size / 2))
        placed.append(Placed(sprite, float(size), float(angle), float(x), float(y)))
    if background.kind == "table":
        placed.sort(key=lambda item: item.y + item.longest / 3)
    return placed


def arrange_crowd(
    sprites: Sequence[Sprite], width: int, height: int, rng: np.random.Generator
) -> list[Placed]:
    """Arranges rows of touching or overlapping objects, over part of the picture or beyond it."""
    columns = int(rng.integers(2, max(len(sprites) // 2, 2) + 1))
    rows = -(-len(sprites) // columns)
    share = float(rng.uniform(0.4, 1.25))
    step = np.array([width / columns, height / rows]) * share
    # As close as their sides allow, seldom as far apart as their longest sides.
    tight = float(rng.uniform(0.8, 1.15))
    middle = rng.uniform(0.35, 0.65, 2) * (width, height) if share < 1 else (width / 2, height / 2)
    start = np.array(middle) - step * (columns - 1, rows - 1) / 2
    loose = float(rng.choice([0.02, 0.12, 0.3]))
    turned = rng.random() < 0.35
    placed = []
    for number, sprite in enumerate(sprites):
        row, column = divmod(number, columns)
        y, x = sprite.pixels.shape[:2]
        longest = max(x, y) * min(step[0] / x, step[1] / y) / tight * rng.uniform(0.92, 1.08)
        longest = float(np.clip(longest, SMALLEST * min(width, height), 1.5 * min(width, height)))
        at = start + step * (column, row) + rng.normal(0, loose, 2) * step
        angle = rng.uniform(0, 360) if turned else rng.normal(0, 4)
        placed.append(Placed(sprite, longest, float(angle), float(at[0]), float(at[1])))
    return placed


def _sizes(sprites: Sequence[Sprite], shorter: int, rng: np.random.Generator) -> list[float]:
    """Returns longest sides in pixels: true to scale with jitter, sometimes any size."""
    count = len(sprites)
    typical = float(np.exp(rng.uniform(np.log(0.09), np.log(0.62))))
    typical = min(typical, 1.1 / np.sqrt(count))
    consistent = rng.random() < 0.75
    metres = np.array([max(s.pixels.shape[:2]) * s.metres or 0.18 for s in sprites])
    reference = float(np.exp(np.log(metres).mean()))
    sizes = []
    for extent in metres:
        if consistent:
            share = typical * (extent / reference) ** 0.85 * float(np.exp(rng.normal(0, 0.15)))
        else:
            share = typical * float(np.exp(rng.uniform(-0.8, 0.8)))
        sizes.append(float(np.clip(share, SMALLEST, LARGEST)) * shorter)
    return sizes


def _free_place(
    size: float,
    taken: Sequence[tuple[float, float, float]],
    horizon: int,
    width: int,
    height: int,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Returns the emptiest of a few random places; objects may leave the picture by a third."""
    margin = size * float(rng.choice([-0.15, 0.5], p=[0.3, 0.7]))
    low_y = (
        max(horizon - size * 0.3, min(margin, height / 2)) if horizon else min(margin, height / 2)
    )
    best, best_gap = (width / 2, height / 2), -np.inf
    for _ in range(6):
        x = rng.uniform(min(margin, width / 2), max(width - margin, width / 2))
        y = rng.uniform(min(low_y, height - 1), max(height - margin, low_y + 1))
        gap = min(
            (np.hypot(x - tx, y - ty) - 0.8 * (radius + size / 2) for tx, ty, radius in taken),
            default=np.inf,
        )
        if gap > best_gap:
            best, best_gap = (float(x), float(y)), gap
    return best


def _on_shelves(
    sprites: Sequence[Sprite],
    longest: Sequence[float],
    shelves: Sequence[int],
    width: int,
    height: int,
    rng: np.random.Generator,
) -> list[Placed]:
    """Puts objects side by side with their feet on the boards, sometimes tight."""
    limit = height / len(shelves) * 0.85
    ends = dict.fromkeys(shelves, float(rng.uniform(0, 0.15)) * width)
    placed = []
    for sprite, size in zip(sprites, longest, strict=True):
        rows, columns = sprite.pixels.shape[:2]
        size = min(size * 1.3, limit * max(rows, columns) / rows)
        scale = size / max(rows, columns)
        board = int(rng.choice(np.array(shelves)))
        if ends[board] > width:
            continue
        x = ends[board] + columns * scale / 2
        ends[board] += columns * scale * float(rng.uniform(0.85, 1.3))
        y = board - rows * scale / 2
        placed.append(Placed(sprite, size, float(rng.normal(0, 1.5)), x, y))
    return placed
