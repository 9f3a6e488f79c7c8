# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What a frame costs on its way: bare session, Perceiver, node in one process and in two.

The four take turns, frame by frame, in one run, so that they meet the same machine. The
camera stamps with this machine's clock as it publishes. "to publish" ends when the node has
published its detections (its own account of their age), "to consumer" when the callback of a
subscriber has them; in two processes the node lives in one, camera and consumer in the other.

    python benchmarks/frame_path.py --bundle tabletop_nano --size 640x480
"""

from __future__ import annotations

import argparse
import os
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

from vit_perception.bundle import Bundle
from vit_perception.bundle_paths import find_bundle
from vit_perception.frame import Frame
from vit_perception.letterbox import Canvas
from vit_perception.perceiver import Perceiver, Settings
from vit_perception.ros.detector_node import DetectorNode
from vit_perception.ros.environment import keep_to_this_machine, set_image_transport
from vit_perception.session import open_session

PATIENCE = 60.0
CAMERA = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
RESULTS = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)

Step = Callable[[], float]


def main() -> int:
    """Measure and print."""
    options = parsed()
    # Fast DDS reads its profile as the first participant is made; a child inherits it.
    set_image_transport()
    keep_to_this_machine()
    bundle = Bundle.load(find_bundle(options.bundle))
    picture = noise(*(int(part) for part in options.size.split("x")))
    settings = Settings(0.0, bundle.iou_threshold, max_detections=options.detections)
    perceiver = Perceiver(
        bundle, settings=settings, precision=options.precision, threads=options.threads
    )
    given = " ".join(f"--{name} {value}" for name, value in vars(options).items())
    print(f"{bundle.name}, {len(perceiver.vocabulary)} names, on {os.cpu_count()} CPUs, {given}")
    print(f"load average {os.getloadavg()[0]:.1f}")

    rclpy.init()
    parameters = {
        "bundle": str(bundle.directory),
        "score_threshold": 0.0,
        "max_detections": options.detections,
        "precision": options.precision,
        "threads": options.threads,
        "diagnostics_period": 0.5,
    }
    one = OneProcess(parameters)
    two = TwoProcesses(parameters)
    frame = Frame(picture)
    steps: dict[str, Step] = {
        "bare session": bare_session(bundle, perceiver, picture, options),
        "Perceiver": timed(lambda: perceiver(frame)),
        "node, one process: to consumer": one.line.step(picture),
        "node, two processes: to consumer": two.line.step(picture),
    }
    try:
        seconds = turns(steps, options.frames, options.warm_up, options.rate)
        inside = {
            "node, one process": one.line.inside(),
            "node, two processes": two.line.inside(),
        }
    finally:
        two.close()
        one.close()
        rclpy.shutdown()
    report(seconds, inside)
    return 0


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--bundle", default="", help="folder or name; empty: the default bundle")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--threads", type=int, default=1, help="of the session, everywhere")
    parser.add_argument("--size", default="640x480", help="of the rgb8 pictures")
    parser.add_argument("--frames", type=int, default=100, help="measured, each way")
    parser.add_argument("--warm-up", type=int, default=10, dest="warm_up")
    parser.add_argument(
        "--rate", type=float, default=20.0, help="turns a second; four are a round"
    )
    parser.add_argument("--detections", type=int, default=20, help="per frame, at most")
    return parser.parse_args()


def noise(width: int, height: int) -> NDArray[np.uint8]:
    """A picture with something everywhere."""
    small = np.random.default_rng(0).integers(0, 256, (height // 8 + 1, width // 8 + 1, 3))
    large = small.astype(np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    return np.ascontiguousarray(large[:height, :width])


def timed(action: Callable[[], object]) -> Step:
    """A step that takes as long as one call."""

    def step() -> float:
        begin = time.perf_counter()
        action()
        return time.perf_counter() - begin

    return step


def bare_session(
    bundle: Bundle, perceiver: Perceiver, picture: NDArray[np.uint8], options: argparse.Namespace
) -> Step:
    """The network alone, with what the Perceiver would give it."""
    session = open_session(bundle.graph(options.precision), threads=options.threads)
    canvas = Canvas(bundle.input_height, bundle.input_width, bundle.pad_value)
    canvas.draw(picture)
    vocabulary = perceiver.vocabulary
    inputs: dict[str, NDArray[Any]] = {
        "image": canvas.pixels,
        "class_thresholds": np.zeros(len(vocabulary), np.float32),
    }
    if not bundle.fixed_vocabulary:
        inputs["class_embeddings"] = vocabulary.embeddings
        adaptor = bundle.text_adaptor()
        if adaptor is not None:
            inputs |= open_session(adaptor).run({"text_embeddings": vocabulary.embeddings})
    return timed(lambda: session.run(inputs))


class Line:
    """Camera and consumer at the two ends of a detector, in this process."""

    def __init__(self, node: Node, namespace: str) -> None:
        self._node = node
        self._namespace = namespace
        self._arrived = threading.Event()
        self._stamp = self._end = 0
        self._values: dict[str, str] = {}
        self._camera = node.create_publisher(Image, f"{namespace}/image", CAMERA)
        node.create_subscription(
            Detection2DArray, f"{namespace}/detector/detections", self._on_result, RESULTS
        )
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, RESULTS)

    def start(self) -> None:
        """Configure and activate the detector; wait until it listens."""
        service = f"{self._namespace}/detector/change_state"
        client: Any = self._node.create_client(ChangeState, service)
        if not client.wait_for_service(PATIENCE):
            raise RuntimeError(f"{service}: no such service")
        for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
            request = ChangeState.Request(transition=Transition(id=transition))
            future = client.call_async(request)
            until(future.done, service)
            if not future.result().success:
                raise RuntimeError(f"{service}: refused; its log says why")
        until(lambda: self._camera.get_subscription_count() == 1, "a subscriber")

    def step(self, picture: NDArray[np.uint8]) -> Step:
        """Publish a picture; the time until its result is here."""
        height, width = picture.shape[:2]
        message = Image(height=height, width=width, encoding="rgb8", step=3 * width)
        message.data = array("B", picture.tobytes())

        def step() -> float:
            self._arrived.clear()
            self._stamp = time.time_ns()
            sec, nanosec = divmod(self._stamp, 10**9)
            message.header = Header(stamp=Time(sec=sec, nanosec=nanosec), frame_id="camera")
            self._camera.publish(message)
            if not self._arrived.wait(2.0):
                return float("nan")
            return (self._end - self._stamp) * 1e-9

        return step

    def inside(self) -> dict[str, str]:
        """Diagnostics of the node, after the last frame."""
        self._values = {}
        until(lambda: "age.p50_ms" in self._values, "diagnostics")
        return self._values

    def _on_result(self, message: Detection2DArray) -> None:
        end = time.time_ns()
        stamp = message.header.stamp
        if stamp.sec * 10**9 + stamp.nanosec == self._stamp:
            self._end = end
            self._arrived.set()

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        values: dict[str, str] = {}
        for status in message.status:
            if status.hardware_id == f"{self._namespace}/detector":
                values |= {each.key: each.value for each in status.values}
        if values:
            self._values = values


class Spinner:
    """Nodes on one executor on a thread."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes
        self._executor = SingleThreadedExecutor()
        for node in nodes:
            self._executor.add_node(node)
        self._thread = threading.Thread(target=self._executor.spin, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop and take the nodes down."""
        self._executor.shutdown()
        self._thread.join()
        for node in self._nodes:
            node.destroy_node()


class OneProcess:
    """Camera, detector and consumer in this process."""

    def __init__(self, parameters: dict[str, Any]) -> None:
        overrides = [Parameter(name, value=value) for name, value in parameters.items()]
        detector = DetectorNode(namespace="/one", parameter_overrides=overrides)
        self._detector = Spinner([detector])
        ends = rclpy.create_node("ends", namespace="/one")
        self.line = Line(ends, "/one")
        self._ends = Spinner([ends])
        self.line.start()

    def close(self) -> None:
        """Take the nodes down."""
        self._detector.close()
        self._ends.close()


class TwoProcesses:
    """The detector in a process of its own; camera and consumer in this one."""

    def __init__(self, parameters: dict[str, Any]) -> None:
        command = [sys.executable, "-m", "vit_perception.ros.detector_node", "--ros-args"]
        command += ["-r", "__ns:=/two", "--log-level", "warn"]
        for name, value in parameters.items():
            command += ["-p", f"{name}:={value}"]
        root = Path(__file__).resolve().parents[1]
        self._process = subprocess.Popen(command, cwd=root)
        ends = rclpy.create_node("ends", namespace="/two")
        self.line = Line(ends, "/two")
        self._ends = Spinner([ends])
        try:
            self.line.start()
        except RuntimeError:
            self.close()
            raise

    def close(self) -> None:
        """End the process, take the nodes down."""
        self._process.terminate()
        self._process.wait(PATIENCE)
        self._ends.close()


def turns(
    steps: dict[str, Step], frames: int, warm_up: int, rate: float
) -> dict[str, list[float]]:
    """Let the steps take turns; seconds of each, without those of the first frames."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(warm_up + frames):
        for name, step in steps.items():
            begin = time.perf_counter()
            taken = step()
            if number >= warm_up:
                seconds[name].append(taken)
            time.sleep(max(0.0, 1 / rate - (time.perf_counter() - begin)))
    return seconds


def report(seconds: dict[str, list[float]], inside: dict[str, dict[str, str]]) -> None:
    """Print a table in ms: median, p95, minimum, and what the median adds to the bare one's."""
    bare = float(np.median(seconds["bare session"]))
    print(f"\n{'ms':<36}{'median':>9}{'p95':>9}{'min':>9}{'adds':>9}{'lost':>6}")
    for name, all_values in seconds.items():
        values = np.array(all_values)
        there = values[~np.isnan(values)] * 1e3
        if not len(there):
            print(f"{name:<36}{'nothing arrived':>27}")
            continue
        median, p95 = np.percentile(there, [50, 95])
        adds = "" if name == "bare session" else f"{median - bare * 1e3:+9.2f}"
        print(
            f"{name:<36}{median:9.2f}{p95:9.2f}{there.min():9.2f}{adds:>9}"
            f"{len(values) - len(there):6d}"
        )
    for name, values_by_key in inside.items():
        age, p95 = float(values_by_key["age.p50_ms"]), float(values_by_key["age.p95_ms"])
        print(f"{name + ': to publish':<36}{age:9.2f}{p95:9.2f}{'':9}{age - bare * 1e3:+9.2f}")
        stages = ", ".join(
            f"{stage} {float(values_by_key[f'latency.{stage}.p50_ms']):.2f}"
            for stage in ("wait", "decode", "letterbox", "inference", "nms", "publish", "total")
        )
        print(f"    of which, medians: {stages}")


def until(condition: Callable[[], object], what: str) -> None:
    """Wait until `condition` holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"waited {PATIENCE:g} s for {what}")
        time.sleep(0.01)


if __name__ == "__main__":
    sys.exit(main())
