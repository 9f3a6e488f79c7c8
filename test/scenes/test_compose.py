# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from vit_perception.scenes.compose import Composer, Composition
from vit_perception.scenes.labels import Thing
from vit_perception.scenes.layout import Shelf
from vit_perception.scenes.photometry import Noise
from vit_perception.scenes.sprites import Sprite
from vit_perception.scenes.surfaces import Surfaces, Texture


def sprite(name: str, colour: tuple[int, int, int], height: int, width: int) -> Sprite:
    pixels = np.zeros((height, width, 4), np.uint8)
    cv2.ellipse(
        pixels, (width // 2, height // 2), (width // 2, height // 2), 0, 0, 360, (*colour, 255), -1
    )
    kind = Thing(name, name, (name,), ("red",), "plastic", f"red {name}", "train")
    return Sprite(pixels, kind, metres=0.001, elevation=40.0)


@pytest.fixture
def composer() -> Composer:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 80, (128, 128, 3), dtype=np.uint8)
    small = (picture[::2, ::2], picture[::4, ::4])
    surfaces = Surfaces((Texture((picture, *small), True, 1.0),), (picture,), (), ())
    things = [sprite("ball", (250, 10, 10), 60, 60), sprite("stick", (10, 250, 10), 90, 20)]
    return Composer(Shelf(things), surfaces, Composition(160, 120), 3, Noise.from_seed(3))


def test_the_same_numbers_give_the_same_bytes(composer: Composer) -> None:
    first, second = composer(5), composer(5)
    assert first.jpeg == second.jpeg
    assert first.labels == second.labels
    assert composer(6).jpeg != first.jpeg
    assert replace(composer, seed=4)(5).jpeg != first.jpeg


def test_boxes_are_the_extent_of_the_visible_pixels(composer: Composer) -> None:
    boxes = 0
    for index in range(25):
        picture = composer(index)
        assert picture.owner.shape == (120, 160)
        for number, label in enumerate(picture.labels):
            rows, columns = np.nonzero(picture.owner == number)
            x, y, width, height = label.box
            assert (columns.min(), rows.min()) == (x, y)
            assert (columns.max() + 1, rows.max() + 1) == (x + width, y + height)
            assert len(rows) == label.area
            assert 0 < label.visible_fraction <= 1
            boxes += 1
    assert boxes > 50


def test_a_box_lies_on_the_thing_in_the_picture(composer: Composer) -> None:
    """The red thing is redder than the dark ground, so its pixels must lie where the box is."""
    shelf = Shelf([sprite("ball", (250, 10, 10), 80, 80)])
    composer = replace(composer, shelf=shelf, settings=Composition(160, 160, 1, 1))
    overlaps = []
    for index in range(40):
        picture = composer(index)
        (label,) = picture.labels
        if label.visible_fraction < 0.9 or min(label.box[2:]) < 20:
            continue
        image = cv2.imdecode(np.frombuffer(picture.jpeg, np.uint8), cv2.IMREAD_COLOR)
        excess = image[..., 2].astype(int) - image[..., :2].max(axis=2)
        x, y, width, height = label.box
        middle = excess[y + height // 4 : y + 3 * height // 4, x + width // 4 : x + 3 * width // 4]
        outside = np.ones(excess.shape, bool)
        outside[max(y - 4, 0) : y + height + 4, max(x - 4, 0) : x + width + 4] = False
        overlaps.append(middle.mean() > 40 and excess[outside].mean() < 25)
    assert len(overlaps) > 5
    assert np.mean(overlaps) > 0.9


def test_as_many_things_as_asked_for_are_in_sight(composer: Composer) -> None:
    composer = replace(composer, settings=Composition(160, 160, 3, 5))
    for index in range(20):
        asked = [label for label in composer(index).labels if not label.ignored]
        assert 3 <= len(asked) <= 5
