# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads the sequences of recordings."""

from __future__ import annotations

import numpy as np

from vit_perception.bags.reader import BagDamageError
from vit_perception.evaluation.samples.bag import BagSequence
from vit_perception.evaluation.samples.sample import Sample, SampleSequence

from .recorded import boxes_of, stamp


def whole(sequence: SampleSequence) -> list[Sample]:
    """All pictures of a sequence, of which none is left out."""
    found = list(sequence.samples())
    samples = [each for each in found if isinstance(each, Sample)]
    assert len(samples) == len(found) == len(sequence)
    return samples


def told(sequence: BagSequence) -> tuple[list[int], str]:
    """Stamps of the pictures with the right truth, and how reading ends."""
    stamps = []
    try:
        for sample in sequence.samples():
            assert isinstance(sample, Sample)
            assert sample.truth is not None
            np.testing.assert_array_equal(
                sample.truth.boxes, boxes_of(round((sample.frame.stamp - stamp(0)) / 1e8))
            )
            stamps.append(sample.frame.stamp)
    except BagDamageError as error:
        return stamps, str(error)
    return stamps, ""
