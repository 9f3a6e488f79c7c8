# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Keep what a localizer_node sees in MoveIt's planning scene, as boxes with a time to live.

python examples/moveit_scene.py --keep 5 --ros-args -r detections_3d:=/localizer/detections_3d

Give the localizer a `target_frame` that does not move with the camera, and the detector
`tracking: true`: then a thing keeps its box. Without tracking, boxes are told apart by name and
order, and each message replaces those of the one before.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

import rclpy
from geometry_msgs.msg import Pose
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.utilities import remove_ros_args
from vision_msgs.msg import Detection3DArray

MARGIN = 0.005  # metres that a box grows on each side


class Boxes:
    """Which boxes are in the scene, and until when; knows no MoveIt.

    Args:
        keep: seconds for which a thing stays after it was last seen.
    """

    def __init__(self, keep: float) -> None:
        self._keep = keep
        self._until: dict[str, float] = {}
        self._of_id: dict[str, str] = {}

    def seen(self, message: Detection3DArray, now: float) -> dict[str, Any]:
        """Returns the detections to add or move, by the id of their box; `now` in seconds."""
        found: dict[str, Any] = {}
        unnumbered: Counter[str] = Counter()
        for thing in message.detections:
            # A detection of another program may have no name.
            name = thing.results[0].hypothesis.class_id if thing.results else "thing"
            unnumbered[name] += not thing.id
            key = f"{name} {thing.id}" if thing.id else f"{name} at place {unnumbered[name]}"
            found[key] = thing
            if thing.id and (before := self._of_id.get(thing.id, key)) != key:
                # It has another name by now, and one box.
                self._until[before] = -math.inf
            if thing.id:
                self._of_id[thing.id] = key
        self._until.update(dict.fromkeys(found, now + self._keep))
        return found

    def expired(self, now: float) -> list[str]:
        """Returns, once, the ids of boxes whose time has come."""
        # A clock that was set back, as when a bag starts again, has nothing left to wait for.
        latest = now + self._keep + 1
        gone = [key for key, until in self._until.items() if not now <= until <= latest]
        for key in gone:
            del self._until[key]
        self._of_id = {id: key for id, key in self._of_id.items() if key in self._until}
        return gone


def main(arguments: Sequence[str] = tuple(sys.argv)) -> int:
    """Publishes moveit_msgs/CollisionObject on /collision_object until it is interrupted."""
    parser = argparse.ArgumentParser(description="Things seen, as boxes in MoveIt's scene.")
    parser.add_argument(
        "--keep", type=float, default=5.0, metavar="S", help="seconds after the last sight (5)"
    )
    args = parser.parse_args(remove_ros_args(arguments)[1:])
    try:
        from moveit_msgs.msg import CollisionObject
        from shape_msgs.msg import SolidPrimitive
    except ImportError as error:
        print(f"expected moveit_msgs (apt: ros-$ROS_DISTRO-moveit-msgs), found: {error}")
        return 1
    rclpy.init(args=list(arguments))
    node, boxes = Node("moveit_scene"), Boxes(args.keep)
    scene = node.create_publisher(CollisionObject, "/collision_object", 100)

    def now() -> float:
        return node.get_clock().now().nanoseconds * 1e-9

    def add(message: Detection3DArray) -> None:
        for key, thing in boxes.seen(message, now()).items():
            size = [getattr(thing.bbox.size, axis) + 2 * MARGIN for axis in "xyz"]
            box = SolidPrimitive(type=SolidPrimitive.BOX, dimensions=size)
            added = CollisionObject(header=message.header, id=key, operation=CollisionObject.ADD)
            added.pose, added.primitives, added.primitive_poses = (
                thing.bbox.center,
                [box],
                [Pose()],
            )
            scene.publish(added)

    def remove() -> None:
        for key in boxes.expired(now()):
            scene.publish(CollisionObject(id=key, operation=CollisionObject.REMOVE))

    node.create_subscription(Detection3DArray, "detections_3d", add, 10)
    node.create_timer(0.2, remove)
    try:
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
