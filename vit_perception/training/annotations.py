# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads COCO annotation files with the keys of `vit_perception.scenes`; errors name the line."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vit_perception.evaluation.coco_entries import Picture as Listed
from vit_perception.evaluation.coco_entries import (
    check_files,
    check_orphans,
    check_pixels,
    read_annotation,
    read_categories,
    read_id,
    read_picture,
)
from vit_perception.evaluation.coco_file import (
    ANNOTATIONS,
    MAX_BYTES,
    check_once,
    entries,
    read_document,
)
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.input.file import read_text
from vit_perception.training.photographs import PhotographSet
from vit_perception.training.pictures import DataError, Labelled, Picture
from vit_perception.training.truth import Described
from vit_perception.wording import shown, shown_path


def load_pictures(
    folders: tuple[str, ...], photographs: Sequence[PhotographSet] = ()
) -> tuple[list[Picture], list[Described]]:
    """Reads the annotations of COCO folders with the keys of `vit_perception.scenes`.

    Args:
        folders: of rendered pictures.
        photographs: come after them; the first is source 1.

    Raises:
        DataError: an unreadable file, an absent picture, an unknown category, a missing key, or a
            box or mask that does not fit its picture, with file and line.
    """
    pictures: list[Picture] = []
    numbers: dict[Described, int] = {}
    things: dict[tuple[str, Described], int] = {}
    sets = [*(PhotographSet(folder) for folder in folders), *photographs]
    for place, each in enumerate(sets):
        number = max(0, place + 1 - len(folders))
        source = _opened(Path(each.folder) / ANNOTATIONS)
        with source.naming():
            listed = _pictures(source)
            check_files(list(listed.values()))
            categories = read_categories(source.content)
            names = _category_names(source.content) if number else {}
            annotations = entries(source.content, "annotations")
            check_orphans(annotations, listed.keys())
        by_image: dict[int, list[_Row]] = {}
        weak: set[int] = set()
        boxes: list[dict[str, Any]] = []
        for index, annotation in enumerate(annotations):
            with source.naming("annotations", index):
                picture = listed[read_id(annotation, "image_id", "annotation")]
                row = _row(annotation, categories, picture, names, number)
            # Numbers follow the order of annotations, on which batches and resumed runs depend.
            numbers.setdefault(row.described, len(numbers))
            if row.asset:
                # A redrawn colour makes another thing of an asset.
                things.setdefault((row.asset, row.described), len(things))
            by_image.setdefault(picture.id, []).append(row)
            boxes.append(row.found)
            if row.box_score < each.least_box_score:
                weak.add(picture.id)
        with source.naming():
            check_once("annotation id", [found["id"] for found in boxes])
            check_pixels(boxes)
        for picture in listed.values():
            if picture.id in weak or each.refuses(picture.path):
                continue
            made = _labelled(picture, by_image.get(picture.id, []), numbers, things)
            pictures.append(each.marked(made, number))
    if not pictures:
        raise DataError(f"{folders[0]}: expected at least one picture, found none")
    return pictures, list(numbers)


@dataclass(frozen=True)
class _Source:
    """An annotation file; errors look for the line in its text."""

    file: Path
    content: dict[str, Any]

    @contextmanager
    def naming(self, key: str = "", index: int = 0) -> Iterator[None]:
        """Puts the file, and the line of entry `index` of the list `key`, in front of refusals."""
        try:
            yield
        except EvaluationError as error:
            place = f":{self._line(key, index)}" if key else ""
            raise DataError(f"{shown_path(self.file)}{place}: {error}") from None

    def _line(self, key: str, index: int) -> int:
        """Returns the line of an entry, found by counting: ids may be absent or repeated."""
        text = read_text(self.file, MAX_BYTES)
        list_begins = re.search(rf'"{key}"\s*:\s*\[\s*', text)
        at = list_begins.end() if list_begins else 0
        try:
            for _ in range(index):
                _, at = json.JSONDecoder().raw_decode(text, at)
                gap = re.compile(r"[\s,]*").match(text, at)
                at = gap.end() if gap else at
        except ValueError:  # the key also occurs elsewhere
            at = 0
        return text.count("\n", 0, at) + 1


