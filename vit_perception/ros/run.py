# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs nodes as a process, without stack traces for its user."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import FrameType
from typing import TypeVar

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args

from vit_perception.engine.freed_memory import limit_pools
from vit_perception.processes.watchdog import WATCHDOG, ending_when_stuck
from vit_perception.ros.environment import start_failure
from vit_perception.ros.health.throttle import Throttle
from vit_perception.ros.parameter_files import without_empty_values
from vit_perception.setting import SettingError
from vit_perception.wording import one_line, shown

# Seconds; Python runs signal handlers only between rclpy's waits.
_LOOK_FOR_SIGNALS = 0.1

_STUCK = "ended by a signal: a call into a library did not return"

NodeKind = TypeVar("NodeKind", bound=Node)


def run(
    make_nodes: Callable[[list[NodeKind], Sequence[str]], None],
    begin: Callable[[NodeKind], None],
    leave: Callable[[NodeKind], None],
    usage: str,
) -> int:
    """Spins nodes until SIGINT, SIGTERM, SIGHUP or a shutdown of ROS; returns the exit status.

    A SIGHUP that is ignored at the start, as under nohup, stays ignored.

    Args:
        make_nodes: adds nodes to a list, given the command line without ROS's arguments; nodes
            added before an error are destroyed.
        begin: called with each node before the first is spun.
        leave: called with each node when a signal has come; ends what `begin` and the node's
            callbacks wait for, now and later.
        usage: what -h and --help print.
    """
    if not {"-h", "--help"}.isdisjoint(sys.argv[1:]):
        print(usage)
        return 0
    limit_pools()
    stop = threading.Event()
    nodes: list[NodeKind] = []

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()
        for node in nodes:
            leave(node)

    exits = ExitStack()
    try:
        try:
            # rclpy's own handlers end the context at once, before the last results are published.
            with without_empty_values(sys.argv) as arguments:
                rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
                words = remove_ros_args(arguments)[1:]
            ending = [signal.SIGINT, signal.SIGTERM]
            # nohup lets a process outlive its terminal.
            if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
                ending.append(signal.SIGHUP)
            for number in ending:
                signal.signal(number, end)
            exits.enter_context(ending_when_stuck(_STUCK))
            make_nodes(nodes, words)
        # rclpy's exceptions for arguments and parameter files share no base class.
        except Exception as error:
            print(start_failure(error), file=sys.stderr)
            return 2
        for node in nodes:
            if not stop.is_set():
                begin(node)
        _spin(nodes, stop)
    finally:
        for node in nodes:
            node.destroy_node()
        rclpy.try_shutdown()
        exits.close()
        # Ctrl-C reaches a launched node twice, from the terminal and from launch; the second
        # one must not reach an interpreter that has removed its handlers.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    _leave_threads_behind()
    return 0


def _leave_threads_behind() -> None:
    """Ends the process at once where a thread is still inside the engine.

    It encodes names, opens a graph or looks at a frame. The interpreter would end around it, and
    the engine abort the process.
    """
    left = [t.name for t in threading.enumerate() if t.daemon and t.name != WATCHDOG]
    if left:
        print(f"left behind, inside the engine: {', '.join(sorted(left))}", file=sys.stderr)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def no_words(words: Sequence[str]) -> None:
    """Refuses words of the command line.

    Raises:
        SettingError: there is a word.
    """
    if words:
        raise SettingError(f"{shown(words[0])}: expected --ros-args -p name:=value")


def _spin(nodes: Sequence[Node], stop: threading.Event) -> None:
    executor, throttle = SingleThreadedExecutor(), Throttle()
    for node in nodes:
        executor.add_node(node)
    while not stop.is_set():
        try:
            executor.spin_once(timeout_sec=_LOOK_FOR_SIGNALS)
        except ExternalShutdownException:
            break
        except Exception as error:
            # For example a message that rclpy cannot read; the nodes go on.
            name = type(error).__name__
            line = throttle.line(name, f"{name}: {one_line(error)}")
            if line is not None:
                nodes[0].get_logger().error(line)
    executor.shutdown()
