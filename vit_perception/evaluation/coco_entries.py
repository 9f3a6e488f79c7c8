# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads the entries of COCO's three lists, one at a time; evaluation and training share it.

What annotation tools write differently is read where its meaning is certain: ids as text, blanks
around names, `null` for an absent area. All else is refused by id; messages lack the file.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.coco_file import check_once, entries
from vit_perception.evaluation.coco_masks import read_mask
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.places import PlaceError, find_picture
from vit_perception.input.file import is_encodable
from vit_perception.rle import RleError
from vit_perception.wording import shown, shown_path

_OUTSIDE_PX = 1.0
"""Boxes may reach so far beyond the picture: tools round differently."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of a dataset.

    Attributes:
        id: COCO id.
        file_name: relative to `images/`.
        path: of the file.
        size: height and width in px as the dataset states them, or None.
    """

    id: int
    file_name: str
    path: Path
    size: tuple[int, int] | None = None


def read_id(entry: Mapping[str, Any], key: str, what: str) -> int:
    """Returns an id: an integer, which some tools write as text or with a decimal point.

    Args:
        entry: of one of COCO's lists.
        key: of the id.
        what: "image", "category" or "annotation", for the message.

    Raises:
        EvaluationError: it is absent or something else.
    """
    value = entry.get(key)
    number: int | None = None
    if type(value) is int:
        number = value
    elif (isinstance(value, float) and value.is_integer()) or (
        isinstance(value, str) and len(value) <= 30 and value.strip().isdecimal()
    ):
        number = int(value)
    if number is None or abs(number) >= 2**63:  # the metric's library counts in 64 bits
        which = f"{what} {shown(entry.get('id'))}: " if key != "id" else f"{what}: "
        found = shown(value) if key in entry else "none"
        raise EvaluationError(f"{which}{key}: expected an integer, found {found}")
    return number


def read_categories(document: dict[str, Any]) -> dict[int, str]:
    """Returns ids and names of the categories, without blanks around and double ones in them.

    Some tools write a category for the whole project, of which all others are said to be kinds.
    If it has no objects, it is left out.

    Raises:
        EvaluationError: a category has no id or name, or one that another has too.
    """
    listed = entries(document, "categories")
    categories: dict[int, str] = {}
    for entry in listed:
        number = read_id(entry, "id", "category")
        if number in categories:
            raise EvaluationError(f"expected every category id once, found {number} again")
        categories[number] = _name(entry, number)
    groups = Counter(
        group for entry in listed if isinstance(group := entry.get("supercategory"), str)
    )
    roots = {
        number
        for entry, (number, name) in zip(listed, categories.items(), strict=True)
        if groups[name] - (entry.get("supercategory") == name) == len(listed) - 1 > 0
    }
    if roots:
        roots -= {
            read_id(annotation, "category_id", "annotation")
            for annotation in entries(document, "annotations")
        }
    kept = {number: name for number, name in categories.items() if number not in roots}
    check_once("category name", list(kept.values()))
    return kept


def _name(entry: Mapping[str, Any], number: int) -> str:
    name = entry.get("name")
    if not isinstance(name, str) or not name.split() or not is_encodable(name):
        found = shown(name) if "name" in entry else "none"
        raise EvaluationError(f"category {number}: expected a name, found {found}")
    return " ".join(name.split())


def read_picture(entry: Mapping[str, Any], root: Path) -> Picture:
    """Returns an entry of `images` of the dataset in the folder `root`.

    Raises:
        EvaluationError: id, file_name, height or width is impossible.
    """
    number = read_id(entry, "id", "image")
    name = entry.get("file_name")
    if not isinstance(name, str):
        found = shown(name) if "file_name" in entry else "none"
        raise EvaluationError(f"image {number}: file_name: expected a file's name, found {found}")
    # Windows' separators, and names that begin with the folder.
    plain = name.replace("\\", "/")
    try:
        path = find_picture(root / "images", (name, plain, plain.removeprefix("images/")))
    except PlaceError as error:
        raise EvaluationError(f"image {number}: file_name: {error}") from None
    return Picture(number, name, path, read_size(entry, number))


def read_size(entry: Mapping[str, Any], number: int) -> tuple[int, int] | None:
    """Returns height and width in px of an entry of `images` with an id; None without them.

    Raises:
        EvaluationError: they are impossible.
    """
    height, width = entry.get("height"), entry.get("width")
    if height is None or width is None:
        return None
    if not (type(height) is type(width) is int and height > 0 and width > 0):
        raise EvaluationError(
            f"image {number}: expected height and width in px, found {shown([height, width])}"
        )
    return height, width


def check_files(pictures: Sequence[Picture]) -> None:
    """Refuses pictures whose files are absent, before an hour of work.

    Raises:
        EvaluationError: names the first one, and says how many there are.
    """
    absent = [picture for picture in pictures if not os.path.isfile(picture.path)]
    if absent:
        raise EvaluationError(
            f"image {absent[0].id}: expected a picture {shown_path(absent[0].path)}, found no "
            f"such file ({len(absent)} of {len(pictures)} are missing)"
        )


