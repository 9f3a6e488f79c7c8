# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Nodes, and what others need to read their results; the only room that imports ROS."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vit_perception.ros.paired import Paired

__all__ = ["Paired"]


def __getattr__(name: str) -> object:
    """Imports what planners use when it is asked for; parts of this room need no ROS."""
    if name != "Paired":
        raise AttributeError(f"module 'vit_perception.ros' has no attribute {name!r}")
    from vit_perception.ros.paired import Paired

    return Paired
