# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The class map of a frame: which name each pixel belongs to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vit_perception.detections import Detections

UNKNOWN = 255
"""Of pixels that fit no name, where up to 255 names are looked for."""
WIDE_UNKNOWN = 65_535
"""The same where more are."""


def class_map(detections: Detections) -> NDArray[np.uint8] | NDArray[np.uint16] | None:
    """Returns the index of the name of each pixel in the vocabulary; None without masks.

    Names may change with each frame: what is not looked for is unknown. Where masks overlap, the
    detection with the higher score gets the pixel, as in an instance map.

    Args:
        detections: of one frame, best first.

    Returns:
        uint8 [H, W] with UNKNOWN, or, for more than 255 names, uint16 [H, W] with WIDE_UNKNOWN.
    """
    masks = detections.masks
    if masks is None:
        return None
    narrow = len(detections.names) <= UNKNOWN
    found: NDArray[np.uint8] | NDArray[np.uint16] = (
        np.full((masks.height, masks.width), UNKNOWN, np.uint8)
        if narrow
        else np.full((masks.height, masks.width), WIDE_UNKNOWN, np.uint16)
    )
    masks.paint(detections.labels, found)
    return found
