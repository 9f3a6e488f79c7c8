# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A composed picture: background, cut-out objects with shadows, light, camera, labels."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from vit_perception.scenes.backgrounds import Background, draw_background
from vit_perception.scenes.labels import Picture, label_things, visible_pixels
from vit_perception.scenes.layout import (
    Placed,
    Shelf,
    arrange,
    arrange_crowd,
    choose_crowd,
    choose_sprites,
)
from vit_perception.scenes.photometry import Noise, encode, light_up, photograph
from vit_perception.scenes.sprites import Sprite
from vit_perception.scenes.surfaces import Surfaces

ATTEMPTS = 8
"""Arrangements tried until enough objects are in sight."""
CROWDS, DISTRACTED = 0.22, 0.5
"""Share of pictures with touching objects of one kind, and with patches that are no objects."""


@dataclass(frozen=True, slots=True)
class Composition:
    """Parameters of a composed picture: its size, fewest and most named objects."""

    width: int = 416
    height: int = 416
    fewest: int = 1
    most: int = 25


@dataclass(frozen=True, slots=True, eq=False)
class Composer:
    """Composes picture number `index` of `seed`; the same two numbers give the same bytes."""

    shelf: Shelf
    surfaces: Surfaces
    settings: Composition
    seed: int
    noise: Noise

    def __call__(self, index: int) -> Picture:
        for attempt in range(ATTEMPTS):
            # The numbers of the first attempt do not depend on further ones.
            numbers = [self.seed, index] if attempt == 0 else [self.seed, index, attempt]
            picture = self._compose(np.random.default_rng(numbers))
            if sum(not label.ignored for label in picture.labels) >= self.settings.fewest:
                break
        return picture

    def _compose(self, rng: np.random.Generator) -> Picture:
        width, height = self.settings.width, self.settings.height
        background = draw_background(self.surfaces, width, height, rng)
        elevation = {"flat": rng.uniform(50, 88), "table": rng.uniform(12, 60), "shelf": 6.0}.get(
            background.kind
        )
        count = self._count(rng)
        if count >= 3 and rng.random() < CROWDS:
            count = int(np.clip(rng.integers(6, 26), self.settings.fewest, self.settings.most))
            sprites = choose_crowd(self.shelf, count, elevation, rng)
            placed = arrange_crowd(sprites, width, height, rng)
        else:
            sprites = choose_sprites(self.shelf, count, elevation, rng)
            placed = arrange(sprites, background, width, height, rng)
        outline = self.shelf.draw(self.shelf.draw_category(rng), rng)[0]
        canvas, owner, totals = _paste_all(background, placed, outline, self.surfaces, rng)
        lit = light_up(canvas, rng)
        visible = visible_pixels(owner, len(placed))
        fractions = [min(float(v) / max(t, 1), 1.0) for v, t in zip(visible, totals, strict=True)]
        labels, owner = label_things(owner, [item.sprite.thing for item in placed], fractions)
        jpeg = encode(photograph(lit, self.noise, rng), rng)
        return Picture(jpeg, width, height, labels, owner)

    def _count(self, rng: np.random.Generator) -> int:
        fewest, most = self.settings.fewest, self.settings.most
        kind = rng.random()
        if kind < 0.12:
            count = rng.integers(1, 3)
        elif kind < 0.68:
            count = rng.integers(3, 9)
        elif kind < 0.93:
            count = rng.integers(9, 15)
        else:
            count = rng.integers(15, 26)
        return int(np.clip(count, fewest, most))