def _opened(file: Path) -> _Source:
    try:
        return _Source(file, read_document(file))
    except EvaluationError as error:
        raise DataError(str(error)) from None


def _pictures(source: _Source) -> dict[int, Listed]:
    """Returns the entries of `images` by id."""
    listed: dict[int, Listed] = {}
    for index, entry in enumerate(entries(source.content, "images")):
        with source.naming("images", index):
            picture = read_picture(entry, source.file.parent)
            what = f"image {picture.id}: expected"
            if picture.size is None:
                found = shown([entry.get("height"), entry.get("width")])
                raise EvaluationError(f"{what} height and width in px, found {found}")
            if picture.id in listed:
                raise EvaluationError(f"{what} an id of its own, found it twice")
            listed[picture.id] = picture
    return listed


@dataclass(frozen=True)
class _Row:
    found: dict[str, Any]
    described: Described
    asset: str
    box_score: float


def _row(
    annotation: Mapping[str, Any],
    categories: Mapping[int, str],
    picture: Listed,
    category_names: Mapping[int, list[str]],
    source: int,
) -> _Row:
    found = read_annotation(annotation, categories, picture)
    names = _words(annotation, "names") or category_names.get(found["category_id"], [])
    if not names:
        raise EvaluationError(
            f"annotation {found['id']}: names: expected at least one name, found none"
        )
    colours = _words(annotation, "colours")
    described = Described.of({**annotation, "names": names, "colours": colours}, source)
    return _Row(found, described, _asset(annotation), _box_score(annotation))


def _category_names(content: dict[str, Any]) -> dict[int, list[str]]:
    """Returns the names of the categories by id: photographs name these, not each object."""
    return {
        read_id(entry, "id", "category"): _words(entry, "names")
        or _words({"id": entry["id"], "names": [entry["name"]]}, "names")
        for entry in entries(content, "categories")
    }


def _box_score(annotation: Mapping[str, Any]) -> float:
    """Returns how sure a computed box is; infinity for one that is drawn."""
    found = annotation.get("box_score")
    if found is None:
        return math.inf
    if isinstance(found, bool) or not isinstance(found, int | float) or not found >= 0:
        raise EvaluationError(
            f"annotation {shown(annotation.get('id'))}: box_score: expected a number from 0, "
            f"found {shown(found)}"
        )
    return float(found)


def _asset(annotation: Mapping[str, Any]) -> str:
    """Returns the id of the object in the asset folder; empty where there is none."""
    found = annotation.get("object")
    if found is None:
        return ""
    if not isinstance(found, str):
        raise EvaluationError(
            f"annotation {shown(annotation.get('id'))}: object: expected the id of an object, "
            f"found {shown(found)}"
        )
    return found


def _words(annotation: Mapping[str, Any], key: str) -> list[str]:
    """Returns a list of words, without blanks around and double ones in them."""
    found = annotation.get(key) or []
    if not isinstance(found, list) or not all(isinstance(w, str) and w.split() for w in found):
        raise EvaluationError(
            f"annotation {shown(annotation.get('id'))}: {key}: expected a list of words, "
            f"found {shown(found)}"
        )
    return [" ".join(word.split()) for word in found]


def _labelled(
    picture: Listed,
    rows: list[_Row],
    numbers: Mapping[Described, int],
    things: Mapping[tuple[str, Described], int],
) -> Picture:
    boxes = np.array([row.found["bbox"] for row in rows], np.float64).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    labels = Labelled(
        boxes.astype(np.float32),
        np.array([numbers[row.described] for row in rows], np.int64),
        np.array([bool(row.found["iscrowd"]) for row in rows], bool),
        np.array([things.get((row.asset, row.described), -1) for row in rows], np.int64),
    )
    assert picture.size is not None
    segments = tuple(row.found["segmentation"] for row in rows)
    return Picture(picture.path, *picture.size, labels, segments)