def check_orphans(annotations: Sequence[Mapping[str, Any]], pictures: Collection[int]) -> None:
    """Refuses annotations of pictures that the file does not list.

    Raises:
        EvaluationError: names the first one, and says how many there are.
    """
    orphans = [a for a in annotations if read_id(a, "image_id", "annotation") not in pictures]
    if orphans:
        raise EvaluationError(
            f"annotation {shown(orphans[0].get('id'))}: expected an image of the file, found "
            f"image_id {shown(orphans[0]['image_id'])} "
            f"({len(orphans)} of {len(annotations)} annotations have no image)"
        )


def corners(boxes: Iterable[Sequence[float]]) -> NDArray[np.float32]:
    """Returns COCO's boxes, x y w h, as x1 y1 x2 y2: float32 [N, 4]."""
    found = np.array(list(boxes), np.float64).reshape(-1, 4)
    found[:, 2:] += found[:, :2]
    return found.astype(np.float32)


def check_pixels(annotations: Sequence[Mapping[str, Any]]) -> None:
    """Refuses boxes in parts of the picture, which some tools write, in place of pixels.

    Args:
        annotations: as `read_object` returns them.

    Raises:
        EvaluationError: no box of several reaches beyond the first pixel.
    """
    if len(annotations) > 1 and all(max(a["bbox"]) <= 1 for a in annotations):
        raise EvaluationError(
            f"annotation {annotations[0]['id']}: expected a bbox in px, found "
            f"{shown(annotations[0]['bbox'])}, and no larger number in any bbox"
        )


def read_object(
    entry: Mapping[str, Any], categories: Collection[int], picture: Picture
) -> dict[str, Any]:
    """Returns one object in the form of `Dataset.annotations`, without its mask.

    Empty boxes are read: LVIS leaves out their objects itself.

    Raises:
        EvaluationError: the box, area, category or a flag is impossible.
    """
    number = read_id(entry, "id", "annotation")
    box = _box(number, entry.get("bbox"))
    category = read_id(entry, "category_id", "annotation")
    if category not in categories:
        raise EvaluationError(f"annotation {number}: expected a known category, found {category}")
    area = entry.get("area")
    if area is None:
        area = box[2] * box[3]
    if not _is_number(area):
        raise EvaluationError(f"annotation {number}: expected a finite area, found {shown(area)}")
    crowd = entry.get("iscrowd")
    if crowd not in (None, 0, 1):
        raise EvaluationError(
            f"annotation {number}: iscrowd: expected 0 or 1, found {shown(crowd)}"
        )
    part = entry.get("part") or ""
    if not isinstance(part, str) or not is_encodable(part):
        raise EvaluationError(f"annotation {number}: part: expected a word, found {shown(part)}")
    return {
        "id": number,
        "image_id": picture.id,
        "category_id": category,
        "bbox": box,
        "area": float(area),
        "iscrowd": int(crowd or 0),
        "part": part,
        "segmentation": None,
    }


def read_annotation(
    entry: Mapping[str, Any], categories: Collection[int], picture: Picture
) -> dict[str, Any]:
    """Returns one object in the form of `Dataset.annotations`.

    Raises:
        EvaluationError: see `read_object`; or the box is empty or not inside the picture, or the
            mask impossible.
    """
    found = read_object(entry, categories, picture)
    _check_inside(found["id"], found["bbox"], picture.size)
    try:
        mask = read_mask(entry.get("segmentation"), picture.size)
    except RleError as error:
        raise EvaluationError(f"annotation {found['id']}: segmentation: {error}") from None
    return {**found, "segmentation": mask}


def _box(number: int, stated: object) -> list[float]:
    if not (
        isinstance(stated, list)
        and len(stated) == 4
        and all(_is_number(value) for value in stated)
        and min(stated[2:]) >= 0
    ):
        raise EvaluationError(
            f"annotation {number}: expected a bbox [x, y, width, height], found {shown(stated)}"
        )
    return [float(value) for value in stated]


def _check_inside(number: int, box: Sequence[float], size: tuple[int, int] | None) -> None:
    expected = f"annotation {number}: expected a bbox [x, y, width, height]"
    if min(box[2:]) <= 0:
        raise EvaluationError(f"{expected} of some px, found {shown(box)}")
    if size is None:
        return
    right, bottom = box[0] + box[2] - size[1], box[1] + box[3] - size[0]
    if max(-box[0], -box[1], right, bottom) > _OUTSIDE_PX:
        raise EvaluationError(f"{expected} inside {size[1]}x{size[0]} px, found {shown(box)}")


def _is_number(value: object) -> bool:
    # Written so that NaN fails; larger integers have no float.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 2**63
