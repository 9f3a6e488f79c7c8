# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A labelled folder of pictures: `images/` and `annotations.json` in COCO's form."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vit_perception.frame import Frame
from vit_perception.images import decode_compressed

PARTS = ("train", "val_instances", "novel")


class EvaluationError(ValueError):
    """A dataset or a prediction that cannot be evaluated: names the file and the finding."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of a dataset: its COCO id and where its file lies."""

    id: int
    file_name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Dataset:
    """Pictures with boxes.

    categories maps COCO ids to names; annotations are COCO's objects, each with
    `image_id`, `category_id`, `bbox` [x, y, w, h] px, `area` px², `iscrowd` and,
    where the dataset tells them apart, `part` (one of PARTS).
    """

    directory: Path
    pictures: tuple[Picture, ...]
    categories: dict[int, str]
    annotations: tuple[dict[str, Any], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Category names in the order of their ids."""
        return tuple(self.categories[key] for key in sorted(self.categories))

    def parts(self) -> tuple[str, ...]:
        """Parts that occur, known ones first."""
        found = {str(a["part"]) for a in self.annotations if a.get("part")}
        return tuple(p for p in PARTS if p in found) + tuple(sorted(found - set(PARTS)))


def load_dataset(directory: Path | str, limit: int | None = None) -> Dataset:
    """Read a dataset folder.

    Args:
        directory: folder with `images/` and `annotations.json`.
        limit: keep only the first pictures, in the order of their ids.

    Raises:
        EvaluationError: a file is absent or not COCO's form.

    """
    root = Path(directory)
    document = _read_document(root / "annotations.json")
    source = root / "annotations.json"
    try:
        pictures = tuple(
            Picture(int(entry["id"]), str(entry["file_name"]), _locate(root, entry["file_name"]))
            for entry in sorted(document["images"], key=lambda entry: int(entry["id"]))
        )[:limit]
        categories = {int(entry["id"]): str(entry["name"]) for entry in document["categories"]}
        kept = {picture.id for picture in pictures}
        annotations = tuple(
            _annotation(entry, categories)
            for entry in document["annotations"]
            if int(entry["image_id"]) in kept
        )
    except (KeyError, TypeError, IndexError) as error:
        raise EvaluationError(f"{source}: expected COCO entries, found {error!r}") from error
    if len(set(categories.values())) != len(categories):
        raise EvaluationError(f"{source}: expected one id per category name, found names twice")
    if not pictures:
        raise EvaluationError(f"{source}: expected pictures, found none")
    return Dataset(root, pictures, categories, annotations)


def read_frame(picture: Picture) -> Frame:
    """Decode a picture of a dataset.

    Raises:
        EvaluationError: the file cannot be read.
        ImageError: its bytes are no picture.

    """
    try:
        data = picture.path.read_bytes()
    except OSError as error:
        raise EvaluationError(f"{picture.path}: expected a picture, found {error}") from error
    image = decode_compressed(format=picture.path.suffix.lstrip(".").lower(), data=data)
    return Frame(image)


def _read_document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise EvaluationError(f"{path}: expected a COCO file, found {error.strerror}") from error
    except ValueError as error:
        raise EvaluationError(f"{path}: expected JSON, found {error}") from error
    missing = {"images", "annotations", "categories"} - set(
        document if isinstance(document, dict) else ()
    )
    if missing:
        raise EvaluationError(f"{path}: expected COCO keys, found no {', '.join(sorted(missing))}")
    assert isinstance(document, dict)
    return document


def _locate(root: Path, file_name: str) -> Path:
    folder = root.resolve()
    path = (root / "images" / file_name).resolve()
    if not path.is_relative_to(folder):
        raise EvaluationError(f"{root}: expected pictures inside the folder, found {file_name}")
    return path


def _annotation(entry: dict[str, Any], categories: dict[int, str]) -> dict[str, Any]:
    box = [float(value) for value in entry["bbox"]]
    if len(box) != 4 or int(entry["category_id"]) not in categories:
        raise EvaluationError(f"expected bbox of 4 and a known category, found {entry}")
    return {
        "id": int(entry["id"]),
        "image_id": int(entry["image_id"]),
        "category_id": int(entry["category_id"]),
        "bbox": box,
        "area": float(entry.get("area", box[2] * box[3])),
        "iscrowd": int(entry.get("iscrowd", 0)),
        "part": str(entry.get("part", "")),
    }
