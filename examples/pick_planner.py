# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Plan grasps from above with a parallel gripper, from a localizer_node's `~/detections_3d`.

python examples/pick_planner.py mug --ros-args -r detections_3d:=/localizer/detections_3d

Give the localizer a `target_frame` whose z axis points up, and the detector `tracking: true`: then
the thing that was chosen first stays the chosen one. It knows no arm, and nothing of what stands
beside the thing.
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
STEEP = 20.0  # degrees off straight down at which a grasp is no longer one from above
MEMORY = 2.0  # seconds for which a thing out of sight stays the chosen one
METRES = ("position", "size")
PATIENCE = 5.0  # seconds without a grasp after which the reason is told


@dataclass(frozen=True)
class Grasp:
    """Where the gripper goes, in the frame of the message.

    Attributes:
        position: of the middle of the thing's box, metres.
        size: of the box along its own axes, metres.
        orientation: of the box, quaternion x y z w.
        approach: unit vector along which the gripper comes.
        closing: unit vector along which its fingers close.
        width: between the fingers before they close, metres.
        steepness: of the approach, degrees off straight down, against the frame's z axis.
    """

    position: np.ndarray
    size: np.ndarray
    orientation: np.ndarray
    approach: np.ndarray
    closing: np.ndarray
    width: float
    steepness: float

    def verdict(self, opening: float) -> str:
        """Says whether a gripper that opens so many metres can take it from above."""
        if self.steepness > STEEP:
            return f"not from above, {self.steepness:.0f} degrees off the frame's -z"
        return "fits" if self.width <= opening else f"too wide for {opening:g} m"


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
        steepness=float(np.degrees(np.arccos(np.clip(third[2], -1, 1)))),
    )


class Choice:
    """Which of the things of one name is taken: the surest, and from then on the same one.

    Attributes:
        names: of what the last message held.
    """

    def __init__(self, name: str) -> None:
        self.names: list[str] = []
        self._name, self._id, self._seen = name, "", 0.0

    def of(self, message: Detection3DArray) -> Detection3D | None:
        """Returns the chosen thing; None where it, or any of its name, is not in the message."""
        now = Time.from_msg(message.header.stamp).nanoseconds * 1e-9
        self.names = sorted({_name(each) for each in message.detections})
        if abs(now - self._seen) > MEMORY:
            self._id = ""
        named = [
            each
            for each in message.detections
            if (each.id == self._id if self._id else _name(each) == self._name)
        ]
        thing = max(named, key=_score, default=None)
        if thing is not None:
            self._id, self._seen = thing.id, now
        return thing


# A detection of another program may have no name and score.
def _name(thing: Detection3D) -> str:
    return str(thing.results[0].hypothesis.class_id) if thing.results else ""


def _score(thing: Detection3D) -> float:
    return float(thing.results[0].hypothesis.score) if thing.results else 0.0


def main(arguments: Sequence[str] = tuple(sys.argv)) -> int:
    """Prints a grasp for each message with the thing in it."""
    parser = argparse.ArgumentParser(description="Plan grasps from above.")
    parser.add_argument("name", help="what to take: one of the vocabulary's names")
    parser.add_argument(
        "--opening", type=float, default=0.12, metavar="M", help="widest, of the gripper, m (0.12)"
    )
    parser.add_argument("--count", type=int, default=0, help="end after so many grasps (0: never)")
    args = parser.parse_args(remove_ros_args(arguments)[1:])
    rclpy.init(args=list(arguments))
    node, choice, made = Node("pick_planner"), Choice(args.name), []
    told = heard = 0

    def plan(message: Detection3DArray) -> None:
        nonlocal heard
        heard += 1
        thing = choice.of(message)
        if thing is None:
            return
        grasp, stamp = grasp_of(thing), Time.from_msg(message.header.stamp)
        age = (node.get_clock().now() - stamp).nanoseconds * 1e-9
        parts = [
            f"{key} {getattr(grasp, key).round(3) + 0.0}{' m' if key in METRES else ''}"
            for key in ("position", "size", "orientation", "approach", "closing")
        ]
        parts += [f"width {grasp.width:.3f} m ({grasp.verdict(args.opening)})", f"{age:.2f} s old"]
        which = f"{args.name} {thing.id}".strip()
        print(f"{which} in {message.header.frame_id}: {', '.join(parts)}", flush=True)
        made.append(grasp)

    def tell() -> None:
        nonlocal told, heard
        if len(made) == told:
            if heard:
                why = f"no {args.name} among: {', '.join(choice.names) or 'nothing'}"
            else:
                why = "no message" if topic.get_publisher_count() else "nobody publishes there"
            print(f"waiting for {topic.topic_name}: {why}", file=sys.stderr, flush=True)
        told, heard = len(made), 0

    topic = node.create_subscription(Detection3DArray, "detections_3d", plan, 10)
    node.create_timer(PATIENCE, tell)
    try:
        while not args.count or len(made) < args.count:
            rclpy.spin_once(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
