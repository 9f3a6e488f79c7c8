# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What went wrong, told to the log and kept for diagnostics."""

from __future__ import annotations

from rclpy.node import Node

from vit_perception.ros.health.throttle import Throttle
from vit_perception.wording import one_line


class FaultLog:
    """Logs faults of a node, of one cause at most once a second; thread safe.

    Attributes:
        last: the last line, for diagnostics; empty for none.
    """

    def __init__(self, node: Node) -> None:
        self._logger = node.get_logger()
        self._throttle = Throttle()
        self.last = ""

    def warn(self, cause: str, line: str, camera: str = "") -> None:
        """Tells of a frame or picture that was lost for a cause, in one line.

        Args:
            cause: short key.
            line: what happened.
            camera: name of the camera, which is told first; empty for the only one of a node.
        """
        self.last = f"{camera}: {line}" if camera else line
        if (text := self._throttle.line(f"{camera}.{cause}", self.last)) is not None:
            self._logger.warning(text)

    def error(self, line: str) -> None:
        """Tells of a failure that stops the node from doing as it was told, in one line."""
        self.last = line
        self._logger.error(line)


def described(error: Exception) -> str:
    """Returns an unexpected exception on one line, its type first."""
    return f"{type(error).__name__}: {one_line(error)}"
