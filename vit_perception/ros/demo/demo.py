# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The demonstration: a bag plays through DDS into a detector in another process.

The bag plays twice. In the first pass the detector looks for the names of the ground truth;
early in the second it gets other names, and goes on without a pause.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.signals import SignalHandlerOptions
from vision_msgs.msg import Detection2DArray, Detection3DArray, VisionInfo

from vit_perception.bags.detections_3d import NamedObjects, objects_from_message
from vit_perception.bags.messages import detections_from_message, header_stamp
from vit_perception.bags.reader import BagReader
from vit_perception.bags.true_places import TruePlaces, read_true_places
from vit_perception.bags.truth import read_truth
from vit_perception.bundle.samples import (
    CAMERA_INFO_TOPIC,
    DEPTH_TOPIC,
    GROUND_TRUTH_3D_TOPIC,
    GROUND_TRUTH_TOPIC,
    IMAGE_TOPIC,
)
from vit_perception.ros.demo.run import Arrival, DemoRun, place
from vit_perception.ros.environment import (
    StartError,
    keep_to_this_machine,
    set_image_transport,
    start_failure,
)
from vit_perception.ros.playing.detector_process import (
    LOCALIZER_NAME,
    NODE_NAME,
    DetectorProcess,
)
from vit_perception.ros.playing.player import BagPlayer
from vit_perception.ros.playing.spinning import Spinning
from vit_perception.wording import shown_path

WORLD = "world"
"""The frame in which boxes in space are told: that of the recording's table."""
CHANGE_AFTER = 1.0
"""Seconds into the second pass at which the names change."""
_DISCOVERY_TIMEOUT = 10.0
_LAST_RESULTS = 1.5  # seconds for pending results and a report of the node

Say = Callable[[str], None]


def run_demo(
    bag: Path,
    bundle: Path,
    out: Path,
    *,
    distractors: tuple[str, ...],
    choose_names: Callable[[], tuple[str, ...]],
    default_names: tuple[str, ...],
    say: Say,
) -> DemoRun:
    """Runs the demonstration.

    Args:
        bag: with the topics of `vit_perception.bundle.samples`.
        bundle: the model.
        out: folder for the node's log.
        distractors: names of absent things, asked for beside those of the ground truth.
        choose_names: called between the two passes; returns the names of the second.
        default_names: used if the node refuses the chosen ones.
        say: gets a line about each step.

    Raises:
        BagError: the bag cannot be read.
        StartError: ROS does not start in this process.
        DetectorProcessError: the node did not start; the line says why.
    """
    set_image_transport()
    keep_to_this_machine()
    truth = read_truth(bag, GROUND_TRUTH_TOPIC)
    true_places = read_true_places(bag, GROUND_TRUTH_3D_TOPIC, WORLD)
    present = sorted({name for found in truth.values() for name in found.names})
    before = tuple(dict.fromkeys((*present, *distractors)))
    # rclpy's own handlers end the context under the calls that Ctrl-C is to leave in order.
    try:
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    except Exception as error:  # rclpy's own share no base class
        raise StartError(start_failure(error)) from error
    try:
        node = Node("demo")
        listener = _Listener(node)
        with Spinning(node):
            player = BagPlayer(node, bag)
            say(f"starting {NODE_NAME} in another process")
            parameters: dict[str, dict[str, Any]] = {
                NODE_NAME: {
                    "bundle": str(bundle),
                    "vocabulary": list(before),
                    # One name for each object, the best.
                    "class_agnostic_nms": True,
                    "diagnostics_period": 0.5,
                }
            }
            topics = {"image": IMAGE_TOPIC, "camera_info": CAMERA_INFO_TOPIC}
            if true_places:
                parameters[LOCALIZER_NAME] = {"target_frame": WORLD}
                topics["depth"] = DEPTH_TOPIC
            with DetectorProcess(node, parameters, topics, out) as detector:
                run = DemoRun(before, default_names, truth=truth, true_places=true_places)
                _wait_for_subscriber(player)
                say(f"playing {shown_path(bag.name)}, looking for: {', '.join(before)}")
                player.play()
                shifts = [player.shift]
                wanted = choose_names()
                say("playing it again, with other names after a second")
                changer = threading.Thread(target=_change, args=(detector, wanted, run, say))
                changer.start()
                player.play()
                shifts.append(player.shift)
                changer.join()
                time.sleep(_LAST_RESULTS)
        run.camera_frames = player.published[IMAGE_TOPIC]
        run.seen = place(listener.arrivals, listener.versions, shifts, camera_stamps(bag))
        run.places = _of_first_pass(listener.places, shifts[0], true_places)
        run.first_version = min(listener.versions.values(), default=0)
        run.diagnostics = dict(listener.diagnostics)
        return run
    finally:
        rclpy.try_shutdown()


