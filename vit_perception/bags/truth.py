# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Ground truth that a bag carries on a topic of its own."""

from __future__ import annotations

from pathlib import Path

from vit_perception.bags.messages import DETECTIONS, detections_from_message, header_stamp
from vit_perception.bags.reader import BagReader
from vit_perception.detections import Detections
from vit_perception.frame import Frame


def read_truth(bag: Path, topic: str) -> dict[int, Detections]:
    """Returns the ground truth of a bag by stamp in nanoseconds; empty if it has none.

    Raises:
        BagError: the bag cannot be read.
    """
    with BagReader(bag) as reader:
        return {
            header_stamp(message.value.header): detections_from_message(message.value)
            for message in reader.messages([topic])
            if message.msgtype == DETECTIONS
        }


def labelled_frames(bag: Path, topic: str) -> list[tuple[Frame, Detections]]:
    """Returns the camera frames of a bag that have ground truth; none if it has none.

    Raises:
        BagError: the bag cannot be read.
    """
    truth = read_truth(bag, topic)
    if not truth:
        return []
    with BagReader(bag) as reader:
        return [
            (frame, truth[frame.stamp]) for _, frame in reader.frames() if frame.stamp in truth
        ]
