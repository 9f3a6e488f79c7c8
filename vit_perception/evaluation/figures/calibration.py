# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Whether a score of 0.8 means right in eight of ten."""

from __future__ import annotations

from typing import Any

from vit_perception.evaluation.figures.matches import Matches

BINS = 10


def calibration(matches: Matches) -> dict[str, Any]:
    """Returns `ece`, `mce` and `bins`, of all detections that are judged.

    `ece` is the mean distance of score and share of right ones over all detections, `mce` the
    largest of a bin. A bin has `low`, `high`, mean `score`, share `right` and `count`.
    """
    from hotcoco import metrics

    judged = ~matches.ignored
    scores, true = matches.scores[judged], matches.true[judged]
    ece, mce = metrics.calibration_error(scores, true, BINS) if len(scores) else (None, None)
    return {
        "ece": ece,
        "mce": mce,
        "bins": [
            {
                "low": one["bin_lower"],
                "high": one["bin_upper"],
                "score": one["avg_confidence"] if one["count"] else None,
                "right": one["avg_accuracy"] if one["count"] else None,
                "count": int(one["count"]),
            }
            for one in metrics.calibration_curve(scores, true, BINS)
        ],
    }
