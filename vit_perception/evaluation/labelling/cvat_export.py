# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads "CVAT for images 1.1".

Source: CVAT's manual, "XML annotation format", version 1.1. Of masks the runs go along the rows of
their rectangle and begin with what is outside; boxes may be turned about their centre.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any
from xml.etree.ElementTree import Element, ParseError

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.labelling.corrections import Corrections, named, turned
from vit_perception.evaluation.labelling.labelled import LabelledPicture, Thing
from vit_perception.evaluation.labelling.outlines import Polygon, filled
from vit_perception.rle import decode_mask, encode_mask
from vit_perception.wording import one_line, shown

_SHAPES = ("box", "polygon", "mask")
_OTHERS = ("polyline", "points", "ellipse", "cuboid", "skeleton", "tag")
# A picture, its shapes and their attributes lie at 2, 3 and 4.
_MOST_DEPTH = 16
# px: places may lie a little beyond the picture, where the hand slipped.
_MOST_PLACE = 1e6


def read_images(file: IO[bytes], corrections: Corrections) -> None:
    """Takes the shapes of all pictures.

    Raises:
        EvaluationError: it is another file, or a shape does not fit; the message lacks the file.
    """
    for image in _pictures_and_meta(file):
        if image.tag == "meta":
            labels = (label.findtext("name") for label in image.iter("label"))
            corrections.labels = {named(label) for label in labels}
            continue
        name = image.get("name")
        try:
            picture = corrections.find(_text(image, "name"))
            _check_size(image, picture)
            corrections.add(picture, _things(image, picture, corrections))
        except EvaluationError as error:
            raise EvaluationError(f"image {shown(name)}: {error}") from None


def _pictures_and_meta(file: IO[bytes]) -> Iterator[Element]:
    """Yields these elements one after the other; each is freed before the next."""
    # Here, as it is in an extra: only those who read corrections need it.
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import iterparse

    depth = 0
    root: Element | None = None
    try:
        # A document type could define entities that grow without end, or lead to other files.
        for event, element in iterparse(file, events=("start", "end"), forbid_dtd=True):
            if event == "start":
                depth += 1
                if root is None:
                    root = element
                    _check_root(root)
                if depth > _MOST_DEPTH:
                    raise EvaluationError("expected CVAT's elements, found nesting without end")
                if element.tag == "track":
                    raise EvaluationError(
                        "expected 'CVAT for images 1.1', found tracks: export in that form"
                    )
                continue
            depth -= 1
            if depth == 1 and root is not None:
                if element.tag in ("image", "meta"):
                    yield element
                root.clear()
    except DefusedXmlException as error:
        raise EvaluationError(
            f"expected XML without a document type, found {one_line(error)}"
        ) from None
    except (ParseError, UnicodeError, ValueError, LookupError) as error:
        if isinstance(error, EvaluationError):
            raise
        raise EvaluationError(f"expected XML, found {one_line(error)}") from None


def _check_root(root: Element) -> None:
    if root.tag != "annotations":
        raise EvaluationError(
            f"expected 'CVAT for images 1.1' (annotations), found {shown(root.tag)}"
        )


def _check_size(image: Element, picture: LabelledPicture) -> None:
    size = image.get("width"), image.get("height")
    if size not in ((None, None), (str(picture.width), str(picture.height))):
        raise EvaluationError(
            f"expected {picture.width}x{picture.height} px, found {shown(size[0])}x"
            f"{shown(size[1])}"
        )


@dataclass(slots=True)
class _Group:
    """Shapes that are one thing."""

    name: str
    polygons: list[Polygon] = field(default_factory=list)
    masks: list[NDArray[np.bool_]] = field(default_factory=list)


