# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""New names are encoded while images flow with the old ones."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy")

from vit_perception.names import VocabularyError
from vit_perception.ros.configuration import Configurator

from ..toy_bundle import toy_picture
from .bench import ALL_ARRIVE, PATIENCE, SECOND, Bench, boxes_by_name, image_message, wait_for
from .test_topics import everything

pytestmark = pytest.mark.ros

PIXELS, _ = toy_picture(64, 96, {"red": (1, 1), "cyan": (1, 5), "yellow": (5, 2)})


class Encoding:
    """Lets every name count as new, and holds up their encoding until told to go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun: list[tuple[str, ...]] = []
        self.go_on = threading.Event()
        self.error: Exception | None = None
        encode = Configurator.encode

        def held(configurator: Configurator, parameters: Any) -> Any:
            self.begun.append(parameters.vocabulary)
            assert self.go_on.wait(PATIENCE)
            if self.error is not None:
                raise self.error
            return encode(configurator, parameters)

        monkeypatch.setattr(Configurator, "encode", held)
        monkeypatch.setattr(Configurator, "_is_quick", lambda _, names: not names)


@pytest.fixture
def encoding(monkeypatch: pytest.MonkeyPatch) -> Iterator[Encoding]:
    encoding = Encoding(monkeypatch)
    yield encoding
    encoding.go_on.set()


class Running:
    """A detector with a camera before it."""

    def __init__(self, bench: Bench, toy_bundle_dir: Path) -> None:
        self.node = bench.detector(toy_bundle_dir, diagnostics_period=0.1, **ALL_ARRIVE)
        self.results, self.infos = bench.detections(), bench.vision_infos()
        self.camera = bench.camera()
        self.diagnostics, self.log = bench.diagnostics(), bench.log()

    def found(self) -> set[str]:
        before = len(self.results)
        self.camera.publish(image_message(PIXELS, stamp=(before + 1) * SECOND))
        wait_for(lambda: len(self.results) > before, "a result")
        return set(boxes_by_name(self.results[-1]))

    def shows(self, key: str, value: str) -> None:
        wait_for(
            lambda: self.diagnostics and everything(self.diagnostics[-1]).get(key) == value,
            f"{key} {value}",
        )


def test_images_flow_with_the_old_names_until_the_new_are_whole(
    bench: Bench, toy_bundle_dir: Path, encoding: Encoding
) -> None:
    running = Running(bench, toy_bundle_dir)
    assert running.found() == {"red"}
    assert bench.set_parameters(vocabulary=["cyan", "yellow"]) == (True, "")
    wait_for(lambda: encoding.begun, "the encoding")
    running.shows("vocabulary.encoding", "2 names")
    assert bench.get_parameter("vocabulary") == ["cyan", "yellow"]
    for _ in range(3):
        assert running.found() == {"red"}
    # Other parameters take effect meanwhile, and do not begin the encoding again.
    assert bench.set_parameters(score_threshold=1.0) == (True, "")
    assert running.found() == set()
    assert bench.set_parameters(score_threshold=-1.0) == (True, "")
    encoding.go_on.set()
    running.shows("vocabulary.encoding", "")
    assert running.found() == {"cyan", "yellow"}
    assert encoding.begun == [("cyan", "yellow")]
    wait_for(lambda: [each.database_version for each in running.infos][-1:] == [1], "version 1")
    assert running.node.counts.dropped_total == 0


def test_the_names_asked_for_last_win(
    bench: Bench, toy_bundle_dir: Path, encoding: Encoding
) -> None:
    running = Running(bench, toy_bundle_dir)
    for names in (["cyan"], ["yellow"], [""]):
        assert bench.set_parameters(vocabulary=names) == (True, "")
    assert running.found() == {"red"}
    encoding.go_on.set()
    running.shows("vocabulary.encoding", "")
    assert running.found() == {"red"}
    assert running.node.parameters.vocabulary == ()


def test_names_that_cannot_be_encoded_are_taken_back(
    bench: Bench, toy_bundle_dir: Path, encoding: Encoding
) -> None:
    running = Running(bench, toy_bundle_dir)
    assert bench.set_parameters(vocabulary=["cyan"]) == (True, "")
    encoding.error = VocabularyError("new names 'cyan': no encoder")
    encoding.go_on.set()
    wait_for(lambda: bench.get_parameter("vocabulary") == [""], "the old names")
    words = "vocabulary: new names 'cyan': no encoder; what ran before goes on"
    wait_for(lambda: [each for each in running.log if words in each.msg], "a line")
    assert running.found() == {"red"}


def test_a_node_that_is_taken_down_while_names_are_encoded(
    bench: Bench, toy_bundle_dir: Path, encoding: Encoding
) -> None:
    from lifecycle_msgs.msg import Transition

    running = Running(bench, toy_bundle_dir)
    assert bench.set_parameters(vocabulary=["cyan"]) == (True, "")
    assert bench.change_state(Transition.TRANSITION_DEACTIVATE)
    assert bench.change_state(Transition.TRANSITION_CLEANUP)
    encoding.go_on.set()
    assert bench.change_state(Transition.TRANSITION_CONFIGURE)
    assert bench.change_state(Transition.TRANSITION_ACTIVATE)
    wait_for(lambda: running.camera.get_subscription_count() == 1, "the subscription")
    assert running.found() == {"cyan"}
