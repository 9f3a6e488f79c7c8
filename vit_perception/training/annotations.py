# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads COCO annotation files with the keys of `vit_perception.scenes`; errors name the line."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vit_perception.rle import RleError, check_mask
from vit_perception.training.pictures import DataError, Labelled, Picture
from vit_perception.training.truth import Described
from vit_perception.wording import shown


def load_pictures(folders: tuple[str, ...]) -> tuple[list[Picture], list[Described]]:
    """Reads the annotations of COCO folders with the keys of `vit_perception.scenes`.

    Raises:
        DataError: an unreadable file, an absent picture, an unknown category, a missing key, or a
            box or mask that does not fit its picture, with file and line.
    """
    pictures: list[Picture] = []
    numbers: dict[Described, int] = {}
    for folder in folders:
        source = _opened(Path(folder) / "annotations.json")
        sizes = _sizes(source)
        categories = {entry["id"] for entry in source.content["categories"]}
        by_image: dict[Any, list[_Row]] = {}
        for index, annotation in enumerate(source.content["annotations"]):
            try:
                row = _row(annotation, sizes, categories)
            except DataError as error:
                raise source.error("annotations", index, str(error)) from None
            # Numbers follow the order of annotations, on which batches and resumed runs depend.
            numbers.setdefault(row.described, len(numbers))
            by_image.setdefault(annotation["image_id"], []).append(row)
        for image in source.content["images"]:
            rows = by_image.get(image["id"], [])
            labels = Labelled(
                np.array([row.box for row in rows], np.float32).reshape(-1, 4),
                np.array([numbers[row.described] for row in rows], np.int64),
                np.array([row.hidden for row in rows], bool),
            )
            path = Path(folder) / "images" / image["file_name"]
            segments = tuple(row.segment for row in rows)
            pictures.append(Picture(path, *sizes[image["id"]], labels, segments))
    if not pictures:
        raise DataError(f"{folders[0]}: expected at least one picture, found none")
    return pictures, list(numbers)


@dataclass(frozen=True)
class _Source:
    """An annotation file and its text, in which errors find the line."""

    file: Path
    text: str
    content: Mapping[str, Any]

    def error(self, key: str, index: int, line: str) -> DataError:
        """Returns an error about entry `index` of the list `key`, with file, line and id."""
        entry = self.content[key][index]
        number = entry.get("id") if isinstance(entry, dict) else None
        what = {"annotations": "annotation", "images": "image"}[key]
        return DataError(f"{self.file}:{self._line(key, index)}: {what} {shown(number)}: {line}")

    def _line(self, key: str, index: int) -> int:
        """Returns the line of an entry, found by counting: ids may be absent or repeated."""
        list_begins = re.search(rf'"{key}"\s*:\s*\[\s*', self.text)
        at = list_begins.end() if list_begins else 0
        try:
            for _ in range(index):
                _, at = json.JSONDecoder().raw_decode(self.text, at)
                gap = re.compile(r"[\s,]*").match(self.text, at)
                at = gap.end() if gap else at
        except ValueError:  # the key also occurs elsewhere
            at = 0
        return self.text.count("\n", 0, at) + 1


def _opened(file: Path) -> _Source:
    try:
        text = file.read_text(encoding="utf-8")
        content = json.loads(text)
        for key in ("images", "annotations", "categories"):
            if not isinstance(content[key], list):
                raise TypeError(f"{key} is no list")
        for entry in content["categories"]:
            hash(entry["id"])
    except json.JSONDecodeError as error:
        raise DataError(f"{file}:{error.lineno}: expected JSON, found {error.msg}") from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{file}: expected COCO annotations, found {error!r}") from None
    return _Source(file, text, content)


def _sizes(source: _Source) -> dict[Any, tuple[int, int]]:
    """Returns height and width in px of every picture, by id; checks that the files exist."""
    sizes: dict[Any, tuple[int, int]] = {}
    for index, image in enumerate(source.content["images"]):
        try:
            number, name = image["id"], image["file_name"]
            height, width = image["height"], image["width"]
            new = number not in sizes
            path = source.file.parent / "images" / name
        except (KeyError, TypeError) as error:
            line = f"expected id, file_name, height and width, found {error!r}"
            raise source.error("images", index, line) from None
        if not (type(height) is type(width) is int and height > 0 and width > 0):
            line = f"expected height and width in px, found {shown([height, width])}"
            raise source.error("images", index, line)
        if not new:
            raise source.error("images", index, "expected an id of its own, found it twice")
        if not path.is_file():
            raise source.error("images", index, f"expected a picture {path}, found no such file")
        sizes[number] = height, width
    return sizes


@dataclass(frozen=True)
class _Row:
    box: list[float]
    described: Described
    hidden: bool
    segment: Mapping[str, Any] | None


def _row(
    annotation: dict[str, Any], sizes: Mapping[Any, tuple[int, int]], categories: set[Any]
) -> _Row:
    try:
        x, y, w, h = (float(v) for v in annotation["bbox"])
        height, width = sizes[annotation["image_id"]]
        category, names = annotation["category_id"], annotation["names"]
        known = category in categories
        words = [*names, *(annotation.get("colours") or ())]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"expected image_id, category_id, bbox and names, found {error!r}"
        ) from None
    if not known:
        raise DataError(f"expected one of {len(categories)} categories, found {shown(category)}")
    # Written so that NaN fails.
    if not (
        w > 0 and h > 0 and x >= -1 and x + w <= width + 1 and y >= -1 and y + h <= height + 1
    ):
        raise DataError(f"expected a box inside {width}x{height}, found {[x, y, w, h]}")
    if not names:
        raise DataError("expected at least one name, found none")
    if isinstance(names, str) or not all(isinstance(word, str) and word for word in words):
        raise DataError(f"expected lists of names and of colours, found {shown(words)}")
    segment = annotation.get("segmentation")
    if segment is not None:
        _check_segment(segment, height, width)
    described = Described.of(annotation)
    return _Row([x, y, x + w, y + h], described, bool(annotation.get("iscrowd")), segment)


def _check_segment(segment: object, height: int, width: int) -> None:
    if not (isinstance(segment, dict) and segment.get("size") == [height, width]):
        found = segment.get("size") if isinstance(segment, dict) else type(segment).__name__
        raise DataError(f"expected run lengths of {height}x{width} px, found {shown(found)}")
    try:
        check_mask(segment)
    except RleError as error:
        raise DataError(f"mask: {error}") from None
