# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Names of followed things over time, through the node."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("rclpy")

from ..toy_bundle import toy_picture
from .bench import SECOND, Bench, wait_for
from .test_topics import everything
from .test_tracking import RED, TENTH, Watched

pytestmark = pytest.mark.ros

BLUE, _ = toy_picture(64, 96, {"blue": (1, 2)})


def test_one_frame_does_not_rename_a_thing(bench: Bench, toy_bundle_dir: Path) -> None:
    watched = Watched(bench, toy_bundle_dir, track_min_hits=1, label_evidence="average")
    diagnostics = bench.diagnostics()
    for number in range(5):
        assert watched.look(RED, 10 * SECOND + number * TENTH) == {"red": "1"}
    assert watched.look(BLUE, 10 * SECOND + 5 * TENTH) == {"red": "1"}
    # The name is live, and the frame's own is known to the tracker.
    assert bench.set_parameters(label_evidence="none") == (True, "")
    assert watched.look(BLUE, 10 * SECOND + 6 * TENTH) == {"blue": "1"}
    assert watched.node.snapshot().cameras[0].evidence.flips == 1
    wait_for(
        lambda: diagnostics and "naming.flips_per_s" in everything(diagnostics[-1]),
        "its account in the diagnostics",
    )
    taken, reason = bench.set_parameters(label_evidence="guess")
    assert not taken and "label_evidence" in reason


def test_names_that_are_not_probable_are_unknown(bench: Bench, toy_bundle_dir: Path) -> None:
    watched = Watched(
        bench,
        toy_bundle_dir,
        track_min_hits=1,
        label_evidence="transformer",
        label_certainty=1.0,
    )
    assert watched.look(RED, 10 * SECOND) == {"unknown": "1"}
    assert bench.set_parameters(label_certainty=0.0) == (True, "")
    assert watched.look(RED, 10 * SECOND + TENTH) == {"red": "1"}
