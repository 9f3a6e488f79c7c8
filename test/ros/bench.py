# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A camera and a consumer around the real node, over DDS."""

from __future__ import annotations

import contextlib
import gc
import threading
import time
from array import array
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from numpy.typing import NDArray
from rcl_interfaces.msg import Log
from rcl_interfaces.srv import GetParameters, SetParametersAtomically
from rclpy.exceptions import InvalidHandle
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray, LabelInfo, VisionInfo

from vit_perception.detections import Detections
from vit_perception.ros.detector_node import DetectorNode
from vit_perception.ros.localizer_node import LocalizerNode

from .domain import own_domain

PATIENCE = 60.0
ASK_AGAIN = 5.0
LATCHED = QoSProfile(
    depth=100, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)
ROSOUT = QoSProfile(
    depth=1000,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
KEEP_MANY = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)
SECOND = 1_000_000_000
ORDERS = (ChangeState, SetParametersAtomically)

# With the node's own depth of 1, DDS replaces frames before the node can count them.
ALL_ARRIVE = {
    "qos_overrides./image.subscription.depth": 1000,
    "qos_overrides./image.subscription.reliability": "reliable",
}


def stamp_of(message: Any) -> int:
    """Stamp of a message in nanoseconds."""
    return int(message.header.stamp.sec) * SECOND + int(message.header.stamp.nanosec)


def header(stamp: int, frame_id: str = "camera_optical_frame") -> Header:
    """A header with a stamp in nanoseconds."""
    sec, nanosec = divmod(stamp, SECOND)
    return Header(stamp=Time(sec=sec, nanosec=nanosec), frame_id=frame_id)


def image_message(
    pixels: NDArray[Any], encoding: str = "rgb8", padding: int = 0, stamp: int = SECOND
) -> Image:
    """An image of [H, W, C] or [H, W], 8 or 16 bits, `padding` bytes of noise after each row."""
    height, width = pixels.shape[:2]
    rows = np.ascontiguousarray(pixels).view(np.uint8).reshape(height, -1)
    noise = np.random.default_rng(0).integers(0, 256, (height, padding), np.uint8)
    return Image(
        header=header(stamp),
        height=height,
        width=width,
        encoding=encoding,
        step=rows.shape[1] + padding,
        data=array("B", np.hstack([rows, noise]).tobytes()),
    )


