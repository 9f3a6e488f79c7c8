# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""LVIS v1: pictures of COCO, each annotated for some categories only (arXiv 1908.03195)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from vit_perception.evaluation.coco_entries import Picture, check_orphans, read_id, read_object
from vit_perception.evaluation.coco_file import check_limit, check_once, entries, reading
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.places import PlaceError, find_picture
from vit_perception.wording import shown, shown_path

Frequency = Literal["r", "c", "f"]
"""A category is in fewer than 10 pictures of the training set, in fewer than 100, or in more."""
FREQUENCIES: tuple[Frequency, ...] = ("r", "c", "f")

_NEGATIVE, _NOT_EXHAUSTIVE = "neg_category_ids", "not_exhaustive_category_ids"
_PARENTHESES = re.compile(r"\([^()]*\)")


@dataclass(frozen=True, slots=True)
class LvisDataset:
    """Pictures with boxes of the categories that are annotated in each.

    Attributes:
        name: of the file.
        pictures: in the order of their ids.
        names: category id → the name that is asked for; several may share one.
        frequencies: category id → its frequency.
        annotations: the objects in the form of `Dataset.annotations`.
        absent: picture id → categories known not to be in the picture.
        incomplete: picture id → categories of which some objects may not be marked.
    """

    name: str
    pictures: tuple[Picture, ...]
    names: dict[int, str]
    frequencies: dict[int, Frequency]
    annotations: tuple[dict[str, Any], ...]
    absent: dict[int, frozenset[int]]
    incomplete: dict[int, frozenset[int]]

    def asked(self) -> dict[str, tuple[int, ...]]:
        """Returns the names to ask for → the categories of each, in the order of their ids.

        Names that a text encoder cannot distinguish ("bow", the weapon and the ribbon) are asked
        for once.
        """
        spelled: dict[str, str] = {}
        targets: dict[str, tuple[int, ...]] = {}
        for key in sorted(self.names):
            name = spelled.setdefault(self.names[key].lower(), self.names[key])
            targets[name] = (*targets.get(name, ()), key)
        return targets

    def judged(self) -> dict[int, frozenset[int]]:
        """Returns picture id → categories known to be in it or not; these are judged."""
        there = {picture.id: set(self.absent[picture.id]) for picture in self.pictures}
        for annotation in self.annotations:
            there[annotation["image_id"]].add(annotation["category_id"])
        return {picture: frozenset(categories) for picture, categories in there.items()}


def is_lvis(document: Mapping[str, Any]) -> bool:
    """Returns whether any entry of a COCO document has a field that only LVIS has."""
    for key, field in (("images", _NEGATIVE), ("categories", "frequency")):
        values = document.get(key)
        if isinstance(values, list) and any(isinstance(v, dict) and field in v for v in values):
            return True
    return False


