# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Plan grasps from above with a parallel gripper, from a localizer_node's `~/detections_3d`.

python examples/pick_planner.py mug --ros-args -r detections_3d:=/localizer/detections_3d
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.time import Time
from rclpy.utilities import remove_ros_args
from vision_msgs.msg import Detection3D, Detection3DArray

CLEARANCE = 0.01  # metres between a finger and the thing


@dataclass(frozen=True)
class Grasp:
    """Where the gripper goes, in the frame of the message.

    Attributes:
        position, size: of the thing's box, metres; sizes along the box's axes.
        orientation: of the box, quaternion x y z w.
        approach: unit vector along which the gripper comes.
        closing: unit vector along which its fingers close.
        width: between the fingers before they close, metres.
    """

    position: np.ndarray
    size: np.ndarray
    orientation: np.ndarray
    approach: np.ndarray
    closing: np.ndarray
    width: float


def grasp_of(thing: Detection3D) -> Grasp:
    """Comes down the box's third axis, the support's normal, and takes its shorter side."""
    pose, size = thing.bbox.center, thing.bbox.size
    x, y, z, w = q = np.array([getattr(pose.orientation, axis) for axis in "xyzw"])
    second = np.array([2 * (x * y - z * w), 1 - 2 * (x * x + z * z), 2 * (y * z + x * w)])
    third = np.array([2 * (x * z + y * w), 2 * (y * z - x * w), 1 - 2 * (x * x + y * y)])
    return Grasp(
        position=np.array([getattr(pose.position, axis) for axis in "xyz"]),
        size=np.array([size.x, size.y, size.z]),
        orientation=q,
        approach=-third,
        closing=second,
        width=size.y + 2 * CLEARANCE,
    )


def best(message: Detection3DArray, name: str) -> Detection3D | None:
    named = [each for each in message.detections if each.results[0].hypothesis.class_id == name]
    return max(named, key=lambda each: each.results[0].hypothesis.score, default=None)


def main(arguments: Sequence[str] = tuple(sys.argv)) -> int:
    """Prints a grasp for each message with the thing in it."""
    parser = argparse.ArgumentParser(description="Plan grasps from above.")
    parser.add_argument("name", help="what to take: one of the vocabulary's names")
    parser.add_argument("--opening", type=float, default=0.12, help="of the gripper, m (0.12)")
    parser.add_argument("--count", type=int, default=0, help="end after so many grasps (0: never)")
    args = parser.parse_args(remove_ros_args(arguments)[1:])
    rclpy.init(args=list(arguments))
    node, made = Node("pick_planner"), []

    def plan(message: Detection3DArray) -> None:
        thing = best(message, args.name)
        if thing is None:
            return
        grasp, stamp = grasp_of(thing), Time.from_msg(message.header.stamp)
        age = (node.get_clock().now() - stamp).nanoseconds * 1e-9
        fits = "fits" if grasp.width <= args.opening else f"too wide for {args.opening:g} m"
        words = [f"{args.name} {thing.id}".strip(), f"in {message.header.frame_id}:"]
        for key in ("position", "size", "orientation", "approach", "closing"):
            words += [key, str(getattr(grasp, key).round(3) + 0.0)]
        print(*words, f"width {grasp.width:.3f} m ({fits}), {age:.2f} s old", flush=True)
        made.append(grasp)

    node.create_subscription(Detection3DArray, "detections_3d", plan, 10)
    try:
        while not args.count or len(made) < args.count:
            rclpy.spin_once(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
