# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Training pictures: files, labels and pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vit_perception.images.media import MediaError, read_picture
from vit_perception.rle import RleError, decode_mask
from vit_perception.wording import shown_path

Array = np.ndarray


class DataError(ValueError):
    """A data set cannot be used; one line names the file, expectation and finding."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """A picture's objects.

    Attributes:
        boxes: float32 [N, 4] xyxy px.
        objects: int64 [N], index of the description.
        hidden: bool [N].
        things: int64 [N], number of the thing, the same in all pictures of it; -1 where unknown.
        regions: float32 [R, 4] xyxy px, in which not all objects are labelled.
        sources: int64 [R], the source whose names are labelled in the region all the same; -1
            where there is none.
    """

    boxes: Array
    objects: Array
    hidden: Array
    things: Array
    regions: Array = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    sources: Array = field(default_factory=lambda: np.zeros(0, np.int64))


@dataclass(frozen=True, eq=False)
class Picture:
    """One entry of a data set.

    Attributes:
        path: of the file.
        height, width: px, as the annotations say.
        labels: its objects.
        segments: the objects' run lengths in COCO's form, None where absent.
        source: 0 for rendered pictures; photographs have the number of their set.
    """

    path: Path
    height: int
    width: int
    labels: Labelled
    segments: tuple[Mapping[str, Any] | None, ...]
    source: int = 0


def read(picture: Picture) -> Array:
    """Returns pixels uint8 [H, W, 3] RGB, turned upright as the orientation tag says.

    Raises:
        DataError: the file is no picture, or its size differs from the annotations.
    """
    try:
        frame = read_picture(picture.path)
    except MediaError as error:
        raise DataError(str(error)) from error
    if (frame.height, frame.width) != (picture.height, picture.width):
        raise DataError(
            f"{shown_path(picture.path)}: expected {picture.width}x{picture.height} px as "
            f"annotated, found {frame.width}x{frame.height}"
        )
    return frame.image


def read_owner(picture: Picture) -> Array:
    """Returns the visible object per pixel: int16 [height, width] row of the labels, or -1.

    Raises:
        DataError: a mask is damaged.
    """
    owner = np.full((picture.height, picture.width), -1, np.int16)
    for row, segment in enumerate(picture.segments):
        if segment is None:
            continue
        try:
            owner[decode_mask(segment)] = row
        except RleError as error:
            raise DataError(f"{shown_path(picture.path)}: mask of object {row}: {error}") from None
    return owner
