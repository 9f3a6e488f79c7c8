# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Nodes as a process: begins, lives and ends without a stack trace for its user."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Sequence
from types import FrameType
from typing import TypeVar

import rclpy
from rclpy.exceptions import NameValidationException, ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args

from vit_perception.ros.health.throttle import Throttle
from vit_perception.setting import ParameterError
from vit_perception.wording import one_line, shown

_LOOK_FOR_SIGNALS = 0.1
"""Seconds: Python runs signal handlers only when rclpy's wait is over."""

# What rclpy raises for arguments that it cannot read are RuntimeErrors.
_REFUSED = (ParameterError, ParameterException, NameValidationException, RuntimeError)

NodeKind = TypeVar("NodeKind", bound=Node)


def run(
    make_nodes: Callable[[list[NodeKind], Sequence[str]], None], begin: Callable[[NodeKind], None]
) -> int:
    """Spin nodes until SIGINT, SIGTERM or a shutdown of ROS; return the exit status.

    Args:
        make_nodes: adds them to a list, from the words of the command line that are not ROS's;
            those that it added before it raised are destroyed.
        begin: what each does before they are spun.

    """
    stop = threading.Event()
    nodes: list[NodeKind] = []

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()

    try:
        try:
            # rclpy's own handlers end the context at once, before the last results are out.
            rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, end)
            make_nodes(nodes, remove_ros_args(sys.argv)[1:])
        except _REFUSED as error:
            print(f"cannot start: {one_line(error)}", file=sys.stderr)
            return 2
        for node in nodes:
            begin(node)
        _spin(nodes, stop)
    finally:
        for node in nodes:
            node.destroy_node()
        rclpy.try_shutdown()
        # Ctrl-C reaches a launched node twice, from the terminal and from launch; the second
        # one must not find the interpreter on its way out with Python's handlers gone.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return 0


def no_words(words: Sequence[str]) -> None:
    """Refuse words of the command line.

    Raises:
        ParameterError: there is one.

    """
    if words:
        raise ParameterError(f"{shown(words[0])}: expected --ros-args -p name:=value")


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
            # A message that rclpy cannot read, say; the nodes outlive it.
            name = type(error).__name__
            line = throttle.line(name, f"{name}: {one_line(error)}")
            if line is not None:
                nodes[0].get_logger().error(line)
    executor.shutdown()