def lvis_from(
    document: dict[str, Any], source: Path, images: Path, limit: int | None = None
) -> LvisDataset:
    """Checks what `read_document` returned for an LVIS file and makes a dataset of it.

    Args:
        document: see `is_lvis`.
        source: the file, for messages; its name becomes the dataset's.
        images: folder with the pictures, in val2017/ and train2017/ or all together.
        limit: keep only the first pictures, in the order of their ids; None keeps all.

    Raises:
        EvaluationError: an entry is not in LVIS's form, or a picture's file is absent.
    """
    check_limit(limit)
    with reading(source, "LVIS"):
        chosen = sorted(entries(document, "images"), key=lambda entry: int(entry["id"]))[:limit]
        categories = {int(entry["id"]): entry for entry in entries(document, "categories")}
        names = {key: asked_name(entry) for key, entry in categories.items()}
        frequencies = {key: _frequency(entry) for key, entry in categories.items()}
        pictures = tuple(_picture(entry, images) for entry in chosen)
        kept = {picture.id: picture for picture in pictures}
        listed = entries(document, "annotations")
        check_orphans(listed, {int(entry["id"]) for entry in document["images"]})
        annotations = tuple(
            read_object(entry, names, kept[number])
            for entry in listed
            if (number := read_id(entry, "image_id", "annotation")) in kept
        )
        absent, incomplete = (
            {int(entry["id"]): _known(entry, field, names) for entry in chosen}
            for field in (_NEGATIVE, _NOT_EXHAUSTIVE)
        )
        check_once("picture id", [picture.id for picture in pictures])
        check_once("category id", [int(entry["id"]) for entry in document["categories"]])
        check_once("annotation id", [annotation["id"] for annotation in annotations])
    if not pictures:
        raise EvaluationError(f"{shown_path(source)}: expected pictures, found none")
    missing = [picture.path for picture in pictures if not picture.path.is_file()]
    if missing:
        # Checked before an hour of work: LVIS's val has pictures of COCO's train.
        raise EvaluationError(
            f"{shown_path(missing[0])}: expected a picture of {shown_path(source.name)}, "
            f"found none ({len(missing)} of {len(pictures)} are missing)"
        )
    # The lvis package leaves out objects without an area too.
    solid = tuple(annotation for annotation in annotations if annotation["area"] > 0)
    return LvisDataset(source.name, pictures, names, frequencies, solid, absent, incomplete)


def asked_name(category: Mapping[str, Any]) -> str:
    """Returns the first synonym as words, without what is in parentheses.

    "bow_(weapon)" is "bow", as in the texts that YOLO-World and DOSOD (card 01) are measured
    with. A category without synonyms is asked for by its name.

    Raises:
        EvaluationError: there is neither.
    """
    synonyms = category.get("synonyms") or [category.get("name")]
    first = synonyms[0] if isinstance(synonyms, list) else None
    name = _PARENTHESES.sub(" ", first).replace("_", " ") if isinstance(first, str) else ""
    name = " ".join(name.split())
    if not name:
        raise EvaluationError(
            f"category {category['id']}: expected synonyms or a name, "
            f"found {shown(category.get('synonyms', category.get('name')))}"
        )
    return name


def _frequency(category: Mapping[str, Any]) -> Frequency:
    found = category.get("frequency")
    for frequency in FREQUENCIES:
        if found == frequency:
            return frequency
    raise EvaluationError(
        f"category {category['id']}: frequency: expected {' or '.join(FREQUENCIES)}, "
        f"found {shown(found)}"
    )


def _known(image: Mapping[str, Any], field: str, names: Mapping[int, str]) -> frozenset[int]:
    """Returns one of the lists of categories of an entry of `images`."""
    found = image.get(field)
    if not isinstance(found, list):
        raise EvaluationError(
            f"image {image['id']}: {field}: expected a list, as LVIS has, found {shown(found)}"
        )
    for key in found:
        if key not in names:
            raise EvaluationError(
                f"image {image['id']}: {field}: expected known categories, found {shown(key)}"
            )
    return frozenset(found)


def _picture(entry: Mapping[str, Any], images: Path) -> Picture:
    """Reads a picture, which LVIS v1 names by `coco_url`; some copies also use `file_name`."""
    stated = entry.get("coco_url", entry.get("file_name"))
    if not isinstance(stated, str):
        raise EvaluationError(
            f"image {entry['id']}: expected coco_url or file_name, found {shown(stated)}"
        )
    try:
        # The last folder is COCO's, e.g. val2017/000000397133.jpg.
        parts = [part for part in urlsplit(stated).path.split("/") if part][-2:]
        path = find_picture(images, ("/".join(parts), "".join(parts[-1:])))
    except ValueError as error:  # of the place, or of an address in brackets
        found = str(error) if isinstance(error, PlaceError) else f"found {shown(stated)}"
        raise EvaluationError(f"image {entry['id']}: coco_url: {found}") from None
    size = (int(entry["height"]), int(entry["width"])) if "height" in entry else None
    return Picture(int(entry["id"]), "/".join(parts), path, size)
