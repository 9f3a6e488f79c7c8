# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A detector in a process of its own, for as long as you like: memory, accounting, age.

A camera publishes at a steady rate, and every minute the names change. Each diagnostics message is
checked (received = published + dropped); memory is what of the node's process lies in RAM, and
growth is counted from the second minute on, when everything has been loaded.

    python benchmarks/soak.py --minutes 60
"""

from __future__ import annotations

import argparse
import os
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from detector_lines import Line, TwoProcesses
from rcl_interfaces.srv import SetParametersAtomically
from rclpy.parameter import Parameter

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.paths import find_bundle
from vit_perception.ros.environment import keep_to_this_machine, set_image_transport

WARM_UP = 60.0
"""Seconds before memory is compared."""
CHANGE_NAMES = 60.0


def main() -> int:
    """Runs and prints."""
    options = parsed()
    set_image_transport()
    keep_to_this_machine()
    rclpy.init()
    bundle = Bundle.load(find_bundle(options.bundle))
    print(f"{bundle.name}, {options.minutes:g} min at {options.rate:g} Hz, {options.size}, "
          f"{options.precision}, load average {os.getloadavg()[0]:.1f}")  # fmt: skip
    two = TwoProcesses(
        {
            "bundle": str(bundle.directory),
            "precision": options.precision,
            "threads": options.threads,
            "diagnostics_period": 0.5,
        }
    )
    watch = Watch(two.line)
    try:
        film(two, watch, bundle.default_names, options)
        time.sleep(2.0)  # the last frame and the last report
    finally:
        watch.close()
        two.close()
    report(watch)
    rclpy.try_shutdown()
    return 0


class Watch:
    """The node's diagnostics, and the arrival times of its results.

    Attributes:
        ages: seconds from stamp to arrival of each result.
        reports, wrong: diagnostics messages, and those whose numbers do not add up.
        last: the last one's keys and values.
        memory: (seconds, bytes) of the node's process.
        sent: images.
    """

    def __init__(self, line: Line) -> None:
        self.ages: list[float] = []
        self.reports = self.wrong = self.sent = 0
        self.last: dict[str, str] = {}
        self.memory: list[tuple[float, int]] = []
        self._line = line
        self._done = threading.Event()
        line.on_result = lambda stamp, end: self.ages.append((end - stamp) * 1e-9)
        line.on_report = self._on_report

    def weigh(self, pid: int, seconds: float) -> None:
        """Notes the memory of the process."""
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        self.memory.append((seconds, pages * os.sysconf("SC_PAGE_SIZE")))

    def close(self) -> None:
        """Stops listening."""
        self._line.on_result = self._line.on_report = None

    def _on_report(self, values: dict[str, str]) -> None:
        counted = [int(values[f"frames.{key}"]) for key in ("received", "published", "dropped")]
        causes = sum(int(v) for k, v in values.items() if k.startswith("frames.dropped."))
        self.reports += 1
        self.wrong += counted[0] != counted[1] + counted[2] or counted[2] != causes
        self.last = values


def film(two: TwoProcesses, watch: Watch, names: tuple[str, ...], options: Any) -> None:
    """Publishes frames at the rate; changes the names now and then."""
    width, height = (int(part) for part in options.size.split("x"))
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    publish = two.line.publisher(picture)
    change: Any = two.line.node.create_client(
        SetParametersAtomically, "/two/detector/set_parameters_atomically"
    )
    begin = time.monotonic()
    next_change, half = begin + CHANGE_NAMES, list(names[: len(names) // 2])
    while (now := time.monotonic()) < begin + options.minutes * 60:
        publish()
        watch.sent += 1
        if watch.sent % round(10 * options.rate) == 0:
            watch.weigh(two.pid, now - begin)
        if now > next_change:
            next_change += CHANGE_NAMES
            value = half if round((now - begin) / CHANGE_NAMES) % 2 else list(names)
            parameter = Parameter("vocabulary", value=value).to_parameter_msg()
            change.call_async(SetParametersAtomically.Request(parameters=[parameter]))
        time.sleep(max(0.0, begin + watch.sent / options.rate - time.monotonic()))


def report(watch: Watch) -> None:
    """Prints what was seen."""
    values = watch.last
    arrived = int(values["frames.received"]) + int(values["frames.pending"])
    print(f"images sent {watch.sent}, lost on the way {watch.sent - arrived}")
    for key, value in values.items():
        if key.startswith("frames."):
            print(f"{key} {value}")
    print(f"diagnostics messages {watch.reports}, of which do not add up {watch.wrong}")
    print(f"vocabulary version {values['vocabulary.version']}")
    p50, p95 = np.percentile(watch.ages, [50, 95])
    print(f"age at the consumer, {len(watch.ages)} results: p50 {p50 * 1e3:.1f} ms, "
          f"p95 {p95 * 1e3:.1f} ms, max {max(watch.ages) * 1e3:.1f} ms")  # fmt: skip
    print(f"session p50 {values['latency.inference.p50_ms']} ms")
    settled = [size for seconds, size in watch.memory if seconds >= WARM_UP]
    if len(settled) > 1:
        first, last = settled[0] / 2**20, settled[-1] / 2**20
        print(f"memory {first:.1f} MiB after {WARM_UP:g} s, {last:.1f} MiB at the end, "
              f"growth {last - first:+.1f} MiB, most {max(settled) / 2**20:.1f} MiB")  # fmt: skip


def parsed() -> argparse.Namespace:
    """Returns the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=30.0, help="images a second")
    parser.add_argument("--size", default="640x480", help="of the images")
    parser.add_argument("--bundle", default="tabletop_nano")
    parser.add_argument("--precision", default="int8")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
