# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A frame sees all of a change of parameters or nothing of it."""

from __future__ import annotations

import threading
import time
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy")

from vit_perception.frame import Frame
from vit_perception.parameters.detector import DetectorParameters, validate
from vit_perception.perceiver.region import Region
from vit_perception.perceiver.stages import StageTimes
from vit_perception.ros.configuration import Configurator

from ..toy_bundle import toy_picture
from .bench import (
    ALL_ARRIVE,
    PATIENCE,
    SECOND,
    Bench,
    boxes_by_name,
    image_message,
    put_before,
    stamp_of,
    wait_for,
)

pytestmark = pytest.mark.ros

# Both colours in both halves.
PIXELS, _ = toy_picture(64, 96, {"red": (1, 1), "blue": (5, 1)})
PIXELS[:, 48:] = toy_picture(64, 96, {"blue": (1, 8), "red": (5, 8)})[0][:, 48:]
LEFT = {"roi": "0,0,48,64", "vocabulary": ["red"], "score_threshold": 0.5, "max_detections": 3}
RIGHT = {"roi": "48,0,48,64", "vocabulary": ["blue"], "score_threshold": 0.6, "max_detections": 4}


def test_region_names_and_threshold_change_together_while_frames_flow(
    bench: Bench, toy_bundle_dir: Path
) -> None:
    node = bench.detector(toy_bundle_dir, **ALL_ARRIVE, **LEFT)
    labels = bench.label_infos()
    results, camera = bench.detections(), bench.camera()
    done, sent = threading.Event(), 0

    def film() -> None:
        nonlocal sent
        while not done.is_set():
            sent += 1
            camera.publish(image_message(PIXELS, stamp=sent * SECOND))
            time.sleep(0.002)

    filming = threading.Thread(target=film, daemon=True)
    filming.start()
    try:
        for number in range(60):
            seen = len(results)
            assert bench.set_parameters(**(LEFT if number % 2 else RIGHT)) == (True, "")
            wait_for(lambda n=seen: len(results) > n + 1, "results")
    finally:
        done.set()
        filming.join()
    wait_for(lambda: node.counts.pending == 0, "the last frame")
    halves = {"red": 0, "blue": 0}
    for result in results:
        [(name, (left, _, right, _))] = boxes_by_name(result).items()
        assert (name, right <= 48, left >= 48) in {("red", True, False), ("blue", False, True)}
        halves[name] += 1
    assert min(halves.values()) > 20
    # What is announced is of the frame's own configuration too.
    for info in labels:
        threshold = {"red": 0.5, "blue": 0.6}[info.class_map[0].class_name]
        assert info.threshold == pytest.approx(threshold)


def test_a_change_while_a_frame_is_in_work_is_not_published_with_it(
    bench: Bench, toy_bundle_dir: Path
) -> None:
    node = bench.detector(toy_bundle_dir, **ALL_ARRIVE, score_threshold=0.5)
    labels = bench.label_infos()
    results, camera = bench.detections(), bench.camera()
    begun, go_on = threading.Event(), threading.Event()

    def held(*arguments: Any) -> Any:
        begun.set()
        assert go_on.wait(PATIENCE)
        return look(*arguments)

    look = put_before(node, held)
    camera.publish(image_message(PIXELS, stamp=SECOND))
    assert begun.wait(PATIENCE)
    assert bench.set_parameters(score_threshold=0.7, vocabulary=["blue"]) == (True, "")
    go_on.set()
    wait_for(lambda: results and labels, "a result")
    assert [(stamp_of(each), each.threshold) for each in labels] == [(SECOND, 0.5)]
    assert "red" in boxes_by_name(results[0])


@pytest.fixture
def configurator(toy_bundle_dir: Path) -> Configurator:
    return Configurator.load(DetectorParameters(bundle=str(toy_bundle_dir)), version=3)


def test_what_is_prepared_is_whole_and_changes_nothing(configurator: Configurator) -> None:
    before = configurator.current
    wanted = validate({"roi": "1,2,3,4", "vocabulary": ["red"]}, before.parameters)
    prepared = configurator.prepare(wanted)
    assert configurator.current is before
    assert (configurator.version, before.query.settings.region) == (3, None)
    assert prepared.parameters == wanted
    assert prepared.query.settings.region == Region(1, 2, 3, 4)
    assert (prepared.query.vocabulary.names, prepared.query.vocabulary.version) == (("red",), 4)
    configurator.apply(prepared)
    assert (configurator.current.query, configurator.version) == (prepared.query, 4)
    with pytest.raises(FrozenInstanceError):
        prepared.names = ("blue",)  # type: ignore[misc]


def test_a_graph_that_took_over_meanwhile_stays(configurator: Configurator) -> None:
    parameters = configurator.current.parameters
    prepared = configurator.prepare(replace(parameters, vocabulary=("blue",)))
    other = configurator.open(replace(parameters, provider="CPUExecutionProvider"))
    configurator.adopt_graph(other)
    configurator.apply(prepared)
    now = configurator.current
    assert now.perceiver is other
    assert now.provider_asked == "CPUExecutionProvider"
    assert now.query is prepared.query
    found = other.look(Frame(PIXELS), now.query, StageTimes())
    assert [each.name for each in found] == ["blue", "blue"]


def test_names_that_took_over_meanwhile_stay(
    configurator: Configurator, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = configurator.current
    # Names that have to be encoded: what is prepared keeps those of now.
    monkeypatch.setattr(configurator._builder, "check", lambda names: False)
    wanted = replace(now.parameters, vocabulary=("blue",))
    prepared = configurator.prepare(wanted)
    assert (prepared.names, prepared.query.vocabulary) == ((), now.query.vocabulary)
    configurator.apply(prepared)
    assert configurator.current.parameters == wanted
    later = configurator.prepare(replace(wanted, score_threshold=0.9))
    configurator.adopt_names(configurator.encode(wanted), ("blue",))
    configurator.apply(later)
    after = configurator.current
    assert (after.names, after.query.vocabulary.names) == (("blue",), ("blue",))
    assert after.query.settings.score_threshold == 0.9
    assert after.query.vocabulary.version == now.query.vocabulary.version + 1
