# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Where boxes are and how fast they move: a Kalman filter of constant speed.

Centre x, centre y, width and height of a box are four filters that know nothing of each other, so
that a covariance has three numbers and many boxes are one array. Noise grows with the size of the
box, as in ByteTrack (Zhang et al., ECCV 2022), and with seconds, not with frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_MEASURED = 0.05
"""Standard deviation of a measured side, in sizes of the box."""
_FIRST_SPEED = 2.0
"""Standard deviation of the speed of a box that was seen once, in sizes a second."""
_SPEED_CHANGE = 0.3
"""Standard deviation by which a speed changes in a second, in sizes a second."""


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """The motion of N boxes.

    Attributes:
        place: float64 [N, 4], centre x, centre y, width, height in pixels.
        speed: float64 [N, 4], their change in pixels a second.
        spread: float64 [N, 4, 3], variance of the place, covariance of place and speed, variance
            of the speed.
    """

    place: NDArray[np.float64]
    speed: NDArray[np.float64]
    spread: NDArray[np.float64]

    @classmethod
    def of(cls, boxes: NDArray[np.float32]) -> Motion:
        """Returns the motion of boxes that were seen once.

        Args:
            boxes: float32 [N, 4], x1 y1 x2 y2.
        """
        place = _measured(boxes)
        size = _size(place)
        spread = np.zeros((*place.shape, 3))
        spread[..., 0] = (_MEASURED * size) ** 2
        spread[..., 2] = (_FIRST_SPEED * size) ** 2
        return cls(place, np.zeros_like(place), spread)

    def __len__(self) -> int:
        return len(self.place)

    @property
    def boxes(self) -> NDArray[np.float32]:
        """float32 [N, 4], x1 y1 x2 y2."""
        half = self.place[:, 2:] / 2
        return np.hstack([self.place[:, :2] - half, self.place[:, :2] + half]).astype(np.float32)

    def room(self) -> NDArray[np.float32]:
        """Returns how far a box may be from where it is expected, in pixels: float32 [N].

        Half a standard deviation, and no more than the size of the box.
        """
        deviation = np.sqrt(self.spread[:, :2, 0].mean(axis=1))
        return np.asarray(np.minimum(deviation / 2, _size(self.place)[:, 0]), np.float32)

    def predicted(self, seconds: float, unseen: NDArray[np.bool_]) -> Motion:
        """Returns where the boxes are some time later.

        Args:
            seconds: 0 or more.
            unseen: bool [N], boxes that were not seen last; they keep their size, which a speed
                of their size would let vanish.
        """
        speed = self.speed.copy()
        speed[unseen, 2:] = 0.0
        place = self.place + seconds * speed
        place[:, 2:] = np.maximum(place[:, 2:], 1.0)
        here, both, fast = np.moveaxis(self.spread, 2, 0)
        # Of white noise in the acceleration.
        noise = (_SPEED_CHANGE * _size(place)) ** 2 * seconds
        spread = np.stack(
            [
                here + 2 * seconds * both + seconds**2 * fast + noise * seconds**2 / 3,
                both + seconds * fast + noise * seconds / 2,
                fast + noise,
            ],
            axis=2,
        )
        return Motion(place, speed, spread)

    def updated(self, rows: NDArray[np.int64], boxes: NDArray[np.float32]) -> Motion:
        """Returns the motion after some of the boxes were seen.

        Args:
            rows: int64 [M], which.
            boxes: float32 [M, 4], x1 y1 x2 y2, where they were seen.
        """
        seen = _measured(boxes)
        here, both, fast = np.moveaxis(self.spread[rows], 2, 0)
        trust = 1.0 / (here + (_MEASURED * _size(seen)) ** 2)
        missed = seen - self.place[rows]
        place, speed, spread = self.place.copy(), self.speed.copy(), self.spread.copy()
        place[rows] += here * trust * missed
        speed[rows] += both * trust * missed
        left = 1.0 - here * trust
        spread[rows] = np.stack([left * here, left * both, fast - both**2 * trust], axis=2)
        return Motion(place, speed, spread)

    def chosen(self, rows: NDArray[np.int64]) -> Motion:
        """Returns the motion of these boxes, int64 [M], in their order."""
        return Motion(self.place[rows], self.speed[rows], self.spread[rows])

    def joined(self, other: Motion) -> Motion:
        """Returns these boxes and then those of another."""
        return Motion(
            np.concatenate([self.place, other.place]),
            np.concatenate([self.speed, other.speed]),
            np.concatenate([self.spread, other.spread]),
        )


def _measured(boxes: NDArray[np.float32]) -> NDArray[np.float64]:
    corners = boxes.astype(np.float64)
    return np.hstack([(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]])


def _size(place: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the mean side of each box, at least a pixel: float64 [N, 1]."""
    return np.asarray(np.maximum(place[:, 2:].mean(axis=1, keepdims=True), 1.0))
