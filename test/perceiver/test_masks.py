# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vit_perception.bundle.bundle import Bundle
from vit_perception.frame import Frame
from vit_perception.letterbox import fit
from vit_perception.masks import Masks
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.settings import Settings
from vit_perception.perceiver.stages import StageTimes

from ..toy_bundle import (
    CENTRAL,
    COLOURS,
    GREY,
    HEIGHT,
    MASK_STRIDE,
    WIDTH,
    toy_graph,
    toy_picture,
    toy_vocabulary,
    write_toy_segmentation_bundle,
)


@pytest.fixture(scope="module")
def shared(toy_segmentation_bundle: Bundle) -> Perceiver:
    """One perceiver for tests that change nothing."""
    return Perceiver(toy_segmentation_bundle, threads=1)


def masks_of(perceiver: Perceiver, image: NDArray[np.uint8]) -> tuple[list[str], Masks]:
    """Names and masks, best first."""
    detections = perceiver(Frame(image))
    assert detections.masks is not None
    names = [detections.class_name(index) for index in range(len(detections))]
    return names, detections.masks


@pytest.mark.parametrize(
    "shape",
    [
        (64, 96),
        (480, 640),
        (720, 1280),
        (1080, 1920),
        (640, 480),
        (333, 777),
        (777, 333),
        (32, 48),
    ],
)
def test_a_square_is_its_own_mask_in_every_shape_of_picture(
    shared: Perceiver, shape: tuple[int, int]
) -> None:
    image, _ = toy_picture(*shape, CENTRAL)
    names, masks = masks_of(shared, image)
    assert sorted(names) == ["blue", "red"]
    assert (masks.height, masks.width) == shape
    # Interpolation rounds corners, and the other colour beside pulls an edge by a sixth of a
    # cell; the squares themselves lie in whole pixels.
    cell = MASK_STRIDE / fit(*shape, HEIGHT, WIDTH).scale_x
    tolerance = math.ceil(0.3 * cell) + 1
    for name, mask in zip(names, masks.dense(), strict=True):
        square = (image == COLOURS[name]).all(axis=2)
        rows, columns = np.flatnonzero(square.any(1)), np.flatnonzero(square.any(0))
        grown = np.zeros_like(square)
        grown[
            max(0, rows[0] - tolerance) : rows[-1] + 1 + tolerance,
            max(0, columns[0] - tolerance) : columns[-1] + 1 + tolerance,
        ] = True
        shrunk = np.zeros_like(square)
        shrunk[
            rows[0] + tolerance : rows[-1] + 1 - tolerance,
            columns[0] + tolerance : columns[-1] + 1 - tolerance,
        ] = True
        assert mask[shrunk].all()
        assert not mask[~grown].any()


def test_without_resizing_a_mask_is_the_square_but_for_its_corners(shared: Perceiver) -> None:
    """Interpolation rounds a corner by one pixel; at the edge of the picture there is none."""
    image, _ = toy_picture(HEIGHT, WIDTH, {"red": (0, 0), "green": (6, 10), "blue": (2, 5)})
    names, masks = masks_of(shared, image)
    lost = {
        "red": [[15, 15]],
        "green": [[48, 80]],
        "blue": [[16, 40], [16, 55], [31, 40], [31, 55]],
    }
    assert sorted(names) == sorted(lost)
    for name, mask in zip(names, masks.dense(), strict=True):
        square = (image == COLOURS[name]).all(axis=2)
        assert not (mask & ~square).any()
        assert np.argwhere(square & ~mask).tolist() == lost[name]


def test_a_mask_is_the_thing_and_not_the_box(shared: Perceiver) -> None:
    image = np.full((HEIGHT * 10, WIDTH * 10, 3), GREY, np.uint8)
    y, x = np.indices(image.shape[:2]) + 0.5
    disc = np.hypot(y - 320, x - 480) < 80
    image[disc] = COLOURS["red"]
    names, masks = masks_of(shared, image)
    assert names == ["red"]
    mask = masks.one(0)
    assert (mask & disc).sum() / (mask | disc).sum() > 0.9
    assert masks.areas()[0] < 0.9 * 160 * 160


def test_nothing_found_has_no_masks_of_this_picture(shared: Perceiver) -> None:
    names, masks = masks_of(shared, np.zeros((480, 640, 3), np.uint8))
    assert (names, len(masks), masks.height, masks.width) == ([], 0, 480, 640)


@pytest.mark.parametrize("shape", [(1, 1), (1, 4000), (4000, 1)])
def test_the_smallest_pictures_have_masks(shared: Perceiver, shape: tuple[int, int]) -> None:
    names, masks = masks_of(shared, np.full((*shape, 3), (255, 0, 0), np.uint8))
    assert len(masks) == len(names)
    assert masks.dense().shape == (len(names), *shape)


def test_masks_can_be_turned_off_and_on(toy_segmentation_bundle: Bundle) -> None:
    perceiver = Perceiver(toy_segmentation_bundle, threads=1)
    image, _ = toy_picture(480, 640, CENTRAL)
    with_masks = perceiver(Frame(image))
    perceiver.change(settings=replace(perceiver.settings, masks=False))
    stages = StageTimes()
    without = perceiver(Frame(image), stages=stages)
    assert without.masks is None
    assert list(stages.seconds) == ["letterbox", "inference", "nms"]
    np.testing.assert_array_equal(without.boxes, with_masks.boxes)
    perceiver.change(settings=replace(perceiver.settings, masks=True))
    stages = StageTimes()
    assert perceiver(Frame(image), stages=stages).masks is not None
    assert list(stages.seconds) == ["letterbox", "inference", "nms", "masks"]


def test_a_detection_bundle_has_no_masks(toy_bundle: Bundle) -> None:
    stages = StageTimes()
    image, _ = toy_picture(HEIGHT, WIDTH, CENTRAL)
    assert Perceiver(toy_bundle)(Frame(image), stages=stages).masks is None
    assert "masks" not in stages.seconds


def test_only_kept_detections_have_masks(toy_segmentation_bundle: Bundle) -> None:
    settings = Settings(0.3, 0.9, max_detections=3)
    perceiver = Perceiver(toy_segmentation_bundle, settings=settings)
    image = np.full((HEIGHT, WIDTH, 3), COLOURS["red"], np.uint8)
    names, masks = masks_of(perceiver, image)
    assert (names, masks.areas().tolist()) == (["red"] * 3, [16 * 16] * 3)


def test_a_fixed_vocabulary_has_the_same_masks(tmp_path: Path, shared: Perceiver) -> None:
    graph = toy_graph(toy_vocabulary(("red", "green", "blue")), masks=True)
    bundle = write_toy_segmentation_bundle(
        tmp_path / "toy", graphs={"fp32": graph}, fixed_vocabulary=True, text_adaptor=None
    )
    image, _ = toy_picture(480, 640, CENTRAL)
    expected, found = masks_of(shared, image), masks_of(Perceiver(bundle), image)
    assert found[0] == expected[0]
    np.testing.assert_array_equal(found[1].dense(), expected[1].dense())
