# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Graphs that never end: the node gives them up, tells so, and goes on to answer."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

pytest.importorskip("rclpy")

from lifecycle_msgs.msg import Transition
from sensor_msgs.msg import Image

from vit_perception.engine.factory import OPENVINO, available_providers

from ..toy_bundle import toy_graph, toy_picture, toy_vocabulary, write_toy_bundle
from ..toy_loops import adaptor_that_loops_beyond, loops_always, loops_at_red
from .bench import ALL_ARRIVE, SECOND, Bench, image_message, values, wait_for
from .test_process import detector_process

pytestmark = pytest.mark.ros

RED, _ = toy_picture(64, 96, {"red": (3, 4)})
BLUE, _ = toy_picture(64, 96, {"blue": (3, 4)})
NEEDS_OPENVINO = pytest.mark.skipif(
    OPENVINO not in available_providers(), reason="needs the package openvino"
)
SIGNALS = [signal.SIGINT, signal.SIGTERM]
DEACTIVATE = Transition.TRANSITION_DEACTIVATE
CLEANUP = Transition.TRANSITION_CLEANUP


def engine(bench_reports: list, word: str) -> list:
    """Engine entries of the diagnostics whose message holds a word."""
    entries = [each for report in bench_reports for each in report.status]
    return [each for each in entries if "engine" in each.name and word in each.message]


def test_configure_ends_in_time_and_reports_meanwhile(bench: Bench, tmp_path: Path) -> None:
    write_toy_bundle(tmp_path / "toy", graphs={"fp32": loops_always()})
    bench.detector(tmp_path / "toy", start=False, configure_timeout=2.0, diagnostics_period=0.1)
    log, reports = bench.log(), bench.diagnostics()
    begin = time.monotonic()
    assert not bench.change_state(Transition.TRANSITION_CONFIGURE)
    assert 2 <= time.monotonic() - begin < 10
    assert engine(reports, "configuring")
    assert bench.state() == "unconfigured"
    line = (
        "configure failed: the engine: expected it to be ready within 2 s (configure_timeout), "
        "found it still at work"
    )
    wait_for(lambda: line in [each.msg for each in log], "the reason")
    wait_for(lambda: engine(reports, "configure failed"), "diagnostics")
    # And what is good configures.
    write_toy_bundle(tmp_path / "good")
    assert bench.set_parameters(bundle=str(tmp_path / "good")) == (True, "")
    assert bench.change_state(Transition.TRANSITION_CONFIGURE)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_configure(bench: Bench, tmp_path: Path, number: signal.Signals) -> None:
    write_toy_bundle(tmp_path / "toy", graphs={"fp32": loops_always()})
    reports = bench.collect_diagnostics()
    arguments = ("-p", "autostart:=true", "-p", f"bundle:={tmp_path / 'toy'}")
    with detector_process(bench.domain, *arguments) as process:
        wait_for(lambda: engine(reports, "configuring"), "a node that configures")
        begin = time.monotonic()
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
        assert time.monotonic() - begin < 3
    assert process.returncode == 0 and "Traceback" not in errors, errors
    assert "configure failed: the process was told to end" in errors
    assert "transition 3" not in errors, errors  # activate


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("provider", ["cpu", pytest.param(OPENVINO, marks=NEEDS_OPENVINO)])
def test_a_signal_ends_a_frame(
    bench: Bench, tmp_path: Path, provider: str, number: signal.Signals
) -> None:
    write_toy_bundle(tmp_path / "toy", graphs={"fp32": loops_at_red()})
    reports = bench.collect_diagnostics()
    arguments = ("-p", "autostart:=true", "-p", "lazy:=false", "-p", "diagnostics_period:=0.1")
    arguments += ("-p", f"bundle:={tmp_path / 'toy'}", "-p", f"provider:={provider}")
    with detector_process(bench.domain, *arguments) as process:
        wait_for(lambda: engine(reports, "toy fp32"), "a node at work")
        camera = bench.camera()

        def busy() -> bool:
            camera.publish(image_message(RED))
            time.sleep(0.05)
            return any(float(values(each)["engine.busy_s"]) > 0.5 for each in engine(reports, ""))

        wait_for(busy, "a busy engine")
        begin = time.monotonic()
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
        assert time.monotonic() - begin < 3
    assert process.returncode == 0 and "Traceback" not in errors, errors
    # ONNX Runtime can be stopped inside a loop.
    left_behind = "left behind, inside the engine: frame_worker" in errors.splitlines()
    assert left_behind is (provider == OPENVINO)


def test_several_nodes_with_stuck_frames_leave_together(bench: Bench, tmp_path: Path) -> None:
    write_toy_bundle(tmp_path / "toy", graphs={"fp32": loops_at_red()})
    reports, names = bench.collect_diagnostics(), ["a", "b", "c"]
    arguments = ("-p", "autostart:=true", "-p", "lazy:=false", "-p", "diagnostics_period:=0.1")
    with detector_process(
        bench.domain, *arguments, "-p", f"bundle:={tmp_path / 'toy'}", names=names
    ) as process:
        camera = bench.publisher(Image, "image", listeners=3)

        def busy() -> bool:
            camera.publish(image_message(RED))
            time.sleep(0.05)
            at_work = [e for e in engine(reports, "") if float(values(e)["engine.busy_s"]) > 0.5]
            return len({each.name for each in at_work}) == 3

        wait_for(busy, "three busy engines")
        begin = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert time.monotonic() - begin < 3
    assert process.returncode == 0 and "Traceback" not in errors, errors


