# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Phones, remote controls, keyboards and batteries."""

from __future__ import annotations

import cv2
import numpy as np

from vit_perception.scenes.parametric import layouts, prints
from vit_perception.scenes.parametric.lettering import sample_letters, stamp, word_mask
from vit_perception.scenes.parametric.marks import ink_on
from vit_perception.scenes.parametric.meshes import (
    LYING,
    Mesh,
    box,
    circle,
    join,
    lathe,
    rounded_rectangle,
)
from vit_perception.scenes.parametric.palette import BLACK, WHITE, Colour, colour_of, pick
from vit_perception.scenes.parametric.things import Kind, Paints, Thing, between, fitting


def _slab(outline: np.ndarray, height: float, side: int, top: int, soft: float = 0.06) -> Mesh:
    """Returns a flat object with a picture on top."""
    e = min(height * 0.3, 0.003)
    return lathe(
        [
            ([(0, 0), (1 - soft, 0), (1, e), (1, height - e), (1 - soft * 0.5, height)], side),
            ([(1 - soft * 0.5, height), (0, height)], top),
        ],
        outline,
        planar=[1],
    )


def phone(rng: np.random.Generator) -> Thing:
    """Makes a smartphone on its back: screen off, or on with a wallpaper and icons."""
    w = between(rng, 0.065, 0.08)
    h, d = w * between(rng, 1.95, 2.2), between(rng, 0.007, 0.01)
    paints = Paints()
    case = colour_of(
        str(rng.choice(["black", "black", "grey", "white", "blue", "red", "pink"])), rng
    )
    (size,) = fitting([(w, h)], [0.6])
    size = (min(size[0], 180), min(size[1], 360))
    screen = np.full((size[1], size[0], 3), 16, np.uint8)
    dark = Colour("black", (16, 16, 16))
    inks: tuple[Colour, ...] = (dark, case)
    b = max(3, size[0] // 22)
    if rng.random() < 0.55:
        design = prints.sample_design(rng, ("12:45", "09:30", "18:07"))
        wall = prints.ground((size[0] - 2 * b, size[1] - 2 * b), design)
        stamp(
            wall,
            design.product,
            (wall.shape[1] * 0.2, wall.shape[0] * 0.08, wall.shape[1] * 0.6, wall.shape[0] * 0.1),
            WHITE,
        )
        step = wall.shape[1] / 4
        for row in range(int(rng.integers(2, 6))):
            for column in range(4):
                x, y = round(step * (column + 0.22)), round(wall.shape[0] * 0.3 + step * 1.2 * row)
                cv2.rectangle(
                    wall,
                    (x, y),
                    (x + round(step * 0.56), y + round(step * 0.56)),
                    pick(rng).rgb,
                    -1,
                )
        screen[b:-b, b:-b] = wall
        inks = (*inks, *design.colours)
    else:
        cv2.line(screen, (0, size[1] // 2), (size[0], size[1] // 3), (30, 31, 34), size[1] // 5)
    mesh = _slab(
        rounded_rectangle(w, h, w * 0.14, 5), d, paints.plain(case), paints.printed(screen), 0.05
    )
    return Thing(mesh, paints, "plastic", inks)


def _keys(
    size: tuple[int, int],
    columns: int,
    rows: int,
    ground: Colour,
    key: Colour,
    rng: np.random.Generator,
    *,
    top: float = 0.0,
) -> np.ndarray:
    """Draws a field of buttons below a free part `top` of the height."""
    picture = np.empty((size[1], size[0], 3), np.uint8)
    picture[:] = ground.rgb
    wide, high = size[0] / columns, size[1] * (1 - top) / rows
    round_keys = rng.random() < 0.4 and columns < 8
    letters = sample_letters(rng)
    for row in range(rows):
        for column in range(columns):
            x, y = wide * column, size[1] * top + high * row
            tone = pick(rng).rgb if rng.random() < 0.05 else key.rgb
            if round_keys:
                centre, radius = (
                    (round(x + wide / 2), round(y + high / 2)),
                    round(min(wide, high) * 0.36),
                )
                cv2.circle(picture, centre, radius, tone, -1, cv2.LINE_AA)
            else:
                corner, far = (
                    (round(x + wide * 0.1), round(y + high * 0.12)),
                    (round(x + wide * 0.9), round(y + high * 0.86)),
                )
                cv2.rectangle(picture, corner, far, tone, -1)
            if min(wide, high) > 14:
                place = (x + wide * 0.3, y + high * 0.3, wide * 0.4, high * 0.4)
                sign = word_mask("0123456789ABCDEFGHKLMNPRSTUX"[int(rng.integers(28))], letters)
                stamp(
                    picture,
                    sign,
                    place,
                    ink_on(picture, place, [WHITE, BLACK]),
                )
    return picture


def remote(rng: np.random.Generator) -> Thing:
    w, h = between(rng, 0.04, 0.055), between(rng, 0.13, 0.22)
    ground = colour_of(str(rng.choice(["black", "black", "grey", "white", "silver"])), rng)
    key = colour_of("grey" if ground.word != "grey" else "white", rng)
    paints = Paints()
    face = _keys(
        (110, round(110 * h / w)),
        int(rng.integers(3, 5)),
        int(rng.integers(7, 12)),
        ground,
        key,
        rng,
        top=0.1,
    )
    cv2.circle(face, (55, round(face.shape[0] * 0.07)), 6, (200, 30, 30), -1, cv2.LINE_AA)
    side, top = paints.plain(ground), paints.printed(face)
    mesh = _slab(
        rounded_rectangle(w, h, w * between(rng, 0.12, 0.45), 5),
        between(rng, 0.015, 0.026),
        side,
        top,
    )
    return Thing(mesh, paints, "plastic", (ground, key))


def calculator(rng: np.random.Generator) -> Thing:
    w = between(rng, 0.07, 0.11)
    h = w * between(rng, 1.4, 1.9)
    ground = pick(rng, "black", "white", "grey", "blue", "pink", "light blue")
    key = colour_of("white" if ground.word in ("black", "grey", "blue") else "grey", rng)
    face = _keys(
        (200, round(200 * h / w)),
        int(rng.integers(4, 6)),
        int(rng.integers(5, 8)),
        ground,
        key,
        rng,
        top=0.3,
    )
    rows = face.shape[0]
    cv2.rectangle(face, (14, round(rows * 0.06)), (186, round(rows * 0.22)), (176, 190, 172), -1)
    stamp(
        face,
        word_mask(str(int(rng.integers(10, 999999))), sample_letters(rng)),
        (60, rows * 0.08, 120, rows * 0.12),
        (40, 46, 40),
    )
    paints = Paints()
    side, top = paints.plain(ground), paints.printed(face)
    return Thing(
        _slab(rounded_rectangle(w, h, w * 0.08, 4), between(rng, 0.008, 0.018), side, top),
        paints,
        "plastic",
        (ground, key),
    )


def keyboard(rng: np.random.Generator) -> Thing:
    w, h = between(rng, 0.28, 0.45), between(rng, 0.11, 0.15)
    ground = colour_of(str(rng.choice(["black", "black", "white", "grey", "silver"])), rng)
    key = (
        colour_of(str(rng.choice(["black", "white", "grey"])), rng)
        if rng.random() < 0.5
        else ground
    )
    if key is ground:
        key = Colour(ground.word, ground.shaded(1.25 if ground.word == "black" else 0.9))
    paints = Paints()
    face = _keys(
        (480, round(480 * h / w)), int(rng.integers(14, 20)), 5, ground, key, rng, top=0.06
    )
    cv2.rectangle(
        face, (140, round(face.shape[0] * 0.83)), (290, round(face.shape[0] * 0.96)), key.rgb, -1
    )
    side, top = paints.plain(ground), paints.printed(face)
    return Thing(
        _slab(rounded_rectangle(w, h, 0.008, 4), between(rng, 0.012, 0.025), side, top),
        paints,
        "plastic",
        (ground, key),
    )


def usb_stick(rng: np.random.Generator) -> Thing:
    paints = Paints()
    shell = paints.plain(pick(rng))
    metal = paints.plain(colour_of("silver", rng))
    w, h = between(rng, 0.015, 0.02), between(rng, 0.035, 0.05)
    body = box((h, w, 0.008), 0.002, [shell] * 6)
    plug = box((0.014, 0.012, 0.0045), 0.0003, [metal] * 6).moved(x=h / 2 + 0.0065, z=0.0018)
    return Thing(join(body, plug), paints, "plastic")


def battery(rng: np.random.Generator) -> Thing:
    """Makes a round cell (AAA to D) or a 9 V block, printed."""
    design = prints.sample_design(
        rng,
        ("Alkaline", "1.5 V", "Power", "Ultra", "AA", "Max"),
        base=prints.package_base(rng, "black", "gold", "blue", "green"),
    )
    paints = Paints()
    silver = paints.plain(colour_of("silver", rng))
    if rng.random() < 0.2:
        w, d, h = 0.0265, 0.0175, 0.045
        sizes = fitting([(w, h), (w, h), (d, h), (d, h)], [1.0, 1, 1, 1])
        faces = [prints.ground(size, design) for size in sizes]
        for face in faces:
            layouts.front(face, (0, 0, face.shape[1], face.shape[0]), design)
        body = box((w, d, h), 0.001, [paints.printed(face) for face in faces] + [silver, silver])
        posts = [
            lathe([([(0, 0), (0.003, 0), (0.003, 0.003), (0, 0.003)], silver)], circle(12)).moved(
                x, 0, h
            )
            for x in (-0.006, 0.006)
        ]
        return Thing(join(body, *posts), paints, "metal", design.colours, names=("9v battery",))
    r, h = [(0.00525, 0.0445), (0.00725, 0.0505), (0.0131, 0.05), (0.0171, 0.0615)][
        int(rng.choice(4, p=[0.25, 0.45, 0.15, 0.15]))
    ]
    (size,) = fitting([(h, 2 * np.pi * r)], [0.7])
    picture = prints.ground(size, design)
    layouts.front(picture, (0, size[1] * 0.28, size[0], size[1] * 0.44), design)
    part = round(size[0] * 0.28)
    picture[:, -part:] = design.accent.rgb
    label = paints.printed(np.ascontiguousarray(np.rot90(picture)))
    mesh = lathe(
        [
            ([(0, 0), (r * 0.9, 0), (r * 0.97, 0.0006)], silver),
            ([(r * 0.97, 0.0006), (r, 0.0012), (r, h * 0.97), (r * 0.94, h * 0.975)], label),
            ([(r * 0.94, h * 0.975), (r * 0.38, h * 0.975), (r * 0.36, h), (0, h)], silver),
        ],
        circle(24),
    )
    if rng.random() < 0.7:
        mesh = mesh.turned(LYING)
    return Thing(mesh, paints, "metal", design.colours, names=("aa battery",) if r < 0.01 else ())


DEVICES = {
    "phone": Kind(("smartphone", "mobile phone", "cell phone"), phone, (0.12, 0.18), 0.8),
    "remote control": Kind(("remote", "tv remote", "controller"), remote, (0.12, 0.23), 0.7),
    "calculator": Kind(("pocket calculator",), calculator, (0.09, 0.22), 0.5),
    "keyboard": Kind(("computer keyboard",), keyboard, (0.27, 0.46), 0.5),
    "usb stick": Kind(("flash drive", "memory stick", "usb drive"), usb_stick, (0.04, 0.08), 0.4),
    "battery": Kind(("cell", "alkaline battery"), battery, (0.04, 0.07), 0.8),
}
