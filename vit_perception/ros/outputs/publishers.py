# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The detector's output topics."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray, LabelInfo, VisionInfo
from visualization_msgs.msg import MarkerArray

from vit_perception.bundle.bundle import Bundle
from vit_perception.detections import Detections
from vit_perception.frame import Frame
from vit_perception.parameters.detector import DetectorParameters
from vit_perception.perceiver import overlay
from vit_perception.perceiver.class_map import class_map
from vit_perception.perceiver.instances import instance_map
from vit_perception.perceiver.query import Query
from vit_perception.ros import messages, qos
from vit_perception.ros.health.fault_log import FaultLog
from vit_perception.ros.outputs.markers import Markers


class Publishers:
    """Publishes what a camera's frames gave; used by one thread at a time.

    Names come before results: the first result of a vocabulary version follows a
    `~/label_info` and a `~/vision_info` with the stamp of its frame, so that a subscriber
    finds the names of a result in the newest info whose stamp is not after that of the result.
    They are said again when stamps go back, as those of a bag that starts again do.

    Args:
        node: the publisher.
        output: from a topic to the name it gets, e.g. "overlay" to "~/overlay".
        camera_info: topic of the camera's intrinsics, for `~/markers`.
        bundle: the model, for `~/vision_info`.
        faults: hears of what cannot be drawn.
    """

    def __init__(
        self,
        node: Node,
        output: Callable[[str], str],
        *,
        camera_info: str,
        bundle: Bundle,
        faults: FaultLog,
    ) -> None:
        self._node = node
        self._output = output
        self._bundle = bundle
        self._announced_version: int | None = None
        self._announced_labels: tuple[int, float] | None = None
        self._announced_at = 0
        self._last_overlay = float("-inf")
        self._all: list[Any] = []
        self._markers: Markers | None = None
        try:
            self._make(camera_info, faults)
        except Exception:
            # Else what was made before stays in the graph.
            self.destroy()
            raise

    def _make(self, camera_info: str, faults: FaultLog) -> None:
        self._detections = self._publisher(Detection2DArray, "detections", qos.RELIABLE)
        self._instances = self._publisher(Image, "instances", qos.RELIABLE)
        self._semantic = self._publisher(Image, "semantic", qos.RELIABLE)
        self._label_info = self._publisher(LabelInfo, "label_info", qos.LATCHED)
        self._vision_info = self._publisher(VisionInfo, "vision_info", qos.LATCHED)
        self._overlay = self._publisher(Image, "overlay", qos.PICTURES)
        self._small_overlay = self._publisher(CompressedImage, "overlay/compressed", qos.PICTURES)
        self._boxes = self._publisher(MarkerArray, "markers", qos.PICTURES)
        self._markers = Markers(self._node, camera_info, faults)

    @property
    def subscribed(self) -> bool:
        """Whether somebody subscribes to one of the topics."""
        return any(publisher.get_subscription_count() for publisher in self._all)

    def publish(self, header: Header, frame: Frame, detections: Detections, query: Query) -> None:
        """Publishes detections, also when there are none, under the header of their image.

        Masks follow while somebody subscribes to them.

        Args:
            header: of the image.
            frame: the image.
            detections: what was found in it.
            query: what it was looked at for.
        """
        self._announce(header, frame.stamp, query)
        self._detections.publish(messages.detection_array(header, detections))
        if detections.masks is not None and self._instances.get_subscription_count():
            owner = instance_map(detections.masks)
            self._instances.publish(messages.image_message(header, owner))
        if detections.masks is not None and self._semantic.get_subscription_count():
            names = class_map(detections)
            assert names is not None
            self._semantic.publish(messages.image_message(header, names))

    def drawn(
        self, header: Header, frame: Frame, detections: Detections, parameters: DetectorParameters
    ) -> list[tuple[Any, Any]]:
        """Returns publishers with the pictures and markers that their subscribers want.

        Args:
            header: of the image.
            frame: the image.
            detections: what to draw.
            parameters: `overlay_…` and `marker_distance` are read.
        """
        result: list[tuple[Any, Any]] = []
        if self._overlay.get_subscription_count() or self._small_overlay.get_subscription_count():
            result += self._overlays(header, frame, detections, parameters)
        if self._markers is not None and self._boxes.get_subscription_count():
            boxes = self._markers.of(header, frame, detections, parameters.marker_distance)
            if boxes is not None:
                result.append((self._boxes, boxes))
        return result

    def destroy(self) -> None:
        """Takes the topics away."""
        for publisher in self._all:
            self._node.destroy_publisher(publisher)
        if self._markers is not None:
            self._markers.destroy()

    def _overlays(
        self, header: Header, frame: Frame, detections: Detections, parameters: DetectorParameters
    ) -> list[tuple[Any, Any]]:
        now, rate = time.monotonic(), parameters.overlay_rate
        if rate and now < self._last_overlay + 1.0 / rate:
            return []
        self._last_overlay = now
        picture = overlay.draw(
            frame.image,
            detections,
            masks=parameters.overlay_masks,
            least_score=parameters.overlay_score,
        )
        ways: tuple[tuple[Any, Callable[..., Any]], ...] = (
            (self._overlay, messages.image_message),
            (self._small_overlay, messages.jpeg_message),
        )
        return [
            (publisher, make(header, picture))
            for publisher, make in ways
            if publisher.get_subscription_count()
        ]

    def _announce(self, header: Header, stamp: int, query: Query) -> None:
        version, threshold = query.vocabulary.version, query.settings.score_threshold
        back = stamp < self._announced_at
        if back or self._announced_labels != (version, threshold):
            names = query.vocabulary.names
            self._label_info.publish(messages.label_info(header, names, threshold))
            self._announced_labels, self._announced_at = (version, threshold), stamp
        if back or self._announced_version != version:
            info = messages.vision_info(
                header,
                method=self._bundle.architecture,
                location=str(self._bundle.directory),
                version=version,
            )
            self._vision_info.publish(info)
            self._announced_version, self._announced_at = version, stamp

    def _publisher(self, kind: type, topic: str, profile: QoSProfile) -> Any:
        made = qos.publisher(self._node, kind, self._output(topic), profile)
        self._all.append(made)
        return made
