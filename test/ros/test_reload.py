# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Another precision or provider while frames go through."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy")

from vit_perception.bundle.paths import find_bundle
from vit_perception.engine.session import SessionError
from vit_perception.ros.configuration import Configurator

from ..toy_bundle import GREY, toy_picture
from .bench import ALL_ARRIVE, PATIENCE, SECOND, Bench, boxes_by_name, image_message, wait_for
from .test_topics import everything

pytestmark = pytest.mark.ros

PIXELS, _ = toy_picture(120, 160, {"red": (1, 2)})


class Opening:
    """Holds up the opening of other graphs until told to go on, or to fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun: list[str] = []
        self.go_on = threading.Event()
        self.error: Exception | None = None
        opened = Configurator.open

        def held(configurator: Configurator, parameters: Any) -> Any:
            self.begun.append(parameters.precision)
            assert self.go_on.wait(PATIENCE)
            if self.error is not None:
                raise self.error
            return opened(configurator, parameters)

        monkeypatch.setattr(Configurator, "open", held)


@pytest.fixture
def opening(monkeypatch: pytest.MonkeyPatch) -> Iterator[Opening]:
    opening = Opening(monkeypatch)
    yield opening
    opening.go_on.set()


class Running:
    """A detector of the bundled model with a camera before it."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.node = bench.detector(
            find_bundle("tabletop_nano"),
            vocabulary=["mug"],
            threads=1,
            diagnostics_period=0.1,
            **ALL_ARRIVE,
        )
        self.results, self.camera = bench.detections(), bench.camera()
        self.diagnostics, self.log = bench.diagnostics(), bench.log()

    def frame(self) -> None:
        before = len(self.results)
        self.camera.publish(image_message(PIXELS, stamp=(before + 1) * SECOND))
        wait_for(lambda: len(self.results) > before, "a result")

    def shows(self, key: str, value: str) -> None:
        wait_for(
            lambda: self.diagnostics and everything(self.diagnostics[-1]).get(key) == value,
            f"{key} {value}",
        )

    def says(self, text: str) -> None:
        wait_for(lambda: [each for each in self.log if text in each.msg], f"a line: {text}")


def test_the_old_engine_runs_until_the_new_one_is_open(bench: Bench, opening: Opening) -> None:
    running = Running(bench)
    assert bench.set_parameters(precision="int8") == (True, "")
    wait_for(lambda: opening.begun, "the opening")
    running.shows("model.opening", "int8 on cpu")
    running.shows("model.precision", "fp32")
    running.frame()
    # What changes meanwhile counts for the new one too.
    assert bench.set_parameters(vocabulary=["banana"], score_threshold=0.9) == (True, "")
    running.frame()
    assert opening.begun == ["int8"]
    opening.go_on.set()
    running.shows("model.precision", "int8")
    running.shows("model.opening", "")
    running.says("int8 on cpu: opened, and used from now on")
    running.frame()
    now = running.node._configurator.current
    assert (now.perceiver.precision, now.query.vocabulary.names) == ("int8", ("banana",))
    assert now.query.settings.score_threshold == 0.9
    counts = running.node.counts
    assert (counts.published, counts.dropped_total) == (3, 0)


def test_what_cannot_be_opened_is_taken_back(bench: Bench, opening: Opening) -> None:
    running = Running(bench)
    opening.error = SessionError("model: expected memory, found none")
    opening.go_on.set()
    assert bench.set_parameters(precision="int8") == (True, "")
    running.says("int8 on cpu: model: expected memory, found none; what ran before goes on")
    wait_for(lambda: bench.get_parameter("precision") == "fp32", "the old value")
    running.shows("model.precision", "fp32")
    running.frame()
    assert opening.begun == ["int8"]


def test_what_is_not_there_is_refused_at_once(bench: Bench, opening: Opening) -> None:
    running = Running(bench)
    success, reason = bench.set_parameters(precision="int3", vocabulary=["banana"])
    assert not success
    assert "expected precision fp32 or int8, found 'int3'" in reason
    success, reason = bench.set_parameters(provider="abacus")
    assert not success
    assert reason.startswith("provider: expected one of ") and "found 'abacus'" in reason
    assert bench.get_parameter("vocabulary") == ["mug"]
    assert opening.begun == []
    running.frame()


def test_the_last_wish_counts(bench: Bench, opening: Opening) -> None:
    running = Running(bench)
    assert bench.set_parameters(precision="int8") == (True, "")
    wait_for(lambda: opening.begun == ["int8"], "the opening")
    assert bench.set_parameters(precision="fp32") == (True, "")
    running.shows("model.opening", "")
    opening.go_on.set()
    # What runs need not be opened, and what was opened for nothing does not take over.
    wait_for(lambda: "reload" not in {each.name for each in threading.enumerate()}, "its end")
    running.frame()
    running.shows("model.precision", "fp32")
    assert running.node._configurator.current.perceiver.precision == "fp32"
    assert opening.begun == ["int8"]
    # And back again.
    assert bench.set_parameters(precision="int8") == (True, "")
    running.shows("model.precision", "int8")


def test_a_region_is_live_and_results_stay_in_pixels_of_the_whole(
    bench: Bench, toy_bundle_dir: Path
) -> None:
    part, boxes = toy_picture(64, 96, {"red": (1, 2)})
    pixels = np.full((200, 300, 3), GREY, np.uint8)
    pixels[30:94, 40:136] = part
    node = bench.detector(toy_bundle_dir, roi="40,30,96,64", **ALL_ARRIVE)
    results, camera = bench.detections(), bench.camera()

    def look() -> Any:
        before = len(results)
        camera.publish(image_message(pixels))
        wait_for(lambda: len(results) > before, "a result")
        return boxes_by_name(results[-1])

    assert look() == {"red": pytest.approx(boxes["red"] + (40, 30, 40, 30), abs=0.5)}
    # Where the square is not.
    assert bench.set_parameters(roi="136,30,96,64") == (True, "")
    assert look() == {}
    success, reason = bench.set_parameters(roi="all of it")
    assert (success, reason) == (
        False,
        "roi: expected 'x,y,width,height' in pixels, found 'all of it'",
    )
    # A region beside the picture costs the frame, and says so.
    assert bench.set_parameters(roi="500,0,10,10") == (True, "")
    camera.publish(image_message(pixels))
    wait_for(lambda: node.counts.dropped["error"] == 1, "a drop")
    assert bench.set_parameters(roi="40,30,96,64") == (True, "")
    assert look().keys() == {"red"}
