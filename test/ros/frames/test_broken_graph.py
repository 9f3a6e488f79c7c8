# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A graph whose numbers break in some frames: they are counted and told, the node goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy")

from lifecycle_msgs.msg import Transition

from ...toy_bundle import toy_picture, write_toy_bundle, write_toy_segmentation_bundle
from ...toy_graphs import changed, redone, spoilt_by_red
from ..bench import ALL_ARRIVE, SECOND, Bench, image_message, stamp_of, values, wait_for

pytestmark = pytest.mark.ros

CALM, _ = toy_picture(64, 96, {"blue": (3, 4)})
RED, _ = toy_picture(64, 96, {"red": (3, 4), "blue": (0, 0)})


@pytest.mark.parametrize("output", ["scores", "boxes", "mask_coefficients", "prototypes"])
def test_frames_whose_numbers_are_not_finite_are_dropped_and_told(
    bench: Bench, tmp_path: Path, output: str
) -> None:
    graph = spoilt_by_red(output, np.nan)
    write_toy_segmentation_bundle(tmp_path / "toy", graphs={"fp32": graph})
    node = bench.detector(tmp_path / "toy", diagnostics_period=0.1, **ALL_ARRIVE)
    results, camera, reports = bench.detections(), bench.camera(), bench.diagnostics()
    for number, pixels in enumerate((CALM, RED, CALM), 1):
        camera.publish(image_message(pixels, stamp=number * SECOND))
        wait_for(lambda n=number: node.counts.received == n, "its fate")
    wait_for(lambda: len(results) == 2, "two results")
    assert [stamp_of(each) // SECOND for each in results] == [1, 3]
    assert node.counts.dropped["error"] == 1

    def told() -> bool:
        frames = [each for report in reports for each in report.status if "frames" in each.name]
        line = f"model.onnx: {output}: expected finite numbers, found nan"
        return any(
            line in each.message and values(each)["frames.dropped.error"] == "1" for each in frames
        )

    wait_for(told, "diagnostics")


def test_a_graph_that_is_broken_throughout_does_not_configure(
    bench: Bench, tmp_path: Path
) -> None:
    poison = np.full((1, 300, 4), np.nan, np.float32)
    graph = changed(lambda model: redone(model, "boxes", "Add", poison, [1, 300, 4]))
    write_toy_bundle(tmp_path / "toy", graphs={"fp32": graph})
    log = bench.log()
    bench.detector(tmp_path / "toy", start=False)
    assert not bench.change_state(Transition.TRANSITION_CONFIGURE)
    line = "model.onnx: boxes: expected finite numbers, found nan"
    wait_for(lambda: [each for each in log if line in each.msg], "the reason")
