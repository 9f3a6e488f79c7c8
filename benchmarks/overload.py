# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A camera that is faster than the engine: how old results are when they are published.

The engine is the real one, held until it has taken as long as one of `--engine` Hz would. A node
that always takes the newest frame publishes results no older than one period of the camera and
one pass; a queue of frames would add a pass for each.

    python benchmarks/overload.py --camera 30 --engine 8
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

import numpy as np
import rclpy
from detector_lines import OneProcess

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.paths import find_bundle
from vit_perception.detections import Detections
from vit_perception.frame import Frame
from vit_perception.perceiver.query import Query
from vit_perception.perceiver.stages import StageTimes
from vit_perception.ros.environment import keep_to_this_machine, set_image_transport


class Held:
    """Replaces a perceiver's `look`, and takes `seconds` per frame.

    Attributes:
        seconds_taken: by each frame.
    """

    def __init__(self, look: Callable[..., Detections], seconds: float) -> None:
        self._look = look
        self._seconds = seconds
        self.seconds_taken: list[float] = []

    def __call__(self, frame: Frame, query: Query, stages: StageTimes) -> Detections:
        begin = time.perf_counter()
        found = self._look(frame, query, stages)
        time.sleep(max(0.0, begin + self._seconds - time.perf_counter()))
        self.seconds_taken.append(time.perf_counter() - begin)
        return found


def main() -> int:
    """Measures and prints."""
    options = parsed()
    set_image_transport()
    keep_to_this_machine()
    rclpy.init()
    bundle = Bundle.load(find_bundle(options.bundle))
    print(f"load average {os.getloadavg()[0]:.1f}")
    parameters = {"bundle": str(bundle.directory), "precision": "int8", "threads": 1}
    one = OneProcess(parameters)
    perceiver = one.perceiver
    held = perceiver.look = Held(perceiver.look, 1 / options.engine)
    width, height = (int(part) for part in options.size.split("x"))
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    publish, begin, sent = one.line.publisher(picture), time.monotonic(), 0
    while time.monotonic() < begin + options.seconds:
        publish()
        sent += 1
        time.sleep(max(0.0, begin + sent / options.camera - time.monotonic()))
    values = one.line.inside()
    one.close()
    rclpy.shutdown()

    passes = np.array(held.seconds_taken[5:]) * 1e3
    bound = 1e3 / options.camera + 1.1 * float(np.median(passes))
    engine = 1e3 / float(np.median(passes))
    print(f"camera {options.camera:g} Hz, {options.size}, engine {engine:.1f} Hz, images {sent}")
    print(f"published {values['frames.published']}, replaced {values['frames.dropped.replaced']}")
    print(f"age at publication: p50 {values['age.p50_ms']} ms, p95 {values['age.p95_ms']} ms, "
          f"max {values['age.max_ms']} ms")  # fmt: skip
    print(f"one period of the camera and 1.1 x one pass: {bound:.1f} ms")
    return 0


def parsed() -> argparse.Namespace:
    """Returns the options of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--camera", type=float, default=30.0, help="images a second")
    parser.add_argument("--engine", type=float, default=8.0, help="passes a second")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--size", default="640x480", help="of the images")
    parser.add_argument("--bundle", default="tabletop_nano")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
