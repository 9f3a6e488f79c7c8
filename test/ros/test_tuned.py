# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A file of `vit-perception tune`, loaded by the node as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("rclpy")
pytest.importorskip("optuna")

from vit_perception.cli.__main__ import main

from ..evaluation.tuning.pale import pictures, write_pictures
from .bench import Bench, boxes_by_name, image_message, wait_for
from .test_dump import dumped
from .test_process import detector_process

pytestmark = pytest.mark.ros


def test_the_node_publishes_what_was_tuned(toy_bundle_dir: Path, tmp_path: Path) -> None:
    """A square that the bundle's own thresholds leave out, and not one that they let through."""
    out = tmp_path / "tuned.yaml"
    data = write_pictures(tmp_path / "data")
    words = ["--bundle", str(toy_bundle_dir), "--names", "red, blue", "--per-class"]
    assert main(["tune", str(data), *words, "--out", str(out)]) == 0
    written = yaml.safe_load(out.read_text())["/**"]["ros__parameters"]
    assert len(written["class_thresholds"]) == 2

    given = ("-p", f"bundle:={toy_bundle_dir}", "-p", "autostart:=true")
    with Bench() as bench, detector_process(bench.domain, *given, "--params-file", str(out)):
        wait_for(lambda: bench.state() == "active", "an active node")
        now = dumped(bench)
        assert {name: now[name] for name in written} == written
        results, camera = bench.detections(), bench.camera()
        picture = pictures(1)[0].frame.image

        def seen() -> Any:
            camera.publish(image_message(picture))
            return results

        wait_for(seen, "a result")
        assert len(results[-1].detections) == 2
        boxes = boxes_by_name(results[-1])
        assert boxes["red"] == pytest.approx((0, 0, 16, 16), abs=0.01)
        assert boxes["blue"] == pytest.approx((48, 40, 64, 56), abs=0.01)
