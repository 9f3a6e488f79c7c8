# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A localizer, what it hears, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from geometry_msgs.msg import TransformStamped
from numpy.typing import NDArray
from tf2_msgs.msg import TFMessage
from vision_msgs.msg import Detection3DArray

from vit_perception.ros import qos
from vit_perception.space.rigid import Rigid

from ..bench import SECOND, Bench, header, values, wait_for
from .scene import Scene, depth_message, detections_message, info_message, instances_message

# With the node's own depth of 1, DDS replaces messages before the node can count them.
TOPICS = ("depth", "depth/compressedDepth", "detections", "instances", "image")
ALL_ARRIVE = {
    key: value
    for topic in TOPICS
    for key, value in (
        (f"qos_overrides./{topic}.subscription.depth", 1000),
        (f"qos_overrides./{topic}.subscription.reliability", "reliable"),
    )
}


class Rig:
    """A localizer, and the publishers of all it can hear.

    Attributes:
        node: the localizer.
        boxes: what came in on ~/detections_3d.
        diagnostics: what came in on /diagnostics.

    """

    def __init__(self, bench: Bench, *, listeners: int = 1, **parameters: Any) -> None:
        self.bench = bench
        self.node = bench.localizer(diagnostics_period=0.1, **{**ALL_ARRIVE, **parameters})
        self.listeners = listeners
        self.boxes: list[Any] = bench.collect(Detection3DArray, "localizer/detections_3d")
        self.diagnostics = bench.diagnostics()
        self._publishers: dict[str, Any] = {}

    def watched(self) -> None:
        """Wait until diagnostics have seen its inputs: what happens from then on is told."""
        wait_for(lambda: "input.depth.topic" in self.shown(), "the inputs")

    def publish(self, topic: str, message: Any) -> None:
        """Send a message; the publisher is made, and heard, before the first."""
        if topic not in self._publishers:
            self._publishers[topic] = self.bench.publisher(
                type(message), topic, listeners=self.listeners
            )
        self._publishers[topic].publish(message)

    def silence(self, topic: str) -> None:
        """Take a publisher away."""
        self.bench.outside.destroy_publisher(self._publishers.pop(topic))

    def infos(self, scene: Scene) -> None:
        """Send the image's camera_info, and wait until it is there."""
        self.publish("camera_info", info_message(scene.camera))
        [camera] = self.node._cameras
        wait_for(lambda: "camera_info" in camera.infos, "camera_info")

    def see(
        self, scene: Scene, stamp: int = SECOND, encoding: str = "16UC1", **found: str
    ) -> None:
        """Send all of one image, what is known of its camera first."""
        self.infos(scene)
        self.send(scene, stamp, encoding, **found)

    def send(
        self, scene: Scene, stamp: int = SECOND, encoding: str = "16UC1", **found: str
    ) -> None:
        """Send depth, masks and detections of one image: depth first, as a camera does."""
        depth, owner = scene.rendered()
        self.publish("depth", depth_message(depth, encoding, stamp))
        self.publish("instances", instances_message(owner, stamp))
        self.publish("detections", detections_message(owner, stamp, **found))

    def box(self, count: int = 1) -> Any:
        """The last message of boxes, once there are `count`."""
        wait_for(lambda: len(self.boxes) >= count, "boxes")
        assert len(self.boxes) == count
        return self.boxes[-1]

    def says(self, words: str, entry: str = "input", level: bytes | None = None) -> None:
        """Wait until an entry of the diagnostics has these words, or find that it had them."""
        looked = 0

        def said() -> bool:
            nonlocal looked
            new = self.diagnostics[looked:]
            looked += len(new)
            return any(
                words in status.message and level in (None, status.level)
                for message in new
                for status in message.status
                if status.name == f"localizer: {entry}"
            )

        try:
            wait_for(said, words, 20.0)
        except TimeoutError:
            last = self.entry(entry)
            raise AssertionError(f"{words!r} is not in {last and last.message!r}") from None

    def entry(self, name: str) -> Any:
        """The last of an entry of the diagnostics."""
        for message in reversed(self.diagnostics):
            for status in message.status:
                if status.name == f"localizer: {name}":
                    return status
        return None

    def shown(self) -> Mapping[str, str]:
        """Keys and values of all entries of the last diagnostics."""
        names = ("input", "frames", "node")
        return {
            key: value
            for name in names
            if (status := self.entry(name)) is not None
            for key, value in values(status).items()
        }


class Transformer:
    """Sends transforms."""

    def __init__(self, bench: Bench) -> None:
        outside = bench.outside
        self._moving = outside.create_publisher(TFMessage, "/tf", qos.TRANSFORMS)
        self._static = outside.create_publisher(TFMessage, "/tf_static", qos.STATIC_TRANSFORMS)

    def heard(self) -> None:
        """Wait until somebody listens."""
        wait_for(lambda: self._moving.get_subscription_count(), "a listener")

    def send(
        self, parent: str, child: str, stamp: int, transform: Rigid, *, static: bool = False
    ) -> None:
        """Send parent_from_child."""
        message = TransformStamped(header=header(stamp, parent), child_frame_id=child)
        place, turn = message.transform.translation, message.transform.rotation
        place.x, place.y, place.z = transform.translation.tolist()
        turn.x, turn.y, turn.z, turn.w = transform.quaternion.tolist()
        publisher = self._static if static else self._moving
        publisher.publish(TFMessage(transforms=[message]))


def cloud_of(message: Any) -> NDArray[Any]:
    """A PointCloud2 as structured array."""
    codes = {7: "<f4", 6: "<u4"}
    kind = np.dtype(
        {
            "names": [field.name for field in message.fields],
            "formats": [codes[field.datatype] for field in message.fields],
            "offsets": [field.offset for field in message.fields],
            "itemsize": message.point_step,
        }
    )
    return np.frombuffer(message.data, kind)
