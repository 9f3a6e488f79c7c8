# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Messages that say what is true, of all versions of vision_msgs."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.samples.detected import inside, numbers_of, truth_of, with_masks
from vit_perception.images.raw import ImageError
from vit_perception.rle import decode_mask

from .recorded import masks, numbers, truth


def thing(*results: Any, theta: float = 0.0, **more: Any) -> Any:
    """A Detection2D of 20 x 10 px around 30, 40."""
    centre = SimpleNamespace(position=SimpleNamespace(x=30.0, y=40.0), theta=theta)
    box = SimpleNamespace(center=centre, size_x=20.0, size_y=10.0)
    return SimpleNamespace(results=list(results), bbox=box, **more)


def result(name: str, score: float) -> Any:
    return SimpleNamespace(hypothesis=SimpleNamespace(class_id=name, score=score))


def of(*things: Any) -> Any:
    return truth_of(SimpleNamespace(detections=list(things)))


def test_the_best_hypothesis_names_a_thing() -> None:
    found = of(
        thing(result("a", 0.2), result(" b  c\n", 0.9), result("c", 0.9), id="7"),
        thing(result("d", math.nan), result("e", 0.0), id="x"),
        thing(id=""),
    )
    assert (found.names, found.ids) == (("b c", "e", ""), ("7", "x", ""))
    np.testing.assert_array_equal(found.boxes, [[20, 35, 40, 45]] * 3)


def test_turned_boxes_become_upright_ones() -> None:
    found = of(thing(theta=math.pi / 2), thing(theta=math.pi / 4))
    side = 30 / math.sqrt(2) / 2
    np.testing.assert_allclose(
        found.boxes,
        [[25, 30, 35, 50], [30 - side, 40 - side, 30 + side, 40 + side]],
        rtol=1e-6,
    )


def test_messages_before_version_4() -> None:
    """`vision_msgs` of Galactic, of Foxy and of ROS 1."""
    centre = SimpleNamespace(x=30.0, y=40.0, theta=0.0)
    box = SimpleNamespace(center=centre, size_x=20.0, size_y=10.0)
    for name, hypothesis in (
        ("mug", result("mug", 0.5)),
        ("mug", SimpleNamespace(id="mug", score=0.5)),
        ("3", SimpleNamespace(id=3, score=0.5)),
    ):
        found = of(SimpleNamespace(results=[hypothesis], bbox=box, tracking_id="9"))
        assert (found.names, found.ids) == ((name,), ("9",))
        np.testing.assert_array_equal(found.boxes, [[20, 35, 40, 45]])


@pytest.mark.parametrize(
    ("encoding", "dtype"), [("mono8", np.uint8), ("mono16", np.uint16), ("16UC1", np.uint16)]
)
def test_images_of_numbers(encoding: str, dtype: type) -> None:
    message = masks(0, encoding=encoding)[2]
    found = numbers_of(message)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, numbers(0))
    if encoding != "mono8":
        message.is_bigendian = 1
        np.testing.assert_array_equal(numbers_of(message), numbers(0).byteswap())
    message.data = message.data[:-1]
    with pytest.raises(ImageError, match="expected 6144|expected 3072"):
        numbers_of(message)


def test_masks_are_those_of_the_numbers() -> None:
    plain = truth_of(truth(0)[2])
    pixels = numbers(0)
    pixels[8, 12] = 0
    found = with_masks(plain, pixels.astype(">u2"))
    assert found.masks is not None
    for number, rle in enumerate(found.masks, start=1):
        np.testing.assert_array_equal(decode_mask(rle), pixels == number)
    np.testing.assert_array_equal(found.areas, [99, 200])
    assert found.areas.dtype == np.float32
    pixels[pixels == 2] = 0
    hidden = with_masks(plain, pixels)
    assert hidden.masks is not None and not decode_mask(hidden.masks[1]).any()
    pixels[0, 0] = 3
    with pytest.raises(EvaluationError, match="pixels of 0 to 2, as there are things, found 3"):
        with_masks(plain, pixels)


def test_things_keep_their_masks_at_the_edges() -> None:
    found = with_masks(truth_of(truth(0)[2]), numbers(0))
    assert inside(found, 48, 64) is found
    cut = inside(found, 48, 35)
    assert (cut.names, len(cut.masks or ())) == (("cup",), 1)
    assert cut.masks is not None and found.masks is not None
    assert cut.masks[0] is found.masks[0]
    np.testing.assert_array_equal(cut.areas, found.areas[:1])
