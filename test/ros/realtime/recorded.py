# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A recording of squares, looked at picture by picture by the toy detector."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vit_perception.bags.reader import BagReader
from vit_perception.bags.truth import read_truth
from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.samples import COMPRESSED_TOPIC, GROUND_TRUTH_TOPIC
from vit_perception.detections import Detections
from vit_perception.evaluation.rows.looked_at import FrameRows, LookedAt
from vit_perception.evaluation.rows.run import Run
from vit_perception.evaluation.samples.sample import FrameTruth
from vit_perception.perceiver.perceiver import Perceiver

from ...toy_bundle import toy_vocabulary

NAMES = ("red", "green", "cyan")


def toy_run(bundle: Path) -> Run:
    """The toy detector as it is published."""
    return Run("toy", bundle, "fp32", "", (0.6, 0.6, 0.6), 0.3, 100)


def truth_of(found: Detections, ids: Sequence[str] | None = None) -> FrameTruth:
    """What is true where squares are."""
    names = tuple(each.name for each in found)
    sides = found.boxes[:, 2:] - found.boxes[:, :2]
    return FrameTruth(
        boxes=found.boxes,
        names=names,
        masks=None,
        areas=sides.prod(axis=1),
        crowds=np.zeros(len(found), np.bool_),
        parts=("",) * len(found),
        ids=tuple(ids or ("",) * len(found)),
    )


def look(bag: Path, bundle: Path) -> list[LookedAt]:
    """All pictures with truth and what is found in them."""
    truth = read_truth(bag, GROUND_TRUTH_TOPIC)
    perceiver = Perceiver(Bundle.load(bundle), vocabulary=toy_vocabulary(NAMES), threads=1)
    looked = []
    with BagReader(bag) as reader:
        for number, (_, frame) in enumerate(reader.frames(COMPRESSED_TOPIC)):
            found = perceiver(frame)
            rows = FrameRows(found.boxes, found.scores, found.labels, None)
            true = truth_of(truth[frame.stamp]) if frame.stamp in truth else None
            size = (frame.height, frame.width)
            looked.append(LookedAt("squares", number, "", frame.stamp, size, true, (rows,)))
    return looked
