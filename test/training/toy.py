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


def write_pictures(
    folder: Path, count: int, *, size: int = 96, seed: int = 0, only: tuple[str, str] | None = None
) -> Path:
    """A data set of two shapes a picture; ``only`` puts one given combination into each."""
    rng = np.random.default_rng(seed)
    pairs = [(c, s) for c in COLOURS for s in SHAPES if (c, s) != HELD_OUT]
    (folder / "images").mkdir(parents=True)
    images, annotations = [], []
    names = sorted({f"{c} {s}" for c in COLOURS for s in SHAPES})
    for index in range(count):
        image = rng.integers(90, 170, (size, size, 3)).astype(np.uint8)
        picture = [pairs[i] for i in rng.integers(0, len(pairs), 2)]
        if only is not None:
            picture[0] = only
        for half, (colour, shape) in enumerate(picture):
            side = int(rng.integers(size // 5, size // 3))
            x = int(rng.integers(0, size // 2 - side)) + half * size // 2
            y = int(rng.integers(0, size - side))
            draw(image, shape, colour, x, y, side)
            name = f"{colour} {shape}"
            top, height = (
                (y + side // 3, side * 2 // 3 - side // 3 + 1) if shape == "bar" else (y, side)
            )
            annotations.append(
                {"id": len(annotations) + 1, "image_id": index + 1, "iscrowd": 0,
                 "category_id": names.index(name) + 1, "bbox": [x, top, side, height],
                 "area": side * height, "names": [name], "colours": [], "material": "",
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
    (folder / "annotations.json").write_text(json.dumps(content))
    return folder
