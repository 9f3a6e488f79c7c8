# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from vit_perception.bundle.bundle import Bundle
from vit_perception.frame import Frame
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.region import Region, RegionError

from ..toy_bundle import GREY, toy_picture

PIXELS, _ = toy_picture(120, 160, {"red": (1, 2)})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("160,120,320,240", Region(160, 120, 320, 240)),
        (" 0, 0 ,1,  1 ", Region(0, 0, 1, 1)),
        ("", None),
        ("  ", None),
    ],
)
def test_regions_as_text(text: str, expected: Region | None) -> None:
    assert Region.parse(text) == expected


@pytest.mark.parametrize(
    "text", ["1,2,3", "1,2,3,0", "-1,2,3,4", "a,b,c,d", "1,2,3,4,5", "1.5,2,3,4"]
)
def test_what_is_no_region(text: str) -> None:
    with pytest.raises(RegionError, match="^roi: expected 'x,y,width,height' in pixels, found "):
        Region.parse(text)


def test_a_part_is_a_view_with_its_own_principal_point() -> None:
    depth = np.ones((120, 160), np.float32)
    matrix = np.array([[100.0, 0, 80], [0, 100, 60], [0, 0, 1]])
    frame = Frame(PIXELS, stamp=5, frame_id="camera", depth=depth, intrinsics=matrix)
    part = Region(40, 30, 50, 1000).of(frame)
    assert (part.width, part.height, part.stamp, part.frame_id) == (50, 90, 5, "camera")
    assert np.shares_memory(part.image, PIXELS)
    np.testing.assert_array_equal(part.image, PIXELS[30:, 40:90])
    assert part.depth is not None and part.depth.shape == (90, 50)
    assert part.intrinsics is not None and matrix[0, 2] == 80
    np.testing.assert_array_equal(part.intrinsics[:2, 2], [40, 30])


def test_a_region_beside_the_image() -> None:
    with pytest.raises(RegionError, match="160x120 px, found 5x6 px at 160, 0"):
        Region(160, 0, 5, 6).of(Frame(PIXELS))


def test_what_is_found_in_a_part_lies_where_it_is_in_the_whole(
    toy_segmentation_bundle: Bundle,
) -> None:
    part, boxes = toy_picture(64, 96, {"red": (1, 2), "blue": (3, 6)})
    pixels = np.full((200, 300, 3), GREY, np.uint8)
    pixels[30:94, 40:136] = part
    frame, region = Frame(pixels), Region(40, 30, 96, 64)
    inside = Perceiver(toy_segmentation_bundle)(region.of(frame))
    found = region.whole(inside, frame)
    assert found.masks is not None and inside.masks is not None
    assert (found.masks.height, found.masks.width) == (200, 300)
    assert {found.class_name(i) for i in range(len(found))} == boxes.keys()
    for index in range(len(found)):
        box = boxes[found.class_name(index)] + (40, 30, 40, 30)
        np.testing.assert_allclose(found.boxes[index], box, atol=0.5)
        mask = found.masks.one(index)
        np.testing.assert_array_equal(mask[30:94, 40:136], inside.masks.one(index))
        assert mask.sum() == inside.masks.areas()[index] > 0
