# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A labelled folder of pictures: `images/` and `annotations.json` in COCO's form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from vit_perception.evaluation.asks import Ask, read_asks
from vit_perception.evaluation.coco_file import (
    ANNOTATIONS,
    check_limit,
    check_once,
    entries,
    read_document,
)
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.frame import Frame
from vit_perception.images.picture_file import decode_picture
from vit_perception.images.raw import ImageError
from vit_perception.rle import RleError, check_mask
from vit_perception.wording import one_line, shown, shown_path

__all__ = [
    "Dataset",
    "EvaluationError",
    "Picture",
    "dataset_from",
    "load_dataset",
    "read_annotation",
    "read_frame",
]

PARTS = ("train", "val_instances", "novel")


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


@dataclass(frozen=True, slots=True)
class Dataset:
    """Pictures with boxes.

    Attributes:
        directory: the folder.
        pictures: in the order of their ids.
        categories: COCO ids to names.
        annotations: COCO's objects, each with `id`, `image_id`, `category_id`, `bbox`
            [x, y, w, h] px, `area` px², `iscrowd`, `part` (one of PARTS, another word or "") and
            `segmentation`, compressed run lengths or None.
        asks: questions with a phrase that means one of two objects of a category.
        asked: ids of the categories whose names are asked for.
    """

    directory: Path
    pictures: tuple[Picture, ...]
    categories: dict[int, str]
    annotations: tuple[dict[str, Any], ...]
    asks: tuple[Ask, ...]
    asked: frozenset[int]

    @property
    def names(self) -> tuple[str, ...]:
        """Names that are asked for, in the order of their ids."""
        return tuple(self.categories[key] for key in sorted(self.asked))

    @property
    def has_masks(self) -> bool:
        """Whether there are objects and all of them have masks."""
        masks = [a["segmentation"] is not None for a in self.annotations]
        return bool(masks) and all(masks)

    def asking(self, names: Sequence[str]) -> Dataset:
        """Returns the same pictures with these names to ask for.

        Names without a category become categories without objects. Categories whose names are
        not asked for keep their objects, but are not measured by name.
        """
        ids = {name: key for key, name in self.categories.items()}
        first = max(ids.values(), default=0) + 1
        new = (name for name in names if name not in ids)
        ids |= {name: first + number for number, name in enumerate(new)}
        categories = {key: name for name, key in ids.items()}
        return replace(self, categories=categories, asked=frozenset(ids[name] for name in names))

    def parts(self) -> tuple[str, ...]:
        """Returns the parts that occur, those in PARTS first."""
        found = {str(a["part"]) for a in self.annotations if a.get("part")}
        return tuple(p for p in PARTS if p in found) + tuple(sorted(found - set(PARTS)))


def load_dataset(directory: Path | str, limit: int | None = None) -> Dataset:
    """Reads a dataset folder.

    Args:
        directory: folder with `images/` and `annotations.json`.
        limit: keep only the first pictures, in the order of their ids; None keeps all.

    Raises:
        EvaluationError: a file is absent or not in COCO's form.
    """
    return dataset_from(read_document(Path(directory) / ANNOTATIONS), Path(directory), limit)


def dataset_from(document: dict[str, Any], root: Path, limit: int | None = None) -> Dataset:
    """Makes a dataset of the document that `read_document` returned for the folder's file."""
    check_limit(limit)
    source = root / ANNOTATIONS
    try:
        images = sorted(entries(document, "images"), key=lambda entry: int(entry["id"]))[:limit]
        pictures = tuple(_picture(entry, root) for entry in images)
        categories = {
            int(entry["id"]): str(entry["name"]) for entry in entries(document, "categories")
        }
        kept = {picture.id: picture for picture in pictures}
        annotations = tuple(
            read_annotation(entry, categories, kept[int(entry["image_id"])])
            for entry in entries(document, "annotations")
            if int(entry["image_id"]) in kept
        )
        asks = tuple(ask for entry in images for ask in read_asks(entry))
    except EvaluationError as error:
        raise EvaluationError(f"{source}: {error}") from None
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise EvaluationError(f"{source}: expected COCO entries, found {error!r}") from error
    if not pictures:
        raise EvaluationError(f"{source}: expected pictures, found none")
    check_once(source, "picture id", [picture.id for picture in pictures])
    check_once(source, "category id", [int(entry["id"]) for entry in document["categories"]])
    check_once(source, "category name", list(categories.values()))
    check_once(source, "annotation id", [annotation["id"] for annotation in annotations])
    places = {annotation["id"]: annotation["image_id"] for annotation in annotations}
    for ask in asks:
        if {places.get(ask.annotation), places.get(ask.other)} != {ask.picture}:
            raise EvaluationError(
                f"{source}: asks: expected annotations of picture {ask.picture}, "
                f"found {ask.annotation} and {ask.other}"
            )
    return Dataset(root, pictures, categories, annotations, asks, frozenset(categories))


