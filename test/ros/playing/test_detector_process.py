# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Requests to a node of another process that get lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy")
pytest.importorskip("vision_msgs")

from rclpy.task import Future

from vit_perception.ros.playing import detector_process
from vit_perception.ros.playing.detector_process import DetectorProcess

from ..bench import Bench

pytestmark = pytest.mark.ros


class Forgetful:
    """A client whose first request gets lost, or the answer to it."""

    def __init__(self, client: Any, sends: bool) -> None:
        self.client = client
        self.sends = sends
        self.asked = 0
        self.srv_name = client.srv_name

    def wait_for_service(self, timeout_sec: float) -> bool:
        return bool(self.client.wait_for_service(timeout_sec=timeout_sec))

    def call_async(self, request: Any) -> Any:
        self.asked += 1
        if self.asked > 1:
            return self.client.call_async(request)
        if self.sends:
            self.client.call_async(request)
        return Future()


@pytest.mark.parametrize("sends", [False, True], ids=["request", "answer"])
def test_a_lost_one_is_made_good(
    bench: Bench,
    tmp_path: Path,
    toy_bundle_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    sends: bool,
) -> None:
    monkeypatch.setattr(detector_process, "_LOST_AFTER", 1.0)
    monkeypatch.setenv("ROS_DOMAIN_ID", str(bench.domain))  # of the process
    parameters = {"detector": {"bundle": str(toy_bundle_dir)}}
    process = DetectorProcess(bench.outside, parameters, {}, tmp_path)
    changes = Forgetful(process._changes["detector"], sends)
    states = Forgetful(process._states["detector"], sends)
    settings = Forgetful(process._settings, sends)
    process._changes["detector"] = changes  # type: ignore[assignment]
    process._states["detector"] = states  # type: ignore[assignment]
    process._settings = settings  # type: ignore[assignment]
    with process:
        assert bench.state() == "active"
        assert process.set_vocabulary(("red",)) == ""
        # To configure, if that did not arrive again, and to activate.
        assert changes.asked == (2 if sends else 3)
    assert states.asked > 1
    assert settings.asked == 2
