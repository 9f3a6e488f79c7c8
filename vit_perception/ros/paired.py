# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""For planners: what a detector publishes about one image, put together.

from vit_perception.ros import Paired

paired = Paired(node, callback)          # callback(result) for each image
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray, LabelInfo

from vit_perception.ros.instances import Instances, InstancesError
from vit_perception.ros.messages import stamp_nanoseconds

_RESULTS = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
_LATCHED = QoSProfile(
    depth=10,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
_INFOS_KEPT = 16


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What was found in one image.

    Attributes:
        detections: the message.
        instances: the masks behind them; None where no masks were made or asked for.
        names: the vocabulary that they were found with; empty where it has not come in.
        threshold: the score threshold that they were found with.
    """

    detections: Detection2DArray
    instances: Instances | None
    names: tuple[str, ...]
    threshold: float

    @property
    def header(self) -> Header:
        """Stamp and frame of the image."""
        return self.detections.header

    @property
    def hidden(self) -> NDArray[np.int64]:
        """Indices of detections that own no pixel, as others lie before them: int64 [K]."""
        if self.instances is None:
            return np.zeros(0, np.int64)
        return np.flatnonzero(self.instances.areas() == 0)


class Paired:
    """Subscribes to a detector and calls back with what belongs to one image.

    A result waits for its masks until they come, or until the next one: a detector that makes
    none is heard one image late; without `masks` it is not. Names are those of the newest
    `~/label_info` whose stamp is not after the result's; a subscriber that joins late gets the
    last one. Stamps that go back, as those of a bag that starts again do, begin anew.

    Args:
        node: the subscriber.
        callback: called with each Result, in the order of detections, on the executor's thread.
        detector: name of the detector, e.g. "detector" or "/robot/detector".
        camera: one of its cameras; empty for the only one.
        masks: subscribe to `~/instances` too, which makes the detector publish them.
    """

    def __init__(
        self,
        node: Node,
        callback: Callable[[Result], None],
        *,
        detector: str = "detector",
        camera: str = "",
        masks: bool = True,
    ) -> None:
        self._node = node
        self._callback = callback
        self._masks = masks
        self._waiting: Detection2DArray | None = None
        self._image: Image | None = None
        self._infos: OrderedDict[int, LabelInfo] = OrderedDict()
        prefix = f"{detector}/{camera}/" if camera else f"{detector}/"
        wanted: list[tuple[type, str, Callable[[Any], None], QoSProfile]] = [
            (LabelInfo, "label_info", self._on_names, _LATCHED),
            (Detection2DArray, "detections", self._on_detections, _RESULTS),
        ]
        if masks:
            wanted.append((Image, "instances", self._on_instances, _RESULTS))
        self._subscriptions = [
            node.create_subscription(kind, prefix + topic, take, qos)
            for kind, topic, take, qos in wanted
        ]

    def destroy(self) -> None:
        """Unsubscribes; a result that waits for its masks is not delivered."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._waiting = self._image = None

    def _on_names(self, message: LabelInfo) -> None:
        stamp = stamp_nanoseconds(message.header)
        if self._infos and stamp < next(reversed(self._infos)):
            self._infos.clear()
        self._infos[stamp] = message
        while len(self._infos) > _INFOS_KEPT:
            self._infos.popitem(last=False)

    def _on_detections(self, message: Detection2DArray) -> None:
        waiting, self._waiting = self._waiting, message
        if waiting is not None:
            self._deliver(waiting, None)
        if not self._masks:
            self._waiting = None
            self._deliver(message, None)
        elif self._image is not None and self._image.header.stamp == message.header.stamp:
            # DDS keeps no order between topics.
            self._complete(self._image)

    def _on_instances(self, image: Image) -> None:
        if self._waiting is not None and self._waiting.header.stamp == image.header.stamp:
            self._complete(image)
        else:
            self._image = image

    def _complete(self, image: Image) -> None:
        waiting, self._waiting, self._image = self._waiting, None, None
        assert waiting is not None
        try:
            instances = Instances.of(waiting, image)
        except InstancesError as error:
            self._node.get_logger().warning(str(error))
            self._deliver(waiting, None)
            return
        self._deliver(waiting, instances)

    def _deliver(self, detections: Detection2DArray, instances: Instances | None) -> None:
        stamp = stamp_nanoseconds(detections.header)
        info = next((self._infos[at] for at in reversed(self._infos) if at <= stamp), None)
        names = () if info is None else tuple(each.class_name for each in info.class_map)
        threshold = 0.0 if info is None else float(info.threshold)
        self._callback(Result(detections, instances, names, threshold))