def read_frame(picture: Picture) -> Frame:
    """Decodes a picture of a dataset, turned upright as its orientation tag says.

    Raises:
        EvaluationError: the file cannot be read, its bytes are no picture, or its size is not
            the one that the dataset states.
    """
    try:
        frame = Frame(decode_picture(picture.path.read_bytes()))
    except (OSError, ImageError) as error:
        raise EvaluationError(
            f"{shown_path(picture.path)}: expected a picture, found {one_line(error)}"
        ) from error
    if picture.size not in (None, (frame.height, frame.width)):
        height, width = picture.size
        raise EvaluationError(
            f"{shown_path(picture.path)}: expected {width}x{height} px as annotated, found "
            f"{frame.width}x{frame.height}"
        )
    return frame


def _picture(entry: dict[str, Any], root: Path) -> Picture:
    name = str(entry["file_name"])
    folder = (root / "images").resolve()
    path = (folder / name).resolve()
    if not path.is_relative_to(folder):
        raise EvaluationError(
            f"file_name: expected a file inside the folder images/, found {shown(name)}"
        )
    stated = "height" in entry and "width" in entry
    size = (int(entry["height"]), int(entry["width"])) if stated else None
    return Picture(int(entry["id"]), name, path, size)


def read_annotation(
    entry: dict[str, Any], categories: dict[int, str], picture: Picture
) -> dict[str, Any]:
    """Returns one object in the form of `Dataset.annotations`.

    Raises:
        EvaluationError: the box, area, category or mask is impossible; the message lacks the file.
        KeyError, TypeError, ValueError, OverflowError: the entry has another form.
    """
    number = int(entry["id"])
    box = [float(value) for value in entry["bbox"]]
    if len(box) != 4 or not np.isfinite(box).all() or min(box[2:]) < 0:
        raise EvaluationError(
            f"annotation {number}: expected a bbox [x, y, width, height], "
            f"found {shown(entry['bbox'])}"
        )
    category = int(entry["category_id"])
    if category not in categories:
        raise EvaluationError(f"annotation {number}: expected a known category, found {category}")
    area = float(entry.get("area", box[2] * box[3]))
    if not np.isfinite(area):
        raise EvaluationError(f"annotation {number}: expected a finite area, found {area}")
    try:
        mask = _segmentation(entry.get("segmentation"), picture)
    except RleError as error:
        raise EvaluationError(f"annotation {number}: segmentation: {error}") from None
    return {
        "id": number,
        "image_id": picture.id,
        "category_id": category,
        "bbox": box,
        "area": area,
        "iscrowd": int(entry.get("iscrowd", 0)),
        "part": str(entry.get("part", "")),
        "segmentation": mask,
    }


def _segmentation(found: Any, picture: Picture) -> dict[str, Any] | None:
    """Returns compressed run lengths; None for other forms, such as polygons."""
    if not isinstance(found, dict) or not isinstance(found.get("counts"), str):
        return None
    check_mask(found)  # the metric's library does not check them
    if picture.size is not None and list(found["size"]) != list(picture.size):
        raise RleError(
            f"expected the picture's size {list(picture.size)}, found {list(found['size'])}"
        )
    return {"size": found["size"], "counts": found["counts"]}
