# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The last part of the demonstration."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from vit_perception.bags.truth import labelled_frames, read_truth
from vit_perception.bundle.samples import GROUND_TRUTH_TOPIC, sample_bag
from vit_perception.cli.demo_report import print_taught
from vit_perception.cli.demo_taught import PICTURE, run_taught, taught_part
from vit_perception.detections import Detections
from vit_perception.frame import Frame
from vit_perception.images.media import read_picture
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.settings import Settings

from ..bags.squares import record_squares
from ..toy_bundle import toy_picture, toy_vocabulary, write_toy_bundle, write_toy_region_bundle


@pytest.fixture
def perceiver(tmp_path: Path) -> Perceiver:
    """Knows "pot" by no word."""
    bundle = write_toy_region_bundle(tmp_path / "toy")
    return Perceiver(
        bundle, vocabulary=toy_vocabulary(("blue", "pot")), settings=Settings(score_threshold=0.5)
    )


def moving(count: int) -> list[tuple[Frame, Detections]]:
    """Frames with a blue square and a red one that is called a pot."""
    frames = []
    for number in range(count):
        places = {"blue": (number % 7, 1), "red": (3, 4 + number % 5)}
        image, boxes = toy_picture(64, 96, places)
        truth = Detections(
            boxes=np.stack([boxes["blue"], boxes["red"]]),
            scores=np.ones(2, np.float32),
            labels=np.arange(2),
            names=("blue", "pot"),
            vocabulary_version=0,
        )
        frames.append((Frame(image, number + 1), truth))
    return frames


def test_what_was_shown_is_found_beside_what_is_said(perceiver: Perceiver) -> None:
    run = run_taught(perceiver, moving(12))
    assert run.said.frames == run.once.frames == run.thrice.frames == 9
    assert (run.said.rate.named["blue"], run.said.rate.named["pot"]) == (9, 0)
    assert (run.once.rate.named["blue"], run.once.rate.named["pot"]) == (9, 9)
    assert run.thrice.rate.named_rate == 1
    assert run.once.false_boxes == 0
    assert run.unseen == ()
    text = io.StringIO()
    print_taught(run, Path("seen"), Console(file=text, width=100))
    assert "pot" in text.getvalue()
    assert "100 %" in text.getvalue()
    assert perceiver.vocabulary.shown == ()  # nothing stays taught


def test_a_box_on_no_object_of_its_name_is_a_false_one(perceiver: Perceiver) -> None:
    """The pot is shown, and in the other frames no truth says that it is there."""
    frames = [
        (frame, truth if index in (2, 6, 9) else truth[:1])
        for index, (frame, truth) in enumerate(moving(12))
    ]
    found = run_taught(perceiver, frames)
    assert found.once.false_boxes == found.once.frames == 9


def test_a_box_in_which_nothing_is_seen_is_told(perceiver: Perceiver) -> None:
    frames = moving(12)
    far = np.array([[80, 50, 84, 54]], np.float32)
    hidden = [
        (frame, Detections(far, np.ones(1, np.float32), np.zeros(1, np.int64), ("far",), 0))
        for frame, _ in frames[5:6]
    ]
    found = run_taught(perceiver, [*frames[:6], *hidden, *frames[7:]])
    assert found.unseen == ("far",)


def test_the_sample_recording_has_truth_for_each_frame() -> None:
    if not sample_bag().exists():
        pytest.skip("no sample recording")
    frames = labelled_frames(sample_bag(), GROUND_TRUTH_TOPIC)
    assert len(frames) == len(read_truth(sample_bag(), GROUND_TRUTH_TOPIC)) == 60
    assert all(len(truth) == 12 for _, truth in frames)


def test_the_picture_has_both_sides(perceiver: Perceiver, tmp_path: Path) -> None:
    record_squares(tmp_path / "bag")
    run = taught_part(perceiver, tmp_path / "bag", tmp_path)
    assert run is not None
    assert run.once.rate.named_rate > run.said.rate.named_rate
    picture = read_picture(tmp_path / PICTURE)
    assert (picture.height, picture.width) == (run.frame.height, 2 * run.frame.width)


def test_a_bag_without_truth_or_a_bundle_that_cannot_be_taught_leaves_it_out(
    tmp_path: Path,
) -> None:
    record_squares(tmp_path / "bag")
    assert labelled_frames(tmp_path / "bag", "/other") == []
    old = Perceiver(write_toy_bundle(tmp_path / "old"))
    assert taught_part(old, tmp_path / "bag", tmp_path) is None
    assert not (tmp_path / PICTURE).exists()
