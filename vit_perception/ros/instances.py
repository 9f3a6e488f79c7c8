# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Masks for planners, from a `~/detections` and a `~/instances` of one stamp.

from vit_perception.ros.instances import Instances

instances = Instances.of(detections, image)   # two messages of one stamp
for detection, mask in zip(detections.detections, instances.masks()):
...
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

from vit_perception.masks import Masks
from vit_perception.perceiver import instances
from vit_perception.ros.messages import stamp_nanoseconds


class InstancesError(ValueError):
    """The messages do not belong together, or the image is no instance map; one line."""


@dataclass(frozen=True, slots=True, eq=False)
class Instances:
    """The masks of N detections.

    Attributes:
        owner: uint16 [H, W], 0 for background, n where detection n - 1 of the array is seen.
        count: N.
    """

    owner: NDArray[np.uint16]
    count: int

    @classmethod
    def of(cls, detections: Detection2DArray, image: Image) -> Instances:
        """Reads the image of `~/instances` with the stamp of an array of `~/detections`.

        Raises:
            InstancesError: the image has another stamp or frame, another encoding than mono16,
                rows that are too short, or a pixel of a detection that is not in the array.
        """
        _check_together(detections, image)
        owner = _pixels(image)
        count = len(detections.detections)
        highest = int(owner.max(initial=0))
        if highest > count:
            raise InstancesError(
                f"instances: expected pixels of 0 to {count}, as there are detections, "
                f"found {highest}"
            )
        return cls(owner, count)

    def mask(self, index: int) -> NDArray[np.bool_]:
        """Returns where detection `index` is seen: bool [H, W]."""
        if not 0 <= index < self.count:
            raise IndexError(f"expected a detection of 0 to {self.count - 1}, found {index}")
        return np.asarray(self.owner == index + 1, np.bool_)

    def masks(self) -> NDArray[np.bool_]:
        """Returns where each detection is seen: bool [N, H, W]."""
        return instances.split(self.owner, self.count)

    def as_masks(self) -> Masks:
        """Returns where each detection is seen, cut to it."""
        return instances.as_masks(self.owner, self.count)

    def areas(self) -> NDArray[np.int64]:
        """Returns the pixels of each detection: int64 [N]."""
        return instances.areas(self.owner, self.count)

    def contours(self, index: int) -> list[NDArray[np.int32]]:
        """Returns outlines of a detection's pieces, longest first: int32 [K, 2] x y in pixels."""
        return instances.contours(self.mask(index))


def _check_together(detections: Detection2DArray, image: Image) -> None:
    for what, wanted, found in (
        ("stamp", stamp_nanoseconds(detections.header), stamp_nanoseconds(image.header)),
        ("frame_id", detections.header.frame_id, image.header.frame_id),
    ):
        if wanted != found:
            raise InstancesError(
                f"instances: expected the {what} of the detections, {wanted}, found {found}"
            )


def _pixels(image: Image) -> NDArray[np.uint16]:
    if image.encoding != "mono16":
        raise InstancesError(f"instances: expected a mono16 image, found {image.encoding!r}")
    data = np.frombuffer(image.data, np.uint8)
    if image.step < 2 * image.width or data.size < image.step * image.height:
        raise InstancesError(
            f"instances: expected {image.height} rows of at least {2 * image.width} bytes, "
            f"found {data.size} bytes in rows of {image.step}"
        )
    rows = data[: image.step * image.height].reshape(image.height, image.step)
    order = ">u2" if image.is_bigendian else "<u2"
    return rows[:, : 2 * image.width].view(order).astype(np.uint16)
