# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads the three forms of COCO's `segmentation` as one: compressed run lengths."""

from __future__ import annotations

import math
from typing import Any

from pycocotools import mask as coco_mask

from vit_perception.rle import MAX_PIXELS, RleError, check_mask
from vit_perception.wording import shown

_MAX_VALUES = 1_000_000
"""Coordinates of one object's outline; drawn outlines have some hundred."""


def read_mask(found: object, size: tuple[int, int] | None) -> dict[str, Any] | None:
    """Returns compressed run lengths, or None if there is no mask.

    Args:
        found: polygons [[x, y, ...], ...] px, run lengths as a list or as text; None and an empty
            list mean that there is no mask.
        size: height and width of the picture in px; None where it is not known, and then polygons
            give no mask.

    Raises:
        RleError: another form, or a mask that does not fit the picture; one line.
    """
    if found is None or found in ([], [[]]):
        return None
    if isinstance(found, list):
        _check_polygons(found, size)
        return None if size is None else _compressed(found, size)
    if not isinstance(found, dict):
        raise RleError(f"expected polygons or run lengths, found {shown(found)}")
    stated, counts = found.get("size"), found.get("counts")
    if size is not None and stated != list(size):
        raise RleError(f"expected the picture's size {list(size)}, found {shown(stated)}")
    if isinstance(counts, list):
        return _from_list(stated, counts)
    check_mask(found)  # the metric's library does not check them
    return {"size": stated, "counts": counts}


def _from_list(size: Any, counts: list[Any]) -> dict[str, Any]:
    if not (
        isinstance(size, list)
        and [type(side) for side in size] == [int, int]
        and min(size) > 0
        and size[0] * size[1] <= MAX_PIXELS
    ):
        raise RleError(f"expected a size of 1 to {MAX_PIXELS} px, found {shown(size)}")
    pixels = size[0] * size[1]
    if not all(type(count) is int and 0 <= count <= pixels for count in counts):
        raise RleError(f"expected run lengths of 0 to {pixels}, found {shown(counts)}")
    if sum(counts) != pixels:
        raise RleError(f"expected runs that fill {pixels} px, found {sum(counts)} px")
    return _compressed({"size": size, "counts": counts}, (size[0], size[1]))


def _check_polygons(polygons: list[Any], size: tuple[int, int] | None) -> None:
    """Refuses what the library would take for other polygons, or draw for hours."""
    reach = 2 * max(size) if size is not None else math.inf
    values = 0
    for polygon in polygons:
        if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
            raise RleError(
                f"expected polygons [x, y, ...] of at least three corners, found {shown(polygon)}"
            )
        values += len(polygon)
        for value in polygon:
            # Written so that NaN fails.
            if type(value) not in (int, float) or not abs(value) <= reach:
                raise RleError(
                    f"expected polygons with corners in or near the picture, found {shown(value)}"
                )
    if values > _MAX_VALUES:
        raise RleError(f"expected at most {_MAX_VALUES} coordinates, found {values}")


def _compressed(form: Any, size: tuple[int, int]) -> dict[str, Any]:
    found = coco_mask.frPyObjects(form, *size)
    whole = coco_mask.merge(found) if isinstance(found, list) else found
    return {"size": list(size), "counts": whole["counts"].decode("ascii")}
