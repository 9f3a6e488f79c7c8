# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A recording and a live node beside each other: they meet, it plays, all is accounted for."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Event

import rclpy
from rclpy.impl.logging_severity import LoggingSeverity
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from vit_perception.bags.reader import BagDamageError
from vit_perception.ros.environment import (
    StartError,
    keep_to_this_machine,
    set_image_transport,
    start_failure,
)
from vit_perception.ros.playing.detector_process import (
    NODE_NAME,
    DetectorProcess,
    DetectorProcessError,
)
from vit_perception.ros.playing.player import BagPlayer
from vit_perception.ros.realtime.listener import Listener

# Seconds.
_DISCOVERY = 30.0
_QUIET = 0.5  # without a change nothing is on its way any more
_RESULTS = 5.0  # that a published result may take to arrive
_LOOK = 0.02
_CHECK = 0.2


@contextmanager
def node_here(domain: int | None) -> Iterator[Node]:
    """Yields a node of this process that logs errors alone: what is to be told is in the notes.

    ROS stays on this machine, in a domain of its own, as the environment says meanwhile.

    Args:
        domain: None: a random one.

    Raises:
        StartError: ROS does not start.
    """
    before = dict(os.environ)
    set_image_transport()
    keep_to_this_machine(domain=domain)
    context = rclpy.Context()
    try:
        # rclpy's own handlers end the context under the calls that Ctrl-C is to leave in order.
        try:
            rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
        except Exception as error:  # rclpy's own share no base class
            raise StartError(start_failure(error)) from error
        node = Node("evaluate", context=context, use_global_arguments=False)
        node.get_logger().set_level(LoggingSeverity.ERROR)
        yield node
        node.destroy_node()
    finally:
        rclpy.try_shutdown(context=context)
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


def connect(
    player: BagPlayer, played_as: str, listener: Listener, detector: DetectorProcess
) -> None:
    """Waits until each side has found the other: what is sent before is lost.

    Raises:
        DetectorProcessError: they do not, or the node ended.
    """
    deadline = time.monotonic() + _DISCOVERY
    while not (
        player.has_subscriber(played_as) and listener.connected and listener.report.connected
    ):
        detector.check()
        if time.monotonic() > deadline:
            raise DetectorProcessError(
                f"{NODE_NAME}: expected it and the player to find each other within "
                f"{_DISCOVERY:g} s. Does a firewall stop UDP on the loopback device?"
            )
        time.sleep(_LOOK)


def play(player: BagPlayer, detector: DetectorProcess) -> None:
    """Plays on a thread of its own, where no Ctrl-C lands in the middle of a message.

    Raises:
        DetectorProcessError: the node ended.
    """
    stop = Event()

    def to_the_end() -> None:
        try:
            player.play(stop)
        except BagDamageError:
            return  # after all that is there; the notes tell of it

    with ThreadPoolExecutor(1) as pool:
        try:
            playing = pool.submit(to_the_end)
            while not wait([playing], timeout=_CHECK).done:
                detector.check()
            playing.result()
        finally:
            stop.set()


def settle(
    listener: Listener, detector: DetectorProcess, played: int, patience: float
) -> list[str]:
    """Waits until the node has accounted for all pictures, and their results have come.

    Returns:
        What did not come in time, one line each.

    Raises:
        DetectorProcessError: the node ended.
    """
    lines = []
    begin = since = time.monotonic()
    before = listener.report.account
    while True:
        report = listener.report
        account = report.account
        if (account.received, account.pending) != (before.received, before.pending):
            before, since = account, report.moment
        complete = account.received == played or report.moment - since > _QUIET
        if account.pending == 0 and complete and report.moment > begin:
            break
        if time.monotonic() - begin > patience:
            lines.append(
                f"the node had not accounted for all pictures {patience:g} s after the last: "
                f"{account.received} of {played}, {account.pending} at work"
            )
            break
        detector.check()
        time.sleep(_LOOK)
    deadline = time.monotonic() + _RESULTS
    while len(listener.results()) < account.published and time.monotonic() < deadline:
        detector.check()
        time.sleep(_LOOK)
    return lines
