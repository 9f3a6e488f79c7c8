# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""COCO's objects of one picture as what is true of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vit_perception.evaluation.coco_entries import corners
from vit_perception.evaluation.samples.sample import FrameTruth
from vit_perception.rle import Rle


def truth_from(annotations: Sequence[Mapping[str, Any]], names: Mapping[int, str]) -> FrameTruth:
    """Returns objects in the form of `Dataset.annotations`, in their order.

    Args:
        annotations: of one picture.
        names: of the categories.
    """
    masks = [each["segmentation"] for each in annotations]
    return FrameTruth(
        boxes=corners(each["bbox"] for each in annotations),
        names=tuple(names[each["category_id"]] for each in annotations),
        masks=None
        if None in masks
        else tuple(Rle(size=mask["size"], counts=mask["counts"]) for mask in masks),
        areas=np.array([each["area"] for each in annotations], np.float32),
        crowds=np.array([each["iscrowd"] for each in annotations], np.bool_),
        parts=tuple(each["part"] for each in annotations),
        ids=("",) * len(annotations),
    )
