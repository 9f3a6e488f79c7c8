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
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import rclpy
from detector_lines import OneProcess, TwoProcesses
from numpy.typing import NDArray

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.paths import find_bundle
from vit_perception.engine.factory import open_session
from vit_perception.frame import Frame
from vit_perception.letterbox import Canvas
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.settings import Settings
from vit_perception.ros.environment import keep_to_this_machine, set_image_transport

Step = Callable[[], float]


def main() -> int:
    """Measures and prints."""
    options = parsed()
    # Fast DDS reads its profile for the first participant; a child inherits it.
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
    """Reads the command line."""
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
    """Returns a random picture."""
    small = np.random.default_rng(0).integers(0, 256, (height // 8 + 1, width // 8 + 1, 3))
    large = small.astype(np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    return np.ascontiguousarray(large[:height, :width])


def timed(action: Callable[[], object]) -> Step:
    """Returns a step that times one call."""

    def step() -> float:
        begin = time.perf_counter()
        action()
        return time.perf_counter() - begin

    return step


def bare_session(
    bundle: Bundle, perceiver: Perceiver, picture: NDArray[np.uint8], options: argparse.Namespace
) -> Step:
    """Returns a step with the network alone, on the inputs that the Perceiver would give it."""
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


def turns(
    steps: dict[str, Step], frames: int, warm_up: int, rate: float
) -> dict[str, list[float]]:
    """Runs the steps in turns; returns the seconds of each, without those of the first frames."""
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
    """Prints a table in ms: median, p95, minimum, and what the median adds to the bare one's."""
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


if __name__ == "__main__":
    sys.exit(main())
