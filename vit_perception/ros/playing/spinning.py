# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Lets a node hear while the program does something else."""

from __future__ import annotations

import threading
from typing import Any

from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node


class Spinning:
    """Spins a node in another thread while the context lasts."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._executor = SingleThreadedExecutor(context=node.context)
        self._thread = threading.Thread(target=self._spin, name="spinning", daemon=True)

    def __enter__(self) -> Spinning:
        self._executor.add_node(self._node)
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._executor.shutdown()
        self._thread.join(2.0)

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            return
