# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Masks as COCO's compressed run lengths, the form of annotation files and reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from vit_perception.wording import shown

MAX_PIXELS = 2**28
"""Pixels of the largest mask that is decoded; larger images are refused everywhere."""


class Rle(TypedDict):
    """`size` [height, width] and `counts`, COCO's compressed text."""

    size: Sequence[int]
    counts: str


class RleError(ValueError):
    """The run lengths are no mask; one line."""


def encode_mask(mask: NDArray[np.bool_]) -> Rle:
    """Returns the run lengths of a mask bool [H, W]."""
    found = coco_mask.encode(np.asfortranarray(mask, np.uint8))
    height, width = found["size"]
    return {"size": [int(height), int(width)], "counts": found["counts"].decode("ascii")}


def decode_mask(rle: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Returns the mask bool [H, W] of compressed run lengths.

    Raises:
        RleError: size or counts are missing or of another kind, the size is beyond MAX_PIXELS,
            or the runs do not fill it.
    """
    height, width = _size(rle)
    runs = _runs(rle, height * width)
    columns = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(width, height)
    return np.asarray(columns.T, np.bool_)


def check_mask(rle: Mapping[str, Any]) -> None:
    """Refuses what `decode_mask` refuses, without allocating a mask.

    Raises:
        RleError: see `decode_mask`.
    """
    height, width = _size(rle)
    _runs(rle, height * width)


def _size(rle: Mapping[str, Any]) -> tuple[int, int]:
    size = rle.get("size")
    if not (isinstance(size, Sequence) and [type(side) for side in size] == [int, int]):
        raise RleError(f"expected a size of two integers, found {shown(size)}")
    height, width = size
    if not (height > 0 and width > 0 and height * width <= MAX_PIXELS):
        raise RleError(f"expected a size of 1 to {MAX_PIXELS} px, found {height} x {width}")
    return height, width


def _runs(rle: Mapping[str, Any], pixels: int) -> NDArray[np.int64]:
    """Returns run lengths int64 [N] that fill the given number of pixels.

    In COCO's text each character has five bits of a number, lowest first, and a bit that says
    whether more follow; the highest bit of the last one is the sign. From the fourth run on the
    numbers are differences to the run two before. The library's decoder does not check where
    the runs lead, and they may come from anybody.
    """
    counts = rle.get("counts")
    if not isinstance(counts, str):
        raise RleError(f"expected compressed counts, found {shown(counts)}")
    # Seven characters are 35 bits, more than any size has.
    if len(counts) > 7 * (pixels + 1):
        raise RleError(f"expected run lengths of {pixels} px, found {len(counts)} characters")
    letters = np.frombuffer(counts.encode("utf-32-le", "surrogatepass"), np.uint32)
    codes = letters.astype(np.int64) - 48
    if not len(codes) or codes.min() < 0 or codes.max() > 63 or codes[-1] & 0x20:
        raise RleError(f"expected compressed run lengths, found {shown(counts)}")
    ends = np.flatnonzero(codes & 0x20 == 0)
    begins = np.concatenate([[0], ends[:-1] + 1])
    if (ends - begins).max() > 6:
        raise RleError("expected run lengths of at most 7 characters, found longer ones")
    place = 5 * (np.arange(len(codes)) - np.repeat(begins, ends - begins + 1))
    values = np.add.reduceat((codes & 0x1F) << place, begins)
    values -= np.where(codes[ends] & 0x10, np.int64(1) << (place[ends] + 5), 0)
    runs: NDArray[np.int64] = values.copy()
    runs[1::2], runs[2::2] = np.cumsum(values[1::2]), np.cumsum(values[2::2])
    if runs.min() < 0:
        raise RleError("expected run lengths of at least 0, found less")
    if runs.max() > pixels or runs.sum() != pixels:
        raise RleError(
            f"expected runs that fill {pixels} px, found {runs.sum(dtype=float):.0f} px"
        )
    return runs
