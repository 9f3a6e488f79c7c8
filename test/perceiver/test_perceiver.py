# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from vit_perception.bundle.bundle import Bundle
from vit_perception.frame import Frame
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.settings import PerceiverError, Settings
from vit_perception.perceiver.stages import StageTimes

from ..refusals import refusal_of
from ..toy_bundle import (
    CENTRAL,
    DEFAULT_NAMES,
    FULL_SCORE,
    HEIGHT,
    SQUARES,
    WIDTH,
    names_found,
    toy_graph,
    toy_picture,
    toy_vocabulary,
    write_toy_bundle,
)


def test_squares_are_found_where_they_are(toy_perceiver: Perceiver) -> None:
    image, boxes = toy_picture(HEIGHT, WIDTH, SQUARES)
    detections = toy_perceiver(Frame(image))
    assert len(detections) == 3
    assert detections.names == DEFAULT_NAMES
    assert detections.vocabulary_version == 0
    assert detections.masks is None
    for index in range(3):
        np.testing.assert_allclose(
            detections.boxes[index], boxes[detections.class_name(index)], atol=1e-4
        )
    np.testing.assert_allclose(detections.scores, FULL_SCORE, atol=1e-5)


@pytest.mark.parametrize(
    "shape",
    [(480, 640), (720, 1280), (1080, 1920), (640, 480), (1000, 1000), (333, 777), (50, 300)],
)
def test_boxes_are_in_source_pixels_for_every_shape(
    toy_perceiver: Perceiver, shape: tuple[int, int]
) -> None:
    image, boxes = toy_picture(*shape, CENTRAL)
    detections = toy_perceiver(Frame(image))
    assert sorted(detections.class_name(index) for index in range(2)) == ["blue", "red"]
    for index in range(2):
        error = np.abs(detections.boxes[index] - boxes[detections.class_name(index)])
        assert error.max() <= 0.5


def test_boxes_end_at_the_image(toy_perceiver: Perceiver) -> None:
    image = np.full((300, 300, 3), 114, np.uint8)
    image[:, :90] = (255, 0, 0)
    detections = toy_perceiver(Frame(image))
    assert len(detections) > 0
    assert detections.boxes.min() >= 0
    assert detections.boxes.max() <= 300
    assert (detections.boxes[:, 2:] > detections.boxes[:, :2]).all()


def test_nothing_is_found_in_nothing(toy_perceiver: Perceiver) -> None:
    detections = toy_perceiver(Frame(np.zeros((480, 640, 3), np.uint8)))
    assert (len(detections), detections.names) == (0, DEFAULT_NAMES)


@pytest.mark.parametrize("shape", [(1, 1), (1, 4000), (4000, 1)])
def test_the_smallest_images_are_accepted(
    toy_perceiver: Perceiver, shape: tuple[int, int]
) -> None:
    detections = toy_perceiver(Frame(np.full((*shape, 3), (255, 0, 0), np.uint8)))
    limit = [shape[1], shape[0]] * 2
    assert (detections.boxes >= 0).all()
    assert (detections.boxes <= limit).all()


def test_stages_are_measured(toy_perceiver: Perceiver) -> None:
    stages = StageTimes()
    toy_perceiver(Frame(np.zeros((480, 640, 3), np.uint8)), stages=stages)
    assert list(stages.seconds) == ["letterbox", "inference", "nms"]
    assert min(stages.seconds.values()) > 0


def test_warm_up_changes_nothing(perceiver: Perceiver) -> None:
    perceiver.warm_up()
    image, _ = toy_picture(HEIGHT, WIDTH, {"red": (3, 4)})
    assert names_found(perceiver, image) == ["red"]


# A fixed vocabulary


@pytest.fixture(scope="module")
def fixed(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    graph = toy_graph(toy_vocabulary(DEFAULT_NAMES))
    return write_toy_bundle(
        tmp_path_factory.mktemp("fixed") / "toy",
        graphs={"fp32": graph},
        fixed_vocabulary=True,
        text_adaptor=None,
    )


def test_a_fixed_vocabulary_finds_the_same(fixed: Bundle, toy_perceiver: Perceiver) -> None:
    image, _ = toy_picture(480, 640, CENTRAL)
    expected, detections = toy_perceiver(Frame(image)), Perceiver(fixed)(Frame(image))
    np.testing.assert_allclose(detections.boxes, expected.boxes, atol=1e-4)
    np.testing.assert_allclose(detections.scores, expected.scores, atol=1e-4)
    np.testing.assert_array_equal(detections.labels, expected.labels)


def test_a_fixed_vocabulary_refuses_other_names(fixed: Bundle) -> None:
    perceiver = Perceiver(fixed)
    perceiver.change(vocabulary=toy_vocabulary(DEFAULT_NAMES, 4))
    image, _ = toy_picture(HEIGHT, WIDTH, SQUARES)
    assert perceiver(Frame(image)).vocabulary_version == 4
    for names in (("cyan",), ("green", "red", "blue"), (*DEFAULT_NAMES, "cyan")):
        message = refusal_of(
            PerceiverError, partial(perceiver.change, vocabulary=toy_vocabulary(names, 5))
        )
        assert message == (
            f"{fixed.directory}: expected its fixed vocabulary ['red', 'green', 'blue'], "
            f"found {list(names)}"
        )
    assert perceiver.vocabulary.version == 4


def test_a_fixed_vocabulary_has_live_thresholds(fixed: Bundle) -> None:
    settings = Settings(0.6, 0.3, class_thresholds={"red": 1.0})
    image, _ = toy_picture(HEIGHT, WIDTH, SQUARES)
    assert sorted(names_found(Perceiver(fixed, settings=settings), image)) == ["blue", "green"]
