# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Proposals for images of bags."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vit_perception.bags.messages import IMAGE
from vit_perception.bags.reader import BagError
from vit_perception.bags.writer import BagWriter
from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.samples import COMPRESSED_TOPIC
from vit_perception.evaluation.labelling.labelled import Origin
from vit_perception.evaluation.labelling.propose import Choice, Proposals, propose
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.rle import decode_mask

from ...bags.recordings import (
    PERIOD,
    START,
    TOPIC,
    jpeg,
    picture,
    raw_message,
    record_compressed,
    record_raw,
)
from ...bags.squares import record_squares
from ...refusals import refusal_of
from ...toy_bundle import toy_vocabulary


def indices(found: Proposals) -> list[int]:
    return [each.origin.index for each in found.pictures if each.origin is not None]


def test_pictures_have_what_a_robot_would_publish(tmp_path: Path, toy_bundle: Bundle) -> None:
    bag = record_squares(tmp_path / "bag", count=3)
    names = toy_vocabulary(("red", "green", "cyan"))
    perceiver = Perceiver(toy_bundle, vocabulary=names, threads=1)
    found = propose([bag], perceiver, tmp_path / "images", Choice())
    assert indices(found) == [0, 1, 2]
    first = found.pictures[0]
    assert first.origin == Origin("bag", COMPRESSED_TOPIC, 0, START)
    assert first.file_name == "bag_camera_image_raw_compressed_000000.jpg"
    assert (first.height, first.width) == (480, 640)
    assert {thing.name for thing in first.things} == {"red", "green", "cyan"}
    for picture_ in found.pictures:
        assert (tmp_path / "images" / picture_.file_name).is_file()
        for thing in picture_.things:
            x1, y1, x2, y2 = thing.box
            assert 0 <= x1 < x2 <= 640 and 0 <= y1 < y2 <= 480
            assert thing.score is not None and thing.score > 0.6


def test_masks_are_those_of_the_bundle(tmp_path: Path, toy_segmentation_bundle: Bundle) -> None:
    perceiver = Perceiver(toy_segmentation_bundle, threads=1)
    bag = record_squares(tmp_path / "bag", count=1)
    (found,) = propose([bag], perceiver, tmp_path / "images", Choice()).pictures
    for thing in found.things:
        assert thing.mask is not None
        rows, columns = np.nonzero(decode_mask(thing.mask))
        x1, y1, x2, y2 = thing.box
        assert x1 - 1 <= columns.min() and columns.max() < x2 + 1
        assert y1 - 1 <= rows.min() and rows.max() < y2 + 1


def test_some_images_can_be_chosen(tmp_path: Path, toy_perceiver: Perceiver) -> None:
    bag = record_raw(tmp_path / "bag", count=9)
    images = tmp_path / "images"
    assert indices(propose([bag], toy_perceiver, images, Choice(every=4))) == [0, 4, 8]
    # 0.1 s lie between two images.
    assert indices(propose([bag], toy_perceiver, images, Choice(seconds=0.25))) == [0, 3, 6]


def test_broken_images_keep_their_place(tmp_path: Path, toy_perceiver: Perceiver) -> None:
    bag = record_compressed(tmp_path / "bag", [jpeg(0), b"\xff\xd8\xff broken", jpeg(2)])
    found = propose([bag], toy_perceiver, tmp_path / "images", Choice())
    assert indices(found) == [0, 2]
    assert found.broken == {"jpeg": 1}
    assert "frame 1, stamp" in found.lines[0]


def test_all_cameras_are_looked_at_or_those_asked_for(
    tmp_path: Path, toy_perceiver: Perceiver
) -> None:
    with BagWriter(tmp_path / "bag") as bag:
        for topic in ("/left/image", "/right/image"):
            bag.add_topic(topic, IMAGE)
        for index in range(2):
            for topic in ("/left/image", "/right/image"):
                bag.write(topic, START + index * PERIOD, raw_message(index, picture(index)))
    images = tmp_path / "images"
    found = propose([tmp_path / "bag"], toy_perceiver, images, Choice())
    assert [each.file_name for each in found.pictures] == [
        "bag_left_image_000000.png",
        "bag_left_image_000001.png",
        "bag_right_image_000000.png",
        "bag_right_image_000001.png",
    ]
    topics = ["/right/image", "/right/image"]
    found = propose([tmp_path / "bag"], toy_perceiver, images, Choice(), topics)
    assert len(found.pictures) == 2
    line = refusal_of(
        BagError,
        lambda: propose([tmp_path / "bag"], toy_perceiver, images, Choice(), ["/absent"]),
    )
    assert "expected image topic /absent" in line


def test_recordings_of_one_name_are_refused(tmp_path: Path, toy_perceiver: Perceiver) -> None:
    bags = [record_raw(tmp_path / day / "bag", count=1) for day in ("monday", "tuesday")]
    line = refusal_of(
        BagError, lambda: propose(bags, toy_perceiver, tmp_path / "images", Choice())
    )
    assert "found 2 with this one" in line
    assert not (tmp_path / "images").exists()


def test_bags_without_images_are_refused(tmp_path: Path, toy_perceiver: Perceiver) -> None:
    with BagWriter(tmp_path / "bag") as bag:
        bag.add_topic("/words", "std_msgs/msg/String")
    with pytest.raises(BagError, match="expected a colour image topic, found none"):
        propose([tmp_path / "bag"], toy_perceiver, tmp_path / "images", Choice())


def test_progress_counts_pictures(tmp_path: Path, toy_perceiver: Perceiver) -> None:
    done: list[int] = []
    bag = record_raw(tmp_path / "bag", count=3)
    propose([bag], toy_perceiver, tmp_path / "images", Choice(), (TOPIC,), done.append)
    assert done == [1, 2, 3]
