# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Signs and small print: stars, hearts, bar codes, nutrition tables."""

from __future__ import annotations

import cv2
import numpy as np

from vit_perception.scenes.parametric.palette import RGB


def star(
    picture: np.ndarray, x: float, y: float, radius: float, rgb: RGB, points: int, depth: float
) -> None:
    """Draws a star, a badge with a toothed rim (many points, little depth), a sun."""
    angle = np.pi * np.arange(2 * points) / points - np.pi / 2
    reach = np.where(np.arange(2 * points) % 2, 1 - depth, 1.0) * radius
    shape = np.column_stack([x + reach * np.cos(angle), y + reach * np.sin(angle)])
    cv2.fillPoly(picture, [shape.astype(np.int32)], rgb, cv2.LINE_AA)


def heart(picture: np.ndarray, x: float, y: float, radius: float, rgb: RGB) -> None:
    t = np.linspace(0, 2 * np.pi, 40)
    across = 16 * np.sin(t) ** 3
    down = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
    shape = np.column_stack([x + across * radius / 17, y + down * radius / 17])
    cv2.fillPoly(picture, [shape.astype(np.int32)], rgb, cv2.LINE_AA)


def drop(picture: np.ndarray, x: float, y: float, radius: float, rgb: RGB) -> None:
    t = np.linspace(0, 2 * np.pi, 40)
    across, down = np.sin(t) * np.sin(t / 2) ** 1.5, -np.cos(t)
    shape = np.column_stack([x + across * radius * 0.8, y - down * radius])
    cv2.fillPoly(picture, [shape.astype(np.int32)], rgb, cv2.LINE_AA)


def pictogram(
    picture: np.ndarray, x: float, y: float, radius: float, rgb: RGB, rng: np.random.Generator
) -> None:
    """Draws a plain sign: star, sun, heart, drop, ring, cross, bolt or crown."""
    kind = rng.integers(8)
    at, r = (round(x), round(y)), max(2, round(radius))
    if kind == 0:
        star(picture, x, y, radius, rgb, 5, 0.6)
    elif kind == 1:
        star(picture, x, y, radius, rgb, 12, 0.35)
    elif kind == 2:
        heart(picture, x, y, radius, rgb)
    elif kind == 3:
        drop(picture, x, y, radius, rgb)
    elif kind == 4:
        cv2.circle(picture, at, r, rgb, max(1, r // 3), cv2.LINE_AA)
    elif kind == 5:
        third = max(1, r // 3)
        cv2.rectangle(picture, (at[0] - third, at[1] - r), (at[0] + third, at[1] + r), rgb, -1)
        cv2.rectangle(picture, (at[0] - r, at[1] - third), (at[0] + r, at[1] + third), rgb, -1)
    elif kind == 6:
        zigzag = np.array(
            [[0.2, -1], [-0.6, 0.15], [-0.05, 0.15], [-0.2, 1], [0.6, -0.2], [0.05, -0.2]]
        )
        cv2.fillPoly(picture, [(zigzag * radius + (x, y)).astype(np.int32)], rgb, cv2.LINE_AA)
    else:
        crown = np.array(
            [[-1, 0.7], [-1, -0.5], [-0.5, 0.1], [0, -0.8], [0.5, 0.1], [1, -0.5], [1, 0.7]]
        )
        cv2.fillPoly(picture, [(crown * radius + (x, y)).astype(np.int32)], rgb, cv2.LINE_AA)


def bar_code(
    picture: np.ndarray, window: tuple[float, float, float, float], rng: np.random.Generator
) -> None:
    """Draws dark bars on a white field."""
    x, y, w, h = (round(value) for value in window)
    if w < 8 or h < 6:
        return
    cv2.rectangle(picture, (x, y), (x + w, y + h), (250, 250, 250), -1)
    bars = np.repeat(rng.random(w) < 0.5, rng.integers(1, 3, w))[: max(w - 6, 1)]
    for column in np.flatnonzero(bars):
        cv2.line(
            picture,
            (x + 3 + int(column), y + 2),
            (x + 3 + int(column), y + round(h * 0.8)),
            (15, 15, 15),
            1,
        )
    small_print(picture, (x + 3, y + h * 0.84, w - 6, h * 0.12), (20, 20, 20), rng)


def small_print(
    picture: np.ndarray,
    window: tuple[float, float, float, float],
    rgb: RGB,
    rng: np.random.Generator,
    row: float = 4.0,
) -> None:
    """Draws lines too small to read: dashes of the length of words, `row` pixels apart."""
    x, y, w, h = window
    for line in range(max(1, int(h / row))):
        at = y + line * row + row / 2
        end = x + w * (1.0 if line < h / row - 2 else rng.uniform(0.3, 0.9))
        left = x
        while left < end - 2:
            right = min(left + rng.uniform(1.2, 5) * row * 0.6, end)
            thick = max(1, round(row * 0.35))
            cv2.line(
                picture,
                (round(left), round(at)),
                (round(right), round(at)),
                rgb,
                thick,
                cv2.LINE_AA,
            )
            left = right + row * 0.45


def facts_table(
    picture: np.ndarray, window: tuple[float, float, float, float], rng: np.random.Generator
) -> None:
    """Draws a nutrition table: framed lines with words at the left and numbers at the right."""
    x, y, w, h = (round(value) for value in window)
    if w < 12 or h < 14:
        return
    ink = (20, 20, 20)
    cv2.rectangle(picture, (x, y), (x + w, y + h), (248, 248, 248), -1)
    cv2.rectangle(picture, (x, y), (x + w, y + h), ink, 1)
    rows = max(3, h // 6)
    cv2.rectangle(picture, (x + 2, y + 2), (x + round(w * 0.7), y + 5), ink, -1)
    for number in range(1, rows):
        line = y + round(number * h / rows)
        cv2.line(picture, (x, line), (x + w, line), (120, 120, 120), 1)
        text = line + round(h / rows / 2)
        cv2.line(picture, (x + 3, text), (x + round(w * rng.uniform(0.25, 0.6)), text), ink, 1)
        cv2.line(picture, (x + round(w * 0.8), text), (x + w - 3, text), ink, 1)
