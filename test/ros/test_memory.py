# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A node whose graph, names and region change again and again, while frames go through it."""

from __future__ import annotations

import threading

import numpy as np
import pytest

pytest.importorskip("rclpy")

from vit_perception.bundle.paths import find_bundle

from .bench import ALL_ARRIVE, SECOND, Bench, image_message, wait_for
from .test_lifecycle import resident_bytes

pytestmark = pytest.mark.ros

SETTLED, CHANGES = 10, 70
GROWTH = 50 * 2**20


@pytest.mark.slow
def test_changes_of_graph_names_and_region_keep_memory_flat(bench: Bench) -> None:
    node = bench.detector(find_bundle("tabletop_nano"), threads=2, **ALL_ARRIVE)
    results, camera = bench.detections(), bench.camera()
    picture = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    done = threading.Event()

    def film() -> None:
        sent = 0
        while not done.wait(1 / 30):
            sent += 1
            camera.publish(image_message(picture, stamp=sent * SECOND))
            results.clear()

    filming = threading.Thread(target=film)
    filming.start()
    try:
        memory = 0
        for change in range(CHANGES):
            wanted = ("int8", "fp32")[change % 2]
            assert bench.set_parameters(
                precision=wanted,
                vocabulary=[("mug", "banana", "bowl")[change % 3]],
                roi=("", "40,30,320,240")[change % 2],
            ) == (True, "")
            wait_for(
                lambda p=wanted: node._configurator.current.perceiver.precision == p, "the graph"
            )
            if change == SETTLED:
                memory = resident_bytes()
        assert resident_bytes() - memory < GROWTH
    finally:
        done.set()
        filming.join()
