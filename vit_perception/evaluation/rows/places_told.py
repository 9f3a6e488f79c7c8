# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Which recordings say where things are, without loading what places them."""

from __future__ import annotations

from typing import TypeGuard

from vit_perception.bags.messages import DETECTIONS_3D
from vit_perception.bags.reader import BagReader
from vit_perception.bundle.samples import GROUND_TRUTH_3D_TOPIC
from vit_perception.evaluation.samples.bag import BagSequence
from vit_perception.evaluation.samples.sample import SampleSequence

EVERY = 20
"""Of so many pictures one is placed: its neighbours look alike, and placing takes its time."""


def tells_places(sequence: SampleSequence) -> TypeGuard[BagSequence]:
    """Returns whether a sequence comes with where its things truly are.

    Raises:
        BagError: the recording cannot be read.
    """
    if not isinstance(sequence, BagSequence):
        return False
    with BagReader(sequence.path) as bag:
        kinds = {(each.name, each.msgtype) for each in bag.topics()}
    return (GROUND_TRUTH_3D_TOPIC, DETECTIONS_3D) in kinds
