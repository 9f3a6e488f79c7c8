# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Many orders while frames flow, and a network that is slow or hangs."""

from __future__ import annotations

import bisect
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy")

from lifecycle_msgs.msg import Transition

from vit_perception.ros.teaching import teacher

from ...toy_bundle import COLOURS, DEFAULT_NAMES
from ..bench import (
    ALL_ARRIVE,
    PATIENCE,
    SECOND,
    Bench,
    boxes_by_name,
    image_message,
    stamp_of,
    wait_for,
)
from .pupil import BOXES, PIXELS, Pupil, pupil

pytestmark = pytest.mark.ros

ORDERS = 200
SHOWN = [name for name in COLOURS if name in BOXES]


@contextmanager
def filmed(taught: Pupil) -> Iterator[list[int]]:
    """A camera that sends a picture every few milliseconds; the number of pictures so far."""
    done, sent = threading.Event(), [0]

    def film() -> None:
        while not done.is_set():
            sent[0] += 1
            taught.camera.publish(image_message(PIXELS, stamp=sent[0] * SECOND))
            time.sleep(0.002)

    thread = threading.Thread(target=film, daemon=True)
    thread.start()
    try:
        wait_for(lambda: taught.results, "a result")
        yield sent
    finally:
        done.set()
        thread.join()


def shown_in(version: int) -> set[str]:
    """Names that are taught in a version: one more with each order, then one less with each."""
    step = version % (2 * len(SHOWN))
    return set(SHOWN[:step]) if step <= len(SHOWN) else set(SHOWN[step - len(SHOWN) :])


def lesson(version: int) -> tuple[str, Any, float]:
    """The order that makes a version of the one before."""
    step = (version - 1) % (2 * len(SHOWN))
    name = SHOWN[step % len(SHOWN)]
    return (f"my {name}", BOXES[name] if step < len(SHOWN) else None, 0.0)


def test_no_result_carries_the_names_of_another_version(bench: Bench, tmp_path: Path) -> None:
    taught = pupil(bench, tmp_path / "toy", **ALL_ARRIVE)
    node = taught.node
    with filmed(taught) as sent:
        # In bursts: some versions are over before a frame sees them.
        for version in range(1, ORDERS + 1):
            taught.send(lesson(version))
            if version % 5 == 0:
                taught.done(version)
        taught.done(ORDERS)
    assert taught.counts.refused_total == 0
    assert taught.counts.arrived == ORDERS == taught.version
    wait_for(lambda: node.counts.arrived == sent[0] and node.counts.pending == 0, "all frames")
    wait_for(lambda: len(taught.results) == node.counts.published, "all results")
    starts = [stamp_of(info) for info in taught.infos]
    assert [stamp_of(each) for each in taught.labels] == starts == sorted(set(starts))
    versions = [info.database_version for info in taught.infos]
    assert versions == sorted(set(versions)) and len(versions) > ORDERS / 10
    for info, label in zip(taught.infos, taught.labels, strict=True):
        names = [each.class_name for each in label.class_map]
        wanted = {f"my {name}" for name in shown_in(info.database_version)}
        assert (tuple(names[:3]), set(names[3:])) == (DEFAULT_NAMES, wanted)
    for result in taught.results:
        # All are in the picture: found is exactly what was taught.
        version = versions[bisect.bisect_right(starts, stamp_of(result)) - 1]
        assert set(boxes_by_name(result)) == {f"my {name}" for name in shown_in(version)}


@pytest.mark.parametrize(
    ("limit", "most", "taken"), [("MOST_WAITING", 3, 4), ("MOST_BYTES", PIXELS.nbytes - 1, 2)]
)
def test_orders_beyond_what_can_wait_are_refused(
    bench: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    limit: str,
    most: int,
    taken: int,
) -> None:
    monkeypatch.setattr(teacher, limit, most)
    taught = pupil(bench, tmp_path / "toy")
    taught.look()
    with held_network(taught) as begun:
        taught.send(("my mug", BOXES["cyan"], 0.0))
        assert begun.wait(PATIENCE)
        for _ in range(taken):
            taught.send(("my mug", BOXES["cyan"], 0.0))
        taught.refused("busy", "orders that wait, with images of")
        assert (taught.counts.pending, taught.counts.done) == (taken, 0)
    taught.done(taken)
    assert taught.counts.arrived == taken + 1


def test_a_slow_network_holds_nothing_else_up(bench: Bench, tmp_path: Path) -> None:
    taught = pupil(bench, tmp_path / "toy")
    taught.look()
    with held_network(taught) as begun:
        taught.send(("my mug", BOXES["cyan"], 0.0))
        assert begun.wait(PATIENCE)
        # Frames, parameters and services are answered meanwhile.
        assert taught.look() == {}
        assert bench.set_parameters(vocabulary=["yellow"]) == (True, "")
        assert set(taught.look()) == {"yellow"}
    taught.done(1)
    assert set(taught.look()) == {"my mug", "yellow"}


def test_what_takes_too_long_or_comes_too_late_is_refused(bench: Bench, tmp_path: Path) -> None:
    taught = pupil(bench, tmp_path / "toy", configure_timeout=1.0)
    taught.look()
    with held_network(taught):
        taught.send(("my mug", BOXES["cyan"], 0.0))
        taught.refused("error", "the engine: expected it to be ready within 1 s (configure_time")
    assert bench.set_parameters(configure_timeout=60.0) == (True, "")
    with held_network(taught) as begun:
        taught.send(("my mug", BOXES["cyan"], 0.0))
        assert begun.wait(PATIENCE)
        taught.send(("pen", BOXES["yellow"], 0.0))
        wait_for(lambda: taught.counts.pending == 2, "both orders")
        assert bench.change_state(Transition.TRANSITION_DEACTIVATE)
        assert bench.change_state(Transition.TRANSITION_CLEANUP)
        taught.refused("inactive", "found one that was cleaned up meanwhile")
        wait_for(lambda: taught.counts.refused["inactive"] == 2, "both")
    assert (taught.counts.pending, taught.counts.done) == (0, 0)


@contextmanager
def held_network(taught: Pupil) -> Iterator[threading.Event]:
    """Lets orders wait for the network until the end of the block."""
    perceiver = taught.node._configurator.current.perceiver
    rows, begun, go_on = perceiver.rows, threading.Event(), threading.Event()

    def held(*arguments: Any) -> Any:
        begun.set()
        assert go_on.wait(PATIENCE)
        return rows(*arguments)

    perceiver.rows = held
    try:
        yield begun
    finally:
        perceiver.rows = rows
        go_on.set()
