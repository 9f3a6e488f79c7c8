# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads what Label Studio exports as JSON.

Source: Label Studio's guide, "Label Studio JSON format of annotated tasks" and the tags
RectangleLabels, PolygonLabels and BrushLabels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.labelling.corrections import Corrections, named, turned
from vit_perception.evaluation.labelling.label_studio import IMAGE
from vit_perception.evaluation.labelling.labelled import LabelledPicture, Thing
from vit_perception.evaluation.labelling.outlines import Polygon
from vit_perception.wording import shown

# Places may lie a little beyond the picture, where the hand slipped.
_MOST_PERCENT = 1000.0

Region = Mapping[str, Any]


def is_label_studio(document: object) -> bool:
    """Returns whether a JSON document is a list of tasks."""
    return isinstance(document, list) and all(
        isinstance(task, dict) and isinstance(task.get("data"), dict) for task in document
    )


def read_tasks(document: Sequence[Mapping[str, Any]], corrections: Corrections) -> None:
    """Takes the annotations of all tasks; those that nobody went through are counted.

    Raises:
        EvaluationError: a task does not fit; the message lacks the file.
    """
    for number, task in enumerate(document, start=1):
        which = task.get("id", number)
        try:
            picture = corrections.find(_file_name(task["data"]))
            annotation = _annotation(task, corrections)
            if annotation is not None:
                corrections.add(picture, _things(annotation, picture, corrections))
        except EvaluationError as error:
            raise EvaluationError(f"task {shown(which)}: {error}") from None


def _file_name(data: Mapping[str, Any]) -> str:
    address = data.get(IMAGE)
    if not isinstance(address, str):
        raise EvaluationError(
            f"data: expected the address of an '{IMAGE}', found {shown(address)}"
        )
    try:
        parts = urlsplit(address)
    except ValueError:
        return address
    served = parse_qs(parts.query).get("d")
    return served[0] if served else unquote(parts.path)


def _annotation(task: Mapping[str, Any], corrections: Corrections) -> Mapping[str, Any] | None:
    """Returns the annotation that counts: ground truth, else the one that was changed last."""
    listed = task.get("annotations")
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise EvaluationError(
            f"annotations: expected a list, as the export 'JSON' has, found {shown(listed)}"
        )
    kept: list[Mapping[str, Any]] = [each for each in listed if not each.get("was_cancelled")]
    if not kept:
        what = "skipped" if listed else "not annotated yet"
        corrections.notes[f"pictures {what}, left out"] += 1
        return None
    if len(kept) > 1:
        corrections.notes["pictures annotated several times, taken as the last one has it"] += 1

    def order(place: int) -> tuple[bool, str, int]:
        changed = kept[place].get("updated_at") or kept[place].get("created_at") or ""
        return bool(kept[place].get("ground_truth")), str(changed), place

    return kept[max(range(len(kept)), key=order)]


def _things(
    annotation: Mapping[str, Any], picture: LabelledPicture, corrections: Corrections
) -> list[Thing]:
    regions = annotation.get("result")
    if not isinstance(regions, list) or not all(isinstance(each, dict) for each in regions):
        raise EvaluationError(f"result: expected a list of regions, found {shown(regions)}")
    found: list[Thing | None] = []
    drawn: list[_Outline] = []
    for place, region in enumerate(regions):
        kind = region.get("type")
        if kind == "rectanglelabels":
            found.append(_box(_value(region, kind, picture), corrections, picture))
        elif kind == "polygonlabels":
            drawn.append(_outline(region, _value(region, kind, picture), f"#{place}", picture))
        elif kind == "brushlabels":
            raise EvaluationError(
                "expected boxes and outlines, found a brush: export such a project as COCO"
            )
        else:
            corrections.notes[f"regions of the kind {shown(kind)}, left out"] += 1
    for name, polygons in _joined(drawn):
        found.append(corrections.outlined(name, polygons, picture))
    return [thing for thing in found if thing is not None]


@dataclass(frozen=True, slots=True)
class _Outline:
    key: str
    parent: str
    name: str
    polygon: Polygon


def _joined(drawn: Sequence[_Outline]) -> list[tuple[str, list[Polygon]]]:
    """Returns the parts of each thing: an outline is one of its parent's, if the name is."""
    by_key = {each.key: each for each in drawn}
    groups: dict[str, tuple[str, list[Polygon]]] = {}
    for each in drawn:
        whole, seen = each, {each.key}
        while True:
            above = by_key.get(whole.parent)
            if above is None or above.name != each.name or above.key in seen:
                break
            whole = above
            seen.add(above.key)
        groups.setdefault(whole.key, (each.name, []))[1].append(each.polygon)
    return list(groups.values())


def _value(region: Region, kind: str, picture: LabelledPicture) -> Region:
    """Returns the place and the label of a region of this picture."""
    if region.get("image_rotation"):
        raise EvaluationError(
            "image_rotation: expected a picture that was not turned, found "
            f"{shown(region['image_rotation'])}"
        )
    size = region.get("original_width"), region.get("original_height")
    if size not in ((None, None), (picture.width, picture.height)):
        raise EvaluationError(
            f"expected a picture of {picture.width}x{picture.height} px, found one of "
            f"{shown(size[0])}x{shown(size[1])}"
        )
    value = region.get("value")
    if not isinstance(value, dict):
        raise EvaluationError(f"value: expected a region, found {shown(value)}")
    labels = value.get(kind)
    if not isinstance(labels, list) or len(labels) != 1:
        raise EvaluationError(f"{kind}: expected one label, found {shown(labels)}")
    return {**value, "name": named(labels[0])}


def _box(value: Region, corrections: Corrections, picture: LabelledPicture) -> Thing | None:
    x, y, width, height = (_percent(value, key) for key in ("x", "y", "width", "height"))
    left, right = (picture.width * each / 100 for each in (x, x + width))
    top, bottom = (picture.height * each / 100 for each in (y, y + height))
    degrees = _percent(value, "rotation") if value.get("rotation") is not None else 0.0
    if not degrees % 360:
        return corrections.box(value["name"], (left, top, right, bottom), picture)
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    around = [turned(corner, (left, top), degrees) for corner in corners]
    return corrections.rotated(value["name"], around, picture)


def _outline(region: Region, value: Region, number: str, picture: LabelledPicture) -> _Outline:
    points = value.get("points")
    if not isinstance(points, list) or len(points) < 3:
        raise EvaluationError(f"points: expected three or more, found {shown(points)}")
    polygon = []
    for point in points:
        if not isinstance(point, list) or len(point) != 2:
            raise EvaluationError(f"points: expected [x, y] in percent, found {shown(point)}")
        x, y = (_percent({"points": each}, "points") for each in point)
        polygon.append((picture.width * x / 100, picture.height * y / 100))
    key, parent = region.get("id"), region.get("parentID")
    return _Outline(
        key if isinstance(key, str) else number,
        parent if isinstance(parent, str) else "",
        value["name"],
        polygon,
    )


def _percent(value: Region, key: str) -> float:
    found: Any = value.get(key)
    # Written so that NaN fails.
    if type(found) not in (int, float) or not abs(found) <= _MOST_PERCENT:
        raise EvaluationError(f"{key}: expected a number of percent, found {shown(found)}")
    return float(found)
