# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures printed beside the letters: fruit, biscuits, leaves, splashes, stars, bar codes.

Every function draws into a uint8 [h,w,3] RGB picture in place; places and sizes are pixels.
"""

from __future__ import annotations

import cv2
import numpy as np

from vit_perception.scenes.parametric.palette import RGB

FRUIT: dict[str, tuple[RGB, ...]] = {
    "red": ((190, 20, 30), (210, 45, 40), (160, 15, 25)),
    "orange": ((240, 140, 20), (250, 160, 40), (225, 110, 10)),
    "yellow": ((250, 215, 60), (240, 200, 40), (255, 230, 110)),
    "green": ((70, 140, 40), (110, 170, 50), (40, 110, 45)),
    "purple": ((90, 40, 120), (60, 30, 90), (120, 60, 140)),
    "brown": ((110, 65, 35), (85, 50, 28), (140, 90, 50)),
    "beige": ((225, 195, 140), (205, 170, 110), (240, 220, 180)),
}


def ball(picture: np.ndarray, x: float, y: float, radius: float, rgb: RGB) -> None:
    """Draws a shaded ball with a highlight: a berry, an orange, a pea."""
    centre = (round(x), round(y))
    for k in range(4):
        share = 1 - k / 5
        shade = 0.62 + 0.14 * k
        at = (round(x - radius * 0.09 * k), round(y - radius * 0.11 * k))
        tone = tuple(min(255, int(c * shade)) for c in rgb)
        cv2.circle(
            picture, at if k else centre, max(1, round(radius * share)), tone, -1, cv2.LINE_AA
        )
    glint = (round(x - radius * 0.35), round(y - radius * 0.4))
    pale = tuple(int(255 - (255 - c) * 0.35) for c in rgb)
    cv2.circle(picture, glint, max(1, round(radius * 0.14)), pale, -1, cv2.LINE_AA)


def heap(
    picture: np.ndarray,
    window: tuple[float, float, float, float],
    word: str,
    rng: np.random.Generator,
) -> None:
    """Draws a heap of one food within the window (x, y, w, h); `word` is its main colour."""
    x, y, w, h = window
    tones = FRUIT[word]
    kind = rng.integers(4)
    size = min(w, h) * rng.uniform(0.12, 0.34)
    count = int(np.clip(1.3 * w * h / (size * size * 4), 3, 34))
    spots = rng.uniform(-1, 1, (count, 2))
    spots = spots[np.argsort(spots[:, 1])] * (1 - 0.5 * np.abs(spots[:, ::-1]) * [1, 0])
    for sx, sy in spots:
        at = (x + w / 2 + sx * (w / 2 - size), y + h / 2 + sy * max(h / 2 - size, 1))
        tone = tones[int(rng.integers(len(tones)))]
        if kind == 0:
            ball(picture, *at, size, tone)
        elif kind == 1:
            biscuit(picture, *at, size, tone, rng)
        elif kind == 2:
            lump(picture, *at, size, tone, rng)
        else:
            slice_of(picture, *at, size, tone)


def photograph(
    picture: np.ndarray,
    window: tuple[float, float, float, float],
    word: str,
    rng: np.random.Generator,
) -> None:
    """Draws a close-up that fills the window: grains or clouds of one food, lit from one side."""
    x, y, w, h = (round(value) for value in window)
    part = picture[max(y, 0) : y + h, max(x, 0) : x + w]
    if min(part.shape[:2]) < 6:
        return
    rows, columns = part.shape[:2]
    cloud = np.zeros((rows, columns), np.float32)
    for grain in (0.5, 0.22, 0.09, 0.04)[int(rng.integers(2)) :]:
        step = max(1, round(grain * min(rows, columns)))
        coarse = rng.random((rows // step + 2, columns // step + 2), dtype=np.float32)
        cloud += cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_CUBIC) - 0.5
    # Steps between the tones make lumps with edges.
    level = np.clip((cloud - cloud.min()) / max(float(np.ptp(cloud)), 1e-6), 0, 1)
    tones = np.array(FRUIT[word], np.float32)[rng.permutation(3)]
    mixed = tones[np.clip((level * 3).astype(int), 0, 2)]
    slope = np.gradient(cloud)[int(rng.integers(2))][..., None] * 2.2
    lit = np.linspace(1.15, 0.75, rows, dtype=np.float32)[:, None, None]
    part[:] = np.clip(mixed * (lit + slope), 0, 255).astype(np.uint8)


def aged(picture: np.ndarray, rng: np.random.Generator, edge: float = 0.0) -> np.ndarray:
    """Returns ink on paper uint8 [h,w,3]: a little grain, uneven light, worn edges (0 to 1)."""
    rows, columns = picture.shape[:2]
    coarse = rng.uniform(-1, 1, (4, 4)).astype(np.float32)
    shade = 1 + 0.05 * cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_CUBIC)
    shade += rng.normal(0, 0.012, (rows, columns)).astype(np.float32)
    out: np.ndarray = np.clip(picture * shade[..., None], 0, 255).astype(np.uint8)
    if edge and min(rows, columns) > 20:
        for line in (out[0], out[-1], out[:, 0], out[:, -1]):
            line[:] = (line * (1 - edge) + 225 * edge).astype(np.uint8)
    return out


def biscuit(
    picture: np.ndarray, x: float, y: float, radius: float, rgb: RGB, rng: np.random.Generator
) -> None:
    """Draws a disc or square with holes or crumbs."""
    dark = tuple(int(c * 0.55) for c in rgb)
    edge = tuple(int(c * 0.78) for c in rgb)
    axes = (max(2, round(radius)), max(2, round(radius * 0.8)))
    turn = float(rng.uniform(0, 180))
    if rng.random() < 0.5:
        cv2.ellipse(picture, (round(x), round(y)), axes, turn, 0, 360, edge, -1, cv2.LINE_AA)
        inner = (round(axes[0] * 0.88), round(axes[1] * 0.86))
        cv2.ellipse(picture, (round(x), round(y)), inner, turn, 0, 360, rgb, -1, cv2.LINE_AA)
    else:
        corners = cv2.boxPoints(((x, y), (1.8 * axes[0], 1.8 * axes[1]), turn)).astype(np.int32)
        cv2.fillPoly(picture, [corners], rgb, cv2.LINE_AA)
        cv2.polylines(picture, [corners], True, edge, 1, cv2.LINE_AA)
    for dx, dy in rng.uniform(-0.55, 0.55, (6, 2)) * radius:
        spot = (round(x + dx), round(y + dy))
        cv2.circle(picture, spot, max(1, round(radius * 0.1)), dark, -1, cv2.LINE_AA)


def lump(
    picture: np.ndarray, x: float, y: float, radius: float, rgb: RGB, rng: np.random.Generator
) -> None:
    """Draws a bean, nut, noodle or chip: an ellipse with a dark seam."""
    turn = float(rng.uniform(0, 180))
    axes = (max(2, round(radius)), max(1, round(radius * rng.uniform(0.35, 0.7))))
    centre = (round(x), round(y))
    dark = tuple(int(c * 0.6) for c in rgb)
    cv2.ellipse(picture, centre, axes, turn, 0, 360, rgb, -1, cv2.LINE_AA)
    cv2.ellipse(picture, centre, axes, turn, 20, 170, dark, 1, cv2.LINE_AA)
    cv2.ellipse(
        picture, centre, (axes[0], max(1, axes[1] // 4)), turn, 0, 180, dark, 1, cv2.LINE_AA
    )


def slice_of(picture: np.ndarray, x: float, y: float, radius: float, rgb: RGB) -> None:
    """Draws a slice of citrus or tomato."""
    centre, r = (round(x), round(y)), max(2, round(radius))
    pale = tuple(int(255 - (255 - c) * 0.45) for c in rgb)
    cv2.circle(picture, centre, r, rgb, -1, cv2.LINE_AA)
    cv2.circle(picture, centre, round(r * 0.85), pale, -1, cv2.LINE_AA)
    for k in range(8):
        arc = (round(r * 0.76), round(r * 0.76))
        cv2.ellipse(picture, centre, arc, 0, 45 * k + 4, 45 * k + 41, rgb, -1, cv2.LINE_AA)


def dish(
    picture: np.ndarray,
    window: tuple[float, float, float, float],
    word: str,
    rng: np.random.Generator,
) -> None:
    """Draws a bowl or plate of it, as on boxes of cereal and soup."""
    x, y, w, h = window
    bowl = FRUIT["beige"][2] if rng.random() < 0.5 else (240, 240, 242)
    shade = tuple(int(c * 0.75) for c in bowl)
    centre = (round(x + w / 2), round(y + h * 0.45))
    axes = (max(3, round(w * 0.46)), max(2, round(h * 0.26)))
    cv2.ellipse(
        picture,
        (centre[0], centre[1]),
        (axes[0], round(h * 0.5)),
        0,
        0,
        180,
        shade,
        -1,
        cv2.LINE_AA,
    )
    cv2.ellipse(picture, centre, axes, 0, 0, 360, bowl, -1, cv2.LINE_AA)
    inner = (x + w * 0.13, centre[1] - axes[1] * 0.85, w * 0.74, axes[1] * 1.6)
    heap(picture, inner, word, rng)


def splash(
    picture: np.ndarray,
    window: tuple[float, float, float, float],
    rgb: RGB,
    rng: np.random.Generator,
) -> None:
    """Draws a splash of milk, juice or sauce, or a cloud."""
    x, y, w, h = window
    angle = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    reach = 0.62 + sum(
        rng.uniform(0.03, 0.13) * np.cos(k * angle + rng.uniform(0, 6.3)) for k in (2, 3, 5, 8)
    )
    points = np.stack(
        [x + w / 2 * (1 + reach * np.cos(angle)), y + h / 2 * (1 + reach * np.sin(angle))], axis=1
    )
    cv2.fillPoly(picture, [points.astype(np.int32)], rgb, cv2.LINE_AA)
    for dx, dy in rng.uniform(0, 1, (5, 2)):
        spot = (round(x + dx * w), round(y + dy * h * 0.5))
        cv2.circle(picture, spot, max(1, round(min(w, h) * 0.03)), rgb, -1, cv2.LINE_AA)


def leaves(
    picture: np.ndarray,
    window: tuple[float, float, float, float],
    rgb: RGB,
    rng: np.random.Generator,
) -> None:
    """Draws a few leaves from one stem."""
    x, y, w, h = window
    root = np.array([x + w / 2, y + h])
    dark = tuple(int(c * 0.7) for c in rgb)
    for lean in np.linspace(-1, 1, int(rng.integers(3, 7))):
        tip = np.array([x + w / 2 + lean * w * 0.45, y + h * (0.1 + 0.5 * abs(lean))])
        across = np.array([tip[1] - root[1], root[0] - tip[0]]) * 0.16
        t = np.linspace(0, 1, 12)[:, None]
        middle = root + (tip - root) * t
        bulge = np.sin(np.pi * t**0.8)
        shape = np.concatenate([middle + across * bulge, (middle - across * bulge)[::-1]])
        cv2.fillPoly(picture, [shape.astype(np.int32)], rgb, cv2.LINE_AA)
        cv2.line(picture, _at(root), _at(tip), dark, 1, cv2.LINE_AA)


def hills(
    picture: np.ndarray,
    window: tuple[float, float, float, float],
    rgb: RGB,
    rng: np.random.Generator,
) -> None:
    """Draws rolling hills or mountains, as on milk and water."""
    x, y, w, h = window
    across = np.linspace(0, 1, 40)
    sharp = rng.random() < 0.4
    for k in range(3):
        wave = np.sin(across * rng.uniform(3, 11) + rng.uniform(0, 6.3))
        wave = 1 - 2 * np.abs(wave) if sharp else wave
        top = y + h * (0.25 + 0.22 * k + 0.16 * wave)
        shape = np.column_stack([x + w * across, top])
        shape = np.concatenate([shape, [[x + w, y + h], [x, y + h]]])
        tone = tuple(int(np.clip(c * (1.25 - 0.25 * k), 0, 255)) for c in rgb)
        cv2.fillPoly(picture, [shape.astype(np.int32)], tone, cv2.LINE_AA)


def _at(point: np.ndarray) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))
