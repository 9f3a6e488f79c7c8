# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What reading costs: time for each picture, and memory whatever the length of the bag."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import numpy as np

from vit_perception.bundle.samples import sample_bag
from vit_perception.evaluation.samples.bag import bag_sequences
from vit_perception.evaluation.samples.sample import Sample
from vit_perception.images.compressed import encode_jpeg
from vit_perception.letterbox import Canvas

from .recorded import image, masks, record, truth

BUDGET = 0.005
"""Seconds of one core for a JPEG of 640 x 480 px: read, decoded, and in the network's input."""


def test_reading_keeps_within_its_budget() -> None:
    (sequence,) = bag_sequences(sample_bag())
    canvas = Canvas(416, 416)
    seconds = []
    for _ in range(3):  # others run on this machine too
        began = time.process_time()
        for sample in sequence.samples():
            assert isinstance(sample, Sample)
            canvas.draw(sample.frame.image)
        seconds.append((time.process_time() - began) / len(sequence))
    assert min(seconds) < BUDGET


def test_memory_does_not_grow_with_the_bag(tmp_path: Path) -> None:
    """Images of numbers of 1 MB each."""
    pixels = np.zeros((600, 800), np.uint16)
    pixels[:10, :10] = 1
    data = np.frombuffer(encode_jpeg(np.zeros((600, 800, 3), np.uint8)), np.uint8)
    peaks = []
    for name, count in (("first", 8), ("short", 8), ("long", 32)):
        said = []
        for index in range(count):
            topic, when, message = image(index)
            assert not isinstance(message, bytes)
            message.data = data
            said += [(topic, when, message), truth(index), masks(index, pixels=pixels)]
        path = record(tmp_path / name, said)
        tracemalloc.start()
        (sequence,) = bag_sequences(path)
        found = 0
        for sample in sequence.samples():
            assert isinstance(sample, Sample) and sample.truth and sample.truth.masks
            found += 1
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert found == count
    assert peaks[2] < 1.2 * peaks[1]  # the first one loads code
