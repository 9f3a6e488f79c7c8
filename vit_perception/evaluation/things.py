# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The things of a dataset that can be shown, and the boxes that may show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.coco_entries import corners, read_id
from vit_perception.evaluation.coco_file import ANNOTATIONS, entries
from vit_perception.evaluation.dataset import Dataset
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.wording import shown, shown_path

By = Literal["category", "object"]
LEAST_VISIBLE = 0.5
"""Of a thing that is shown; rendered datasets state the part that nothing hides."""
LEAST_AREA = 32 * 32
"""Pixels of a box that is shown: COCO's bound of small objects."""
_TRAINED = "train"

Scene = int | str


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """A box that may show a thing.

    Attributes:
        annotation: COCO id.
        picture: COCO id.
        scene: pictures of one scene do not show things to each other.
        sides: float32 [4], x1 y1 x2 y2 px.
    """

    annotation: int
    picture: int
    scene: Scene
    sides: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Things:
    """What is shown and looked for.

    Attributes:
        data: the dataset; a category is a thing. An object that no picture of another scene could
            show is marked as a crowd: it does not count, however it is looked for.
        texts: of each thing's name: how it is said.
        boxes: of each category that is asked for: those that may show it, by annotation.
        scenes: of each picture.
    """

    data: Dataset
    texts: Mapping[str, str]
    boxes: Mapping[int, tuple[Box, ...]]
    scenes: Mapping[int, Scene]


def things_from(document: dict[str, Any], data: Dataset, by: By) -> Things:
    """Returns the things of a dataset.

    A box may show a thing if it has LEAST_AREA, is no crowd, and LEAST_VISIBLE of the thing is
    visible where `visible_fraction` is stated.

    Args:
        document: what `data` was made from.
        data: the dataset, with categories to ask for.
        by: "category": a thing is a category, said by its name. "object": a thing is what an
            annotation calls `object`, said by its `caption`, else by its category; things of the
            part "train" are not asked for if there are others, since a detector was trained on
            them.

    Raises:
        EvaluationError: no annotation has an `object`, or a field has another type; names the
            file.
    """
    try:
        noted = {
            read_id(entry, "id", "annotation"): entry for entry in entries(document, "annotations")
        }
        scenes = {picture.id: _scene(None, picture.id) for picture in data.pictures}
        for entry in entries(document, "images"):
            number = read_id(entry, "id", "image")
            if number in scenes:
                scenes[number] = _scene(entry.get("scene"), number)
        if by == "object":
            data, texts = _by_object(data, noted)
        else:
            texts = {name: name for name in data.names}
        visible = {a["id"]: _visible(noted[a["id"]]) for a in data.annotations}
    except EvaluationError as error:
        where = shown_path(data.directory / ANNOTATIONS)
        raise EvaluationError(f"{where}: {error}") from None
    boxes: dict[int, list[Box]] = {key: [] for key in sorted(data.asked)}
    for each in data.annotations:
        width, height = each["bbox"][2:]
        fits = width * height >= LEAST_AREA and visible[each["id"]] >= LEAST_VISIBLE
        if each["category_id"] in boxes and fits and not each["iscrowd"]:
            picture = each["image_id"]
            box = Box(each["id"], picture, scenes[picture], corners([each["bbox"]])[0])
            boxes[each["category_id"]].append(box)
    shows = {key: {box.scene for box in some} for key, some in boxes.items()}
    annotations = tuple(
        each
        if shows.get(each["category_id"], set()) - {scenes[each["image_id"]]}
        else {**each, "iscrowd": 1}
        for each in data.annotations
    )
    return Things(
        replace(data, annotations=annotations),
        texts,
        {key: tuple(some) for key, some in boxes.items()},
        scenes,
    )


def _by_object(
    data: Dataset, noted: Mapping[int, Mapping[str, Any]]
) -> tuple[Dataset, dict[str, str]]:
    """Returns the dataset with a category for each object, and how each is said."""
    named = {a["id"]: _text(noted[a["id"]], "object") for a in data.annotations}
    names = sorted({name for name in named.values() if name})
    if not names:
        raise EvaluationError("annotations: expected 'object' in some, found none")
    ids = {name: number for number, name in enumerate(names, start=1)}
    texts: dict[str, str] = {}
    kept = []
    for each in data.annotations:
        name = named[each["id"]]
        if name:
            caption = _text(noted[each["id"]], "caption")
            texts.setdefault(name, caption or data.categories[each["category_id"]])
            kept.append({**each, "category_id": ids[name]})
    asked = _untrained(kept) or frozenset(ids.values())
    categories = {number: name for name, number in ids.items()}
    objects = replace(data, categories=categories, annotations=tuple(kept), asks=(), asked=asked)
    return objects, {name: texts[name] for name in objects.names}


def _untrained(annotations: Iterable[Mapping[str, Any]]) -> frozenset[int]:
    return frozenset(a["category_id"] for a in annotations if a["part"] != _TRAINED)


def _scene(stated: object, picture: int) -> Scene:
    """Returns a scene; a picture without one is a scene of its own."""
    if stated is None:
        return f"picture {picture}"
    if isinstance(stated, str) or type(stated) is int:
        return stated
    raise EvaluationError(
        f"image {picture}: scene: expected a word or an integer, found {shown(stated)}"
    )


def _visible(entry: Mapping[str, Any]) -> float:
    stated = entry.get("visible_fraction", 1.0)
    # A NaN fails too.
    if isinstance(stated, (int, float)) and 0 <= stated <= 1:
        return float(stated)
    raise EvaluationError(
        f"annotation {shown(entry.get('id'))}: visible_fraction: expected 0 to 1, found "
        f"{shown(stated)}"
    )


def _text(entry: Mapping[str, Any], key: str) -> str:
    stated = entry.get(key)
    if stated is None:
        return ""
    if isinstance(stated, str):
        return " ".join(stated.split())
    raise EvaluationError(
        f"annotation {shown(entry.get('id'))}: {key}: expected a text, found {shown(stated)}"
    )
