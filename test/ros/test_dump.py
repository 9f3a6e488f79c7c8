# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What was tuned while the node ran, written to YAML and taken back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("rclpy")

from rcl_interfaces.srv import GetParameters, ListParameters
from rclpy.parameter import parameter_value_to_python

from ..toy_bundle import toy_picture
from .bench import Bench, boxes_by_name, image_message, wait_for
from .test_process import detector_process

pytestmark = pytest.mark.ros

PIXELS, _ = toy_picture(64, 96, {"red": (0, 0), "blue": (0, 4), "green": (4, 0), "cyan": (4, 8)})
TUNED: dict[str, Any] = {
    "vocabulary": ["red", "cyan", "blue"],
    "class_thresholds": ["blue=0.999"],
    "score_threshold": 0.5,
    "max_detections": 7,
    "max_age": 0.0,
    "roi": "0,0,96,64",
    "masks": False,
    "overlay_rate": 2.5,
    "overlay_score": 0.25,
    "overlay_masks": False,
}


def dumped(bench: Bench) -> dict[str, Any]:
    """Every parameter of the detector, as `ros2 param dump` reads them."""
    names = bench.call(ListParameters, "detector/list_parameters", ListParameters.Request())
    request = GetParameters.Request(names=names.result.names)
    values = bench.call(GetParameters, "detector/get_parameters", request).values
    tree: dict[str, Any] = {}
    for name, value in zip(request.names, values, strict=True):
        *path, last = name.split(".")
        place = tree
        for part in path:
            place = place.setdefault(part, {})
        plain = parameter_value_to_python(value)
        place[last] = list(plain) if isinstance(plain, (list, tuple)) else plain
    return tree


def found(bench: Bench) -> dict[str, Any]:
    """Boxes by name in the picture."""
    results, camera = bench.detections(), bench.camera()

    def seen() -> bool:
        camera.publish(image_message(PIXELS))
        return bool(results)

    wait_for(seen, "a result")
    bench.outside.destroy_publisher(camera)
    return boxes_by_name(results[-1])


def test_a_dump_gives_the_same_node_again(toy_bundle_dir: Path, tmp_path: Path) -> None:
    with Bench() as bench:
        bench.detector(toy_bundle_dir)
        assert bench.set_parameters(**TUNED) == (True, "")
        before, boxes = dumped(bench), found(bench)
    assert boxes.keys() == {"red", "cyan"}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"/detector": {"ros__parameters": before}}))
    arguments = ("--params-file", str(path), "-p", "autostart:=true")
    with Bench() as bench, detector_process(bench.domain, *arguments):
        wait_for(lambda: bench.state() == "active", "an active node")
        assert dumped(bench) == before | {"autostart": True}
        assert found(bench) == boxes
