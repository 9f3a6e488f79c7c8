# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What comes in of one camera, until it is placed, and the account of it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from vit_perception.detections import Detections
from vit_perception.frame import Frame
from vit_perception.parameters.localizer import LocalizerParameters
from vit_perception.ros import qos
from vit_perception.ros.detector_node import DetectorNode
from vit_perception.ros.frames.accounting import INACTIVE, REPLACED
from vit_perception.ros.frames.camera import Consumer
from vit_perception.ros.frames.ends import CameraEnds
from vit_perception.ros.frames.slots import Arrival, NewestSlots
from vit_perception.ros.frames.subscription import Subscription
from vit_perception.ros.localizer.causes import CAUSES
from vit_perception.ros.localizer.outputs import SpacePublishers
from vit_perception.ros.localizer.pairing import Lack, Match, Pairing, Rules
from vit_perception.ros.messages import NANOSECONDS, header_of

Slots = NewestSlots["SpaceCamera", None]
"""An item says that something has changed at its sender."""


class SpaceCamera(CameraEnds[SpacePublishers, None]):
    """Inputs and outputs of one camera.

    `configure` says who is told of what comes in and where results go, `activate` and
    `deactivate` come and go, `cleanup` ends it; on the executor's thread. While active it
    subscribes; if it is lazy, only as long as results are wanted, which `follow` looks into.

    Args:
        node: the subscriber.
        name: what stands before its topics; empty for the only camera of a node.
        detector: in this process, whose frames are taken in place of `detections`, `instances`
            and `image`; None for none.

    Attributes:
        infos: the last message on `camera_info` and `depth/camera_info`, by topic.
        lines: what was last said about a cause.
        left_out: things without a place since the node started, by cause.
        placed: things with one.
        boxes: images whose things were placed by their boxes, as they had no masks.
        moves: whether its depth comes from another frame than its images.
        heard: when something found came last, or was waited for first; seconds of
            time.perf_counter.
        unit: what is odd about the unit of the depth; empty for nothing.
    """

    def __init__(self, node: Node, name: str = "", detector: DetectorNode | None = None) -> None:
        super().__init__(node, name, CAUSES)
        self.detector = detector
        self.infos: dict[str, CameraInfo] = {}
        self.lines: dict[str, str] = {}
        self.left_out: Counter[str] = Counter()
        self.placed = self.boxes = 0
        self.moves = False
        self.heard = 0.0
        self.unit = ""
        self.inputs: dict[str, Subscription] = {}
        self._active: LocalizerParameters | None = None
        self._lock = threading.Lock()
        self._pairing = Pairing()
        self._consumer: Consumer | None = None

    def activate(self, parameters: LocalizerParameters) -> None:
        """Begins to place things."""
        self.gate.open()
        self._active = parameters
        try:
            # Also if it is lazy: what is wrong with a topic or its QoS is told now.
            self._subscribe(parameters)
            self.follow(parameters)
        except Exception:
            self.deactivate()
            raise

    def follow(self, parameters: LocalizerParameters) -> None:
        """Subscribes while results are wanted or the node is not lazy, else unsubscribes."""
        outputs, active = self.outputs, self._active
        if outputs is not None:
            with self.gate.held:
                outputs.send_transforms(active is not None and parameters.publish_tf)
        wanted = active is not None and (
            not parameters.lazy
            or parameters.publish_tf
            or (outputs is not None and outputs.subscribed)
        )
        if wanted and active is not None:
            self._subscribe(active)
            self._follow_colours(active)
        elif self.inputs:
            self._unsubscribe()

    def deactivate(self) -> None:
        """Unsubscribes; nothing is published any more, and what waits is dropped."""
        super().deactivate()
        self._active = None
        if self.inputs:
            self._unsubscribe()
        if self._slots is not None:
            self._slots.clear(self)
        with self._lock:
            gone = self._pairing.clear()
        self._drop_all(gone)
        self.infos.clear()
        self.unit = ""

    @property
    def idle(self) -> bool:
        """Whether it is active and places nothing, because no result is wanted."""
        return self._active is not None and not self.inputs

    @property
    def waiting(self) -> int:
        """How many images wait for what belongs to them."""
        return len(self._pairing)

    def poke(self) -> None:
        """Lets the worker look again at what waits."""
        if self._slots is not None:
            self._slots.put(self, None)

    def settle(
        self, parameters: LocalizerParameters, lacking: Callable[[Match], Lack | None]
    ) -> Match | None:
        """Returns the newest image that has all it needs; those that are given up are counted."""
        rules = Rules(
            slop=int(parameters.sync_slop * NANOSECONDS),
            patience=parameters.sync_timeout,
            instances=(instances := self.inputs.get("instances")) is not None
            and instances.publishers > 0,
            image="image" in self.inputs,
            lacking=partial(self._lacking, lacking),
        )
        with self._lock:
            ready, given_up = self._pairing.settle(time.perf_counter(), rules)
        for _, lack in given_up:
            self.drop(lack)
        return ready

    def _lacking(self, lacking: Callable[[Match], Lack | None], match: Match) -> Lack | None:
        if match.header.frame_id.lstrip("/") != match.depth.header.frame_id.lstrip("/"):
            self.moves = True
        return lacking(match)

    def drop(self, lack: Lack, reason: str = "") -> None:
        """Counts an image that gets no place, and keeps the line about it."""
        if lack.line:
            self.lines[lack.cause] = lack.line
        self.accounting.dropped(lack.cause, reason)

    def _subscribe(self, parameters: LocalizerParameters) -> None:
        if self.inputs:
            return
        topics: list[tuple[str, type, Callable[[Any, float], None], str]] = [
            ("depth", *self._depth_kind(parameters), "depth image"),
            ("camera_info", CameraInfo, partial(self._on_info, "camera_info"), "message"),
            (
                "depth/camera_info",
                CameraInfo,
                partial(self._on_info, "depth/camera_info"),
                "message",
            ),
        ]
        if self.detector is None:
            topics += [
                ("detections", Detection2DArray, self._on_detections, "message"),
                ("instances", Image, self._on_instances, "instance image"),
            ]
        try:
            for topic, kind, callback, noun in topics:
                self._receive(topic, kind, callback, noun)
        except Exception:
            self._unsubscribe()
            raise
        self.heard = time.perf_counter()
        if self.detector is not None:
            self._consumer = self._on_frame
            self.detector.add_consumer(self._consumer, self.name)

    def _depth_kind(
        self, parameters: LocalizerParameters
    ) -> tuple[type, Callable[[Any, float], None]]:
        raw = parameters.depth_transport == "raw"
        return (Image if raw else CompressedImage), self._on_depth

    def _follow_colours(self, parameters: LocalizerParameters) -> None:
        """Subscribes to the image while clouds are wanted, whose colours it has."""
        wanted = self.detector is None and self.outputs is not None
        wanted = wanted and self.outputs.clouds_subscribed  # type: ignore[union-attr]
        if wanted and "image" not in self.inputs:
            raw = parameters.image_transport == "raw"
            self._receive("image", Image if raw else CompressedImage, self._on_image, "image")
        elif not wanted and "image" in self.inputs:
            self.inputs.pop("image").destroy()
            with self._lock:
                self._pairing.images.clear()

    def _receive(
        self, topic: str, kind: type, callback: Callable[[Any, float], None], noun: str
    ) -> None:
        name = self.input_topic(topic)
        if kind is CompressedImage:
            # Beside whatever the topic is remapped to.
            ending = "compressedDepth" if topic == "depth" else "compressed"
            name = f"{self._node.resolve_topic_name(name)}/{ending}"
        hints = _HINTS.get(topic, {})
        self.inputs[topic] = Subscription(
            self._node, kind, name, callback, noun=noun, hints=hints, profile=qos.PAIRED
        )

    def _unsubscribe(self) -> None:
        if self.detector is not None and self._consumer is not None:
            self.detector.remove_consumer(self._consumer, self.name)
            self._consumer = None
        inputs, self.inputs = self.inputs, {}
        for each in inputs.values():
            each.destroy()

    def _on_detections(self, message: Detection2DArray, now: float) -> None:
        self._arrived(message.header, message, now)

    def _on_frame(self, frame: Frame, detections: Detections) -> None:
        """Takes what a detector in this process found, on the detector's thread."""
        header = header_of(frame)
        self._arrived(header, (frame, detections), time.perf_counter())

    def _arrived(self, header: Header, message: Any, now: float) -> None:
        self.accounting.arrived()
        self.heard = now
        activation = self.gate.activation
        if activation is None:
            self.accounting.dropped(INACTIVE)
            return
        with self._lock:
            gone = self._pairing.add(header, Arrival(message, now, activation))
        self._drop_all(gone)
        self.poke()

    def _on_depth(self, message: Any, now: float) -> None:
        with self._lock:
            self._pairing.depths.add(message)
        self._poke_if_waiting()

    def _on_instances(self, message: Image, now: float) -> None:
        with self._lock:
            self._pairing.add_instances(message)
        self._poke_if_waiting()

    def _on_image(self, message: Any, now: float) -> None:
        with self._lock:
            self._pairing.images.add(message)

    def _on_info(self, topic: str, message: CameraInfo, now: float) -> None:
        self.infos[topic] = message

    def _poke_if_waiting(self) -> None:
        if self.waiting:
            self.poke()

    def _drop_all(self, gone: list[Match]) -> None:
        cause = INACTIVE if self._active is None else REPLACED
        for _ in gone:
            self.accounting.dropped(cause)


_HINTS: Mapping[str, Mapping[str, str]] = {
    "depth": {
        "sensor_msgs/msg/CompressedImage": "; for compressed depth set depth_transport to "
        "'compressedDepth' and depth to the topic without its ending /compressedDepth",
        "sensor_msgs/msg/Image": "; for raw depth set depth_transport to 'raw'",
    }
}
