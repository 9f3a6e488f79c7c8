# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Nothing that a frame does ends the worker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy")

from vit_perception.detections import Detections
from vit_perception.engine.session import SessionError
from vit_perception.frame import Frame
from vit_perception.perceiver.query import Query
from vit_perception.perceiver.stages import StageTimes
from vit_perception.ros import messages

from ...toy_bundle import toy_picture
from ..bench import (
    ALL_ARRIVE,
    SECOND,
    Bench,
    header,
    image_message,
    put_before,
    stamp_of,
    wait_for,
)

pytestmark = pytest.mark.ros

PIXELS, _ = toy_picture(64, 96, {"red": (1, 2)})


def test_a_failing_engine_costs_its_frame_only(bench: Bench, toy_bundle_dir: Path) -> None:
    node = bench.detector(toy_bundle_dir, **ALL_ARRIVE)

    def fails_on_odd_seconds(frame: Frame, query: Query, stages: StageTimes) -> Detections:
        if frame.stamp // SECOND % 2:
            raise SessionError("the engine failed: out of\nmemory")
        return look(frame, query, stages)

    look = put_before(node, fails_on_odd_seconds)
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


def test_a_camera_of_twelve_bits_is_seen_as_bright_as_it_is(
    bench: Bench, toy_bundle_dir: Path
) -> None:
    node = bench.detector(toy_bundle_dir, **ALL_ARRIVE)
    white: list[int] = []

    def keeps_the_brightest(frame: Frame, query: Query, stages: StageTimes) -> Detections:
        white.append(int(frame.image.max()))
        return look(frame, query, stages)

    look = put_before(node, keeps_the_brightest)
    results, camera = bench.detections(), bench.camera()
    for number, (largest, bits) in enumerate([(4095, 0), (127, 0), (4095, 16), (127, 0)]):
        bench.set_parameters(image_bits=bits)
        pixels = np.full((64, 96), largest, np.uint16)
        camera.publish(messages.image_message(header((number + 1) * SECOND), pixels))
        wait_for(lambda n=number: len(results) == n + 1, "a result")
    assert white == [255, 8, 16, 8]
