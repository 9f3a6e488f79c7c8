# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Backgrounds of composed pictures: table tops, floors, rooms, shelves, plain colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from vit_perception.scenes.surfaces import TEXTURE_PX, Surfaces, Texture

Kind = Literal["flat", "table", "shelf", "photo", "plain"]


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """uint8 [H,W,3] and where objects stand on it.

    `horizon` is the top of the table in pixels (0 if everything is table); `shelves` are the y of
    the boards, if any.
    """

    pixels: np.ndarray
    kind: Kind
    horizon: int
    shelves: tuple[int, ...]


def draw_background(
    surfaces: Surfaces, width: int, height: int, rng: np.random.Generator
) -> Background:
    """Returns a random background of the given size."""
    kind = rng.choice(
        np.array(["flat", "table", "shelf", "photo", "plain"]), p=[0.34, 0.34, 0.08, 0.12, 0.12]
    )
    if kind == "table":
        return _table(surfaces, width, height, rng)
    if kind == "shelf":
        return _shelf(surfaces, width, height, rng)
    if kind == "photo":
        room = _room(surfaces, width, height, rng, blur=rng.random() < 0.3)
        return Background(room, "photo", 0, ())
    if kind == "plain":
        return Background(_plain(width, height, rng), "plain", 0, ())
    texture = surfaces.draw_texture(rng)
    return Background(_flat(texture, width, height, rng), "flat", 0, ())


