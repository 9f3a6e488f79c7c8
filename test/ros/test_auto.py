# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A node that takes the fastest graph on this machine, and says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy")

from vit_perception.engine.session import SessionError
from vit_perception.ros.configuration import Configurator

from ..measured import Measured
from ..perceiver.test_opening import WORDS
from ..toy_bundle import FAILED, toy_picture, write_toy_int8_bundle
from .bench import ALL_ARRIVE, Bench, boxes_by_name, image_message, wait_for
from .test_topics import everything

pytestmark = pytest.mark.ros

PIXELS, _ = toy_picture(120, 160, {"red": (1, 2)})


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    return write_toy_int8_bundle(tmp_path / "toy").directory


class Running:
    """A detector with a camera before it."""

    def __init__(self, bench: Bench, bundle: Path, **parameters: Any) -> None:
        self.log = bench.log()
        self.node = bench.detector(
            bundle, threads=1, diagnostics_period=0.1, **ALL_ARRIVE, **parameters
        )
        self.diagnostics = bench.diagnostics()
        self.results, self.camera = bench.detections(), bench.camera()

    def answers(self) -> None:
        before = len(self.results)
        self.camera.publish(image_message(PIXELS))
        wait_for(lambda: len(self.results) > before, "a result")
        assert boxes_by_name(self.results[-1]).keys() == {"red"}

    def shows(self, **wanted: str) -> None:
        keys = {f"model.{name}": value for name, value in wanted.items()}

        def now() -> dict[str, str]:
            found = everything(self.diagnostics[-1]) if self.diagnostics else {}
            return {key: found.get(key, "absent") for key in keys}

        wait_for(lambda: now() == keys, f"{keys}")

    def says(self, line: str) -> None:
        wait_for(lambda: [each for each in self.log if each.msg == line], f"a line: {line}")


def test_the_fastest_is_taken_and_told(bench: Bench, toy: Path, measured: Measured) -> None:
    running = Running(bench, toy, precision="auto")
    running.answers()
    words = "int8 13.1 ms; fp32 29.4 ms"
    running.shows(precision="int8", precision_asked="auto", choice=words, provider_asked="cpu")
    running.says("toy ready: int8 on CPUExecutionProvider, 3 names")
    running.says(f"auto on cpu: {words}")
    assert bench.get_parameter("precision") == "auto"
    assert measured.count == 1


def test_real_graphs_are_measured(bench: Bench, toy: Path) -> None:
    running = Running(bench, toy, precision="auto", provider="auto")
    running.answers()
    wait_for(lambda: running.diagnostics, "diagnostics")
    found = everything(running.diagnostics[-1])
    times = [each for each in found["model.choice"].split("; ") if each.endswith(" ms")]
    assert WORDS.match("; ".join(times).replace(" on cpu", "").replace(" on openvino", ""))
    assert times[0].startswith(f"{found['model.precision']} on ")


def test_what_did_not_pass_is_named(bench: Bench, tmp_path: Path, measured: Measured) -> None:
    running = Running(bench, write_toy_int8_bundle(tmp_path / "toy", FAILED).directory)
    running.shows(precision="fp32", precision_asked="fp32", choice="")
    assert bench.set_parameters(precision="auto") == (True, "")
    words = (
        "fp32: nothing else to choose from; "
        "int8 not chosen: AP 0.4 of 0.5, a drop of 0.02 is allowed"
    )
    running.shows(precision="fp32", precision_asked="auto", choice=words)
    running.says(f"auto on cpu: {words}")
    running.answers()
    assert measured.count == 0


def test_it_is_asked_for_while_frames_go_through(
    bench: Bench, toy: Path, measured: Measured
) -> None:
    running = Running(bench, toy)
    running.answers()
    assert bench.set_parameters(precision="auto") == (True, "")
    running.shows(precision="int8", precision_asked="auto", choice="int8 13.1 ms; fp32 29.4 ms")
    running.says("auto on cpu: opened, and used from now on")
    running.says("auto on cpu: int8 13.1 ms; fp32 29.4 ms")
    running.answers()
    # The same graph by its name: nothing was chosen.
    assert bench.set_parameters(precision="int8") == (True, "")
    running.shows(precision="int8", precision_asked="int8", choice="")
    assert bench.set_parameters(precision="auto") == (True, "")
    running.shows(precision="int8", precision_asked="auto")
    assert measured.count == 1
    running.answers()
    assert running.node.counts.dropped_total == 0


def test_it_is_shown_again_where_another_is_not_to_be_had(
    bench: Bench, toy: Path, measured: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = Running(bench, toy, precision="auto")

    def failing(*_: object) -> None:
        raise SessionError("no memory")

    monkeypatch.setattr(Configurator, "open", failing)
    assert bench.set_parameters(precision="fp32") == (True, "")
    running.says("fp32 on cpu: no memory; what ran before goes on")
    wait_for(lambda: bench.get_parameter("precision") == "auto", "the old value")
    running.shows(precision="int8", precision_asked="auto")
    running.answers()


def test_an_engine_that_is_not_there_is_refused_at_once(
    bench: Bench, toy: Path, measured: Measured
) -> None:
    running = Running(bench, toy)
    success, reason = bench.set_parameters(precision="auto", provider="abacus")
    assert not success
    assert reason.startswith("provider: expected one of ") and "found 'abacus'" in reason
    running.answers()
    assert measured.count == 0
