# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Masks of truth: images whose pixels are the numbers of detections."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from vit_perception.bags.messages import IMAGE
from vit_perception.bags.reader import BagError
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.samples.bag import BagSequence, bag_sequences
from vit_perception.evaluation.samples.sample import FrameTruth, Sample
from vit_perception.evaluation.samples.topic_truth import BESIDE, TruthTopics
from vit_perception.rle import decode_mask

from .recorded import FRONT, TRUTH, image, masks, numbers, record, stamp, truth

MASKS = f"{TRUTH}/instances"


def read(path: Path, wanted: TruthTopics = BESIDE) -> tuple[list[FrameTruth], BagSequence]:
    """The truth of each image, and the sequence of the only camera."""
    (sequence,) = bag_sequences(path, None, wanted)
    found = []
    for sample in sequence.samples():
        assert isinstance(sample, Sample) and sample.truth is not None
        found.append(sample.truth)
    return found, sequence


def check(found: FrameTruth, index: int) -> None:
    assert found.masks is not None
    for number, rle in enumerate(found.masks, start=1):
        np.testing.assert_array_equal(decode_mask(rle), numbers(index) == number)
    np.testing.assert_array_equal(
        found.areas, [np.count_nonzero(numbers(index) == number) for number in (1, 2)]
    )


@pytest.mark.parametrize("encoding", ("mono8", "mono16", "16UC1"))
@pytest.mark.parametrize("topic", (MASKS, "/instances", "/named"))
def test_masks_of_each_image(tmp_path: Path, encoding: str, topic: str) -> None:
    said = []
    for index in range(5):
        said += [image(index), truth(index), masks(index, topic, encoding=encoding)]
    path = record(tmp_path / "bag", said)
    wanted = TruthTopics(masks=("/named",)) if topic == "/named" else TruthTopics()
    if encoding == "mono8" and topic == "/named":
        assert len(bag_sequences(path)) == 2  # nobody has said that it is no camera
    found, sequence = read(path, wanted)
    assert sequence.topic == FRONT and sequence.notes == ()
    for index, each in enumerate(found):
        check(each, index)


def test_masks_may_be_recorded_in_any_order(tmp_path: Path) -> None:
    images = [each(i) for i in range(12) for each in (image, truth)]
    there = [masks(i) for i in range(12)]
    for seed in range(3):
        random.Random(seed).shuffle(there)
        found, sequence = read(record(tmp_path / str(seed), images + there))
        for index, each in enumerate(found):
            check(each, index)
        assert sequence.notes == ()


def test_images_without_masks_are_told(tmp_path: Path) -> None:
    said = [each(i) for i in range(3) for each in (image, truth)]
    said += [masks(0), (MASKS, stamp(1), b""), masks(2), masks(5), masks(2), masks(2)]
    found, sequence = read(record(tmp_path / "bag", said, kinds={MASKS: IMAGE}))
    assert [each.masks is not None for each in found] == [True, False, False]
    assert sequence.notes[0].startswith(
        f"bag: left out 1 image of {MASKS}; the first: expected a {IMAGE} on {MASKS}, found: "
    )
    assert sequence.notes[1:] == (
        f"bag: {MASKS}: 1 stamp with several images, of which none is used",
        f"bag: {MASKS}: no masks for 2 messages of ground truth",
        f"bag: {MASKS}: no ground truth for 1 image of masks",
    )


def test_masks_of_another_frame_are_not_taken(tmp_path: Path) -> None:
    said = [image(0), truth(0), masks(0, frame="wrist")]
    found, sequence = read(record(tmp_path / "bag", said))
    assert found[0].masks is None and len(sequence.notes) == 2


def test_images_of_colours_are_no_masks(tmp_path: Path) -> None:
    said = [image(0), truth(0), masks(0, encoding="rgb8")]
    found, sequence = read(record(tmp_path / "bag", said))
    assert found[0].masks is None
    assert sequence.notes[0] == (
        f"bag: left out 1 image of {MASKS}; the first: {MASKS}: message 0: expected an image of "
        "mono8, mono16 or 16UC1, found 'rgb8'"
    )


def test_named_masks_have_to_be_images(tmp_path: Path) -> None:
    path = record(tmp_path / "bag", [image(0), truth(0)])
    with pytest.raises(BagError, match=r"a topic of masks /no, found none$"):
        read(path, TruthTopics(masks=("/no",)))
    with pytest.raises(BagError, match=rf"a topic of masks {TRUTH}, found vision_msgs/"):
        read(path, TruthTopics(masks=(TRUTH,)))


@pytest.mark.parametrize(
    ("pixels", "line"),
    [
        (
            np.zeros((24, 32), np.uint16),
            f"expected a picture of 32x24 px, of masks on {MASKS}, found 64x48 px",
        ),
        (
            np.full((48, 64), 3, np.uint16),
            f"{MASKS}: expected pixels of 0 to 2, as there are things, found 3",
        ),
    ],
)
def test_masks_that_do_not_fit_are_one_line(tmp_path: Path, pixels: np.ndarray, line: str) -> None:
    said = [image(0), truth(0), masks(0), image(1), truth(1), masks(1, pixels=pixels)]
    with pytest.raises(EvaluationError) as caught:
        read(record(tmp_path / "bag", said))
    assert str(caught.value) == f"bag: {FRONT}: frame 1, stamp 1700000000.100000000: {line}"
