# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What a localizer in the detector's process adds to the age of the detections.

The sample recording is played to a `perception_node detector localizer` of another process. In
turns of a few seconds somebody subscribes to `~/detections_3d` and clouds, or nobody does, so
that both meet the same machine. Ages are from stamp to the callback of a subscriber here.

    python benchmarks/localizer_beside.py --turns 6 --seconds 8
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from typing import Any

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image, PointCloud2
from vision_msgs.msg import Detection2DArray, Detection3DArray

from vit_perception.bundle.samples import sample_bag
from vit_perception.ros.environment import keep_to_this_machine, set_image_transport
from vit_perception.ros.messages import stamp_nanoseconds

REMAPPED = {
    "image": "/camera/image_raw",
    "camera_info": "/camera/camera_info",
    "depth": "/camera/depth/image_rect_raw",
}
SETTLE = 1.0


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--turns", type=int, default=6, help="of each kind")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each turn")
    parser.add_argument("--threads", type=int, default=0, help="of the detector")
    options = parser.parse_args()
    set_image_transport()
    keep_to_this_machine()
    remaps = [word for name, to in REMAPPED.items() for word in ("-r", f"{name}:={to}")]
    values = ("autostart:=true", f"detector:threads:={options.threads}")
    parameters = [word for value in values for word in ("-p", value)]
    python = [sys.executable, "-m"]
    ros = "vit_perception.ros"
    command = [*python, f"{ros}.perception_node", "detector", "localizer", "--ros-args"]
    player = [*python, f"{ros}.playing.bag_player", str(sample_bag()), "--loop"]
    processes = [
        subprocess.Popen([*command, *parameters, *remaps]),
        subprocess.Popen(player),
    ]
    try:
        measure(options.turns, options.seconds)
    finally:
        for process in processes:
            process.send_signal(signal.SIGINT)
        for process in processes:
            process.wait(20)
    return 0


def measure(turns: int, seconds: float) -> None:
    """Takes turns and prints the ages of both kinds, in milliseconds."""
    rclpy.init()
    node = rclpy.create_node("listener")
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    ages: list[float] = []
    places: list[float] = []

    def age(message: Any) -> float:
        return (time.time_ns() - stamp_nanoseconds(message.header)) * 1e-6

    node.create_subscription(
        Detection2DArray, "detector/detections", lambda m: ages.append(age(m)), 10
    )
    # Else the player would send depth beside a localizer alone.
    node.create_subscription(
        Image, REMAPPED["depth"], lambda m: None, qos_profile_sensor_data, raw=True
    )
    spin(executor, lambda: len(ages) > 20, 60)
    found: dict[bool, list[list[float]]] = {False: [], True: []}
    for turn in range(2 * turns):
        beside = bool(turn % 2)
        extra = []
        if beside:
            extra = [
                node.create_subscription(
                    Detection3DArray,
                    "localizer/detections_3d",
                    lambda m: places.append(age(m)),
                    10,
                ),
                node.create_subscription(
                    PointCloud2, "localizer/object_clouds", lambda m: None, 10
                ),
            ]
        spin(executor, lambda: False, SETTLE)
        ages.clear()
        spin(executor, lambda: False, seconds)
        found[beside].append(list(ages))
        for each in extra:
            node.destroy_subscription(each)
    print(f"{os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.1f}")
    for beside, name in ((False, "alone"), (True, "beside a localizer")):
        values = np.concatenate(found[beside])
        middles = ", ".join(f"{np.median(each):.1f}" for each in found[beside])
        p50, p95 = np.percentile(values, [50, 95])
        print(f"{name}: {len(values)} results, p50 {p50:.2f} ms, p95 {p95:.2f} ms ({middles})")
    p50, p95 = np.percentile(places, [50, 95])
    print(f"boxes in space: {len(places)}, p50 {p50:.2f} ms, p95 {p95:.2f} ms")
    difference = [np.median(b) - np.median(a) for a, b in zip(*found.values(), strict=True)]
    print(f"added by turns: median {np.median(difference):.2f} ms of {np.round(difference, 2)}")
    node.destroy_node()
    rclpy.try_shutdown()


def spin(executor: Any, done: Any, seconds: float) -> None:
    """Spins until it is done, or for some seconds."""
    end = time.monotonic() + seconds
    while not done() and time.monotonic() < end:
        executor.spin_once(timeout_sec=0.05)


if __name__ == "__main__":
    sys.exit(main())
