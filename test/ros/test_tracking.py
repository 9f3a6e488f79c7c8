# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Ids of things over frames, through the node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy")

from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

from ..toy_bundle import toy_picture
from .bench import ALL_ARRIVE, KEEP_MANY, SECOND, Bench, image_message, wait_for
from .test_topics import everything

pytestmark = pytest.mark.ros

TENTH = SECOND // 10
BOTH, _ = toy_picture(64, 96, {"red": (1, 2), "blue": (3, 6)})
RED, _ = toy_picture(64, 96, {"red": (1, 2)})


class Watched:
    """A detector that follows things, its camera, and what it says."""

    def __init__(self, bench: Bench, toy_bundle_dir: Path, **parameters: object) -> None:
        self.bench = bench
        self.node = bench.detector(
            toy_bundle_dir, tracking=True, diagnostics_period=0.1, **ALL_ARRIVE, **parameters
        )
        self.results = bench.detections()
        self.camera = bench.camera()

    def look(self, pixels: np.ndarray, stamp: int) -> dict[str, str]:
        """Returns the id of each name in an image."""
        before = len(self.results)
        self.camera.publish(image_message(pixels, stamp=stamp))
        wait_for(lambda: len(self.results) > before, "a result")
        return {
            each.results[0].hypothesis.class_id: each.id for each in self.results[-1].detections
        }


def test_detections_say_their_id_once_it_is_confirmed(bench: Bench, toy_bundle_dir: Path) -> None:
    watched = Watched(bench, toy_bundle_dir)
    diagnostics = bench.diagnostics()
    assert watched.look(BOTH, 10 * SECOND) == {"red": "", "blue": ""}
    ids = watched.look(BOTH, 10 * SECOND + TENTH)
    assert sorted(ids.values()) == ["1", "2"]
    assert watched.look(RED, 10 * SECOND + 2 * TENTH) == {"red": ids["red"]}
    assert watched.look(BOTH, 12 * SECOND) == ids
    expected = {"tracks": 2, "lost": 1, "refound": 1, "switched": 0, "resets": 0}
    wait_for(
        lambda: (
            diagnostics
            and all(
                everything(diagnostics[-1]).get(f"tracking.{what}") == str(count)
                for what, count in expected.items()
            )
        ),
        "its account in the diagnostics",
    )
    assert "latency.track.p50_ms" in everything(diagnostics[-1])


def test_tracking_is_switched_while_it_runs_and_no_id_comes_again(
    bench: Bench, toy_bundle_dir: Path
) -> None:
    watched = Watched(bench, toy_bundle_dir, track_min_hits=1)
    assert watched.look(RED, 10 * SECOND) == {"red": "1"}
    assert bench.set_parameters(tracking=False) == (True, "")
    assert watched.look(RED, 10 * SECOND + TENTH) == {"red": ""}
    assert bench.set_parameters(tracking=True) == (True, "")
    assert watched.look(RED, 10 * SECOND + 2 * TENTH) == {"red": "2"}
    taken, reason = bench.set_parameters(track_memory=-1.0)
    assert not taken and "track_memory" in reason


def test_a_bag_that_starts_again_begins_new_ids(bench: Bench, toy_bundle_dir: Path) -> None:
    watched = Watched(bench, toy_bundle_dir, track_min_hits=1)
    stamps = [100 * SECOND, 100 * SECOND + TENTH]
    seen = [watched.look(RED, stamp) for stamp in (*stamps, *stamps)]
    assert seen == [{"red": "1"}, {"red": "1"}, {"red": "2"}, {"red": "2"}]
    assert watched.node.snapshot().cameras[0].tracking.resets == 1


def test_a_change_of_names_keeps_the_ids_of_those_that_stay(
    bench: Bench, toy_bundle_dir: Path
) -> None:
    watched = Watched(bench, toy_bundle_dir, track_min_hits=1)
    before = watched.look(BOTH, 10 * SECOND)
    assert bench.set_parameters(vocabulary=["green", "red"]) == (True, "")
    assert watched.look(BOTH, 10 * SECOND + TENTH) == {"red": before["red"]}


def test_what_grows_weak_is_published_with_its_id_alone(
    bench: Bench, toy_bundle_dir: Path
) -> None:
    watched = Watched(bench, toy_bundle_dir, track_min_hits=1, track_low_score=0.4)
    dim = BOTH.copy()
    dim[(dim == (255, 0, 0)).all(axis=2)] = (127, 0, 0)  # score about 0.5, the threshold is 0.6
    assert set(watched.look(dim, 10 * SECOND)) == {"blue"}
    before = watched.look(BOTH, 10 * SECOND + TENTH)
    assert watched.look(dim, 10 * SECOND + 2 * TENTH) == before
    assert bench.set_parameters(track_low_score=1.0) == (True, "")
    assert set(watched.look(dim, 10 * SECOND + 3 * TENTH)) == {"blue"}


def test_cameras_share_no_id(bench: Bench, toy_bundle_dir: Path) -> None:
    names = ["front", "wrist"]
    overrides = {
        f"qos_overrides./{name}/image.subscription.{policy}": value
        for name in names
        for policy, value in (("depth", 1000), ("reliability", "reliable"))
    }
    bench.detector(toy_bundle_dir, cameras=names, tracking=True, track_min_hits=1, **overrides)
    received: dict[str, list[Any]] = {
        name: bench.collect(Detection2DArray, f"detector/{name}/detections", KEEP_MANY)
        for name in names
    }
    cameras = {name: bench.publisher(Image, f"{name}/image") for name in names}
    for number in range(3):
        for name in names:
            cameras[name].publish(image_message(RED, stamp=10 * SECOND + number * TENTH))
            wait_for(lambda n=name, k=number: len(received[n]) > k, f"a result of {name}")
    ids = {name: {each.detections[0].id for each in received[name]} for name in names}
    assert ids == {"front": {"1"}, "wrist": {"2"}}
