# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Detections as RViz markers: boxes drawn in front of the camera."""

from __future__ import annotations

from typing import Any

import numpy as np
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point, Pose, Quaternion, Vector3
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from vit_perception.detections import Detections
from vit_perception.frame import Frame
from vit_perception.perceiver.overlay import class_colour
from vit_perception.ros import qos
from vit_perception.ros.health.fault_log import FaultLog
from vit_perception.space.camera_info import camera_model
from vit_perception.space.camera_model import CameraModel, CameraModelError

_LIFETIME = Duration(sec=1)
# Width of lines and height of letters, as shares of the distance.
_LINE, _TEXT = 0.003, 0.04


class Markers:
    """Draws a MarkerArray: a box and a label for each detection.

    A box in an image has no distance. It is drawn at `marker_distance` in front of the camera, so
    that in RViz, seen from the camera, it surrounds the object.

    Args:
        node: subscriber of `camera_info`.
        camera_info: the topic.
        faults: hears why there are none.
    """

    def __init__(self, node: Node, camera_info: str, faults: FaultLog) -> None:
        self._node = node
        self._faults = faults
        self._message: CameraInfo | None = None
        self._known: tuple[CameraInfo, CameraModel] | None = None
        self._subscription = qos.subscription(
            node, CameraInfo, camera_info, self._on_camera_info, lambda policy: None
        )

    def of(
        self, header: Header, frame: Frame, detections: Detections, distance: float
    ) -> MarkerArray | None:
        """Returns the markers of a frame; None while the camera's intrinsics are unknown.

        Args:
            header: of the image.
            frame: the image.
            detections: what to draw.
            distance: metres in front of the camera.
        """
        intrinsics = self._intrinsics(frame)
        if intrinsics is None:
            return None
        return marker_array(header, detections, intrinsics, distance)

    def destroy(self) -> None:
        """Removes the subscription."""
        self._node.destroy_subscription(self._subscription)

    def _on_camera_info(self, message: CameraInfo) -> None:
        self._message = message

    def _intrinsics(self, frame: Frame) -> CameraModel | None:
        message, topic = self._message, self._subscription.topic_name
        if message is None:
            self._faults.warn("markers", f"no markers: nothing has come in on {topic}")
            return None
        if self._known is None or self._known[0] is not message:
            try:
                self._known = (message, camera_model(message))
            except CameraModelError as error:
                self._faults.warn("markers", f"no markers: {topic}: {error}")
                return None
        camera = self._known[1]
        if (camera.width, camera.height) != (frame.width, frame.height):
            self._faults.warn(
                "markers",
                f"no markers: {topic} is of {camera.width}x{camera.height} px, the image of "
                f"{frame.width}x{frame.height}",
            )
            return None
        return camera


def marker_array(
    header: Header, detections: Detections, intrinsics: CameraModel, distance: float
) -> MarkerArray:
    """Returns two markers for each detection, after one that deletes the previous ones."""
    # Boxes count from the edge of the first pixel, rays from its centre, 0.5 px further.
    x1, y1, x2, y2 = detections.boxes.astype(np.float64).T - 0.5
    corners = np.stack([x1, y1, x2, y1, x2, y2, x1, y2], axis=1).reshape(-1, 2)
    points = (intrinsics.rays(corners) * distance).reshape(-1, 4, 3)
    markers = [Marker(header=header, action=Marker.DELETEALL)]
    for index, corners_of_one in enumerate(points):
        name = detections.class_name(index)
        red, green, blue = (channel / 255 for channel in class_colour(name))
        common = {
            "header": header,
            "id": index,
            "action": Marker.ADD,
            "color": ColorRGBA(r=red, g=green, b=blue, a=1.0),
            "lifetime": _LIFETIME,
        }
        closed = [*corners_of_one, corners_of_one[0]]
        markers += [
            Marker(
                ns="boxes",
                type=Marker.LINE_STRIP,
                pose=_pose(0.0, 0.0, 0.0),
                scale=Vector3(x=_LINE * distance),
                points=[Point(x=x, y=y, z=z) for x, y, z in np.array(closed).tolist()],
                **common,
            ),
            Marker(
                ns="names",
                type=Marker.TEXT_VIEW_FACING,
                pose=_pose(*corners_of_one[0].tolist()),
                scale=Vector3(z=_TEXT * distance),
                text=f"{name} {detections.scores[index]:.2f}",
                **common,
            ),
        ]
    return MarkerArray(markers=markers)


def _pose(x: float, y: float, z: float) -> Any:
    return Pose(position=Point(x=x, y=y, z=z), orientation=Quaternion(w=1.0))
