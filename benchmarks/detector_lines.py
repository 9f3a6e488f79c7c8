# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A detector between a camera and a consumer, in one process or in two."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from numpy.typing import NDArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from vit_perception.processes.parent import tied
from vit_perception.ros.detector_node import DetectorNode

PATIENCE = 60.0
CAMERA = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
RESULTS = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)


class Line:
    """Camera and consumer at the two ends of a detector, in this process.

    Attributes:
        on_result: called with the stamp and the time of arrival of each result, in ns; or None.
        on_report: called with keys and values of each of the detector's diagnostics; or None.
    """

    def __init__(self, node: Node, namespace: str, camera: QoSProfile = CAMERA) -> None:
        self.node = node
        self.on_result: Callable[[int, int], None] | None = None
        self.on_report: Callable[[dict[str, str]], None] | None = None
        self._namespace = namespace
        self._arrived = threading.Event()
        self._stamp = self._end = 0
        self._values: dict[str, str] = {}
        self._camera = node.create_publisher(Image, f"{namespace}/image", camera)
        node.create_subscription(
            Detection2DArray, f"{namespace}/detector/detections", self._on_result, RESULTS
        )
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, RESULTS)

    def start(self) -> None:
        """Configures and activates the detector; waits until it listens."""
        service = f"{self._namespace}/detector/change_state"
        client: Any = self.node.create_client(ChangeState, service)
        if not client.wait_for_service(PATIENCE):
            raise RuntimeError(f"{service}: no such service")
        for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
            request = ChangeState.Request(transition=Transition(id=transition))
            future = client.call_async(request)
            until(future.done, service)
            if not future.result().success:
                raise RuntimeError(f"{service}: refused; its log says why")
        until(lambda: self._camera.get_subscription_count() == 1, "a subscriber")

    def step(self, picture: NDArray[np.uint8]) -> Callable[[], float]:
        """Returns a call that publishes a picture and returns the seconds until its result."""
        publish = self.publisher(picture)

        def step() -> float:
            self._arrived.clear()
            publish()
            if not self._arrived.wait(2.0):
                return float("nan")
            return (self._end - self._stamp) * 1e-9

        return step

    def publisher(self, picture: NDArray[np.uint8]) -> Callable[[], int]:
        """Returns a call that publishes a picture with the stamp of now and returns that in ns."""
        height, width = picture.shape[:2]
        message = Image(height=height, width=width, encoding="rgb8", step=3 * width)
        message.data = array("B", picture.tobytes())

        def publish() -> int:
            # Known before the result can come.
            stamp = self._stamp = time.time_ns()
            sec, nanosec = divmod(stamp, 10**9)
            message.header = Header(stamp=Time(sec=sec, nanosec=nanosec), frame_id="camera")
            self._camera.publish(message)
            return stamp

        return publish

    def inside(self) -> dict[str, str]:
        """Returns diagnostics of the node, after the last frame."""
        self._values = {}
        until(lambda: "age.p50_ms" in self._values, "diagnostics")
        return self._values

    def _on_result(self, message: Detection2DArray) -> None:
        end = time.time_ns()
        stamp = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
        if self.on_result is not None:
            self.on_result(stamp, end)
        if stamp == self._stamp:
            self._end = end
            self._arrived.set()

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        values: dict[str, str] = {}
        for status in message.status:
            if status.hardware_id == f"{self._namespace}/detector":
                values |= {each.key: each.value for each in status.values}
        if values:
            self._values = values
            if self.on_report is not None:
                self.on_report(values)


class Spinner:
    """Spins nodes in one executor on a thread."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes
        self._executor = SingleThreadedExecutor()
        for node in nodes:
            self._executor.add_node(node)
        self._thread = threading.Thread(target=self._executor.spin, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops and destroys the nodes."""
        self._executor.shutdown()
        self._thread.join()
        for node in self._nodes:
            node.destroy_node()


class OneProcess:
    """Camera, detector and consumer in this process.

    Attributes:
        line: its two ends.
        perceiver: the detector's perceiver.
    """

    def __init__(self, parameters: dict[str, Any]) -> None:
        overrides = [Parameter(name, value=value) for name, value in parameters.items()]
        detector = DetectorNode(namespace="/one", parameter_overrides=overrides)
        self._detector = Spinner([detector])
        ends = rclpy.create_node("ends", namespace="/one")
        self.line = Line(ends, "/one")
        self._ends = Spinner([ends])
        self.line.start()
        self.perceiver: Any = detector._configurator.current.perceiver

    def close(self) -> None:
        """Destroys the nodes."""
        self._detector.close()
        self._ends.close()


class TwoProcesses:
    """The detector in a process of its own; camera and consumer in this one."""

    def __init__(self, parameters: dict[str, Any], camera: QoSProfile = CAMERA) -> None:
        command = [sys.executable, "-m", "vit_perception.ros.detector_node", "--ros-args"]
        command += ["-r", "__ns:=/two", "--log-level", "warn"]
        for name, value in parameters.items():
            command += ["-p", f"{name}:={value}"]
        root = Path(__file__).resolve().parents[1]
        self._process = subprocess.Popen(tied(command, signal.SIGTERM), cwd=root)
        ends = rclpy.create_node("ends", namespace="/two")
        self.line = Line(ends, "/two", camera)
        self._ends = Spinner([ends])
        try:
            self.line.start()
        except RuntimeError:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """The detector's process id."""
        return self._process.pid

    def close(self) -> None:
        """Ends the process and destroys the nodes."""
        self._process.terminate()
        self._process.wait(PATIENCE)
        self._ends.close()


def until(condition: Callable[[], object], what: str) -> None:
    """Waits until `condition` holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"waited {PATIENCE:g} s for {what}")
        time.sleep(0.01)