def _paste_all(
    background: Background,
    placed: list[Placed],
    outline: Sprite,
    surfaces: Surfaces,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Returns float32 [H,W,3], owners of pixels int16 [H,W], and each object's full pixel count.

    `outline` gives its shape to patches that are no objects.
    """
    canvas = background.pixels.astype(np.float32)
    owner = np.full(canvas.shape[:2], -1, np.int16)
    light = _Light.draw(background, rng)
    if rng.random() < DISTRACTED:
        for _ in range(int(rng.integers(1, 4))):
            # An edge alone must not make an object: half of the patches have an object's outline.
            _paste_distractor(
                canvas, outline if rng.random() < 0.5 else None, surfaces, light, rng
            )
    totals = []
    feather = float(rng.uniform(0.35, 0.9)) if rng.random() < 0.5 else 0.0
    for number, item in enumerate(placed):
        pixels = _turned(item, feather)
        colours = _tinted(pixels, light, rng)
        corner = round(item.x - pixels.shape[1] / 2), round(item.y - pixels.shape[0] / 2)
        if light.shadow > 0:
            _cast_shadow(canvas, pixels[..., 3], corner, light, background.kind)
        _paste(canvas, owner, colours, pixels[..., 3], corner, number)
        totals.append(int(np.count_nonzero(pixels[..., 3] > 127)))
    return canvas, owner, totals


@dataclass(frozen=True, slots=True)
class _Light:
    """One light for all objects of a picture."""

    shadow: float
    direction: float
    length: float
    softness: float
    gain: float
    gamma: float
    warmth: float

    @staticmethod
    def draw(background: Background, rng: np.random.Generator) -> _Light:
        # Objects partly follow the brightness of what they stand on.
        brightness = float(background.pixels[::16, ::16].mean()) / 128
        follow = float(np.clip(brightness, 0.5, 1.5)) ** float(rng.uniform(0.0, 0.35))
        return _Light(
            shadow=float(rng.uniform(0.2, 0.75)) if rng.random() < 0.85 else 0.0,
            direction=float(rng.uniform(0, 2 * np.pi)),
            length=float(rng.uniform(0.03, 0.4)),
            softness=float(rng.uniform(0.02, 0.12)),
            # Renders are dark: only faces turned to the light reach their colour.
            gain=follow * float(np.exp(rng.normal(0.13, 0.13))),
            gamma=float(np.exp(rng.normal(0, 0.14))),
            warmth=float(rng.normal(0, 0.03)),
        )


def _turned(item: Placed, feather: float) -> np.ndarray:
    """Returns the sprite at its size and angle: uint8 [h,w,4], premultiplied."""
    pixels = item.sprite.pixels
    scale = item.longest / max(pixels.shape[:2])
    size = max(round(pixels.shape[1] * scale), 2), max(round(pixels.shape[0] * scale), 2)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    pixels = cv2.resize(np.ascontiguousarray(pixels), size, interpolation=way)
    if abs(item.angle) > 1.5:
        turn = np.radians(item.angle)
        width = int(abs(size[0] * np.cos(turn)) + abs(size[1] * np.sin(turn))) + 2
        height = int(abs(size[0] * np.sin(turn)) + abs(size[1] * np.cos(turn))) + 2
        matrix = cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), item.angle, 1.0)
        matrix[:, 2] += (width - size[0]) / 2, (height - size[1]) / 2
        pixels = cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_LINEAR)
    if feather:
        pixels = cv2.copyMakeBorder(pixels, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
        pixels = cv2.GaussianBlur(pixels, (3, 3), feather)
    return pixels


def _tinted(pixels: np.ndarray, light: _Light, rng: np.random.Generator) -> np.ndarray:
    """Returns premultiplied float32 RGB in the picture's light, with a little of its own."""
    gain = light.gain * float(np.exp(rng.normal(0, 0.06)))
    gamma = light.gamma * float(np.exp(rng.normal(0, 0.05)))
    warmth = light.warmth + float(rng.normal(0, 0.01))
    curve = 255 * (np.arange(256) / 255) ** gamma
    # Gain is bounded below: a white cup must not turn grey.
    curve = curve * float(np.clip(gain, 0.75, 1.5))
    table = np.stack([curve * (1 + warmth), curve, curve * (1 - warmth)], axis=-1)
    bytes_table = np.clip(table, 0, 255).astype(np.uint8)[None]
    return cv2.LUT(pixels[..., :3], bytes_table).astype(np.float32)


def _window(
    shape: tuple[int, ...], corner: tuple[int, int], size: tuple[int, int]
) -> tuple[tuple[slice, slice], tuple[slice, slice]] | None:
    """Returns canvas and piece slices where a piece (h, w) at corner (x, y) meets the canvas."""
    x, y = corner
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + size[1], shape[1]), min(y + size[0], shape[0])
    if right <= left or bottom <= top:
        return None
    canvas = (slice(top, bottom), slice(left, right))
    return canvas, (slice(top - y, bottom - y), slice(left - x, right - x))


