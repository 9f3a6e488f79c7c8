# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Data sets with the class of each pixel: images/, class_maps/ and annotations.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.coco_entries import read_picture as read_entry
from vit_perception.evaluation.coco_file import ANNOTATIONS, entries, read_document
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.images.media import MediaError, read_picture
from vit_perception.input.file import InputError, read_file
from vit_perception.wording import shown, shown_path

UNKNOWN = 255
"""Of pixels whose class nobody knows."""
FOLDER = "class_maps"
"""Of the maps, beside images/."""
_MAX_MAP_BYTES = 2**28


@dataclass(frozen=True)
class Mapped:
    """A picture and its class map, PNG of 8 bits."""

    picture: Path
    map: Path


def load_class_maps(folders: Sequence[str]) -> tuple[tuple[str, ...], list[Mapped]]:
    """Returns the classes of data sets, and their pictures.

    Args:
        folders: with annotations.json, in which `info.classes` names the classes and each image
            its `class_map`.

    Raises:
        EvaluationError: a file is unreadable or absent, an image has no map, or two folders have
            other classes.
    """
    classes: tuple[str, ...] = ()
    found: list[Mapped] = []
    for folder in map(Path, folders):
        file = folder / ANNOTATIONS
        try:
            document = read_document(file)
            listed = entries(document, "images")
            info = document.get("info")
            named = info.get("classes") if isinstance(info, dict) else None
            if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
                raise EvaluationError(f"info.classes: expected names, found {shown(named)}")
            if not 2 <= len(named) <= UNKNOWN:
                raise EvaluationError(f"info.classes: expected 2 to {UNKNOWN} names")
            if classes and tuple(named) != classes:
                raise EvaluationError(
                    f"info.classes: expected {', '.join(classes)} as in the folders before, "
                    f"found {shown(', '.join(named))}"
                )
            classes = tuple(named)
            for entry in listed:
                picture = read_entry(entry, folder)
                name = entry.get("class_map")
                if not isinstance(name, str) or Path(name).name != name:
                    raise EvaluationError(
                        f"image {picture.id}: class_map: expected a file name, found {shown(name)}"
                    )
                found.append(Mapped(picture.path, folder / FOLDER / name))
        except EvaluationError as error:
            place = "" if str(error).startswith(shown_path(file)) else f"{shown_path(file)}: "
            raise EvaluationError(f"{place}{error}") from None
    if not found:
        raise EvaluationError(
            f"{shown_path(folders[0])}: expected at least one picture, found none"
        )
    return classes, found


def read_mapped(mapped: Mapped, classes: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Returns pixels uint8 [H, W, 3] RGB, and classes uint8 [H, W], UNKNOWN where unknown.

    Raises:
        EvaluationError: a file is unreadable, the map is of another size, or has other classes.
    """
    try:
        image = read_picture(mapped.picture).image
        data = read_file(mapped.map, _MAX_MAP_BYTES)
    except (MediaError, InputError) as error:
        raise EvaluationError(str(error)) from None
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    where = shown_path(mapped.map)
    if found is None or found.dtype != np.uint8 or found.shape != image.shape[:2]:
        size = "another file" if found is None else f"{found.dtype} {list(found.shape)}"
        raise EvaluationError(f"{where}: expected uint8 {list(image.shape[:2])}, found {size}")
    wrong = found[(found >= classes) & (found != UNKNOWN)]
    if len(wrong):
        raise EvaluationError(f"{where}: expected classes below {classes}, found {wrong[0]}")
    return image, np.asarray(found, np.uint8)
