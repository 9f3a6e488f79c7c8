# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A detector in a process of its own, for as long as you like: accounting, memory, age.

A camera publishes at a steady rate, and somebody subscribes to every result. Every second names,
precision and region change, to known and to new ones. Each image has to be published, dropped with
a cause or in work, in every diagnostics message and at the end. Memory, which is what of the
node's process lies in RAM, has to stay flat once everything has been loaded. The exit status is 1
if one of that is not so.

    python benchmarks/soak.py --minutes 30
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from builtin_interfaces.msg import Time
from detector_lines import Line, TwoProcesses
from rcl_interfaces.srv import SetParametersAtomically
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray
from visualization_msgs.msg import MarkerArray

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.paths import find_bundle
from vit_perception.ros.environment import keep_to_this_machine, set_image_transport

CHANGE_EVERY = 1.0
WEIGH_EVERY = 5.0
GROWTH = 50.0
"""MiB by which memory may grow between the second quarter and the last one."""
SILENCE = 5.0
"""Seconds within which diagnostics have to come."""
# None is lost on its way, so that what was sent is what the node has to account for.
ALL_ARRIVE = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)
PICTURES = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)


def main() -> int:
    """Runs and prints; returns 1 if an account or memory is wrong."""
    options = parsed()
    set_image_transport()
    keep_to_this_machine()
    bundle = Bundle.load(find_bundle(options.bundle))
    print(f"{bundle.name}, {options.minutes:g} min at {options.rate:g} Hz, {options.size}, "
          f"seed {options.seed}, load average {os.getloadavg()[0]:.1f}")  # fmt: skip
    with tempfile.TemporaryDirectory() as cache:
        os.environ["XDG_CACHE_HOME"] = cache
        rclpy.init()
        two = TwoProcesses(
            {
                "bundle": str(bundle.directory),
                "threads": options.threads,
                "diagnostics_period": 0.5,
                "qos_overrides./two/image.subscription.depth": 1000,
                "qos_overrides./two/image.subscription.reliability": "reliable",
            },
            ALL_ARRIVE,
        )
        watch = Watch(two.line)
        try:
            camera = Camera(two.line, options)
            changes = Changes(two.line, bundle, options.seed)
            film(two, watch, camera, changes, options)
            settle(watch, camera)
        finally:
            watch.close()
            two.close()
        rclpy.try_shutdown()
    return report(watch, camera, changes)


class Watch:
    """The node's diagnostics and results.

    Attributes:
        arrived: messages by topic.
        ages: seconds from stamp to arrival of each result.
        reports: diagnostics messages.
        wrong: lines about those whose numbers do not add up.
        silence: the longest time between two of them.
        last: the last one's keys and values.
        memory: (seconds, MiB) of the node's process.
    """

    def __init__(self, line: Line) -> None:
        self.arrived: Counter[str] = Counter()
        self.ages: list[float] = []
        self.reports, self.silence = 0, 0.0
        self.wrong: list[str] = []
        self.last: dict[str, str] = {}
        self.memory: list[tuple[float, float]] = []
        self._heard = time.monotonic()
        self._line = line
        line.on_result = lambda stamp, end: self.ages.append((end - stamp) * 1e-9)
        line.on_report = self._on_report
        for kind, topic, profile in (
            (Detection2DArray, "detections", ALL_ARRIVE),
            (Image, "instances", ALL_ARRIVE),
            (Image, "overlay", PICTURES),
            (CompressedImage, "overlay/compressed", PICTURES),
            (MarkerArray, "markers", PICTURES),
        ):
            line.node.create_subscription(
                kind, f"/two/detector/{topic}", self._counter(topic), profile
            )

    def weigh(self, pid: int, seconds: float) -> None:
        """Notes the memory of the process."""
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        self.memory.append((seconds, pages * os.sysconf("SC_PAGE_SIZE") / 2**20))

    def close(self) -> None:
        """Stops listening."""
        self._line.on_result = self._line.on_report = None

    def _counter(self, topic: str) -> Any:
        def count(_: Any) -> None:
            self.arrived[topic] += 1

        return count

    def _on_report(self, values: dict[str, str]) -> None:
        now = time.monotonic()
        self.silence, self._heard = max(self.silence, now - self._heard), now
        received, published, dropped, pending = (
            int(values[f"frames.{key}"]) for key in ("received", "published", "dropped", "pending")
        )
        causes = sum(int(v) for k, v in values.items() if k.startswith("frames.dropped."))
        self.reports += 1
        # One waits, one is looked at.
        if received != published + dropped or dropped != causes or not 0 <= pending <= 2:
            counts = {k: v for k, v in values.items() if k.startswith("frames.")}
            self.wrong.append(f"does not add up: {counts}")
        self.last = values


class Camera:
    """Publishes random pictures of things there are none of, with intrinsics."""

    def __init__(self, line: Line, options: argparse.Namespace) -> None:
        width, height = (int(part) for part in options.size.split("x"))
        picture = np.random.default_rng(options.seed).integers(
            0, 256, (height, width, 3), np.uint8
        )
        self._publish = line.publisher(picture)
        k = [500.0, 0.0, width / 2, 0.0, 500.0, height / 2, 0.0, 0.0, 1.0]
        self._info = CameraInfo(height=height, width=width, k=k)
        self._infos = line.node.create_publisher(CameraInfo, "/two/camera_info", ALL_ARRIVE)
        self.sent = 0

    def publish(self) -> None:
        """Publishes one picture with the stamp of now."""
        sec, nanosec = divmod(self._publish(), 10**9)
        self._info.header = Header(stamp=Time(sec=sec, nanosec=nanosec), frame_id="camera")
        self._infos.publish(self._info)
        self.sent += 1