def _paste(
    canvas: np.ndarray,
    owner: np.ndarray,
    colours: np.ndarray,
    alpha: np.ndarray,
    corner: tuple[int, int],
    number: int,
) -> None:
    windows = _window(canvas.shape, corner, alpha.shape)
    if windows is None:
        return
    there, here = windows
    region = canvas[there]
    region *= 1 - alpha[here].astype(np.float32)[..., None] / 255
    region += colours[here]
    owner[there][alpha[here] > 127] = number


def _cast_shadow(
    canvas: np.ndarray, alpha: np.ndarray, corner: tuple[int, int], light: _Light, kind: str
) -> None:
    """Darkens the ground beside the object: its silhouette shifted (from above) or laid down."""
    height, width = alpha.shape
    longest = max(height, width)
    scale = min(1.0, 48 / longest)
    small = cv2.resize(alpha, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    reach = light.length * longest * scale
    pad = int(reach + 3 * light.softness * longest * scale) + 3
    rows, columns = small.shape
    dx, dy = np.cos(light.direction) * reach, np.sin(light.direction) * reach
    if kind in ("table", "shelf"):
        # The foot stays; the head moves sideways and towards or away from the camera.
        lean = dx / max(rows, 1)
        squash = 0.35 * float(np.sin(light.direction))
        foot = rows * 0.97
        matrix = np.array([[1, -lean, pad + lean * foot], [0, squash, pad + foot - squash * foot]])
    else:
        matrix = np.array([[1, 0, pad + dx], [0, 1, pad + dy]])
    size = (columns + 2 * pad, rows + 2 * pad)
    shade = cv2.warpAffine(small, matrix.astype(np.float64), size, flags=cv2.INTER_LINEAR)
    contact = cv2.copyMakeBorder(small, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=0)
    shade = cv2.GaussianBlur(shade, (0, 0), max(light.softness * longest * scale, 0.6))
    contact = cv2.GaussianBlur(contact, (0, 0), 1.2)
    both = np.maximum(shade * np.float32(light.shadow), contact * np.float32(light.shadow * 0.6))
    full_size = (round(size[0] / scale), round(size[1] / scale))
    full = cv2.resize(both, full_size, interpolation=cv2.INTER_LINEAR)
    offset = corner[0] - round(pad / scale), corner[1] - round(pad / scale)
    windows = _window(canvas.shape, offset, full.shape)
    if windows is not None:
        canvas[windows[0]] *= 1 - full[windows[1]][..., None] / 255


def _paste_distractor(
    canvas: np.ndarray,
    outline: Sprite | None,
    surfaces: Surfaces,
    light: _Light,
    rng: np.random.Generator,
) -> None:
    """Pastes a patch of some texture without a name: not every object is asked for."""
    side = int(rng.uniform(0.05, 0.3 if outline is None else 0.5) * min(canvas.shape[:2]))
    texture = surfaces.draw_texture(rng).levels[1]
    y, x = (int(rng.integers(0, max(length - side, 1))) for length in texture.shape[:2])
    patch = texture[y : y + side, x : x + side]
    side = min(patch.shape[:2])
    patch = patch[:side, :side]
    alpha = np.zeros((side, side), np.uint8)
    if outline is None:
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(5, 12))))
        radii = rng.uniform(0.25, 0.5, len(angles)) * side
        points = np.stack([np.cos(angles), np.sin(angles)], axis=1) * radii[:, None] + side / 2
        cv2.fillPoly(alpha, [points.astype(np.int32)], 255, lineType=cv2.LINE_AA)
    else:
        shape = np.ascontiguousarray(outline.pixels[..., 3])
        scale = side / max(shape.shape)
        size = max(int(shape.shape[1] * scale), 1), max(int(shape.shape[0] * scale), 1)
        alpha[: size[1], : size[0]] = cv2.resize(shape, size, interpolation=cv2.INTER_AREA)
    alpha = cv2.GaussianBlur(alpha, (3, 3), 0.7)
    corner = (
        int(rng.integers(-side // 2, canvas.shape[1])),
        int(rng.integers(-side // 2, canvas.shape[0])),
    )
    colours = patch.astype(np.float32) * (alpha.astype(np.float32)[..., None] / 255)
    if light.shadow > 0:
        _cast_shadow(canvas, alpha, corner, light, "flat")
    ignored = np.empty(canvas.shape[:2], np.int16)
    _paste(canvas, ignored, colours, alpha, corner, -1)
