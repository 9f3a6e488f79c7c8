# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What log and diagnostics say about an image topic that brings nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy")

from lifecycle_msgs.msg import Transition
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import String

from ...toy_bundle import toy_picture
from ..bench import ALL_ARRIVE, SECOND, Bench, image_message, wait_for

pytestmark = pytest.mark.ros

PIXELS, _ = toy_picture(64, 96, {"red": (1, 2)})


class Watched:
    """A detector whose diagnostics and log are heard from the start."""

    def __init__(self, bench: Bench, bundle: Path, **parameters: Any) -> None:
        self.log, self.diagnostics = bench.log(), bench.collect_diagnostics()
        self.node = bench.detector(bundle, image_timeout=0.3, diagnostics_period=0.1, **parameters)

    def status(self, name: str) -> Any:
        return next(each for each in self.diagnostics[-1].status if each.name.endswith(name))

    def says(self, level: bytes, words: str, name: str = "input") -> None:
        def said() -> bool:
            return bool(self.diagnostics) and (
                self.status(name).level == level and words in self.status(name).message
            )

        wait_for(said, f"{name}: {words}")

    def logs(self, words: str) -> None:
        wait_for(lambda: [each for each in self.log if words in each.msg], f"a line: {words}")


@pytest.fixture
def watched(bench: Bench, toy_bundle_dir: Path) -> Callable[..., Watched]:
    def made(**parameters: Any) -> Watched:
        return Watched(bench, toy_bundle_dir, **parameters)

    return made


WARN, ERROR, OK = b"\x01", b"\x02", b"\x00"


def test_no_camera_is_logged_once(watched: Callable[..., Watched]) -> None:
    seen = watched()
    seen.says(WARN, "nobody publishes there")
    seen.logs("nobody publishes there")
    lines = [each.msg for each in seen.log if "nobody publishes" in each.msg]
    wait_for(lambda: len(seen.diagnostics) > 10, "more diagnostics")
    assert [each.msg for each in seen.log if "nobody publishes" in each.msg] == lines
    assert len(lines) == 1


@pytest.mark.parametrize("kind", [CompressedImage, String])
def test_another_type_is_named(bench: Bench, watched: Callable[..., Watched], kind: type) -> None:
    bench.stranger(kind, "image")
    seen = watched()
    found = f"{kind.__module__.split('.')[0]}/msg/{kind.__name__}"
    seen.says(ERROR, f"expected sensor_msgs/msg/Image, found {found}")
    seen.logs(f"expected sensor_msgs/msg/Image, found {found}")


def test_raw_images_where_compressed_ones_are_expected(
    bench: Bench, watched: Callable[..., Watched]
) -> None:
    bench.stranger(Image, "image/compressed")
    seen = watched(image_transport="compressed")
    seen.says(ERROR, "found sensor_msgs/msg/Image; for raw images set image_transport to 'raw'")


def test_a_camera_that_stalls_and_goes_on(bench: Bench, watched: Callable[..., Watched]) -> None:
    seen = watched(**ALL_ARRIVE)
    camera = bench.camera()
    for number in range(1, 4):
        camera.publish(image_message(PIXELS, stamp=number * SECOND))
    seen.says(WARN, "after 3: its publisher is there and sends nothing")
    seen.logs("after 3: its publisher is there and sends nothing")
    camera.publish(image_message(PIXELS, stamp=4 * SECOND))
    seen.logs("images/s on /image")


def test_results_that_are_late_are_logged(bench: Bench, watched: Callable[..., Watched]) -> None:
    seen = watched(warn_age=0.5, **ALL_ARRIVE)
    camera = bench.camera()
    now = bench.outside.get_clock().now().nanoseconds
    camera.publish(image_message(PIXELS, stamp=now - 2 * SECOND))
    seen.says(WARN, "warn_age is 0.5 s", name="frames")
    seen.logs("warn_age is 0.5 s")


def test_simulated_time_that_does_not_come(watched: Callable[..., Watched]) -> None:
    watched(use_sim_time=True).says(WARN, "nothing has come on /clock")


def test_a_failed_configure_is_an_error_with_its_cause(
    bench: Bench, watched: Callable[..., Watched], toy_bundle_dir: Path
) -> None:
    seen = watched(start=False, precision="int9")
    assert not bench.change_state(Transition.TRANSITION_CONFIGURE)
    seen.says(ERROR, "configure failed: ", name="engine")
    assert "int9" in seen.status("engine").message
    assert bench.set_parameters(precision="fp32") == (True, "")
    assert bench.change_state(Transition.TRANSITION_CONFIGURE)
    seen.says(OK, "fp32", name="engine")