class Changes:
    """Changes names, precision and region of the detector together."""

    def __init__(self, line: Line, bundle: Bundle, seed: int) -> None:
        service = "/two/detector/set_parameters_atomically"
        self._client: Any = line.node.create_client(SetParametersAtomically, service)
        self._random = np.random.default_rng(seed)
        self._known = list(bundle.default_names)
        self._precisions = list(bundle.graphs)
        self._pending: list[Any] = []
        self.made = 0
        self.refused: list[str] = []

    def make(self) -> None:
        """Asks for the next change."""
        self.made += 1
        choose = self._random
        names = [str(n) for n in choose.permutation(self._known)[: choose.integers(1, 8)]]
        if choose.random() < 0.3:
            names.append(f"new thing {self.made}")
        x, y = (int(number) for number in choose.integers(0, 200, 2))
        region = "" if choose.random() < 0.3 else f"{x},{y},{320},{240}"
        values = {
            "vocabulary": names,
            "precision": self._precisions[self.made % len(self._precisions)],
            "roi": region,
        }
        parameters = [Parameter(n, value=v).to_parameter_msg() for n, v in values.items()]
        request = SetParametersAtomically.Request(parameters=parameters)
        self._pending.append(self._client.call_async(request))
        self.collect()

    def collect(self) -> int:
        """Looks at the answers so far; returns how many are missing."""
        for future in [each for each in self._pending if each.done()]:
            self._pending.remove(future)
            result = future.result().result
            if not result.successful:
                self.refused.append(result.reason)
        return len(self._pending)


def film(
    two: TwoProcesses, watch: Watch, camera: Camera, changes: Changes, options: argparse.Namespace
) -> None:
    """Publishes at the rate, makes changes and weighs the node."""
    begin = time.monotonic()
    next_change, next_weight = begin + CHANGE_EVERY, begin
    while (now := time.monotonic()) < begin + options.minutes * 60:
        camera.publish()
        if now > next_change:
            next_change += CHANGE_EVERY
            changes.make()
        if now > next_weight:
            next_weight += WEIGH_EVERY
            watch.weigh(two.pid, now - begin)
            if len(watch.memory) % 12 == 1:
                seconds, size = watch.memory[-1]
                print(f"{seconds:6.0f} s: {size:.1f} MiB, {camera.sent} images", flush=True)
        time.sleep(max(0.0, begin + camera.sent / options.rate - time.monotonic()))
    watch.weigh(two.pid, time.monotonic() - begin)
    end = time.monotonic() + 60
    while changes.collect() and time.monotonic() < end:
        time.sleep(0.05)


def settle(watch: Watch, camera: Camera) -> None:
    """Waits until the node has told the fate of the last image."""
    end = time.monotonic() + 30
    done = threading.Event()
    while int(watch.last.get("frames.received", 0)) < camera.sent and time.monotonic() < end:
        done.wait(0.1)
    done.wait(1.0)  # for the last results on their way


def report(watch: Watch, camera: Camera, changes: Changes) -> int:
    """Prints what was seen; returns the exit status."""
    values, wrong = watch.last, list(watch.wrong)
    for key, value in values.items():
        if key.startswith("frames."):
            print(f"{key} {value}")
    received, published = (int(values[f"frames.{key}"]) for key in ("received", "published"))
    if received != camera.sent:
        wrong.append(f"images: sent {camera.sent}, accounted for {received}")
    if watch.arrived["detections"] != published:
        wrong.append(f"results: published {published}, came {watch.arrived['detections']}")
    if watch.silence > SILENCE:
        wrong.append(f"diagnostics: silent for {watch.silence:.1f} s")
    if changes.refused or changes.collect():
        wrong.append(f"changes: {len(changes.refused)} refused, {changes.collect()} not answered: "
                     f"{changes.refused[:3]}")  # fmt: skip
    print(f"messages {dict(watch.arrived)}")
    print(f"changes {changes.made}, vocabulary version {values['vocabulary.version']}")
    print(f"diagnostics messages {watch.reports}, longest silence {watch.silence:.1f} s")
    if watch.ages:
        p50, p95 = np.percentile(watch.ages, [50, 95])
        print(f"age at the consumer: p50 {p50 * 1e3:.1f} ms, p95 {p95 * 1e3:.1f} ms, "
              f"max {max(watch.ages) * 1e3:.1f} ms")  # fmt: skip
    sizes = np.array([size for _, size in watch.memory])
    quarters = [float(np.median(part)) for part in np.array_split(sizes, 4)]
    growth = quarters[-1] - quarters[1]
    print("memory, medians of quarters: " + ", ".join(f"{size:.1f}" for size in quarters)
          + f" MiB; most {sizes.max():.1f} MiB, growth {growth:+.1f} MiB")  # fmt: skip
    if growth > GROWTH:
        wrong.append(f"memory: grew by {growth:.1f} MiB, expected at most {GROWTH:g}")
    for line in wrong[:20]:
        print(f"WRONG: {line}")
    print("exact and flat" if not wrong else f"{len(wrong)} wrong")
    return 1 if wrong else 0


def parsed() -> argparse.Namespace:
    """Returns the options of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=30.0, help="images a second")
    parser.add_argument("--seed", type=int, default=0, help="of pictures and changes")
    parser.add_argument("--size", default="640x480", help="of the images")
    parser.add_argument("--bundle", default="tabletop_nano")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