def test_a_frame_is_given_up_and_the_next_is_looked_at(bench: Bench, tmp_path: Path) -> None:
    write_toy_bundle(tmp_path / "toy", graphs={"fp32": loops_at_red()})
    node = bench.detector(tmp_path / "toy", configure_timeout=0.5, **ALL_ARRIVE)
    log, results, camera = bench.log(), bench.detections(), bench.camera()
    camera.publish(image_message(RED, stamp=SECOND))
    wait_for(lambda: node.counts.dropped["error"] == 1, "the end of the frame")
    camera.publish(image_message(BLUE, stamp=2 * SECOND))
    wait_for(lambda: len(results) == 1, "the next result")
    line = "model.onnx: the engine was stopped: it took too long"
    wait_for(lambda: [each for each in log if line in each.msg], "a line")


def test_diagnostics_tell_of_a_stuck_engine_and_transitions_end(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vit_perception.ros.health.report.STUCK", 0.5)
    write_toy_bundle(tmp_path / "toy", graphs={"fp32": loops_at_red()})
    node = bench.detector(tmp_path / "toy", diagnostics_period=0.1, **ALL_ARRIVE)
    reports, log, camera = bench.diagnostics(), bench.log(), bench.camera()
    camera.publish(image_message(RED, stamp=SECOND))
    wait_for(lambda: engine(reports, "stuck"), "diagnostics")
    assert engine(reports, "stuck")[0].level == engine(reports, "stuck")[0].ERROR
    wait_for(lambda: [each for each in log if each.msg.startswith("stuck: ")], "a line")
    for transition in (DEACTIVATE, CLEANUP):
        begin = time.monotonic()
        assert bench.change_state(transition)
        assert time.monotonic() - begin < 2
    assert (node.counts.pending, node.counts.dropped["error"]) == (0, 1)
    assert bench.change_state(Transition.TRANSITION_CONFIGURE)
    assert bench.change_state(Transition.TRANSITION_ACTIVATE)


def test_shutdown_from_a_stuck_frame(bench: Bench, tmp_path: Path) -> None:
    write_toy_bundle(tmp_path / "toy", graphs={"fp32": loops_at_red()})
    node = bench.detector(tmp_path / "toy", **ALL_ARRIVE)
    camera = bench.camera()
    camera.publish(image_message(RED, stamp=SECOND))
    wait_for(lambda: node._worker is not None and node._worker.busy > 0.1, "a busy engine")
    begin = time.monotonic()
    assert bench.change_state(Transition.TRANSITION_ACTIVE_SHUTDOWN)
    assert time.monotonic() - begin < 2
    assert bench.state() == "finalized"


def test_a_graph_that_never_ends_is_taken_back(bench: Bench, tmp_path: Path) -> None:
    write_toy_bundle(tmp_path / "toy", graphs={"fp32": toy_graph(), "int8": loops_always()})
    node = bench.detector(tmp_path / "toy", configure_timeout=1.0, **ALL_ARRIVE)
    log, results, camera = bench.log(), bench.detections(), bench.camera()
    assert bench.set_parameters(precision="int8") == (True, "")
    camera.publish(image_message(RED, stamp=SECOND))
    wait_for(lambda: len(results) == 1, "a result meanwhile")
    wait_for(lambda: bench.get_parameter("precision") == "fp32", "the old value")
    line = "int8 on cpu: the engine: expected it to be ready within 1 s (configure_timeout)"
    wait_for(lambda: [each for each in log if line in each.msg], "a line")
    # Called off and asked for again: the first is not waited for.
    assert bench.set_parameters(configure_timeout=600.0) == (True, "")
    assert bench.set_parameters(precision="int8") == (True, "")
    assert bench.set_parameters(precision="fp32") == (True, "")
    wait_for(lambda: not node._changes._graph._runs, "the end of the opening")


def test_names_on_which_the_text_adaptor_never_ends_are_refused(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_toy_bundle(tmp_path / "toy", text_adaptor=adaptor_that_loops_beyond(3))
    monkeypatch.setattr("vit_perception.ros.changes.AT_ONCE", 1.0)
    bench.detector(tmp_path / "toy", diagnostics_period=0.1)
    reports = bench.diagnostics()
    names = list(toy_vocabulary().names)
    wait_for(lambda: reports, "diagnostics")
    before = len(reports)
    success, reason = bench.set_parameters(vocabulary=names)
    assert not success
    assert reason.startswith("the engine: expected it to be ready within 1 s")
    assert len(reports) > before + 3
    assert bench.get_parameter("vocabulary") == [""]
    assert bench.set_parameters(vocabulary=names[:2]) == (True, "")
