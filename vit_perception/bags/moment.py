# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""One image of a recording, chosen by its time."""

from __future__ import annotations

from vit_perception.bags.pictures import frame_of
from vit_perception.bags.reader import BagDamageError, BagError, BagMessage, BagReader
from vit_perception.frame import Frame, FrameError
from vit_perception.images.bits import UsedBits
from vit_perception.images.raw import ImageError
from vit_perception.wording import shown_path

BEYOND = 1.0
"""Seconds behind the last image that are still taken for it."""


def frame_at(bag: BagReader, topic: str, seconds: float) -> Frame:
    """Returns the image that was recorded nearest to a time.

    Args:
        bag: open.
        topic: of images.
        seconds: since the topic's first image was recorded.

    Raises:
        BagError: there is no image, the recording ends earlier, or the image is broken.
    """
    where = f"{shown_path(bag.path)}: {shown_path(topic)}"
    nearest, last, damage = _nearest(bag, topic, seconds)
    if nearest is None:
        raise BagError(damage or f"{where}: expected an image, found none")
    if seconds > last + BEYOND:
        raise BagError(damage or f"{where}: expected a time of 0..{last:.2f} s, found {seconds:g}")
    try:
        return frame_of(nearest.msgtype, nearest.value, UsedBits().measured)
    except (ImageError, FrameError) as error:
        raise BagError(f"{where}: expected an image at {seconds:g} s, found {error}") from error


def _nearest(bag: BagReader, topic: str, seconds: float) -> tuple[BagMessage | None, float, str]:
    """Returns the nearest message, the time of the last one read, and what is damaged."""
    nearest: BagMessage | None = None
    first, distance, last = 0, 0.0, 0.0
    try:
        for message in bag.messages([topic]):
            if nearest is None:
                first = message.time
            last = (message.time - first) / 1e9
            if nearest is not None and abs(last - seconds) > distance:
                break  # messages come in the order of recording
            nearest, distance = message, abs(last - seconds)
    except BagDamageError as error:  # the image may be there all the same
        return nearest, last, str(error)
    return nearest, last, ""
