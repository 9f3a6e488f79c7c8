# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The detector's output topics."""

from __future__ import annotations

import copy
import time
from typing import Any

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray, LabelInfo, VisionInfo

from vit_perception import overlay
from vit_perception.detections import Detections
from vit_perception.frame import Frame
from vit_perception.ros import messages

RELIABLE = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
LATCHED = QoSProfile(
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
PICTURES = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)


class Publishers:
    """Publishes what a frame gave; used by one thread at a time.

    Names come before results: the first result of a vocabulary version follows a
    `~/label_info` and a `~/vision_info` with the stamp of its frame, so that a subscriber
    finds the names of a result in the newest info whose stamp is not after that of the result.
    """

    def __init__(self, node: Node, *, method: str, location: str) -> None:
        self._node = node
        self._method = method
        self._location = location
        self._announced_version: int | None = None
        self._announced_labels: tuple[int, float] | None = None
        self._next_overlay = 0.0
        self._detections = self._publisher(Detection2DArray, "~/detections", RELIABLE)
        self._label_info = self._publisher(LabelInfo, "~/label_info", LATCHED)
        self._vision_info = self._publisher(VisionInfo, "~/vision_info", LATCHED)
        self._overlay = self._publisher(Image, "~/overlay", PICTURES)

    def publish(self, header: Header, detections: Detections, threshold: float) -> None:
        """Publish detections, also when there are none, under the header of their image."""
        version = detections.vocabulary_version
        if self._announced_labels != (version, threshold):
            self._label_info.publish(messages.label_info(header, detections.names, threshold))
            self._announced_labels = (version, threshold)
        if self._announced_version != version:
            info = messages.vision_info(
                header, method=self._method, location=self._location, version=version
            )
            self._vision_info.publish(info)
            self._announced_version = version
        self._detections.publish(messages.detection_array(header, detections))

    def draw(self, header: Header, frame: Frame, detections: Detections, rate: float) -> bool:
        """Publish the picture with the detections drawn in, while someone subscribes.

        Args:
            header: of the image.
            frame: the image.
            detections: what to draw.
            rate: at most so many pictures a second; 0: every one.

        Returns:
            Whether there was somebody and something to draw for.

        """
        now = time.monotonic()
        if now < self._next_overlay or self._overlay.get_subscription_count() == 0:
            return False
        self._next_overlay = now + 1.0 / rate if rate else 0.0
        picture = overlay.draw(frame.image, detections)
        self._overlay.publish(messages.image_message(header, picture))
        return True

    def destroy(self) -> None:
        """Take the topics away."""
        for publisher in (self._detections, self._label_info, self._vision_info, self._overlay):
            self._node.destroy_publisher(publisher)

    def _publisher(self, kind: type, topic: str, qos: QoSProfile) -> Any:
        return self._node.create_publisher(
            kind,
            topic,
            # A copy: rclpy writes the overrides of this topic into the profile it is given.
            copy.copy(qos),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )
