# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Training pictures from disk: COCO folders, geometric and colour augmentation."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from vit_perception.training.truth import Described

Array = np.ndarray

#: Share of an object's box that must stay in view for it to be taught.
KEEP = 0.35
#: Smallest side, network px, of an object worth teaching; smaller ones are ignored.
SMALLEST = 4.0


class DataError(ValueError):
    """A data set that cannot be used: one line naming the file, expectation and finding."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """A picture's objects: boxes float32 [N, 4] xyxy px, description index, hidden bool [N]."""

    boxes: Array
    objects: Array
    hidden: Array

    def moved(self, scale: Array, shift: Array, width: float, height: float) -> Labelled:
        """Scale, then shift, then clip to a picture; what leaves it is dropped or hidden."""
        full = self.boxes * np.tile(scale, 2) + np.tile(shift, 2)
        limit = np.array([width, height, width, height], np.float32)
        boxes = np.clip(full, 0, limit).astype(np.float32)
        area = np.prod(full[:, 2:] - full[:, :2], axis=1)
        size = boxes[:, 2:] - boxes[:, :2]
        seen = np.prod(size, axis=1) / np.maximum(area, 1e-6)
        inside = (size > 1).all(axis=1)
        hidden = self.hidden | (seen < KEEP) | (size.min(axis=1, initial=np.inf) < SMALLEST)
        return Labelled(boxes[inside], self.objects[inside], hidden[inside])


@dataclass(frozen=True)
class Picture:
    """One entry of a data set."""

    path: Path
    labels: Labelled


def load_pictures(folders: tuple[str, ...]) -> tuple[list[Picture], list[Described]]:
    """Read the annotations of COCO folders with the keys of `vit_perception.scenes`.

    Raises:
        DataError: unreadable file, missing key, or box outside its picture, with the entry's id.
    """
    pictures: list[Picture] = []
    numbers: dict[Described, int] = {}
    for folder in folders:
        file = Path(folder) / "annotations.json"
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            images, annotations = content["images"], content["annotations"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{file}: expected COCO annotations, found {error!r}") from None
        by_image: dict[int, list[dict[str, object]]] = {}
        for annotation in annotations:
            by_image.setdefault(annotation["image_id"], []).append(annotation)
        for image in images:
            rows = [_row(file, a, numbers, image) for a in by_image.get(image["id"], [])]
            boxes = np.array([row[0] for row in rows], np.float32).reshape(-1, 4)
            labels = Labelled(
                boxes,
                np.array([row[1] for row in rows], np.int64),
                np.array([row[2] for row in rows], bool),
            )
            pictures.append(Picture(Path(folder) / "images" / image["file_name"], labels))
    if not pictures:
        raise DataError(f"{folders[0]}: expected at least one picture, found none")
    return pictures, list(numbers)


def _row(
    file: Path,
    annotation: dict[str, object],
    numbers: dict[Described, int],
    image: dict[str, object],
) -> tuple[list[float], int, bool]:
    where = f"{file}: annotation {annotation.get('id')}"
    try:
        x, y, w, h = (float(v) for v in annotation["bbox"])  # type: ignore[attr-defined]
        described = Described.of(annotation)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{where}: expected a bbox and names, found {error!r}") from None
    width, height = float(image["width"]), float(image["height"])  # type: ignore[arg-type]
    if not (
        w > 0 and h > 0 and x >= -1 and x + w <= width + 1 and y >= -1 and y + h <= height + 1
    ):
        raise DataError(
            f"{where}: expected a box inside {width:g}x{height:g}, found {[x, y, w, h]}"
        )
    if not described.names:
        raise DataError(f"{where}: expected at least one name, found none")
    number = numbers.setdefault(described, len(numbers))
    return [x, y, x + w, y + h], number, bool(annotation.get("iscrowd"))


def read(picture: Picture) -> Array:
    """Pixels uint8 [H, W, 3] RGB."""
    image = cv2.imread(str(picture.path), cv2.IMREAD_COLOR)
    if image is None:
        raise DataError(f"{picture.path}: expected a JPEG or PNG picture, could not decode it")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def fit(picture: Picture, size: int, rng: np.random.Generator) -> tuple[Array, Labelled]:
    """A random window of the picture, resized to size x size, aspect kept within 20 %."""
    image = read(picture)
    height, width = image.shape[:2]
    share = 1.0 if rng.random() < 0.4 else rng.uniform(0.35, 1.0)
    stretch = rng.uniform(0.85, 1.18)
    w = min(width, max(8, round(width * share * min(1.0, stretch))))
    h = min(height, max(8, round(height * share * min(1.0, 1 / stretch))))
    x, y = rng.integers(0, width - w + 1), rng.integers(0, height - h + 1)
    window = image[y : y + h, x : x + w]
    shrink = size < w
    image = cv2.resize(
        window, (size, size), interpolation=cv2.INTER_AREA if shrink else cv2.INTER_LINEAR
    )
    scale = np.array([size / w, size / h], np.float32)
    labels = picture.labels.moved(scale, -np.array([x, y], np.float32) * scale, size, size)
    return image, labels


def mosaic(pictures: list[Picture], size: int, rng: np.random.Generator) -> tuple[Array, Labelled]:
    """Four pictures around a random point, so that small and cut objects are seen."""
    canvas = np.full((size, size, 3), 114, np.uint8)
    cx, cy = (int(size * v) for v in rng.uniform(0.35, 0.65, 2))
    corners = [(0, 0, cx, cy), (cx, 0, size, cy), (0, cy, cx, size), (cx, cy, size, size)]
    parts = []
    for picture, (x1, y1, x2, y2) in zip(pictures, corners, strict=True):
        side = max(x2 - x1, y2 - y1)
        image, labels = fit(picture, side, rng)
        canvas[y1:y2, x1:x2] = image[: y2 - y1, : x2 - x1]
        one = np.ones(2, np.float32)
        cut = labels.moved(one, np.zeros(2, np.float32), x2 - x1, y2 - y1)
        parts.append(cut.moved(one, np.array([x1, y1], np.float32), size, size))
    return canvas, Labelled(
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.objects for part in parts]),
        np.concatenate([part.hidden for part in parts]),
    )


