# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Masks as COCO's compressed run lengths, the form of annotation files and reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask


class Rle(TypedDict):
    """`size` [height, width] and `counts`, COCO's compressed text."""

    size: Sequence[int]
    counts: str


class RleError(ValueError):
    """Run lengths that are no mask, in one line."""


def encode_mask(mask: NDArray[np.bool_]) -> Rle:
    """Run lengths of a mask bool [H, W]."""
    found = coco_mask.encode(np.asfortranarray(mask, np.uint8))
    height, width = found["size"]
    return {"size": [int(height), int(width)], "counts": found["counts"].decode("ascii")}


def decode_mask(rle: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Mask bool [H, W] of compressed run lengths.

    Raises:
        RleError: size or counts are missing or of another kind, or the runs do not fill the size.

    """
    try:
        height, width = (int(side) for side in rle["size"])
        counts = rle["counts"].encode("ascii")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RleError(f"expected size and compressed counts, found {error!r}") from None
    if not (0 < height < 2**15 and 0 < width < 2**15):
        raise RleError(f"expected a size of 1 to 32767 px, found {height} x {width}")
    # The library's own decoder writes wherever the runs lead it: these may come from anybody.
    runs = _runs(counts)
    if sum(runs) != height * width:
        raise RleError(f"expected runs that fill {height} x {width} px, found {sum(runs)} px")
    columns = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(width, height)
    return np.asarray(columns.T, np.bool_)


def _runs(counts: bytes) -> list[int]:
    """The run lengths in COCO's text: six bits a character, from the third on as differences."""
    runs: list[int] = []
    at = 0
    while at < len(counts):
        value = shift = 0
        while True:
            if at >= len(counts) or not 48 <= counts[at] < 112 or shift > 30:
                raise RleError("expected compressed run lengths, found other characters")
            chunk = counts[at] - 48
            value |= (chunk & 0x1F) << shift
            at += 1
            shift += 5
            if not chunk & 0x20:
                break
        if chunk & 0x10:
            value -= 1 << shift
        if len(runs) > 2:
            value += runs[-2]
        if value < 0:
            raise RleError("expected run lengths of at least 0, found less")
        runs.append(value)
    return runs
