# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Labels as COCO json: one file a data set, with our own keys beside the standard ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vit_perception.scenes.labels import Label


def categories(names: Sequence[str]) -> list[dict[str, Any]]:
    """Every category of the asset folder, sorted, ids from 1: the same for every data set."""
    return [{"id": number, "name": name} for number, name in enumerate(sorted(names), start=1)]


def annotation(label: Label, category_id: int) -> dict[str, Any]:
    """One object without its ids; `ignore` (and iscrowd 1) marks what is too hidden to ask for."""
    thing = label.thing
    return {
        "category_id": category_id,
        "bbox": list(label.box),
        "area": label.area,
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


def assemble(
    pictures: Sequence[dict[str, Any]], names: Sequence[str], info: dict[str, Any]
) -> dict[str, Any]:
    """The whole COCO document from the records of dataset.py, in order of their index."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for picture in pictures:
        image_id = picture["index"] + 1
        images.append(
            {
                "id": image_id,
                "file_name": picture["file_name"],
                "width": picture["width"],
                "height": picture["height"],
            }
        )
        for entry in picture["annotations"]:
            annotations.append({"id": len(annotations) + 1, "image_id": image_id, **entry})
    return {
        "info": info,
        "images": images,
        "annotations": annotations,
        "categories": categories(names),
    }
