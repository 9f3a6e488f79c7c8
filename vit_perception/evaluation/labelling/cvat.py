# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Labelled pictures as "CVAT for images 1.1", and the labels of a task.

Source: CVAT's manual, "XML annotation format", version 1.1. Places are px.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from xml.etree import ElementTree

from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.labelling.labelled import LabelledPicture, Thing
from vit_perception.evaluation.labelling.outlines import outlines
from vit_perception.wording import shown

VERSION = "1.1"
# What XML 1.0 can write.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text(pictures: Sequence[LabelledPicture], names: Sequence[str], task: str) -> bytes:
    """Returns the file.

    A thing with a mask is a polygon, without one a box. A mask of several parts has several
    polygons in one group.

    Args:
        pictures: with their things.
        names: labels of the task.
        task: its name.

    Raises:
        EvaluationError: a name cannot be written in XML.
    """
    for written in (*names, task):
        if _UNWRITABLE.search(written):
            raise EvaluationError(f"name {shown(written)}: expected one that XML can have")
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = VERSION
    about = ElementTree.SubElement(ElementTree.SubElement(root, "meta"), "task")
    ElementTree.SubElement(about, "name").text = task
    ElementTree.SubElement(about, "size").text = str(len(pictures))
    ElementTree.SubElement(about, "mode").text = "annotation"
    labels = ElementTree.SubElement(about, "labels")
    for name in names:
        label = ElementTree.SubElement(labels, "label")
        ElementTree.SubElement(label, "name").text = name
        ElementTree.SubElement(label, "attributes")
    for number, picture in enumerate(pictures):
        image = ElementTree.SubElement(
            root,
            "image",
            id=str(number),
            name=picture.file_name,
            width=str(picture.width),
            height=str(picture.height),
        )
        for place, thing in enumerate(picture.things, start=1):
            _add(image, thing, place)
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def labels_text(names: Sequence[str]) -> bytes:
    """Returns what is pasted as the labels of a new task ("Raw")."""
    labels = [{"name": name, "attributes": []} for name in names]
    return (json.dumps(labels, ensure_ascii=False, indent=1) + "\n").encode()


def _add(image: ElementTree.Element, thing: Thing, place: int) -> None:
    polygons = [] if thing.mask is None else outlines(thing.mask)
    common = {"label": thing.name, "source": "auto", "occluded": "0"}
    if not polygons:
        sides = (f"{value:.2f}" for value in thing.box)
        corners = dict(zip(("xtl", "ytl", "xbr", "ybr"), sides, strict=True))
        ElementTree.SubElement(image, "box", {**common, **corners, "z_order": "0"})
    group = {"group_id": str(place)} if len(polygons) > 1 else {}
    for polygon in polygons:
        points = ";".join(f"{x:.2f},{y:.2f}" for x, y in polygon)
        ElementTree.SubElement(
            image, "polygon", {**common, "points": points, "z_order": "0", **group}
        )
