# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The instance map of a frame: which pixel belongs to which detection."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vit_perception.masks import Masks


def instance_map(masks: Masks) -> NDArray[np.uint16]:
    """Returns uint16 [H, W]: 0 for background, n for mask n - 1.

    The earlier mask owns a shared pixel: detections are ordered best first. At most 65,535 masks.
    """
    owner = np.zeros((masks.height, masks.width), np.uint16)
    masks.paint(np.arange(1, len(masks) + 1), owner)
    return owner


def split(owner: NDArray[np.uint16], count: int) -> NDArray[np.bool_]:
    """Returns the masks of an instance map: bool [count, H, W]."""
    numbers = np.arange(1, count + 1, dtype=np.uint16)
    return np.asarray(owner[None] == numbers[:, None, None], np.bool_)


def as_masks(owner: NDArray[np.uint16], count: int) -> Masks:
    """Returns the masks of an instance map as crops; that of a hidden thing has no pixel."""
    # Here, as a detector only makes instance maps, and starts sooner without it.
    from scipy import ndimage

    height, width = owner.shape
    origins = np.zeros((count, 2), np.int64)
    crops = []
    found = ndimage.find_objects(owner, max_label=count) if count else []
    for index, window in enumerate(found):
        rows, columns = window or (slice(0, 1), slice(0, 1))
        origins[index] = columns.start, rows.start
        crops.append(np.asarray(owner[rows, columns] == index + 1, np.bool_))
    return Masks(origins, tuple(crops), height, width)


def areas(owner: NDArray[np.uint16], count: int) -> NDArray[np.int64]:
    """Returns the pixels of each mask of an instance map: int64 [count]."""
    return np.bincount(owner.ravel(), minlength=count + 1)[1 : count + 1].astype(np.int64)


def contours(mask: NDArray[np.bool_]) -> list[NDArray[np.int32]]:
    """Returns the outlines of a mask bool [H, W], longest first: int32 [K, 2], x y in pixels.

    Each piece has one outline, of its border pixels; holes have none.
    """
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outlines = [np.asarray(each, np.int32).reshape(-1, 2) for each in found]
    return sorted(outlines, key=len, reverse=True)
