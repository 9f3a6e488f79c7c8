# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Average precision of judged detections, as `evaluate` measures it."""

from __future__ import annotations

import numpy as np

from vit_perception.evaluation.figures.blocks import Draws
from vit_perception.evaluation.tuning.judged import Judged


def average_precision(judged: Judged) -> float:
    """Returns the mean over names with objects, at an overlap of one half; 0 without any.

    Args:
        judged: detections of scores from LEAST_SCORE on, the best PER_PICTURE of each picture.
    """
    everything = Draws(
        np.zeros(len(judged.matches.objects), np.int64), np.ones((1, 1), np.float32)
    )
    return float(np.nan_to_num(everything.ap50(judged.matches)[0]))
