# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Coloured shapes on noise as a COCO folder, and a text encoder made of random word vectors."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from vit_perception.rle import encode_mask

COLOURS = {
    "red": (220, 40, 40),
    "green": (40, 190, 60),
    "blue": (50, 70, 220),
    "yellow": (235, 225, 50),
    "white": (245, 245, 245),
    "black": (15, 15, 15),
}
SHAPES = ("square", "circle", "triangle", "bar", "cross")
#: Never in a training picture; its two words are, in other combinations.
HELD_OUT = ("red", "circle")


def encode(texts: Sequence[str]) -> np.ndarray:
    """Sum of one random vector a word, unit length: combinations of known words are new points."""
    rows = []
    for text in texts:
        words = [
            np.random.default_rng(zlib.crc32(w.encode())).normal(size=64) for w in text.split()
        ]
        row = np.sum(words, axis=0)
        rows.append(row / np.linalg.norm(row))
    return np.array(rows, np.float32)


def draw(image: np.ndarray, shape: str, colour: str, x: int, y: int, side: int) -> None:
    rgb = COLOURS[colour]
    if shape == "square":
        cv2.rectangle(image, (x, y), (x + side - 1, y + side - 1), rgb, -1)
    elif shape == "bar":
        cv2.rectangle(image, (x, y + side // 3), (x + side - 1, y + side * 2 // 3), rgb, -1)
    elif shape == "cross":
        third = side // 3
        cv2.rectangle(image, (x + third, y), (x + 2 * third, y + side - 1), rgb, -1)
        cv2.rectangle(image, (x, y + third), (x + side - 1, y + 2 * third), rgb, -1)
    elif shape == "circle":
        cv2.circle(image, (x + side // 2, y + side // 2), side // 2, rgb, -1)
    else:
        corners = np.array([[x, y + side - 1], [x + side - 1, y + side - 1], [x + side // 2, y]])
        cv2.fillPoly(image, [corners], rgb)


def write_pictures(folder: Path, count: int, *, size: int = 96, seed: int = 0) -> Path:
    """A data set of two shapes a picture, none of them the held-out one."""
    pairs = [(c, s) for c in COLOURS for s in SHAPES if (c, s) != HELD_OUT]
    rng = np.random.default_rng(seed)
    rows = [[pairs[i] for i in rng.integers(0, len(pairs), 2)] for _ in range(count)]
    return _write(folder, rows, size, rng)


def write_confusable(folder: Path, count: int, *, size: int = 96, seed: int = 0) -> Path:
    """The held-out shape first, beside one of its colour or one of its form, by turns."""
    colour, shape = HELD_OUT
    same_colour = [(colour, s) for s in SHAPES if s != shape]
    same_shape = [(c, shape) for c in COLOURS if c != colour]
    rng = np.random.default_rng(seed)
    rows = []
    for index in range(count):
        others = same_colour if index % 2 else same_shape
        rows.append([HELD_OUT, others[rng.integers(len(others))]])
    return _write(folder, rows, size, rng)


def _write(
    folder: Path, rows: list[list[tuple[str, str]]], size: int, rng: np.random.Generator
) -> Path:
    (folder / "images").mkdir(parents=True)
    names = sorted(f"{c} {s}" for c in COLOURS for s in SHAPES)
    images, annotations = [], []
    for index, row in enumerate(rows):
        image = rng.integers(90, 170, (size, size, 3)).astype(np.uint8)
        left = int(rng.integers(2))
        for half, (colour, shape) in enumerate(row):
            side = int(rng.integers(size // 5, size // 3))
            x = int(rng.integers(0, size // 2 - side)) + (half ^ left) * size // 2
            y = int(rng.integers(0, size - side))
            draw(image, shape, colour, x, y, side)
            alone = np.zeros_like(image)
            draw(alone, shape, "white", x, y, side)
            name = f"{colour} {shape}"
            top, height = y, side
            if shape == "bar":
                top, height = y + side // 3, side * 2 // 3 - side // 3 + 1
            annotations.append(
                {"id": len(annotations) + 1, "image_id": index + 1, "iscrowd": 0,
                 "category_id": names.index(name) + 1, "bbox": [x, top, side, height],
                 "area": side * height, "segmentation": encode_mask(alone[..., 0] > 0),
                 "names": [name], "object": name, "colours": [], "material": "",
                 "caption": "", "part": "train"}
            )  # fmt: skip
        name = f"{index:05d}.png"
        cv2.imwrite(str(folder / "images" / name), image[:, :, ::-1])
        images.append({"id": index + 1, "file_name": name, "width": size, "height": size})
    content = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": i + 1, "name": n} for i, n in enumerate(names)],
    }
    (folder / "annotations.json").write_text(json.dumps(content, indent=1))
    return folder
