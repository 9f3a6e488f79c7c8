# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Labelled pictures as Label Studio's tasks with predictions, and its labelling interface.

Source: Label Studio's guide, "Import pre-annotated data" and the tags RectangleLabels and
PolygonLabels. Places are percent of the picture.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from vit_perception.evaluation.labelling.labelled import LabelledPicture, Thing
from vit_perception.evaluation.labelling.outlines import Polygon, outlines

LOCAL_FILES = "/data/local-files/?d=images/"
"""Where Label Studio serves pictures of its LOCAL_FILES_DOCUMENT_ROOT."""
IMAGE, BOX, OUTLINE = "image", "box", "outline"
# Of percent: far below a pixel of any picture.
_DECIMALS = 7


def tasks(
    pictures: Sequence[LabelledPicture], model: str, address: str = LOCAL_FILES
) -> list[dict[str, Any]]:
    """Returns a task for each picture, with what was proposed as its prediction.

    A thing with a mask has an outline, without one a box. A mask of several parts has several
    outlines; the smaller ones have the largest as their parent.

    Args:
        pictures: with their things.
        model: name of what proposed them.
        address: of the pictures, before the file's name.
    """
    return [
        {
            "data": {IMAGE: address + quote(picture.file_name)},
            "predictions": [_prediction(number, picture, model)],
        }
        for number, picture in enumerate(pictures, start=1)
    ]


def text(found: Sequence[dict[str, Any]]) -> bytes:
    """Returns tasks as JSON, a task a line."""
    lines = ",\n".join(json.dumps(task, ensure_ascii=False) for task in found)
    return f"[\n{lines}\n]\n".encode()


def interface(names: Sequence[str], *, masks: bool) -> bytes:
    """Returns the labelling configuration, which is pasted into a project.

    Boxes cannot be turned there: what evaluates boxes has none that are.
    """
    view = ElementTree.Element("View")
    ElementTree.SubElement(
        view, "Image", name=IMAGE, value=f"${IMAGE}", zoom="true", zoomControl="true"
    )
    tags = [("RectangleLabels", {"name": BOX, "toName": IMAGE, "canRotate": "false"})]
    if masks:
        tags.append(("PolygonLabels", {"name": OUTLINE, "toName": IMAGE}))
    for tag, attributes in tags:
        labels = ElementTree.SubElement(view, tag, attributes)
        for name in names:
            ElementTree.SubElement(labels, "Label", value=name)
    ElementTree.indent(view)
    return bytes(ElementTree.tostring(view, encoding="utf-8")) + b"\n"


def _prediction(number: int, picture: LabelledPicture, model: str) -> dict[str, Any]:
    results: list[dict[str, Any]] = []
    for place, thing in enumerate(picture.things):
        results += _regions(f"p{number}t{place}", picture, thing)
    scores = [thing.score for thing in picture.things if thing.score is not None]
    found: dict[str, Any] = {"model_version": model, "result": results}
    if scores:
        # Tasks can be ordered by it: those that the model is least sure of come first.
        found["score"] = round(sum(scores) / len(scores), 5)
    return found


def _regions(key: str, picture: LabelledPicture, thing: Thing) -> list[dict[str, Any]]:
    polygons = [] if thing.mask is None else outlines(thing.mask)
    if not polygons:
        x1, y1, x2, y2 = thing.box
        (left, top), (right, bottom) = _percent([(x1, y1), (x2, y2)], picture)
        value = {
            "x": left,
            "y": top,
            "width": round(right - left, _DECIMALS),
            "height": round(bottom - top, _DECIMALS),
            "rotation": 0,
            "rectanglelabels": [thing.name],
        }
        return [_region(key, picture, thing, BOX, "rectanglelabels", value)]
    regions = []
    for part, polygon in enumerate(polygons):
        value = {
            "points": [list(corner) for corner in _percent(polygon, picture)],
            "closed": True,
            "polygonlabels": [thing.name],
        }
        region = _region(f"{key}o{part}", picture, thing, OUTLINE, "polygonlabels", value)
        if part:
            region["parentID"] = f"{key}o0"
        regions.append(region)
    return regions


def _region(
    key: str, picture: LabelledPicture, thing: Thing, tag: str, kind: str, value: dict[str, Any]
) -> dict[str, Any]:
    region: dict[str, Any] = {
        "id": key,
        "type": kind,
        "from_name": tag,
        "to_name": IMAGE,
        "original_width": picture.width,
        "original_height": picture.height,
        "image_rotation": 0,
        "value": value,
    }
    if thing.score is not None:
        region["score"] = thing.score
    return region


def _percent(corners: Polygon, picture: LabelledPicture) -> Polygon:
    return [
        (round(100 * x / picture.width, _DECIMALS), round(100 * y / picture.height, _DECIMALS))
        for x, y in corners
    ]
