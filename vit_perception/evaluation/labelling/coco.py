# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Labelled pictures in COCO's form, with where each was recorded, written and read again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from vit_perception.evaluation.coco_entries import (
    Picture,
    check_files,
    check_orphans,
    check_pixels,
    read_annotation,
    read_categories,
    read_id,
    read_picture,
)
from vit_perception.evaluation.coco_file import check_once, entries, read_document, reading
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.labelling.labelled import (
    LabelledPicture,
    Origin,
    Thing,
    last_part,
)
from vit_perception.evaluation.labelling.outlines import outlines
from vit_perception.rle import MAX_PIXELS, Rle, decode_mask


def document(
    pictures: Sequence[LabelledPicture],
    names: Iterable[str],
    description: str,
    *,
    as_polygons: bool = False,
) -> dict[str, Any]:
    """Returns COCO's lists; ids count from 1 in the order given.

    Args:
        pictures: with their things.
        names: categories beside those of the things, which occur in no picture.
        description: of the whole.
        as_polygons: masks as outlines, for tools that read no run lengths; holes are filled.
    """
    occurring = {thing.name for picture in pictures for thing in picture.things}
    categories = {name: key for key, name in enumerate(sorted(occurring | set(names)), start=1)}
    annotations: list[dict[str, Any]] = []
    for number, picture in enumerate(pictures, start=1):
        for thing in picture.things:
            entry = {"id": len(annotations) + 1, "image_id": number}
            entry |= _annotation(thing, categories[thing.name], as_polygons)
            annotations.append(entry)
    return {
        "info": {"description": description},
        "images": [_image(number, each) for number, each in enumerate(pictures, start=1)],
        "annotations": annotations,
        "categories": [{"id": key, "name": name} for name, key in categories.items()],
    }


def text(found: dict[str, Any]) -> bytes:
    """Returns a document as JSON, an entry a line, so that people and diffs can read it."""
    parts = []
    for key, value in found.items():
        if isinstance(value, list):
            lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in value)
            parts.append(f"{json.dumps(key)}: [\n{lines}\n]")
        else:
            parts.append(f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}")
    # A recording may have a name with bytes that are no text; JSON has these escapes as well.
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode(errors="backslashreplace")


def read_pictures(
    path: Path, *, stored: bool
) -> tuple[tuple[LabelledPicture, ...], tuple[str, ...]]:
    """Returns the pictures of a file in COCO's form, and the names of all categories.

    What its lists say beside COCO's keys is read where it was written here.

    Args:
        path: of the file.
        stored: whether the pictures lie in `images/` beside it; tools write all kinds of paths.

    Raises:
        EvaluationError: the file cannot be read, or an entry does not fit; names both.
    """
    found = read_document(path)
    with reading(path):
        return _pictures(found, path, stored)


def _pictures(
    found: dict[str, Any], path: Path, stored: bool
) -> tuple[tuple[LabelledPicture, ...], tuple[str, ...]]:
    listed: dict[int, tuple[Picture, dict[str, Any]]] = {}
    for entry in entries(found, "images"):
        picture = read_picture(entry if stored else _without_folders(entry), path.parent)
        _check_sides(picture)
        if picture.id in listed:
            raise EvaluationError(f"expected every picture id once, found {picture.id} again")
        listed[picture.id] = (picture, entry)
    check_once("file_name", [picture.file_name for picture, _ in listed.values()])
    if stored:
        check_files([picture for picture, _ in listed.values()])
    categories = read_categories(found)
    annotations = entries(found, "annotations")
    check_orphans(annotations, listed.keys())
    things: dict[int, list[Thing]] = {number: [] for number in listed}
    read = []
    for entry in annotations:
        number = read_id(entry, "image_id", "annotation")
        one = read_annotation(entry, categories, listed[number][0])
        if one["iscrowd"]:
            # CVAT writes everything that was drawn with its brush so.
            raise EvaluationError(
                f"annotation {one['id']}: iscrowd: expected 0, found 1: export masks of CVAT as "
                "'CVAT for images 1.1'"
            )
        read.append(one)
        things[number].append(_thing(one, entry, categories))
    check_once("annotation id", [one["id"] for one in read])
    check_pixels(read)
    pictures = tuple(
        LabelledPicture(
            picture.file_name, *_sides(picture), tuple(things[picture.id]), _origin(entry)
        )
        for picture, entry in listed.values()
    )
    return pictures, tuple(categories.values())


def _without_folders(entry: dict[str, Any]) -> dict[str, Any]:
    name = entry.get("file_name")
    return {**entry, "file_name": last_part(name)} if isinstance(name, str) else entry


def _check_sides(picture: Picture) -> None:
    if picture.size is None:
        raise EvaluationError(f"image {picture.id}: expected height and width in px, found none")
    height, width = picture.size
    if height * width > MAX_PIXELS:
        raise EvaluationError(
            f"image {picture.id}: expected at most {MAX_PIXELS} px, found {width}x{height}"
        )


def _sides(picture: Picture) -> tuple[int, int]:
    assert picture.size is not None
    return picture.size


def _thing(one: dict[str, Any], entry: dict[str, Any], categories: dict[int, str]) -> Thing:
    x, y, width, height = one["bbox"]
    mask = one["segmentation"]
    score: Any = entry.get("score")
    is_score = type(score) in (int, float)
    return Thing(
        categories[one["category_id"]],
        (x, y, round(x + width, 2), round(y + height, 2)),
        None if mask is None else Rle(size=mask["size"], counts=mask["counts"]),
        float(score) if is_score and 0 <= score <= 1 else None,
    )


def _origin(entry: dict[str, Any]) -> Origin | None:
    recording, topic = entry.get("recording"), entry.get("topic")
    index, stamp = entry.get("index"), entry.get("stamp")
    if not (
        isinstance(recording, str)
        and isinstance(topic, str)
        and type(index) is type(stamp) is int
        and index >= 0
    ):
        return None
    return Origin(recording, topic, index, stamp)


def _image(number: int, picture: LabelledPicture) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "id": number,
        "file_name": picture.file_name,
        "width": picture.width,
        "height": picture.height,
    }
    if picture.origin is not None:
        entry |= {
            "stamp": picture.origin.stamp,
            "topic": picture.origin.topic,
            "index": picture.origin.index,
            "recording": picture.origin.recording,
        }
    return entry


def _annotation(thing: Thing, category: int, as_polygons: bool) -> dict[str, Any]:
    x1, y1, x2, y2 = thing.box
    width, height = round(x2 - x1, 2), round(y2 - y1, 2)
    entry: dict[str, Any] = {
        "category_id": category,
        "bbox": [x1, y1, width, height],
        "area": round(width * height, 2),
        "iscrowd": 0,
        # What a training on rendered pictures reads.
        "names": [thing.name],
    }
    if thing.mask is not None:
        entry["area"] = int(decode_mask(thing.mask).sum())
        entry["segmentation"] = (
            [[value for corner in outline for value in corner] for outline in outlines(thing.mask)]
            if as_polygons
            else dict(thing.mask)
        )
    if thing.score is not None:
        entry["score"] = thing.score
    return entry
