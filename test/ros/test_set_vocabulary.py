# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Names by topic, as the parameter takes them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy")

from std_msgs.msg import String

from ..toy_bundle import toy_picture
from .bench import SECOND, Bench, boxes_by_name, image_message, wait_for

pytestmark = pytest.mark.ros

PIXELS, _ = toy_picture(64, 96, {"red": (1, 1), "blue": (1, 5), "cyan": (5, 2)})


def test_names_come_by_topic(bench: Bench, toy_bundle_dir: Path) -> None:
    node = bench.detector(toy_bundle_dir)
    results, camera, log = bench.detections(), bench.camera(), bench.log()
    names = bench.publisher(String, "detector/set_vocabulary")

    def says(text: str) -> None:
        wait_for(lambda: [each for each in log if text in each.msg], f"a line: {text}")

    def found() -> set[str]:
        before: Any = len(results)
        camera.publish(image_message(PIXELS, stamp=(before + 1) * SECOND))
        wait_for(lambda: len(results) > before, "a result")
        return set(boxes_by_name(results[-1]))

    for text, wanted in (
        ("cyan, blue", ("cyan", "blue")),
        ('["red"]', ("red",)),
        (" red ,cyan", ("red", "cyan")),
    ):
        names.publish(String(data=text))
        wait_for(lambda w=wanted: node.parameters.vocabulary == w, text)
        # The parameter is the one place where they stand.
        assert bench.get_parameter("vocabulary") == list(wanted)
        assert found() == set(wanted)

    for text, reason in (
        (
            "red, red",
            "~/set_vocabulary refused: vocabulary: name 'red' refused: it is there twice",
        ),
        ("bell\a", "control character"),
    ):
        # One line a second is logged about what is refused.
        time.sleep(1.1)
        names.publish(String(data=text))
        says(reason)
        assert node.parameters.vocabulary == ("red", "cyan")
    assert found() == {"red", "cyan"}

    names.publish(String(data=""))
    wait_for(lambda: node.parameters.vocabulary == (), "the default names")
    assert found() == {"red", "blue"}


def test_names_are_taken_before_the_node_is_configured(bench: Bench, toy_bundle_dir: Path) -> None:
    node = bench.detector(toy_bundle_dir, start=False)
    names = bench.publisher(String, "detector/set_vocabulary")
    names.publish(String(data="red"))
    wait_for(lambda: node.parameters.vocabulary == ("red",), "the names")
