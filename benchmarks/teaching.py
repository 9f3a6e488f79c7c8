# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How long it takes from showing a thing to its first detection, and what `teach_history` costs.

The detector runs in a process of its own, with a camera before it. "learned" is the time from the
message on ~/teach to the first result in this process that has the new name; the name is forgotten
again each time. The last row is the node's own change, without network and topics: the reference
that is swapped. Then frames with and without kept images take turns, in blocks.

    python benchmarks/teaching.py --bundle tabletop_nano --rate 10
"""

from __future__ import annotations

import argparse
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from detector_lines import RESULTS, TwoProcesses, until
from numpy.typing import NDArray
from rcl_interfaces.srv import SetParametersAtomically
from rclpy.parameter import Parameter
from rich.console import Console
from rich.table import Table
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.paths import find_bundle
from vit_perception.frame import Frame
from vit_perception.images.media import read_picture
from vit_perception.parameters.detector import validate
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.ros.configuration import Configurator
from vit_perception.ros.environment import keep_to_this_machine, set_image_transport
from vit_perception.ros.qos import ORDERS

PICTURE = Path(__file__).parents[1] / "samples/photos/photos"
HISTORY = 2.0


def main() -> int:
    """Measures and prints."""
    options = parsed()
    # Fast DDS reads its profile for the first participant; a child inherits it.
    set_image_transport()
    keep_to_this_machine()
    bundle = Bundle.load(find_bundle(options.bundle))
    frame = read_picture(options.picture)
    box = surest_box(Perceiver(bundle, threads=options.threads), frame)
    given = " ".join(f"--{name} {value}" for name, value in vars(options).items())
    print(f"{bundle.name}, {frame.width}x{frame.height} px, on {os.cpu_count()} CPUs, {given}")
    print(f"load average {os.getloadavg()[0]:.1f}")
    rclpy.init()
    parameters = {
        "bundle": str(bundle.directory),
        "threads": options.threads,
        "vocabulary": "[mug, spoon, banana]",
    }
    two = TwoProcesses(parameters)
    try:
        pupil = Pupil(two, frame.image)
        learned = pupil.learned(box, options.rounds, options.rate)
        blocks = pupil.blocks(options.blocks, options.frames)
    finally:
        two.close()
        rclpy.shutdown()
    swaps = swap_seconds(parameters, frame, box, options.rounds)
    Console().print(times({"learned": learned, "swap alone": swaps}))
    Console().print(costs(blocks))
    return 0


def parsed() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--bundle", default="tabletop_nano", help="that can be taught")
    first = min(PICTURE.parent.rglob("*.jpg"), default=PICTURE)
    parser.add_argument("--picture", type=Path, default=first, help="that the camera sends")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rate", type=float, default=10.0, help="images a second")
    parser.add_argument("--rounds", type=int, default=20, help="names that are taught")
    parser.add_argument("--blocks", type=int, default=20, help="without and with kept images")
    parser.add_argument("--frames", type=int, default=10, help="of a block")
    return parser.parse_args()


def surest_box(perceiver: Perceiver, frame: Frame) -> NDArray[np.float32]:
    """Returns the box of the surest thing, whichever."""
    _, rows = perceiver.rows(frame)
    return rows.boxes[int(np.argmax(rows.objectness))]


class Pupil:
    """A detector in another process, and what it is shown."""

    def __init__(self, two: TwoProcesses, picture: NDArray[np.uint8]) -> None:
        self._line, self._pid = two.line, two.pid
        self._publish = two.line.publisher(picture)
        self._step = two.line.step(picture)
        node = two.line.node
        self._lessons = node.create_publisher(Detection2DArray, "/two/detector/teach", ORDERS)
        self._seen: dict[str, float] = {}
        self._names: set[str] = set()
        node.create_subscription(
            Detection2DArray, "/two/detector/detections", self._on_result, RESULTS
        )
        self._client: Any = node.create_client(
            SetParametersAtomically, "/two/detector/set_parameters_atomically"
        )
        until(lambda: self._lessons.get_subscription_count() == 1, "a pupil")

    def learned(self, box: NDArray[np.float32], rounds: int, rate: float) -> list[float]:
        """Returns seconds from each lesson to the first result with its name."""
        done = threading.Event()

        def film() -> None:
            while not done.wait(1 / rate):
                self._publish()

        thread = threading.Thread(target=film)
        thread.start()
        seconds = []
        try:
            until(lambda: self._seen.get("", 0.0), "a result")
            rng = np.random.default_rng(0)
            for number in range(rounds):
                # At any moment between two images.
                time.sleep(float(rng.uniform(0, 2 / rate)))
                name = f"thing {number}"
                begin = time.perf_counter()
                self._lessons.publish(lesson(name, box))
                until_soon(lambda n=name: n in self._seen, name)
                seconds.append(self._seen[name] - begin)
                self._lessons.publish(lesson(name, None))
                until(lambda n=name: n not in self._names, "what is forgotten")
        finally:
            done.set()
            thread.join()
        return seconds

    def blocks(self, count: int, frames: int) -> dict[str, list[tuple[float, float]]]:
        """Returns median seconds and CPU seconds of a frame, without and with kept images."""
        found: dict[str, list[tuple[float, float]]] = {"off": [], "on": []}
        for number in range(count + 1):
            for name, seconds in (("off", 0.0), ("on", HISTORY)):
                self._set(teach_history=seconds)
                self._step()
                before = cpu_seconds(self._pid)
                taken = [self._step() for _ in range(frames)]
                used = (cpu_seconds(self._pid) - before) / frames
                # The first block warms up.
                if number:
                    found[name].append((float(np.nanmedian(taken)), used))
        return found

    def _set(self, **values: object) -> None:
        request = SetParametersAtomically.Request(
            parameters=[Parameter(name, value=v).to_parameter_msg() for name, v in values.items()]
        )
        if not self._client.wait_for_service(60):
            raise RuntimeError("no service of parameters")
        future = self._client.call_async(request)
        until(future.done, "the parameters")
        # Until the node has looked at them.
        time.sleep(0.15)

    def _on_result(self, message: Detection2DArray) -> None:
        now = time.perf_counter()
        self._names = {each.results[0].hypothesis.class_id for each in message.detections}
        for name in ("", *self._names):
            self._seen.setdefault(name, now)


def lesson(name: str, box: NDArray[np.float32] | None) -> Detection2DArray:
    """Returns a message that shows a box, or forgets its name."""
    detection, result = Detection2D(), ObjectHypothesisWithPose()
    result.hypothesis.class_id = name
    detection.results = [result]
    if box is not None:
        x1, y1, x2, y2 = box.astype(float).tolist()
        detection.bbox.center.position.x, detection.bbox.size_x = (x1 + x2) / 2, x2 - x1
        detection.bbox.center.position.y, detection.bbox.size_y = (y1 + y2) / 2, y2 - y1
    return Detection2DArray(detections=[detection])


def until_soon(condition: Callable[[], object], what: str) -> None:
    """Waits until `condition` holds, and looks often."""
    end = time.monotonic() + 30
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"waited 30 s for {what}: not taught, or not found again")
        time.sleep(0.001)


def cpu_seconds(pid: int) -> float:
    """Returns what a process has used so far, in all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def swap_seconds(
    parameters: dict[str, Any], frame: Frame, box: NDArray[np.float32], rounds: int
) -> list[float]:
    """Returns the seconds of the node's own change, from an example to the new reference."""
    configurator = Configurator.load(validate(parameters), version=0)
    example = configurator.current.perceiver.example(frame, box, "thing")
    seconds = []
    for _ in range(rounds):
        begin = time.perf_counter()
        configurator.adopt_examples(configurator.examples.adding([example]))
        seconds.append(time.perf_counter() - begin)
    return seconds


def times(measured: dict[str, list[float]]) -> Table:
    """Returns the table of times to learn."""
    table = Table("", "n", "median ms", "95 % ms", "max ms", title="from showing to finding")
    for name, seconds in measured.items():
        ms = np.array(seconds) * 1e3
        row = (np.median(ms), np.percentile(ms, 95), ms.max())
        table.add_row(name, str(len(ms)), *(f"{each:.1f}" for each in row))
    return table


def costs(blocks: dict[str, list[tuple[float, float]]]) -> Table:
    """Returns the table of a frame's costs; ratios are of neighbouring blocks."""
    table = Table(
        "teach_history", "blocks", "to consumer ms", "CPU ms a frame", title="kept images"
    )
    for name, values in blocks.items():
        seconds, used = np.median(np.array(values), axis=0) * 1e3
        table.add_row(name, str(len(values)), f"{seconds:.2f}", f"{used:.2f}")
    ratios = np.array(blocks["on"]) / np.maximum(np.array(blocks["off"]), 1e-9)
    latency, used = np.median(ratios, axis=0)
    table.add_row("on / off", "", f"{latency:.3f}", f"{used:.3f}")
    return table


if __name__ == "__main__":
    raise SystemExit(main())