def camera_stamps(bag: Path) -> list[int]:
    """Returns the stamps of the images of a bag in nanoseconds."""
    with BagReader(bag) as reader:
        topic = reader.image_topic()
        return [header_stamp(message.value.header) for message in reader.messages([topic])]


def _of_first_pass(
    places: Mapping[int, NamedObjects], shift: int, true_places: Mapping[int, TruePlaces]
) -> dict[int, NamedObjects]:
    """Returns the places of the first pass, by stamp in the bag."""
    return {
        stamp - shift: found for stamp, found in places.items() if stamp - shift in true_places
    }


class _Listener:
    """Keeps what the detector publishes; read it after the node has stopped spinning."""

    def __init__(self, node: Node) -> None:
        self.arrivals: list[Arrival] = []
        self.places: dict[int, NamedObjects] = {}
        self.versions: dict[int, int] = {}
        self.diagnostics: dict[str, str] = {}
        self._node = node
        latched = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        topic = f"/{NODE_NAME}/detections"
        node.create_subscription(Detection2DArray, topic, self._on_detections, 100)
        places = f"/{LOCALIZER_NAME}/detections_3d"
        node.create_subscription(Detection3DArray, places, self._on_places, 100)
        node.create_subscription(
            VisionInfo, f"/{NODE_NAME}/vision_info", self._on_vision_info, latched
        )
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)

    def _on_vision_info(self, message: VisionInfo) -> None:
        self.versions[header_stamp(message.header)] = int(message.database_version)

    def _on_detections(self, message: Detection2DArray) -> None:
        stamp = header_stamp(message.header)
        delay = (self._node.get_clock().now().nanoseconds - stamp) / 1e9
        self.arrivals.append(Arrival(stamp, delay, detections_from_message(message)))

    def _on_places(self, message: Detection3DArray) -> None:
        self.places[header_stamp(message.header)] = objects_from_message(message)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name.startswith(NODE_NAME):
                self.diagnostics.update({entry.key: entry.value for entry in status.values})


def _change(detector: DetectorProcess, wanted: tuple[str, ...], run: DemoRun, say: Say) -> None:
    """Changes the names while images flow; takes the default ones if these are refused."""
    time.sleep(CHANGE_AFTER)
    for names in dict.fromkeys((wanted, run.names_after)):
        start = time.monotonic()
        refusal = detector.set_vocabulary(names)
        run.change_seconds = time.monotonic() - start
        if not refusal:
            run.names_after = names
            milliseconds = 1e3 * run.change_seconds
            say(f"names changed in {milliseconds:.0f} ms to: {', '.join(names)}")
            return
        say(f"the detector keeps its names: {refusal}")


def _wait_for_subscriber(player: BagPlayer) -> None:
    """Waits until the detector subscribes: best effort repeats nothing."""
    deadline = time.monotonic() + _DISCOVERY_TIMEOUT
    while not player.has_subscriber(IMAGE_TOPIC) and time.monotonic() < deadline:
        time.sleep(0.02)
    # The detector has to discover the player too, which cannot be observed.
    time.sleep(0.3)