def _flat(texture: Texture, width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """Draws the texture seen from above, slightly tilted; tiles are 0.4 to 1.6 picture widths."""
    longest = max(width, height)
    tile = longest * float(np.exp(rng.uniform(np.log(0.4), np.log(1.6))))
    if not texture.tileable:
        tile = longest * float(rng.uniform(1.0, 1.8))
    level = texture.levels[1 if tile < TEXTURE_PX * 0.75 else 0]
    scale = tile / level.shape[1]
    angle = rng.choice([0.0, 90.0, 180.0, 270.0]) + (
        rng.normal(0, 12) if rng.random() < 0.6 else 0
    )
    matrix = np.eye(3)
    middle = (level.shape[1] / 2, level.shape[0] / 2)
    matrix[:2] = cv2.getRotationMatrix2D(middle, float(angle), scale)
    matrix[:2, 2] += np.array([width, height]) / 2 - middle
    if texture.tileable:
        matrix[:2, 2] += rng.uniform(-0.5, 0.5, 2) * tile
    matrix[2, :2] = rng.normal(0, 0.12, 2) / longest
    return _warp(level, matrix, width, height, tileable=texture.tileable)


def _warp(
    picture: np.ndarray, matrix: np.ndarray, width: int, height: int, *, tileable: bool
) -> np.ndarray:
    border = cv2.BORDER_WRAP if tileable else cv2.BORDER_REFLECT
    return cv2.warpPerspective(
        picture, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=border
    )


def _table(surfaces: Surfaces, width: int, height: int, rng: np.random.Generator) -> Background:
    """Draws a table plane in perspective in front of a room or wall."""
    texture = surfaces.draw_texture(rng)
    horizon = int(height * rng.uniform(0.05, 0.5))
    if rng.random() < 0.55:
        behind = _room(surfaces, width, height, rng, blur=True)
    elif rng.random() < 0.6:
        wall = surfaces.draw_texture(rng)
        behind = _flat(wall, width, height, rng)
    else:
        behind = _plain(width, height, rng)
    level = texture.levels[0 if rng.random() < 0.5 else 1]
    side = float(level.shape[1])
    repeat = float(rng.uniform(0.8, 3.0)) if texture.tileable else 1.0
    spread = float(rng.uniform(0.05, 0.9)) * width
    slant = float(rng.normal(0, 0.04)) * height
    corners = np.array(
        [
            [0, horizon - slant],
            [width, horizon + slant],
            [width + spread, height],
            [-spread, height],
        ],
        dtype=np.float32,
    )
    if rng.random() < 0.35:
        # The table's own edges are in view: it is narrower than the picture at the back.
        inset = float(rng.uniform(0.02, 0.25)) * width
        corners[0, 0] += inset
        corners[1, 0] -= inset * float(rng.uniform(0.2, 1.5))
    start = rng.uniform(0, side, 2) if texture.tileable else np.zeros(2)
    extent = side * repeat
    square = np.array([[0, 0], [extent, 0], [extent, extent], [0, extent]], dtype=np.float32)
    matrix = cv2.getPerspectiveTransform((square + start).astype(np.float32), corners)
    plane = _warp(level, matrix, width, height, tileable=texture.tileable)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(mask, np.round(corners).astype(np.int32), 255, lineType=cv2.LINE_AA)
    pixels = _over(behind, plane, mask)
    if rng.random() < 0.4:
        _front_edge(pixels, corners, rng)
    return Background(pixels, "table", max(horizon, 1), ())


def _front_edge(pixels: np.ndarray, corners: np.ndarray, rng: np.random.Generator) -> None:
    """Draws a dark or light line along the back edge, as tables and boards have."""
    shade = int(rng.integers(20, 220))
    left, right = (tuple(int(v) for v in corner) for corner in corners[:2])
    cv2.line(pixels, left, right, (shade, shade, shade), int(rng.integers(1, 5)), cv2.LINE_AA)


def _shelf(surfaces: Surfaces, width: int, height: int, rng: np.random.Generator) -> Background:
    """Draws boards in front of a wall; objects stand on the boards."""
    wall = surfaces.draw_texture(rng)
    board = surfaces.draw_texture(rng)
    pixels = _flat(wall, width, height, rng) if rng.random() < 0.6 else _plain(width, height, rng)
    boards = _flat(board, width, height, rng)
    count = int(rng.integers(1, 4))
    gap = height / count
    thickness = max(int(height * rng.uniform(0.015, 0.05)), 3)
    depth = int(gap * rng.uniform(0.05, 0.2))
    shelves = []
    for number in range(count):
        edge = min(int(gap * (number + rng.uniform(0.86, 0.97))), height - thickness - 1)
        top = pixels[edge - depth : edge]
        top[:] = (boards[edge - depth : edge] * 0.85).astype(np.uint8)
        pixels[edge : edge + thickness] = boards[edge : edge + thickness]
        under = pixels[edge + thickness : edge + thickness + int(gap * 0.15)]
        shade = np.linspace(0.55, 1.0, len(under))[:, None, None]
        under[:] = (under * shade).astype(np.uint8)
        shelves.append(edge - depth // 3)
    return Background(pixels, "shelf", 0, tuple(shelves))


def _room(
    surfaces: Surfaces, width: int, height: int, rng: np.random.Generator, *, blur: bool
) -> np.ndarray:
    """Returns a random crop of a photograph; crowded ones are always far out of focus."""
    crowded = bool(surfaces.crowded) and rng.random() < 0.1
    pool = surfaces.crowded if crowded else surfaces.rooms
    picture = pool[int(rng.integers(len(pool)))]
    rows, columns = picture.shape[:2]
    share = float(rng.uniform(0.45, 1.0))
    crop_w = min(columns, rows * width / height) * share
    crop_h = crop_w * height / width
    x, y = rng.uniform(0, columns - crop_w), rng.uniform(0, rows - crop_h)
    crop = picture[int(y) : int(y + crop_h), int(x) : int(x + crop_w)]
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    if crowded:
        crop = cv2.resize(np.ascontiguousarray(crop), (12, 9), interpolation=cv2.INTER_AREA)
    elif blur:
        side = int(rng.integers(40, 160))
        crop = cv2.resize(np.ascontiguousarray(crop), (side, side), interpolation=cv2.INTER_AREA)
    return cv2.resize(np.ascontiguousarray(crop), (width, height), interpolation=cv2.INTER_CUBIC)


def _plain(width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """Returns a colour, a gradient or soft clouds; often near white, grey or black, as tables."""
    if rng.random() < 0.55:
        base = np.full(
            3, rng.choice([rng.uniform(10, 60), rng.uniform(90, 170), rng.uniform(190, 255)])
        )
        base = base + rng.normal(0, 8, 3)
    else:
        base = rng.uniform(0, 255, 3)
    cells = 1 if rng.random() < 0.3 else int(rng.integers(2, 7))
    amount = rng.uniform(3, 40)
    small = base + rng.normal(0, amount, (cells, cells, 1)) + rng.normal(0, 4, (cells, cells, 3))
    clipped = np.clip(small, 0, 255).astype(np.uint8)
    return cv2.resize(clipped, (width, height), interpolation=cv2.INTER_CUBIC)


def _over(below: np.ndarray, above: np.ndarray, mask: np.ndarray) -> np.ndarray:
    weight = mask.astype(np.float32)[..., None] / 255
    mixed: np.ndarray = (below + (above.astype(np.float32) - below) * weight).astype(np.uint8)
    return mixed