def _things(image: Element, picture: LabelledPicture, corrections: Corrections) -> list[Thing]:
    found: list[Thing | None] = []
    groups: dict[tuple[str, str], _Group] = {}
    for place, shape in enumerate(image):
        if shape.tag not in _SHAPES:
            known = shape.tag if shape.tag in _OTHERS else "other"
            corrections.notes[f"shapes of the kind {known}, left out"] += 1
            continue
        name = named(shape.get("label"))
        if shape.tag == "box":
            found.append(_box(shape, name, picture, corrections))
            continue
        grouped = shape.get("group_id", "0")
        key = (name, f"group {grouped}" if grouped != "0" else f"shape {place}")
        group = groups.setdefault(key, _Group(name))
        if shape.tag == "polygon":
            group.polygons.append(_polygon(shape))
        else:
            group.masks.append(_mask(shape, picture))
    for group in groups.values():
        found.append(_joined(group, picture, corrections))
    return [thing for thing in found if thing is not None]


def _joined(group: _Group, picture: LabelledPicture, corrections: Corrections) -> Thing | None:
    if not group.masks:
        return corrections.outlined(group.name, group.polygons, picture)
    masks = [*group.masks]
    if group.polygons:
        masks.append(decode_mask(filled(group.polygons, (picture.height, picture.width))))
    return corrections.masked(group.name, encode_mask(np.logical_or.reduce(masks)))


def _box(
    shape: Element, name: str, picture: LabelledPicture, corrections: Corrections
) -> Thing | None:
    x1, y1, x2, y2 = (_number(shape.attrib, key) for key in ("xtl", "ytl", "xbr", "ybr"))
    degrees = _number(shape.attrib, "rotation") if "rotation" in shape.attrib else 0.0
    if not degrees % 360:
        return corrections.box(name, (x1, y1, x2, y2), picture)
    centre = ((x1 + x2) / 2, (y1 + y2) / 2)
    corners = [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]
    around = [turned(corner, centre, degrees) for corner in corners]
    return corrections.rotated(name, around, picture)


def _polygon(shape: Element) -> Polygon:
    polygon = []
    for point in _text(shape, "points").split(";"):
        values = point.split(",")
        if len(values) != 2:
            raise EvaluationError(f"points: expected x,y;x,y, found {shown(point)}")
        x, y = (_number({"points": value}, "points") for value in values)
        polygon.append((x, y))
    if len(polygon) < 3:
        raise EvaluationError(f"points: expected three or more, found {len(polygon)}")
    return polygon


def _mask(shape: Element, picture: LabelledPicture) -> NDArray[np.bool_]:
    left, top, width, height = (
        _integer(shape.get(key, ""), key) for key in ("left", "top", "width", "height")
    )
    right, bottom = left + width, top + height
    if not (width and height and right <= picture.width and bottom <= picture.height):
        raise EvaluationError(
            f"mask: expected one inside {picture.width}x{picture.height} px, found one at "
            f"{left}..{right}, {top}..{bottom}"
        )
    runs = [_integer(run.strip(), "rle") for run in _text(shape, "rle").split(",")]
    if sum(runs) != width * height:
        raise EvaluationError(f"rle: expected runs of {width * height} px, found {sum(runs)}")
    mask = np.zeros((picture.height, picture.width), np.bool_)
    inside = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    mask[top:bottom, left:right] = inside.reshape(height, width)
    return mask


def _text(element: Element, key: str) -> str:
    found = element.get(key)
    if found is None:
        raise EvaluationError(f"{shown(element.tag)}: expected '{key}', found none")
    return found


def _number(attributes: Mapping[str, Any], key: str) -> float:
    found = attributes.get(key)
    try:
        number = float(found if found is not None else "")
    except ValueError:
        number = float("nan")
    # Written so that NaN fails.
    if not abs(number) <= _MOST_PLACE:
        raise EvaluationError(f"{key}: expected a number, found {shown(found)}")
    return number


def _integer(found: str, key: str) -> int:
    if not (found.isascii() and found.isdigit() and len(found) <= 9):
        raise EvaluationError(f"{key}: expected an integer from 0, found {shown(found)}")
    return int(found)
