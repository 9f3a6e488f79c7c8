# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A node as a process: begins, lives and ends without a stack trace for its user."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

import rclpy
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args

from vit_perception.parameter_spec import ParameterError
from vit_perception.ros.throttle import Throttle
from vit_perception.wording import one_line, shown

_LOOK_FOR_SIGNALS = 0.1
"""Seconds: Python runs signal handlers only when rclpy's wait is over."""


NodeKind = TypeVar("NodeKind", bound=Node)


def run(make_node: Callable[[], NodeKind], begin: Callable[[NodeKind], None]) -> int:
    """Spin a node until SIGINT, SIGTERM or a shutdown of ROS; return the exit status.

    Args:
        make_node: makes it.
        begin: what it does before it is spun.

    """
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()

    try:
        unknown = remove_ros_args(sys.argv)[1:]
        if unknown:
            return _refused(f"{shown(unknown[0])}: expected --ros-args -p name:=value")
        # rclpy's own handlers end the context at once, before the last results are out.
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, end)
        node = make_node()
    # What rclpy raises for arguments that it cannot read are RuntimeErrors.
    except (ParameterError, ParameterException, RuntimeError) as error:
        rclpy.try_shutdown()
        return _refused(one_line(error))
    try:
        begin(node)
        _spin(node, stop)
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
        # Ctrl-C reaches a launched node twice, from the terminal and from launch; the second
        # one must not find the interpreter on its way out with Python's handlers gone.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return 0


def _refused(reason: str) -> int:
    print(f"cannot start: {reason}", file=sys.stderr)
    return 2


def _spin(node: Node, stop: threading.Event) -> None:
    executor, throttle = SingleThreadedExecutor(), Throttle()
    executor.add_node(node)
    while not stop.is_set():
        try:
            executor.spin_once(timeout_sec=_LOOK_FOR_SIGNALS)
        except ExternalShutdownException:
            break
        except Exception as error:
            # A message that rclpy cannot read, say; the node outlives it.
            name = type(error).__name__
            line = throttle.line(name, f"{name}: {one_line(error)}")
            if line is not None:
                node.get_logger().error(line)
    executor.shutdown()
