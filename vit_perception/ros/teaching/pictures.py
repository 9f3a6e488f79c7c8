# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The images of a camera that an order to teach can mean."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.detections import Detections
from vit_perception.frame import Frame
from vit_perception.ros.messages import NANOSECONDS, stamp_nanoseconds
from vit_perception.ros.teaching.account import IMAGE, Refused

MOST_BYTES = 256 * 2**20
"""Of kept messages, for each camera."""
NONE_YET = "expected an image to teach from, found none that was looked at since activation"


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """An image that was looked at, with the boxes and scores of what was found in it.

    Attributes:
        boxes: float32 [N, 4], x1 y1 x2 y2 in pixels of the image.
        scores: float32 [N].
    """

    frame: Frame
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    message: Any
    stamp: int
    arrived: float
    size: int


class Pictures:
    """Keeps the image looked at last and, if wanted, the messages of the last seconds.

    Messages are kept as they came, so that keeping them costs no time. The oldest go first when
    they take more than MOST_BYTES. Thread safe.

    Attributes:
        seconds: for which messages are kept; 0: none are.
        newest: the image looked at last; None before the first.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: deque[_Kept] = deque()
        self._bytes = 0
        self.seconds = 0.0
        self.newest: Looked | None = None

    @property
    def bytes(self) -> int:
        """Of kept messages."""
        return self._bytes

    def keep_for(self, seconds: float) -> None:
        """Keeps messages for so many seconds from now on; lets older ones go."""
        self.seconds = seconds
        if self._kept:
            with self._lock:
                self._trim(time.perf_counter())

    def arrived(self, message: Any, now: float) -> None:
        """Keeps a message of the camera.

        Args:
            message: an image, compressed or not.
            now: seconds of time.perf_counter.
        """
        stamp, size = stamp_nanoseconds(message.header), len(message.data)
        with self._lock:
            self._kept.append(_Kept(message, stamp, now, size))
            self._bytes += size
            self._trim(now)

    def looked(self, frame: Frame, found: Detections) -> None:
        """Keeps an image in place of the one looked at before."""
        # Without masks, which would take memory for nothing.
        self.newest = Looked(frame, found.boxes, found.scores)

    def forget(self) -> None:
        """Lets go of all images."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0
        self.newest = None

    def of(self, stamp: int) -> Any:
        """Returns the image of a stamp in nanoseconds: a Frame, or a message still to be read.

        Args:
            stamp: 0 for the image looked at last.

        Raises:
            Refused: it is not there.
        """
        newest = self.newest
        if newest is not None and stamp in (0, newest.frame.stamp):
            return newest.frame
        if not stamp:
            raise Refused(IMAGE, NONE_YET)
        with self._lock:
            # Of several with one stamp, as when a bag plays again, the newest.
            for kept in reversed(self._kept):
                if kept.stamp == stamp:
                    return kept.message
            there = [kept.stamp for kept in self._kept]
        raise Refused(IMAGE, self._missing(stamp, there, newest))

    def _missing(self, stamp: int, there: list[int], newest: Looked | None) -> str:
        wanted = f"expected the stamp of an image that is kept, found {_seconds(stamp)}"
        if there:
            return (
                f"{wanted}: there are {len(there)} images of {_seconds(min(there))} to "
                f"{_seconds(max(there))} (teach_history: {self.seconds:g} s)"
            )
        if newest is None:
            return f"{wanted}: none was looked at since activation"
        newest_only = f"{wanted}: only the newest is kept, of {_seconds(newest.frame.stamp)}"
        return f"{newest_only} (teach_history: {self.seconds:g} s)"

    def _trim(self, now: float) -> None:
        while self._kept and (
            self._bytes > MOST_BYTES or self._kept[0].arrived < now - self.seconds
        ):
            self._bytes -= self._kept.popleft().size


def _seconds(stamp: int) -> str:
    return f"{stamp / NANOSECONDS:.3f} s"
