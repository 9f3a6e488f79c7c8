# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Plan grasps from above with a parallel gripper, from a localizer_node's `~/detections_3d`.

python examples/pick_planner.py mug --ros-args -r detections_3d:=/localizer/detections_3d
"""

import argparse
import sys
import time
from typing import NamedTuple

import numpy as np
import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.time import Time
from rclpy.utilities import remove_ros_args
from vision_msgs.msg import Detection3D, Detection3DArray

CLEARANCE, STEEP, MEMORY, PATIENCE = 0.01, 20.0, 2.0, 5.0  # metres, degrees, seconds, seconds


class Grasp(NamedTuple):
    """Where the gripper goes, in metres, along unit vectors, in the frame of the message."""

    position: np.ndarray  # of the middle of the thing's box
    size: np.ndarray  # of the box, along its own axes
    orientation: np.ndarray  # of the box, quaternion x y z w
    approach: np.ndarray  # along which the gripper comes
    closing: np.ndarray  # along which its fingers close
    width: float  # between the fingers before they close

    def verdict(self, opening: float) -> str:
        steep = np.degrees(np.arccos(np.clip(-self.approach[2], -1, 1)))
        fits = "fits" if self.width <= opening else f"too wide for {opening:g} m"
        return (
            fits if steep <= STEEP else f"not from above, {steep:.0f} degrees off the frame's -z"
        )


def grasp_of(thing: Detection3D) -> Grasp:
    """Comes down the box's third axis, the support's normal, and takes its shorter side."""
    pose, size = thing.bbox.center, thing.bbox.size
    x, y, z, w = q = np.array([getattr(pose.orientation, axis) for axis in "xyzw"])
    second = np.array([2 * (x * y - z * w), 1 - 2 * (x * x + z * z), 2 * (y * z + x * w)])
    third = np.array([2 * (x * z + y * w), 2 * (y * z - x * w), 1 - 2 * (x * x + y * y)])
    place, sides = ([getattr(each, axis) for axis in "xyz"] for each in (pose.position, size))
    return Grasp(np.array(place), np.array(sides), q, -third, second, size.y + 2 * CLEARANCE)


class Choice:
    names, _id, _seen = ["nothing"], "", 0.0

    def of(self, name: str, message: Detection3DArray) -> Detection3D | None:
        """Returns the surest thing of a name, and from then on the same one by its id."""
        now = Time.from_msg(message.header.stamp).nanoseconds * 1e-9
        last = "" if abs(now - self._seen) > MEMORY else self._id
        said = [(each.results[0].hypothesis, each) for each in message.detections if each.results]
        self.names = sorted({best.class_id for best, _ in said}) or ["nothing"]
        fit = [(b, t) for b, t in said if (t.id if last else b.class_id) == (last or name)]
        thing = max(fit, key=lambda each: each[0].score, default=(None, None))[1]
        self._id, self._seen = (thing.id, now) if thing else (last, self._seen)
        return thing


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Plan grasps in a frame whose z axis is up.")
    parser.add_argument("name", help="what to take: one of the vocabulary's names")
    parser.add_argument("--opening", type=float, default=0.12, help="of the gripper, m (0.12)")
    parser.add_argument("--count", type=int, default=0, help="end after so many grasps (0: never)")
    args = parser.parse_args(remove_ros_args(arguments)[1:])
    rclpy.init(args=arguments)
    node, choice, made = rclpy.create_node("pick_planner"), Choice(), []

    def plan(message: Detection3DArray) -> None:
        if thing := choice.of(args.name, message):
            grasp, stamp = grasp_of(thing), Time.from_msg(message.header.stamp)
            age = (node.get_clock().now() - stamp).nanoseconds * 1e-9
            said = [f"{key} {getattr(grasp, key).round(3) + 0.0}" for key in grasp._fields[:5]]
            said.append(f"width {grasp.width:.3f} ({grasp.verdict(args.opening)})")
            where = f"{args.name} {thing.id}".strip() + f" in {message.header.frame_id}, metres:"
            print(where, ", ".join(said) + f", {age:.2f} s old", flush=True)
            made.append(time.monotonic())

    def tell() -> None:
        if not made or time.monotonic() - made[-1] > PATIENCE:
            node.get_logger().warning(f"no {args.name} among: {', '.join(choice.names)}")

    node.create_subscription(Detection3DArray, "detections_3d", plan, 10)
    node.create_timer(PATIENCE, tell)
    try:
        while not args.count or len(made) < args.count:
            rclpy.spin_once(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
