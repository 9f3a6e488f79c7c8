# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""ByteTrack of the package `trackers` on the detections that benchmarks/tracking.py wrote.

benchmarks/tracking.py starts it in an environment of benchmarks/requirements-tracking.txt. It adds
to each frame of the file the ids that `trackers` gives (0 for none), and to each case the HOTA and
IDF1 that `trackers` computes for our ids and its own.

    python benchmarks/tracking_peer.py CASES.json
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import supervision
from trackers import ByteTrackTracker
from trackers.eval import compute_hota_metrics
from trackers.eval.identity import compute_identity_metrics

# Ids of one sequence stay below.
_APART = 100_000


def main() -> int:
    """Reads the cases, and writes them back with ids and scores."""
    warnings.simplefilter("ignore")
    path = Path(sys.argv[1])
    cases: dict[str, Any] = json.loads(path.read_text())
    for case in cases["cases"].values():
        for frames in case["sequences"]:
            follow(frames, case["threshold"], cases["memory"], cases["rate"], cases["hits"])
        case["scores"] = {who: scores(case["sequences"], who) for who in ("ours", "theirs")}
    path.write_text(json.dumps(cases))
    return 0


def follow(
    frames: list[dict[str, Any]], threshold: float, memory: float, rate: float, hits: int
) -> None:
    """Adds the ids of `trackers` to the frames of one sequence."""
    # The buffer is in frames of 30 a second, whatever the rate.
    tracker = ByteTrackTracker(
        lost_track_buffer=round(memory * 30),
        frame_rate=rate,
        track_activation_threshold=threshold,
        high_conf_det_threshold=threshold,
        minimum_consecutive_frames=hits,
    )
    for frame in frames:
        boxes = np.array(frame["boxes"], np.float64).reshape(-1, 4)
        found = tracker.update(
            supervision.Detections(
                xyxy=boxes,
                confidence=np.array(frame["scores"], np.float64),
                data={"row": np.arange(len(boxes))},
            )
        )
        ids = np.zeros(len(boxes), np.int64)
        if len(found):
            ids[found.data["row"]] = np.maximum(found.tracker_id + 1, 0)
        frame["theirs"] = ids.tolist()


def scores(sequences: list[list[dict[str, Any]]], who: str) -> dict[str, float]:
    """Returns HOTA and IDF1 of all sequences together."""
    things, tracks, overlaps = [], [], []
    for number, frames in enumerate(sequences):
        for frame in frames:
            ids = np.array(frame[who], np.int64)
            boxes = np.array(frame["boxes"], np.float64).reshape(-1, 4)
            things.append(np.array(frame["true_ids"], np.int64) + number * _APART)
            tracks.append(ids[ids > 0] + number * _APART)
            truth = np.array(frame["true_boxes"], np.float64).reshape(-1, 4)
            overlaps.append(supervision.box_iou_batch(truth, boxes[ids > 0]))
    return {
        "hota": compute_hota_metrics(things, tracks, overlaps)["HOTA"],
        "idf1": compute_identity_metrics(things, tracks, overlaps)["IDF1"],
    }


if __name__ == "__main__":
    sys.exit(main())
