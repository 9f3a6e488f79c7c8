# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What joins messages of a bag: the stamp, and the frame of the camera."""

from __future__ import annotations

from typing import Any, NamedTuple

from vit_perception.bags.messages import header_stamp


class Stamped(NamedTuple):
    """Stamp in nanoseconds, and frame without the slash that ROS 1 puts before it."""

    stamp: int
    frame: str


def stamped(message: Any) -> Stamped:
    """Returns what a message with a header is joined by.

    Raises:
        AttributeError, TypeError, ValueError: it has no such header.
    """
    return Stamped(header_stamp(message.header), plain_frame(str(message.header.frame_id)))


def plain_frame(frame_id: str) -> str:
    """Returns the name of a frame without the slash that ROS 1 puts before it."""
    return frame_id.lstrip("/")
