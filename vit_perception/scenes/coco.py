# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Labels as COCO json: one file per data set, with our own keys beside the standard ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vit_perception.rle import encode_mask
from vit_perception.scenes.labels import Label, Picture

if TYPE_CHECKING:
    from vit_perception.scenes.choice import Pair

DECIMALS = 6
"""Of metres and rotations: far below what a pixel shows."""


def categories(names: Sequence[str]) -> list[dict[str, Any]]:
    """Returns all categories of the asset folder, sorted, ids from 1: equal for every data set."""
    return [{"id": number, "name": name} for number, name in enumerate(sorted(names), start=1)]


def annotation(label: Label, category_id: int, mask: np.ndarray) -> dict[str, Any]:
    """Returns an object without ids; `ignore` (and iscrowd 1) marks those too hidden to ask for.

    `mask` bool [H,W]: its visible pixels.
    """
    thing = label.thing
    return {
        "category_id": category_id,
        "bbox": list(label.box),
        "area": label.area,
        "segmentation": encode_mask(mask),
        "iscrowd": int(label.ignored),
        "ignore": int(label.ignored),
        "visible_fraction": round(label.visible_fraction, 3),
        "object": thing.asset,
        "names": list(thing.names),
        "colours": list(thing.colours),
        "material": thing.material,
        "caption": thing.caption,
        "part": thing.part,
    }


def record(
    picture: Picture, index: int, category_ids: dict[str, int], pair: Pair | None = None
) -> dict[str, Any]:
    """Returns a picture with its annotations, before their ids are known.

    `pair` is the pair that the picture asks for; annotations are referred to by their place in it.
    """
    stem = f"{index:07d}"
    found: dict[str, Any] = {
        "index": index,
        "file_name": f"{stem}.jpg",
        "width": picture.width,
        "height": picture.height,
    }
    if picture.depth is not None:
        found["depth"] = f"{stem}.png"
    if picture.roles is not None:
        found["class_map"] = f"{stem}.png"
    if picture.camera is not None:
        found["camera"] = {
            "name": picture.camera.name,
            "K": _numbers(picture.camera.intrinsics),
            "pose": _numbers(picture.camera.pose),
        }
    if pair is not None:
        found["asks"] = asks(picture.labels, pair)
    annotations = []
    for number, label in enumerate(picture.labels):
        entry = annotation(label, category_ids[label.thing.category], picture.owner == number)
        if picture.poses is not None:
            entry["pose"] = _numbers(picture.poses[number])
        annotations.append(entry)
    found["annotations"] = annotations
    return found


def _numbers(matrix: np.ndarray) -> list[float]:
    return [round(float(value), DECIMALS) for value in matrix.reshape(-1)]


def asks(labels: Sequence[Label], pair: Pair) -> list[dict[str, Any]]:
    """Returns both questions of a pair; none if one of the two cannot be asked for."""
    places = {label.thing.asset: n for n, label in enumerate(labels) if not label.ignored}
    found = [places.get(asset.id) for asset in pair.objects]
    if None in found:
        return []
    first, second = found
    return [
        {"phrase": phrase, "annotation": asked, "other": other, "part": pair.part}
        for phrase, asked, other in zip(
            pair.phrases, (first, second), (second, first), strict=True
        )
    ]


def assemble(
    pictures: Sequence[dict[str, Any]], names: Sequence[str], info: dict[str, Any]
) -> dict[str, Any]:
    """Returns the whole COCO document from the records of all pictures, in order of their index.

    Pictures that could not be made (`unmade`: the reason) are listed in its info.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    unmade = [picture for picture in pictures if "unmade" in picture]
    for picture in pictures:
        if "unmade" in picture:
            continue
        image_id = picture["index"] + 1
        before = len(annotations) + 1
        image = {key: value for key, value in picture.items() if key not in _NOT_IN_IMAGES}
        if "asks" in picture:
            image["asks"] = [
                {**ask, "annotation": before + ask["annotation"], "other": before + ask["other"]}
                for ask in picture["asks"]
            ]
        images.append({"id": image_id, **image})
        for entry in picture["annotations"]:
            annotations.append({"id": len(annotations) + 1, "image_id": image_id, **entry})
    return {
        "info": {**info, "unmade": unmade},
        "images": images,
        "annotations": annotations,
        "categories": categories(names),
    }


_NOT_IN_IMAGES = frozenset({"index", "annotations"})


def text(document: dict[str, Any]) -> str:
    """Returns the JSON of a document, one line per entry, so that errors can name the line."""
    parts = []
    for key, value in document.items():
        if isinstance(value, list):
            entries = ",\n".join(json.dumps(entry) for entry in value)
            parts.append(f"{json.dumps(key)}: [\n{entries}\n]")
        else:
            parts.append(f"{json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"
