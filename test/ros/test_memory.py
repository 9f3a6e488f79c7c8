# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A node whose graph, names and region change again and again, while frames go through it."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy")

from vit_perception.bundle.paths import find_bundle

from .bench import SECOND, Bench, image_message, wait_for
from .test_process import detector_process
from .test_topics import everything

pytestmark = pytest.mark.ros

SETTLED, CHANGES = 10, 70
GROWTH = 50 * 2**20


def resident_bytes(pid: int) -> int:
    """Memory of a process that lies in RAM."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.slow
def test_changes_of_graph_names_and_region_keep_memory_flat(bench: Bench) -> None:
    reports = bench.collect_diagnostics()
    arguments = ("-p", "autostart:=true", "-p", "lazy:=false", "-p", "diagnostics_period:=0.1")
    with detector_process(
        bench.domain, *arguments, "-p", f"bundle:={find_bundle('tabletop_nano')}"
    ) as process:
        camera = bench.camera()
        picture = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
        done = threading.Event()

        def film() -> None:
            sent = 0
            while not done.wait(1 / 30):
                sent += 1
                camera.publish(image_message(picture, stamp=sent * SECOND))

        filming = threading.Thread(target=film)
        filming.start()
        try:
            memory = 0
            for change in range(CHANGES):
                wanted = ("int8", "fp32")[change % 2]
                assert bench.set_parameters(
                    precision=wanted,
                    vocabulary=[("mug", "banana", "bowl")[change % 3]],
                    roi=("", "20,15,160,120")[change % 2],
                ) == (True, "")
                wait_for(
                    lambda p=wanted: everything(reports[-1]).get("model.precision") == p,
                    "the graph",
                )
                if change == SETTLED:
                    memory = resident_bytes(process.pid)
            assert resident_bytes(process.pid) - memory < GROWTH
        finally:
            done.set()
            filming.join()
