# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Light and camera: everything between the objects and the JPEG."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

_NOISE_PX = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Noise:
    """A tile of unit normal noise, float32 [1024,1024,3], from which pieces are cut."""

    tile: np.ndarray

    @staticmethod
    def from_seed(seed: int) -> Noise:
        rng = np.random.default_rng([seed, 77])
        return Noise(rng.standard_normal((_NOISE_PX, _NOISE_PX, 3), dtype=np.float32))

    def cut(self, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
        rows, columns = min(height, _NOISE_PX), min(width, _NOISE_PX)
        y = int(rng.integers(0, _NOISE_PX - rows + 1))
        x = int(rng.integers(0, _NOISE_PX - columns + 1))
        piece = self.tile[y : y + rows, x : x + columns]
        if (rows, columns) == (height, width):
            return piece
        repeats = (-(-height // rows), -(-width // columns), 1)
        return np.tile(piece, repeats)[:height, :width]


def light_up(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Adds uneven light to the finished arrangement: gradient, hard shadow edge, glare.

    Takes and returns float32 [H,W,3], 0 to 255 (above 255 is glare, clipped by the camera).
    """
    height, width = picture.shape[:2]
    if rng.random() < 0.6:
        small = rng.uniform(0.78, 1.15, (3, 3)).astype(np.float32)
        picture = (
            picture * cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)[..., None]
        )
    if rng.random() < 0.15:
        picture = picture * _hard_light(width, height, rng)[..., None]
    if rng.random() < 0.1:
        picture = picture + _glare(width, height, rng)[..., None]
    return picture


def _hard_light(width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """Returns a lit window or the shadow of something outside the picture."""
    scale = 4
    small = np.ones((height // scale + 1, width // scale + 1), np.float32)
    rows, columns = small.shape
    dark = float(rng.uniform(0.45, 0.8))
    for _ in range(int(rng.integers(1, 4))):
        middle = rng.uniform(0, 1, 2) * (columns, rows)
        corners = middle + rng.uniform(-0.6, 0.6, (4, 2)) * (columns, rows)
        hull = cv2.convexHull(corners.astype(np.int32))
        cv2.fillConvexPoly(small, hull, dark)
    if rng.random() < 0.4:
        small = dark + 1.0 - small
    soft = cv2.GaussianBlur(small, (0, 0), float(rng.uniform(0.5, 4.0)))
    full = cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR)
    return full / max(float(full.mean()), 0.7)


def _glare(width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """Returns soft bright spots, as of lamps on polished tables and foil."""
    scale = 8
    small = np.zeros((height // scale + 1, width // scale + 1), np.float32)
    for _ in range(int(rng.integers(1, 4))):
        x, y = rng.integers(0, small.shape[1]), rng.integers(0, small.shape[0])
        axes = (int(rng.integers(1, 6)), int(rng.integers(1, 6)))
        cv2.ellipse(small, (int(x), int(y)), axes, float(rng.uniform(0, 180)), 0, 360, 1.0, -1)
    soft = cv2.GaussianBlur(small, (0, 0), float(rng.uniform(1.0, 3.0)))
    full = cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR)
    return full * float(rng.uniform(30, 130))


def expose(picture: np.ndarray, light: str, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Applies automatic exposure in light of a kind (lamps.LightKind); returns float32 [H,W,3].

    Also returns the least noise that it adds, in grey levels: 0 in good light.
    """
    grain = 0.0
    wanted = float(rng.normal(112, 20))
    if light == "dim":
        # The gain is at its limit, and so is the noise.
        wanted, grain = float(rng.uniform(35, 80)), float(rng.uniform(4.0, 15.0))
    elif light == "sun":
        wanted = float(rng.normal(118, 30))
    elif light == "back":
        # Exposed for the bright background, with light scattered in the lens.
        wanted, grain = float(rng.uniform(50, 105)), float(rng.uniform(0.0, 4.0))
        picture = picture + float(rng.uniform(0, 40))
    elif light == "glare":
        height, width = picture.shape[:2]
        picture = picture + _glare(width, height, rng)[..., None] * 1.3
    elif light == "cast":
        warmth = float(rng.normal(0, 0.06))
        picture = picture * np.array([1 + warmth, 1.0, 1 - warmth], np.float32)
    gain = wanted / max(float(picture[::8, ::8].mean()), 1.0)
    # A black table stays darker than a white one: automatic exposure corrects only in part.
    return picture * float(np.clip(gain, 0.3, 6.0)) ** 0.7, grain


def defocus(picture: np.ndarray, depth: np.ndarray, sharp_m: float, strength: float) -> np.ndarray:
    """Blurs float32 [H,W,3] away from the distance `sharp_m`; depth float32 [H,W] metres.

    `strength` is the blur at infinity in pixels.
    """
    blur = np.abs(1.0 - sharp_m / np.maximum(depth, 0.02)) * strength
    blur = cv2.GaussianBlur(blur.astype(np.float32), (0, 0), max(strength / 2, 0.5))
    soft = cv2.GaussianBlur(picture, (0, 0), max(strength, 0.5))
    middle = cv2.GaussianBlur(picture, (0, 0), max(strength / 2, 0.3))
    share = np.clip(blur / strength, 0, 1)[..., None]
    near = picture + (middle - picture) * np.minimum(share * 2, 1)
    out: np.ndarray = near + (soft - near) * np.maximum(share * 2 - 1, 0)
    return out


def photograph(
    picture: np.ndarray, noise: Noise, rng: np.random.Generator, *, grain_least: float = 0.0
) -> np.ndarray:
    """Applies lens, exposure, white balance and sensor: float32 [H,W,3] in, uint8 out.

    White balance stays within limits that keep colour words true. `grain_least` is the least noise
    in grey levels.
    """
    height, width = picture.shape[:2]
    picture = _lens(picture, rng)
    gain = float(np.exp(rng.normal(0, 0.16)))
    warmth = float(rng.normal(0, 0.035))
    tint = float(rng.normal(0, 0.015))
    gains = np.array([1 + warmth, 1 + tint, 1 - warmth], np.float32) * np.clip(gain, 0.6, 1.5)
    contrast = float(np.clip(rng.normal(1.0, 0.1), 0.75, 1.25))
    middle = 118.0 * (1 - contrast)
    picture = picture * (gains * contrast)
    picture += middle
    if rng.random() < 0.55 or grain_least > 0:
        level = max(float(np.exp(rng.uniform(np.log(1.0), np.log(11.0)))), grain_least)
        grain = noise.cut(height, width, rng)
        if rng.random() < 0.4:
            # Shot noise: grows with the square root of the light.
            grain = grain * np.sqrt(np.clip(picture, 1, 255) / 128)
        if rng.random() < 0.3:
            grain = cv2.GaussianBlur(grain, (0, 0), 0.8) * 1.8
        picture += grain * level
    np.clip(picture, 0, 255, out=picture)
    return picture.astype(np.uint8)


def _lens(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    height, width = picture.shape[:2]
    kind = rng.random()
    if kind < 0.26:
        sigma = float(np.exp(rng.uniform(np.log(0.4), np.log(1.7))))
        return cv2.GaussianBlur(picture, (0, 0), sigma)
    if kind < 0.36:
        return cv2.filter2D(picture, -1, _motion_kernel(rng))
    if kind < 0.5:
        # A smaller sensor picture, enlarged.
        scale = float(rng.uniform(0.4, 0.85))
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    if kind < 0.62:
        # The camera's own sharpening.
        soft = cv2.GaussianBlur(picture, (0, 0), 1.2)
        picture = picture + (picture - soft) * float(rng.uniform(0.3, 1.0))
    return picture


def _motion_kernel(rng: np.random.Generator) -> np.ndarray:
    length = int(rng.integers(3, 10)) | 1
    kernel = np.zeros((length, length), np.float32)
    angle = float(rng.uniform(0, np.pi))
    half = length // 2
    dx, dy = round(half * np.cos(angle)), round(half * np.sin(angle))
    cv2.line(kernel, (half - dx, half - dy), (half + dx, half + dy), 1.0, 1)
    mean: np.ndarray = kernel / kernel.sum()
    return mean


def encode(picture: np.ndarray, rng: np.random.Generator) -> bytes:
    """Returns JPEG of uint8 [H,W,3] RGB at a quality between 40 and 95, mostly a good one."""
    quality = round(40 + 55 * float(rng.beta(2.2, 1.2)))
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    ok, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not ok:
        raise ValueError(f"expected a picture JPEG can hold, found {picture.shape}")
    return data.tobytes()
