# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vit_perception.detections import Detections
from vit_perception.masks import Masks
from vit_perception.perceiver.overlay import class_colour, draw

GREY = 90


def detections(*boxes: tuple[float, float, float, float], name: str = "red mug") -> Detections:
    return Detections(
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        scores=np.linspace(0.9, 0.5, len(boxes), dtype=np.float32),
        labels=np.zeros(len(boxes), np.int64),
        names=(name,),
        vocabulary_version=0,
    )


def blank(height: int = 480, width: int = 640) -> np.ndarray:
    return np.full((height, width, 3), GREY, np.uint8)


def test_the_box_is_drawn_in_the_colour_of_its_name_and_the_image_is_kept() -> None:
    image = blank()
    image.flags.writeable = False
    drawn = draw(image, detections((100, 200, 300, 400)))
    assert (image == GREY).all()
    assert drawn.dtype == np.uint8
    assert drawn.shape == image.shape
    for x, y in ((100, 300), (299, 300), (200, 399), (280, 200)):
        assert tuple(drawn[y, x]) == class_colour("red mug")
    assert (drawn[220:380, 120:280] == GREY).all()


def test_colours_are_stable_and_differ() -> None:
    names = ["red mug", "spoon", "screwdriver", "plate"]
    assert len({class_colour(name) for name in names}) == len(names)
    assert class_colour("spoon") == class_colour("spoon")


def test_an_id_is_written_beside_the_name() -> None:
    found = detections((100, 200, 300, 400))
    unconfirmed, known, other = (
        draw(blank(), replace(found, ids=np.array([number]))) for number in (0, 7, 8)
    )
    np.testing.assert_array_equal(unconfirmed, draw(blank(), found))
    assert (known != unconfirmed).any() and (known != other).any()
    assert (known[200:] == unconfirmed[200:]).all()


def test_nothing_found_leaves_the_picture() -> None:
    np.testing.assert_array_equal(draw(blank(), Detections.empty(("mug",), 0)), blank())


@pytest.mark.parametrize(
    "box", [(0, 0, 40, 30), (600, 0, 640, 30), (0, 450, 40, 480), (600, 450, 640, 480)]
)
def test_labels_at_the_edge_stay_inside_and_whole(box: tuple[float, ...]) -> None:
    def label_pixels(image: np.ndarray) -> int:
        # A label is a filled rectangle: far more pixels than the lines of a box of 40x30.
        return int((image == class_colour("red mug")).all(axis=2).sum())

    middle = draw(blank(), detections((300, 200, 340, 230)))
    edge = draw(blank(), detections(box))
    assert label_pixels(edge) > 0.8 * label_pixels(middle)


def test_labels_of_boxes_on_each_other_do_not_cover_each_other() -> None:
    one = draw(blank(), detections((200, 200, 400, 300)))
    two = draw(blank(), detections((200, 200, 400, 300), (200, 200, 400, 300)))
    colour = class_colour("red mug")
    count_one = int((one == colour).all(axis=2).sum())
    count_two = int((two == colour).all(axis=2).sum())
    assert count_two > 1.3 * count_one


def test_tiny_images_odd_boxes_and_foreign_letters_do_not_fail() -> None:
    for height, width in ((1, 1), (7, 500), (2000, 3)):
        drawn = draw(blank(height, width), detections((-5, -5, 1e6, 1e6), (3, 3, 3, 3)))
        assert drawn.shape == (height, width, 3)
    draw(blank(), detections((10, 10, 90, 90), name="杯子 Löffel"))


def test_doubtful_ones_and_masks_may_be_left_out() -> None:
    found = detections((10, 10, 100, 100), (300, 300, 400, 400))
    surest = draw(blank(), found, least_score=0.6)
    np.testing.assert_array_equal(surest, draw(blank(), detections((10, 10, 100, 100))))
    crops = tuple(np.ones((90, 90), np.bool_) for _ in range(2))
    origins = np.array([[10, 10], [300, 300]], np.int64)
    masked = replace(found, masks=Masks(origins=origins, crops=crops, height=480, width=640))
    np.testing.assert_array_equal(draw(blank(), masked, masks=False), draw(blank(), found))
    assert (draw(blank(), masked) != draw(blank(), found)).any()


def test_a_mask_is_tinted_and_outlined_and_what_is_outside_is_kept() -> None:
    found = detections((100, 200, 300, 400))
    y, x = np.indices((200, 200)) - 100
    disc, middle = np.hypot(y, x) < 80, np.hypot(y, x) < 70
    masks = Masks(np.array([[100, 200]]), (disc,), 480, 640)
    image = blank()
    image.flags.writeable = False
    plain, drawn = draw(image, found), draw(image, replace(found, masks=masks))
    assert (image == GREY).all()
    whole = np.zeros((480, 640), np.bool_)
    whole[200:400, 100:300] = np.hypot(y, x) < 83  # the outline is 2 px wide
    np.testing.assert_array_equal(drawn[~whole], plain[~whole])
    colour = np.array(class_colour("red mug"))
    tint = np.rint(0.55 * GREY + 0.45 * colour)
    assert (drawn[200:400, 100:300][middle] == tint).all()
    assert tuple(drawn[300, 121]) == tuple(colour)


def test_masks_at_the_edge_empty_ones_and_single_pixels_are_drawn() -> None:
    found = detections((0, 0, 40, 30), (600, 450, 640, 480), (5, 5, 6, 6), (9, 9, 12, 12))
    crops = (
        np.ones((30, 40), np.bool_),
        np.ones((30, 40), np.bool_),
        np.ones((1, 1), np.bool_),
        np.zeros((0, 0), np.bool_),
    )
    masks = Masks(np.array([[0, 0], [600, 450], [5, 5], [0, 0]]), crops, 480, 640)
    drawn = draw(blank(), replace(found, masks=masks))
    assert (drawn[10:20, 10:30] != GREY).any(axis=2).all()
    assert (drawn[460:470, 610:630] != GREY).any(axis=2).all()


def test_of_two_masks_the_surer_one_lies_on_top() -> None:
    found = replace(
        detections((100, 200, 200, 300), (100, 200, 200, 300)), labels=np.array([0, 1]),
        names=("red mug", "spoon"),
    )  # fmt: skip
    crops = (np.ones((100, 100), np.bool_),) * 2
    drawn = draw(blank(), replace(found, masks=Masks(np.array([[100, 200]] * 2), crops, 480, 640)))
    nearer = [
        np.abs(drawn[280, 150] - np.array(class_colour(n), float)).sum() for n in found.names
    ]
    assert nearer[0] < nearer[1]
