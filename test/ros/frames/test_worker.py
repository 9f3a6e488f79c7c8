# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Nothing that a frame does ends the worker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy")

from vit_perception.detections import Detections
from vit_perception.engine.session import SessionError
from vit_perception.frame import Frame
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.stages import StageTimes

from ...toy_bundle import toy_picture
from ..bench import ALL_ARRIVE, SECOND, Bench, image_message, stamp_of, wait_for

pytestmark = pytest.mark.ros

PIXELS, _ = toy_picture(64, 96, {"red": (1, 2)})


class FailsOnOddSeconds:
    """An engine that gives up on every other frame."""

    def __init__(self, perceiver: Perceiver) -> None:
        self._perceiver = perceiver

    def __call__(self, frame: Frame, stages: StageTimes | None = None) -> Detections:
        if frame.stamp // SECOND % 2:
            raise SessionError("the engine failed: out of\nmemory")
        return self._perceiver(frame, stages)


def test_a_failing_engine_costs_its_frame_only(bench: Bench, toy_bundle_dir: Path) -> None:
    node = bench.detector(toy_bundle_dir, wrap=FailsOnOddSeconds, **ALL_ARRIVE)
    results, camera, log = bench.detections(), bench.camera(), bench.log()
    for number in range(1, 21):
        camera.publish(image_message(PIXELS, stamp=number * SECOND))
        wait_for(lambda n=number: node.counts.arrived == n, "the frame")
        wait_for(lambda: node.counts.pending == 0, "its end")
    wait_for(lambda: len(results) == 10, "results")
    assert [stamp_of(result) for result in results] == [n * SECOND for n in range(2, 21, 2)]
    assert (node.counts.published, node.counts.dropped["error"]) == (10, 10)

    def lines() -> list[Any]:
        return [each.msg for each in log if "out of memory" in each.msg]

    wait_for(lines, "a line in the log")
    # Ten failures within a moment are not ten lines.
    assert len(lines()) <= 3
    assert all("\n" not in line and "SessionError" in line for line in lines())
