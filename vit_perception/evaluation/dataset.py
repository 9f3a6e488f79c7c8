# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A labelled folder of pictures: `images/` and `annotations.json` in COCO's form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vit_perception.evaluation.asks import Ask, read_asks
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
from vit_perception.evaluation.coco_file import (
    ANNOTATIONS,
    check_limit,
    check_once,
    entries,
    read_document,
    reading,
)
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.frame import Frame
from vit_perception.images.media import MediaError
from vit_perception.images.media import read_picture as read_picture_file
from vit_perception.wording import shown_path

__all__ = [
    "Dataset",
    "EvaluationError",
    "Picture",
    "dataset_from",
    "load_dataset",
    "read_frame",
]

PARTS = ("train", "val_instances", "novel")


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
    def unmasked(self) -> int:
        """Number of objects without a mask."""
        return sum(a["segmentation"] is None for a in self.annotations)

    @property
    def has_masks(self) -> bool:
        """Whether there are objects and all of them have masks."""
        return bool(self.annotations) and not self.unmasked

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


def spread(data: Dataset, count: int) -> Dataset:
    """Returns at most `count` pictures of a dataset, evenly spaced, with their annotations."""
    total = len(data.pictures)
    count = min(count, total)
    pictures = tuple(data.pictures[index * total // count] for index in range(count))
    kept = {picture.id for picture in pictures}
    annotations = tuple(each for each in data.annotations if each["image_id"] in kept)
    asks = tuple(ask for ask in data.asks if ask.picture in kept)
    return replace(data, pictures=pictures, annotations=annotations, asks=asks)


def dataset_from(
    document: dict[str, Any], root: Path, limit: int | None = None, file: str = ANNOTATIONS
) -> Dataset:
    """Makes a dataset of the document that `read_document` returned for a file of the folder."""
    check_limit(limit)
    source = root / file
    with reading(source):
        found = [(read_picture(entry, root), entry) for entry in entries(document, "images")]
        found.sort(key=lambda pair: pair[0].id)
        if not found:
            raise EvaluationError("expected pictures, found none")
        ids = [picture.id for picture, _ in found]
        check_once("picture id", ids)
        categories = read_categories(document)
        listed = entries(document, "annotations")
        check_orphans(listed, frozenset(ids))
        kept = {picture.id: picture for picture, _ in found[:limit]}
        check_files(list(kept.values()))
        annotations = tuple(
            read_annotation(entry, categories, kept[number])
            for entry in listed
            if (number := read_id(entry, "image_id", "annotation")) in kept
        )
        check_once("annotation id", [annotation["id"] for annotation in annotations])
        check_pixels(annotations)
        asks = tuple(ask for _, entry in found[:limit] for ask in read_asks(entry))
    places = {annotation["id"]: annotation["image_id"] for annotation in annotations}
    for ask in asks:
        if {places.get(ask.annotation), places.get(ask.other)} != {ask.picture}:
            raise EvaluationError(
                f"{shown_path(source)}: asks: expected annotations of picture {ask.picture}, "
                f"found {ask.annotation} and {ask.other}"
            )
    pictures = tuple(kept.values())
    return Dataset(root, pictures, categories, annotations, asks, frozenset(categories))


def read_frame(picture: Picture) -> Frame:
    """Decodes a picture of a dataset, turned upright as its orientation tag says.

    Raises:
        EvaluationError: the file cannot be read, its bytes are no picture, or its size is not
            the one that the dataset states.
    """
    try:
        frame = read_picture_file(picture.path)
    except MediaError as error:
        raise EvaluationError(str(error)) from error
    if picture.size not in (None, (frame.height, frame.width)):
        height, width = picture.size
        raise EvaluationError(
            f"{shown_path(picture.path)}: expected {width}x{height} px as annotated, found "
            f"{frame.width}x{frame.height}"
        )
    return frame
