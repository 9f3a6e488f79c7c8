# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A process of its own that offers every type named on its command line and repeats one array."""

from __future__ import annotations

import importlib
import sys

import rclpy
from geometry_msgs.msg import TransformStamped
from tf2_msgs.msg import TFMessage
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose


def detections() -> Detection2DArray:
    """Two detections with every field that the package fills."""
    array = Detection2DArray()
    array.header.frame_id = "camera"
    array.header.stamp.sec, array.header.stamp.nanosec = 12, 345
    for index, name in enumerate(("red mug", "Löffel")):
        found = Detection2D(id=str(index))
        found.header = array.header
        found.bbox.center.position.x = 10.5 + index
        found.bbox.center.position.y = 20.25
        found.bbox.size_x, found.bbox.size_y = 30.0, 40.0
        result = ObjectHypothesisWithPose()
        result.hypothesis.class_id, result.hypothesis.score = name, 0.5
        result.pose.covariance[35] = 1.5
        found.results = [result]
        array.detections.append(found)
    return array


def transforms() -> TFMessage:
    """One transform between two frames."""
    transform = TransformStamped(child_frame_id="camera")
    transform.header.frame_id = "map"
    transform.transform.rotation.z = 0.6
    return TFMessage(transforms=[transform])


def main(names: list[str]) -> None:
    rclpy.init()
    node = rclpy.create_node("talker")
    kept = []
    for name in names:
        package, _, message = name.split("/")
        kind = getattr(importlib.import_module(f"{package}.msg"), message)
        kept.append(node.create_publisher(kind, topic_of(name), 1))
    array = node.create_publisher(Detection2DArray, "detections", 1)
    tf = node.create_publisher(TFMessage, "tf", 1)

    def repeat() -> None:
        array.publish(detections())
        tf.publish(transforms())

    node.create_timer(0.1, repeat)
    rclpy.spin(node)


def topic_of(name: str) -> str:
    """A topic name for a type name such as vision_msgs/msg/Detection2D."""
    return "type_" + name.rsplit("/", 1)[1].lower()


if __name__ == "__main__":
    main(sys.argv[1:])
