# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Masks as COCO's compressed run lengths, the form of annotation files and reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from vit_perception.wording import shown

MAX_PIXELS = 2**28
"""Pixels of the largest mask that is decoded; larger images are refused everywhere."""


_CROPS_AT_ONCE = 2**20
"""Pixels of crops that are searched for edges together; so many fit into a cache."""


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


def encode_crops(
    crops: Sequence[NDArray[np.bool_]], origins: NDArray[np.int64], height: int, width: int
) -> tuple[Rle, ...]:
    """Returns what `encode_mask` gives for the whole masks; many take a tenth of the time.

    Args:
        crops: N masks bool [h_i, w_i], each the part of a mask outside of which it is False.
        origins: int64 [N, 2], x y of each crop's top left pixel in its mask.
        height, width: of the masks, px.
    """
    encoded: list[Rle] = []
    begin = pixels = 0
    for index, crop in enumerate(crops):
        pixels += crop.size
        if pixels > _CROPS_AT_ONCE or index == len(crops) - 1:
            texts = _texts(crops[begin : index + 1], origins[begin : index + 1], height, width)
            encoded += [{"size": [height, width], "counts": text} for text in texts]
            begin, pixels = index + 1, 0
    return tuple(encoded)


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


def _texts(
    crops: Sequence[NDArray[np.bool_]], origins: NDArray[np.int64], height: int, width: int
) -> list[str]:
    """Returns COCO's compressed text of crops, see `encode_crops`."""
    sides = np.array([crop.shape for crop in crops], np.int64)
    # Columns follow each other, and below each one is a pixel that is False.
    ends = 1 + np.cumsum((sides[:, 0] + 1) * sides[:, 1])
    begins = np.concatenate([[1], ends[:-1]])
    pixels = np.zeros(ends[-1], np.bool_)
    for crop, begin, end in zip(crops, begins.tolist(), ends.tolist(), strict=True):
        pixels[begin:end].reshape(crop.shape[1], crop.shape[0] + 1)[:, :-1] = crop.T
    # Where runs begin, and where those of True end: they take turns.
    edges = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    owners = np.repeat(np.arange(len(crops)), np.diff(np.searchsorted(edges, [*begins, ends[-1]])))
    columns, rows = np.divmod(edges - begins[owners], sides[owners, 0] + 1)
    places = (columns + origins[owners, 0]) * height + rows + origins[owners, 1]
    # A run at the foot of a whole column goes on at the head of the next.
    parted = np.ones(len(places), np.bool_)
    goes_on = (places[1:-1:2] == places[2::2]) & (owners[1:-1:2] == owners[2::2])
    parted[1:-1:2] = parted[2::2] = ~goes_on
    places, owners = places[parted], owners[parted]
    return _written(*_between(places, owners, len(crops), height * width))


def _between(
    places: NDArray[np.int64], owners: NDArray[np.int64], count: int, pixels: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns the run lengths between places of masks, int64 [M], and how many each mask has.

    Args:
        places: int64 [K], where runs begin and end, those of a mask together.
        owners: int64 [K], the mask of each, ascending.
        count: of masks.
        pixels: of a mask.
    """
    counts = np.bincount(owners, minlength=count) + 2
    lasts = np.cumsum(counts) - 1
    bounds = np.empty(lasts[-1] + 1, np.int64)
    bounds[np.arange(len(places)) + 2 * owners + 1] = places
    bounds[lasts + 1 - counts] = 0
    bounds[lasts] = pixels
    runs = np.diff(bounds)
    # Between two masks is no run, and none at the end of one whose last pixel is True.
    is_run = np.ones(len(runs), np.bool_)
    is_run[lasts[:-1]] = False
    full = runs[lasts - 1] == 0
    is_run[lasts[full] - 1] = False
    return runs[is_run], counts - 1 - full


def _written(runs: NDArray[np.int64], counts: NDArray[np.int64]) -> list[str]:
    """Returns the text of each mask's run lengths; see `_runs` for its form.

    Args:
        runs: int64 [M], those of a mask together.
        counts: int64 [N], how many each mask has.
    """
    ends = np.cumsum(counts)
    values = runs.copy()
    values[2:] -= runs[:-2]
    # The first three of a mask stand for themselves.
    for place in range(3):
        firsts = (ends - counts + place)[counts > place]
        values[firsts] = runs[firsts]
    sizes = np.where(values < 0, ~values, values)
    lengths, limit = np.ones(len(values), np.int64), 1 << 4
    while limit <= sizes.max():
        lengths += sizes >= limit
        limit <<= 5
    places = np.arange(lengths.max())
    codes = (values[:, None] >> 5 * places) & 0x1F
    codes |= (places < lengths[:, None] - 1) << 5
    letters = (codes[places < lengths[:, None]] + 48).astype(np.uint8)
    text = letters.tobytes().decode("ascii")
    ends_in_text = np.cumsum(np.add.reduceat(lengths, ends - counts)).tolist()
    return [text[a:b] for a, b in pairwise([0, *ends_in_text])]


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
