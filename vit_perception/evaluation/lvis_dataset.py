# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""LVIS v1: COCO's pictures, of each of which only some categories are known (arXiv 1908.03195)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from urllib.parse import urlsplit

from vit_perception.evaluation.coco_file import check_limit, check_once, entries
from vit_perception.evaluation.dataset import Picture, read_annotation
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.wording import shown

# Categories by the pictures of the training set that have them: below 10, below 100, others.
Frequency = Literal["r", "c", "f"]
FREQUENCIES: tuple[Frequency, ...] = ("r", "c", "f")

_NEGATIVE, _NOT_EXHAUSTIVE = "neg_category_ids", "not_exhaustive_category_ids"
_PARENTHESES = re.compile(r"\([^()]*\)")


@dataclass(frozen=True, slots=True)
class LvisDataset:
    """Pictures with boxes of the categories that are known of each.

    Attributes:
        name: of its file.
        pictures: in the order of their ids.
        names: category id → the name that is asked for; several may share one.
        frequencies: category id → how frequent it is.
        annotations: the objects in the form of `Dataset.annotations`.
        absent: picture id → categories that are surely not in it.
        incomplete: picture id → categories of which not all objects are marked.

    """

    name: str
    pictures: tuple[Picture, ...]
    names: dict[int, str]
    frequencies: dict[int, Frequency]
    annotations: tuple[dict[str, Any], ...]
    absent: dict[int, frozenset[int]]
    incomplete: dict[int, frozenset[int]]

    def asked(self) -> dict[str, tuple[int, ...]]:
        """Names to ask for → the categories each stands for, in the order of their ids.

        Names that a text encoder cannot tell apart ("bow", the weapon and the ribbon) are asked
        for once.
        """
        spelled: dict[str, str] = {}
        targets: dict[str, tuple[int, ...]] = {}
        for key in sorted(self.names):
            name = spelled.setdefault(self.names[key].lower(), self.names[key])
            targets[name] = (*targets.get(name, ()), key)
        return targets

    def judged(self) -> dict[int, frozenset[int]]:
        """Picture id → categories known to be in it or not: those that can be right or wrong."""
        there = {picture.id: set(self.absent[picture.id]) for picture in self.pictures}
        for annotation in self.annotations:
            there[annotation["image_id"]].add(annotation["category_id"])
        return {picture: frozenset(categories) for picture, categories in there.items()}


def is_lvis(document: Mapping[str, Any]) -> bool:
    """Whether a COCO document has what only LVIS has, at any of its entries."""
    for key, field in (("images", _NEGATIVE), ("categories", "frequency")):
        values = document.get(key)
        if isinstance(values, list) and any(isinstance(v, dict) and field in v for v in values):
            return True
    return False


def lvis_from(
    document: dict[str, Any], source: Path, images: Path, limit: int | None = None
) -> LvisDataset:
    """Check what `read_document` found in an LVIS file.

    Args:
        document: see `is_lvis`.
        source: the file, for messages; its name becomes the dataset's.
        images: folder with the pictures, in val2017/ and train2017/ or all together.
        limit: keep only the first pictures, in the order of their ids; None keeps all.

    Raises:
        EvaluationError: an entry is not LVIS's form, or a picture's file is absent.

    """
    check_limit(limit)
    try:
        chosen = sorted(entries(document, "images"), key=lambda entry: int(entry["id"]))[:limit]
        categories = {int(entry["id"]): entry for entry in entries(document, "categories")}
        names = {key: asked_name(entry) for key, entry in categories.items()}
        frequencies = {key: _frequency(entry) for key, entry in categories.items()}
        pictures = tuple(_picture(entry, images) for entry in chosen)
        kept = {picture.id: picture for picture in pictures}
        annotations = tuple(
            read_annotation(entry, names, kept[int(entry["image_id"])])
            for entry in entries(document, "annotations")
            if int(entry["image_id"]) in kept
        )
        absent, incomplete = (
            {int(entry["id"]): _known(entry, field, names) for entry in chosen}
            for field in (_NEGATIVE, _NOT_EXHAUSTIVE)
        )
    except EvaluationError as error:
        raise EvaluationError(f"{source}: {error}") from None
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise EvaluationError(f"{source}: expected LVIS entries, found {error!r}") from error
    if not pictures:
        raise EvaluationError(f"{source}: expected pictures, found none")
    check_once(source, "picture id", [picture.id for picture in pictures])
    check_once(source, "category id", [int(entry["id"]) for entry in document["categories"]])
    check_once(source, "annotation id", [annotation["id"] for annotation in annotations])
    missing = [picture.path for picture in pictures if not picture.path.is_file()]
    if missing:
        # Before an hour of work rather than after it: LVIS's val has pictures of COCO's train.
        raise EvaluationError(
            f"{missing[0]}: expected a picture of {source.name}, found none "
            f"({len(missing)} of {len(pictures)} are missing)"
        )
    # The lvis package leaves objects without an area out; so does this.
    solid = tuple(annotation for annotation in annotations if annotation["area"] > 0)
    return LvisDataset(source.name, pictures, names, frequencies, solid, absent, incomplete)


def asked_name(category: Mapping[str, Any]) -> str:
    """The first synonym without what stands in parentheses, words apart.

    "bow_(weapon)" is "bow", as in the texts that YOLO-World and DOSOD (card 01) are measured
    with. A category without synonyms has its name.

    Raises:
        EvaluationError: neither is a name.

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
    """One of the lists of categories of an entry of `images`."""
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
    """LVIS v1 names a picture by `coco_url`; some copies of it by `file_name` as well."""
    stated = entry.get("coco_url", entry.get("file_name"))
    if not isinstance(stated, str) or not stated:
        raise EvaluationError(
            f"image {entry['id']}: expected coco_url or file_name, found {shown(stated)}"
        )
    # The last folder is COCO's: val2017/000000397133.jpg.
    parts = PurePosixPath(urlsplit(stated).path).parts[-2:]
    if ".." in parts or not parts or "\0" in stated:
        raise EvaluationError(
            f"image {entry['id']}: expected a file's name, found {shown(stated)}"
        )
    places = (images.joinpath(*parts), images / parts[-1])
    path = next((place for place in places if place.is_file()), places[0])
    size = (int(entry["height"]), int(entry["width"])) if "height" in entry else None
    return Picture(int(entry["id"]), "/".join(parts), path, size)
