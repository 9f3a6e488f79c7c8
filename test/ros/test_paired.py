# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A subscriber gets detections, masks and names of one image together."""

from __future__ import annotations

from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy")

from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray, LabelInfo, VisionClass

from vit_perception.bundle.bundle import Bundle
from vit_perception.ros import Paired
from vit_perception.ros.paired import Result

from ..toy_bundle import toy_picture
from .bench import ALL_ARRIVE, SECOND, Bench, header, image_message, stamp_of, wait_for

pytestmark = pytest.mark.ros

PIXELS, _ = toy_picture(64, 96, {"red": (1, 1), "blue": (5, 5)})


def test_each_image_comes_with_its_masks_and_names(
    bench: Bench, toy_segmentation_bundle: Bundle
) -> None:
    bench.detector(toy_segmentation_bundle.directory, **ALL_ARRIVE)
    results: list[Result] = []
    paired = Paired(bench.outside, results.append)
    camera = bench.camera()
    for number in range(1, 6):
        camera.publish(image_message(PIXELS, stamp=number * SECOND))
        wait_for(lambda n=number: len(results) == n, "a result")
    for number, result in enumerate(results, start=1):
        assert stamp_of(result) == number * SECOND
        assert {each.results[0].hypothesis.class_id for each in result.detections.detections} == {
            "red",
            "blue",
        }
        assert result.instances is not None and result.instances.count == 2
        assert result.names == ("red", "green", "blue")
        assert result.threshold == pytest.approx(0.6)
    paired.destroy()


def test_who_joins_late_gets_the_names_too(bench: Bench, toy_bundle_dir: Path) -> None:
    bench.detector(toy_bundle_dir, **ALL_ARRIVE)
    camera = bench.camera()
    early = bench.detections()
    camera.publish(image_message(PIXELS, stamp=SECOND))
    wait_for(lambda: early, "the first result")
    results: list[Result] = []
    paired = Paired(bench.outside, results.append, masks=False)
    wait_for(lambda: paired._infos, "the names")
    camera.publish(image_message(PIXELS, stamp=2 * SECOND))
    wait_for(lambda: results, "a result")
    assert (results[0].names, results[0].instances) == (("red", "green", "blue"), None)


class Stage:
    """A detector whose messages are said by hand, in any order."""

    def __init__(self, bench: Bench) -> None:
        self.results: list[Result] = []
        self.paired = Paired(bench.outside, self.results.append)

    def names(self, stamp: int, *names: str) -> None:
        classes = [VisionClass(class_id=i, class_name=name) for i, name in enumerate(names)]
        self.paired._on_names(LabelInfo(header=header(stamp), class_map=classes, threshold=0.5))

    def detections(self, stamp: int, count: int = 0) -> None:
        from vision_msgs.msg import Detection2D

        found = [Detection2D() for _ in range(count)]
        self.paired._on_detections(Detection2DArray(header=header(stamp), detections=found))

    def instances(self, stamp: int, owner: Any) -> None:
        pixels = np.asarray(owner, "<u2")
        height, width = pixels.shape
        self.paired._on_instances(
            Image(
                header=header(stamp),
                height=height,
                width=width,
                encoding="mono16",
                step=2 * width,
                data=array("B", pixels.tobytes()),
            )
        )

    @property
    def told(self) -> list[tuple[int, bool, tuple[str, ...]]]:
        return [(stamp_of(r), r.instances is not None, r.names) for r in self.results]


def test_masks_may_come_first_and_may_not_come(bench: Bench) -> None:
    stage = Stage(bench)
    stage.names(1, "mug")
    stage.instances(1, [[1, 0]])
    stage.detections(1, 1)
    stage.detections(2)
    assert stage.told == [(1, True, ("mug",))]
    stage.detections(3, 1)
    assert stage.told[1:] == [(2, False, ("mug",))]
    stage.names(4, "spoon")
    stage.instances(3, [[1, 1]])
    stage.detections(5, 2)
    stage.instances(5, [[2, 2]])
    assert stage.told[2:] == [(3, True, ("mug",)), (5, True, ("spoon",))]
    # The first of the two is hidden behind the second.
    assert stage.results[-1].hidden.tolist() == [0]


def test_stamps_that_go_back_begin_anew(bench: Bench) -> None:
    stage = Stage(bench)
    stage.names(10, "mug")
    stage.names(2, "spoon")
    stage.detections(2)
    stage.detections(3)
    assert stage.told == [(2, False, ("spoon",))]


def test_masks_that_do_not_fit_are_left_out(bench: Bench) -> None:
    stage = Stage(bench)
    stage.detections(1, 1)
    stage.instances(1, [[7, 0]])
    assert stage.told == [(1, False, ())]
