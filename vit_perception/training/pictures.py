# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Training pictures from disk: COCO folders with the keys of `vit_perception.scenes`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vit_perception.rle import RleError, decode_mask
from vit_perception.training.truth import Described

Array = np.ndarray


class DataError(ValueError):
    """A data set that cannot be used: one line naming the file, expectation and finding."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """A picture's objects: boxes float32 [N, 4] xyxy px, description index, hidden bool [N]."""

    boxes: Array
    objects: Array
    hidden: Array


@dataclass(frozen=True, eq=False)
class Picture:
    """One entry of a data set; `segments` are its objects' run lengths, None where absent."""

    path: Path
    labels: Labelled
    segments: tuple[Mapping[str, Any] | None, ...]


@dataclass(frozen=True)
class _Source:
    """An annotation file, its text kept so that errors name the line."""

    file: Path
    text: str

    def where(self, annotation: object) -> str:
        """File and line of an annotation."""
        number = annotation.get("id") if isinstance(annotation, dict) else None
        start = self.text.find('"annotations"')
        found = re.compile(rf'"id":\s*{number}\b').search(self.text, max(start, 0))
        line = self.text.count("\n", 0, found.start()) + 1 if found else 1
        return f"{self.file}:{line}: annotation {number}"


def load_pictures(folders: tuple[str, ...]) -> tuple[list[Picture], list[Described]]:
    """Read the annotations of COCO folders with the keys of `vit_perception.scenes`.

    Raises:
        DataError: unreadable file, missing key, or a box or mask that does not fit its picture,
            with file, line and the entry's id.
    """
    pictures: list[Picture] = []
    numbers: dict[Described, int] = {}
    for folder in folders:
        file = Path(folder) / "annotations.json"
        try:
            text = file.read_text(encoding="utf-8")
            content = json.loads(text)
            images, annotations = content["images"], content["annotations"]
            sizes = {image["id"]: (image["width"], image["height"]) for image in images}
        except json.JSONDecodeError as error:
            raise DataError(f"{file}:{error.lineno}: expected JSON, found {error.msg}") from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{file}: expected COCO annotations, found {error!r}") from None
        source = _Source(file, text)
        by_image: dict[int, list[_Row]] = {}
        for annotation in annotations:
            row = _row(source, annotation, sizes, numbers)
            by_image.setdefault(annotation["image_id"], []).append(row)
        for image in images:
            rows = by_image.get(image["id"], [])
            labels = Labelled(
                np.array([row.box for row in rows], np.float32).reshape(-1, 4),
                np.array([row.described for row in rows], np.int64),
                np.array([row.hidden for row in rows], bool),
            )
            path = Path(folder) / "images" / image["file_name"]
            pictures.append(Picture(path, labels, tuple(row.segment for row in rows)))
    if not pictures:
        raise DataError(f"{folders[0]}: expected at least one picture, found none")
    return pictures, list(numbers)


@dataclass(frozen=True)
class _Row:
    box: list[float]
    described: int
    hidden: bool
    segment: Mapping[str, Any] | None


def _row(
    source: _Source,
    annotation: dict[str, Any],
    sizes: Mapping[int, tuple[float, float]],
    numbers: dict[Described, int],
) -> _Row:
    try:
        x, y, w, h = (float(v) for v in annotation["bbox"])
        described = Described.of(annotation)
        width, height = sizes[annotation["image_id"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"{source.where(annotation)}: expected image_id, bbox and names, found {error!r}"
        ) from None
    if not (
        w > 0 and h > 0 and x >= -1 and x + w <= width + 1 and y >= -1 and y + h <= height + 1
    ):
        raise DataError(
            f"{source.where(annotation)}: expected a box inside {width:g}x{height:g}, "
            f"found {[x, y, w, h]}"
        )
    if not described.names:
        raise DataError(f"{source.where(annotation)}: expected at least one name, found none")
    segment = annotation.get("segmentation")
    if segment is not None and not (
        isinstance(segment, dict) and segment.get("size") == [height, width]
    ):
        raise DataError(
            f"{source.where(annotation)}: expected run lengths of {height:g}x{width:g} px, found "
            f"{segment.get('size') if isinstance(segment, dict) else type(segment).__name__}"
        )
    number = numbers.setdefault(described, len(numbers))
    return _Row([x, y, x + w, y + h], number, bool(annotation.get("iscrowd")), segment)


def read(picture: Picture) -> Array:
    """Pixels uint8 [H, W, 3] RGB."""
    image = cv2.imread(str(picture.path), cv2.IMREAD_COLOR)
    if image is None:
        raise DataError(f"{picture.path}: expected a JPEG or PNG picture, could not decode it")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def read_owner(picture: Picture, height: int, width: int) -> Array:
    """Which object is seen where: int16 [height, width] row of the picture's labels, or -1."""
    owner = np.full((height, width), -1, np.int16)
    for row, segment in enumerate(picture.segments):
        if segment is None:
            continue
        try:
            owner[decode_mask(segment)] = row
        except (RleError, IndexError) as error:
            raise DataError(f"{picture.path}: mask of object {row}: {error}") from None
    return owner
