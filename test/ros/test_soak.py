# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Names, precision and region change under a camera; every frame is accounted for."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

pytest.importorskip("rclpy")

from sensor_msgs.msg import CameraInfo, Image
from visualization_msgs.msg import MarkerArray

from ..toy_bundle import toy_graph, toy_picture, write_toy_segmentation_bundle
from .bench import ALL_ARRIVE, SECOND, Bench, header, image_message, stamp_of, wait_for
from .test_topics import everything

pytestmark = pytest.mark.ros

PIXELS, _ = toy_picture(64, 96, {"red": (1, 2), "blue": (3, 7)})
CHANGES, FRAMES = 40, 6


def test_every_frame_is_accounted_for_while_everything_changes(
    bench: Bench, tmp_path: Path
) -> None:
    graph = toy_graph(masks=True)
    write_toy_segmentation_bundle(tmp_path / "toy", graphs={"fp32": graph, "int8": graph})
    node = bench.detector(tmp_path / "toy", diagnostics_period=0.1, **ALL_ARRIVE)
    results, reports = bench.detections(), bench.diagnostics()
    pictures = {
        topic: bench.collect(kind, f"detector/{topic}")
        for topic, kind in (("instances", Image), ("overlay", Image), ("markers", MarkerArray))
    }
    camera = bench.camera()
    infos = bench.publisher(CameraInfo, "camera_info")
    intrinsics = [90.0, 0.0, 48.0, 0.0, 90.0, 32.0, 0.0, 0.0, 1.0]
    sent = 0
    for change in range(CHANGES):
        assert bench.set_parameters(
            vocabulary=[("red", "green", "blue", "cyan")[change % 4], "yellow"],
            precision=("int8", "fp32")[change % 2],
            roi=("", "0,0,48,64", "8,8,80,50")[change % 3],
        ) == (True, "")
        for _ in range(FRAMES):
            sent += 1
            stamp = header(sent * SECOND)
            infos.publish(CameraInfo(header=stamp, height=64, width=96, k=intrinsics))
            camera.publish(image_message(PIXELS, stamp=sent * SECOND))
            time.sleep(0.01)
    wait_for(lambda: node.counts.received == sent, "the fate of every frame")
    wait_for(lambda: len(results) == node.counts.published, "every result")
    wait_for(
        lambda: everything(reports[-1]).get("frames.received") == str(sent), "the last report"
    )
    for report in reports:
        values = everything(report)
        received, published, dropped = (
            int(values[f"frames.{key}"]) for key in ("received", "published", "dropped")
        )
        causes = [int(v) for k, v in values.items() if k.startswith("frames.dropped.")]
        assert received == published + dropped and dropped == sum(causes)
        assert 0 <= int(values["frames.pending"]) <= 2
    counts = node.counts
    assert counts.published > CHANGES
    assert counts.dropped["replaced"] == counts.dropped_total
    stamps = [stamp_of(each) for each in results]
    assert stamps == sorted(set(stamps))
    wait_for(lambda: len(pictures["instances"]) == len(results), "every instance image")
    assert pictures["overlay"] and pictures["markers"]