def mirror(image: Array, labels: Labelled) -> tuple[Array, Labelled]:
    """Left-right flip."""
    width = image.shape[1]
    boxes = labels.boxes[:, [2, 1, 0, 3]] * np.array([-1, 1, -1, 1], np.float32)
    boxes[:, [0, 2]] += width
    return image[:, ::-1], Labelled(boxes, labels.objects, labels.hidden)


def repaint(image: Array, rng: np.random.Generator) -> Array:
    """False colours: hue turned, saturation anything from grey to garish, channels swapped.

    What a thing is then shows in its shape and light alone; colour words are no longer true.
    """
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    steps = np.arange(256, dtype=np.float32)
    hue = ((steps + rng.uniform(0, 180)) % 180).astype(np.uint8)
    saturation = np.clip(steps * rng.choice([0.0, rng.uniform(0.2, 1.7)], p=[0.2, 0.8]), 0, 255)
    value = 255 * (steps / 255) ** rng.uniform(0.6, 1.6)
    table = np.stack([hue, saturation.astype(np.uint8), value.astype(np.uint8)], axis=1)[None]
    painted = cv2.cvtColor(cv2.LUT(hsv, table), cv2.COLOR_HSV2RGB)
    return np.ascontiguousarray(painted[:, :, rng.permutation(3)])


def recolour(image: Array, rng: np.random.Generator) -> Array:
    """Saturation, brightness and contrast; hue moves so little that colour words stay true."""
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    steps = np.arange(256, dtype=np.float32)
    hue = ((steps + rng.uniform(-3, 3)) % 180).astype(np.uint8)
    saturation = np.clip(steps * rng.uniform(0.75, 1.3), 0, 255).astype(np.uint8)
    gamma = rng.uniform(0.75, 1.3)
    value = np.clip(255 * (steps / 255) ** gamma * rng.uniform(0.8, 1.15), 0, 255).astype(np.uint8)
    table = np.stack([hue, saturation, value], axis=1)[None]
    return cv2.cvtColor(cv2.LUT(hsv, table), cv2.COLOR_HSV2RGB)
