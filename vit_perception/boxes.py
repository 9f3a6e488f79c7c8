# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Overlaps of boxes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def box_iou(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.float32]:
    """Returns the intersection over union of boxes xyxy [N,4] and [M,4], float32 [N,M]."""
    left_top = np.maximum(first[:, None, :2], second[None, :, :2])
    right_bottom = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.clip(right_bottom - left_top, 0, None).prod(axis=2)
    areas = [np.clip(b[:, 2:] - b[:, :2], 0, None).prod(axis=1) for b in (first, second)]
    union = areas[0][:, None] + areas[1][None, :] - shared
    return np.asarray(shared / np.maximum(union, 1e-9), np.float32)
