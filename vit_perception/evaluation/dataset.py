# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A labelled folder of pictures: `images/` and `annotations.json` in COCO's form."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vit_perception.evaluation.asks import Ask, read_asks
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.frame import Frame
from vit_perception.images import decode_compressed
from vit_perception.rle import RleError, decode_mask

__all__ = ["Dataset", "EvaluationError", "Picture", "load_dataset", "read_frame"]

PARTS = ("train", "val_instances", "novel")


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of a dataset: its COCO id and where its file lies."""

    id: int
    file_name: str
    path: Path


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
        asks: objects asked for by a phrase that says which of two alike is meant.
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
        """Every object has a mask, and there are objects."""
        masks = [a["segmentation"] is not None for a in self.annotations]
        return bool(masks) and all(masks)

    def asking(self, names: Sequence[str]) -> Dataset:
        """The same pictures, asked for these names.

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
        asks = tuple(
            ask
            for entry in document["images"]
            if int(entry["id"]) in kept
            for ask in read_asks(entry)
        )
    except RleError as error:
        raise EvaluationError(f"{source}: segmentation: {error}") from error
    except (KeyError, TypeError, IndexError) as error:
        raise EvaluationError(f"{source}: expected COCO entries, found {error!r}") from error
    if len(set(categories.values())) != len(categories):
        raise EvaluationError(f"{source}: expected one id per category name, found names twice")
    if not pictures:
        raise EvaluationError(f"{source}: expected pictures, found none")
    places = {annotation["id"]: annotation["image_id"] for annotation in annotations}
    for ask in asks:
        if {places.get(ask.annotation), places.get(ask.other)} != {ask.picture}:
            raise EvaluationError(
                f"{source}: asks: expected annotations of picture {ask.picture}, "
                f"found {ask.annotation} and {ask.other}"
            )
    return Dataset(root, pictures, categories, annotations, asks, frozenset(categories))


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
        "segmentation": _segmentation(entry.get("segmentation")),
    }


def _segmentation(found: Any) -> dict[str, Any] | None:
    """Compressed run lengths; other forms (polygons) count as no mask."""
    if not isinstance(found, dict) or not isinstance(found.get("counts"), str):
        return None
    decode_mask(found)  # the metric's library trusts them
    return {"size": found["size"], "counts": found["counts"]}
