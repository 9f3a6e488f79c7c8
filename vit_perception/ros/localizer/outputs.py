# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The localizer's output topics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage
from vision_msgs.msg import Detection3DArray
from visualization_msgs.msg import MarkerArray

from vit_perception.ros import qos
from vit_perception.ros.localizer import messages
from vit_perception.ros.localizer.found import Found
from vit_perception.ros.localizer.markers import object_markers
from vit_perception.space.objects import Objects


class SpacePublishers:
    """Publishes the places of what was found in a camera's images; one thread at a time.

    Args:
        node: the publisher.
        output: from a topic to the name it gets, e.g. "markers" to "~/markers".
    """

    def __init__(self, node: Node, output: Callable[[str], str]) -> None:
        self._node = node
        self._output = output
        self._all: list[Any] = []
        self._transforms: Any = None
        try:
            self._detections = self._publisher(Detection3DArray, "detections_3d", qos.RELIABLE)
            self._support = self._publisher(PoseStamped, "support", qos.RELIABLE)
            self._clouds = self._publisher(PointCloud2, "object_clouds", qos.PICTURES)
            self._markers = self._publisher(MarkerArray, "markers", qos.PICTURES)
        except Exception:
            # Else what was made before stays in the graph.
            self.destroy()
            raise

    @property
    def subscribed(self) -> bool:
        """Whether somebody subscribes to one of the topics."""
        return any(publisher.get_subscription_count() for publisher in self._all)

    @property
    def clouds_subscribed(self) -> bool:
        """Whether somebody subscribes to clouds, which need the colours of the image."""
        return bool(self._clouds.get_subscription_count())

    def send_transforms(self, wanted: bool) -> None:
        """Begins or ends to send transforms; on the executor's thread."""
        if wanted and self._transforms is None:
            self._transforms = qos.publisher(self._node, TFMessage, "/tf", qos.TRANSFORMS)
        elif not wanted and self._transforms is not None:
            before, self._transforms = self._transforms, None
            self._node.destroy_publisher(before)

    def publish(self, header: Header, found: Found, objects: Objects) -> None:
        """Publishes the boxes, also where there are none, and the plane that they stand on.

        Args:
            header: of the frame that they are in, with the stamp of the image.
            found: what was found.
            objects: its places.
        """
        self._detections.publish(messages.detection_3d_array(header, found, objects))
        if objects.support is not None:
            self._support.publish(messages.support_pose(header, objects.support))
        transforms = self._transforms
        if transforms is not None and len(objects):
            name = self._node.get_name()
            transforms.publish(messages.object_transforms(header, name, found, objects))

    def drawn(
        self,
        header: Header,
        found: Found,
        objects: Objects,
        image: NDArray[np.uint8] | None,
        *,
        clouds: bool,
    ) -> list[tuple[Any, Any]]:
        """Returns publishers with the clouds and markers that their subscribers want.

        Args:
            header, found, objects: as for `publish`.
            image: uint8 [H, W, 3] RGB; None: clouds have no colours.
            clouds: whether the things have their points.
        """
        result: list[tuple[Any, Any]] = []
        if clouds and self._clouds.get_subscription_count():
            result.append((self._clouds, messages.object_cloud(header, objects, image)))
        if self._markers.get_subscription_count():
            result.append((self._markers, object_markers(header, found, objects)))
        return result

    def destroy(self) -> None:
        """Takes the topics away."""
        self.send_transforms(False)
        for publisher in self._all:
            self._node.destroy_publisher(publisher)

    def _publisher(self, kind: type, topic: str, profile: QoSProfile) -> Any:
        made = qos.publisher(self._node, kind, self._output(topic), profile)
        self._all.append(made)
        return made