class Bench:
    """Nodes in one process, each spinning on a thread of its own, in a domain of their own.

    Attributes:
        domain: the ROS domain id.

    """

    def __init__(self) -> None:
        self._exits = contextlib.ExitStack()
        self.domain = self._exits.enter_context(own_domain())
        self.context = rclpy.Context()
        rclpy.init(context=self.context, domain_id=self.domain)
        self._done = threading.Event()
        self._threads: list[threading.Thread] = []
        self._nodes: list[Any] = []
        self.outside = rclpy.create_node("outside", context=self.context)
        self._spin(self.outside)

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "a node does not stop"
        for node in self._nodes:
            node.destroy_node()
        rclpy.shutdown(context=self.context)
        self._nodes.clear()
        # A lifecycle node leaves rcl with its last reference, cycles included; while it is
        # there, a new one of the same name has no log topic.
        gc.collect()
        self._exits.close()

    def detector(
        self, bundle: Path | str, *, start: bool = True, lazy: bool = False, **parameters: object
    ) -> DetectorNode:
        """A spinning detector node; configured and active with `start`."""
        values = {"bundle": str(bundle), "lazy": lazy, **parameters}
        node = DetectorNode(context=self.context, parameter_overrides=overrides(values))
        self._spin(node)
        if start:
            self.start("detector")
        return node

    def localizer(
        self,
        *,
        start: bool = True,
        lazy: bool = False,
        detector: DetectorNode | None = None,
        **parameters: object,
    ) -> LocalizerNode:
        """A spinning localizer node; configured and active with `start`."""
        values = {"lazy": lazy, **parameters}
        node = LocalizerNode(
            detector=detector, context=self.context, parameter_overrides=overrides(values)
        )
        self._spin(node)
        if start:
            self.start("localizer")
        return node

    def start(self, node: str) -> None:
        """Configure and activate a node."""
        assert self.change_state(Transition.TRANSITION_CONFIGURE, node)
        assert self.change_state(Transition.TRANSITION_ACTIVATE, node)

    def publisher(self, kind: type, topic: str, reliable: bool = True, listeners: int = 1) -> Any:
        """A camera that somebody listens to."""
        policy = ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT
        publisher = self.outside.create_publisher(
            kind, topic, QoSProfile(depth=1000, reliability=policy)
        )
        wait_for(lambda: publisher.get_subscription_count() >= listeners, "a subscriber")
        return publisher

    def stranger(self, kind: type, topic: str) -> Any:
        """A publisher of another participant: one cannot have two types on a topic."""
        context = rclpy.Context()
        rclpy.init(context=context, domain_id=self.domain)
        node = rclpy.create_node("stranger", context=context)
        self._exits.callback(rclpy.shutdown, context=context)
        self._exits.callback(node.destroy_node)
        return node.create_publisher(kind, topic, KEEP_MANY)

    def camera(self) -> Any:
        """Publisher of raw images."""
        return self.publisher(Image, "image")

    def compressed_camera(self) -> Any:
        """Publisher of compressed images."""
        return self.publisher(CompressedImage, "image/compressed")

    def collect(
        self, kind: type, topic: str, qos: QoSProfile = KEEP_MANY, matched: bool = True
    ) -> list[Any]:
        """A list that grows by what comes in on a topic."""
        received: list[Any] = []
        subscription = self.outside.create_subscription(kind, topic, received.append, qos)
        if matched:
            wait_for(lambda: subscription.get_publisher_count() > 0, f"a publisher on {topic}")
        return received

    def detections(self) -> list[Any]:
        """What comes in on ~/detections."""
        return self.collect(Detection2DArray, "detector/detections")

    def vision_infos(self) -> list[Any]:
        """What comes in on ~/vision_info."""
        return self.collect(VisionInfo, "detector/vision_info", LATCHED)

    def label_infos(self) -> list[Any]:
        """What comes in on ~/label_info."""
        return self.collect(LabelInfo, "detector/label_info", LATCHED)

    def diagnostics(self) -> list[Any]:
        """What comes in on /diagnostics."""
        return self.collect(DiagnosticArray, "/diagnostics")

    def collect_diagnostics(self) -> list[Any]:
        """What comes in on /diagnostics, from a detector that is not there yet."""
        return self.collect(DiagnosticArray, "/diagnostics", matched=False)

    def log(self) -> list[Any]:
        """What nodes log from now on, or logged in the last seconds."""
        return self.collect(Log, "/rosout", ROSOUT, matched=False)

    def change_state(self, transition: int, node: str = "detector") -> bool:
        """Ask a node for a lifecycle transition."""
        request = ChangeState.Request(transition=Transition(id=transition))
        return bool(self.call(ChangeState, f"{node}/change_state", request).success)

    def set_parameters(self, node: str = "detector", **values: object) -> tuple[bool, str]:
        """Set parameters of a node in one step; success and reason."""
        request = SetParametersAtomically.Request(
            parameters=[Parameter(name, value=v).to_parameter_msg() for name, v in values.items()]
        )
        service = f"{node}/set_parameters_atomically"
        result = self.call(SetParametersAtomically, service, request).result
        return bool(result.successful), str(result.reason)

    def get_parameter(self, name: str) -> Any:
        """The value that ROS shows for a parameter of the detector."""
        response = self.call(
            GetParameters, "detector/get_parameters", GetParameters.Request(names=[name])
        )
        message = rclpy.parameter.ParameterMsg(name=name, value=response.values[0])
        return Parameter.from_parameter_msg(message).value

    def state(self, node: str = "detector") -> str:
        """Label of a node's lifecycle state."""
        answer = self.call(GetState, f"{node}/get_state", GetState.Request())
        return str(answer.current_state.label)

    def bring_to(self, label: str, transition: int) -> None:
        """Change the state of a detector in another process.

        Order and answer may get lost there, when one side has not yet discovered the other: an
        order that shows no effect is given again.
        """
        request = ChangeState.Request(transition=Transition(id=transition))
        client = self.outside.create_client(ChangeState, "detector/change_state")
        assert client.wait_for_service(PATIENCE), "no detector"
        for _ in range(int(PATIENCE / ASK_AGAIN)):
            client.call_async(request)
            with contextlib.suppress(TimeoutError):
                wait_for(lambda: self.state() == label, f"state {label}", ASK_AGAIN)
                break
        assert self.state() == label
        self.outside.destroy_client(client)

    def call(self, kind: Any, service: str, request: Any) -> Any:
        """The answer of a service; questions (not orders) are asked again after a while."""
        client = self.outside.create_client(kind, service)
        try:
            assert client.wait_for_service(PATIENCE), f"no service {service}"
            while True:
                future = client.call_async(request)
                patience = PATIENCE if kind in ORDERS else ASK_AGAIN
                with contextlib.suppress(TimeoutError):
                    wait_for(future.done, f"an answer of {service}", patience)
                    return future.result()
                assert kind not in ORDERS, f"no answer of {service}"
        finally:
            self.outside.destroy_client(client)

    def _spin(self, node: Any) -> None:
        executor = SingleThreadedExecutor(context=self.context)
        executor.add_node(node)

        def spin() -> None:
            while not self._done.is_set():
                # Of an entity that the test's own thread took away meanwhile.
                with contextlib.suppress(InvalidHandle):
                    executor.spin_once(timeout_sec=0.1)
            executor.shutdown()

        self._nodes.append(node)
        self._threads.append(threading.Thread(target=spin, daemon=True))
        self._threads[-1].start()


def overrides(values: Mapping[str, object]) -> list[Any]:
    """Parameters that a node is started with."""
    return [Parameter(name, value=value) for name, value in values.items()]


def put_before(node: Any, look: Callable[..., Detections]) -> Callable[..., Detections]:
    """Let a detector's frames go to `look` in place of its perceiver's, which is returned."""
    perceiver = node._configurator.current.perceiver
    before: Callable[..., Detections] = perceiver.look
    perceiver.look = look
    return before


def wait_for(condition: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Wait until `condition` holds.

    Raises:
        TimeoutError: naming `what`; it did not within `patience` seconds.

    """
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {patience:g} s for {what}")
        time.sleep(0.002)


def values(status: Any) -> Mapping[str, str]:
    """Keys and values of one diagnostic status."""
    return {each.key: each.value for each in status.values}


def boxes_by_name(message: Any) -> dict[str, tuple[float, float, float, float]]:
    """Class name to x1, y1, x2, y2."""
    found = {}
    for each in message.detections:
        x, y = each.bbox.center.position.x, each.bbox.center.position.y
        w, h = each.bbox.size_x / 2, each.bbox.size_y / 2
        found[each.results[0].hypothesis.class_id] = (x - w, y - h, x + w, y + h)
    return found
