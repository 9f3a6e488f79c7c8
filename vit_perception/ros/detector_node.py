# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""detector_node: images of cameras in, detections of named things out."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from functools import partial
from itertools import count
from typing import Any

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.parameter import Parameter
from std_msgs.msg import String

from vit_perception.parameters.detector import DetectorParameters
from vit_perception.parameters.localizer import LocalizerParameters
from vit_perception.parameters.values import configure_reads
from vit_perception.ros import qos
from vit_perception.ros.bridge import bridge
from vit_perception.ros.changes import Changes
from vit_perception.ros.configuration import Configurator
from vit_perception.ros.frames.accounting import Counts
from vit_perception.ros.frames.camera import Camera, Consumer
from vit_perception.ros.frames.worker import FrameWorker
from vit_perception.ros.health.diagnostics import DiagnosticsReporter
from vit_perception.ros.health.report import Snapshot, statuses
from vit_perception.ros.health.snapshot import snapshot_of
from vit_perception.ros.lifecycle import FOLLOW_EVERY, ManagedNode
from vit_perception.ros.outputs.publishers import Publishers
from vit_perception.ros.parameter_bridge import ParameterBridge
from vit_perception.ros.patience import Patience
from vit_perception.ros.run import no_words, run
from vit_perception.ros.services import Services
from vit_perception.ros.teaching.profile import Profile
from vit_perception.ros.teaching.teaching import Teaching
from vit_perception.setting import settings_of
from vit_perception.wording import one_line

_USAGE = """\
usage: detector_node --ros-args ARGUMENTS

Finds named things in the images of cameras.

example:
  detector_node --ros-args -p autostart:=true -r image:=/camera/color/image_raw \\
      -p vocabulary:="['red mug', spoon]"

doc/nodes.md lists topics, services and parameters."""

# Seconds that a frame in work may hold up the end.
_LEAVE_WITHIN = 1.0


class DetectorNode(ManagedNode):
    """Looks at the newest frame of each camera, in turns, for the names of the vocabulary.

    The manual (topics, parameters, diagnostics) is printed by
    `python -m vit_perception.ros.manual`. A frame's way through the node is told in
    `ros/frames/worker.py`.

    Args:
        name: of the node, where `__node` does not rename it.
        options: as for rclpy's Node: context, namespace, parameter_overrides, …

    Raises:
        SettingError: a parameter given at start is refused.
    """

    def __init__(self, name: str = "detector", **options: Any) -> None:
        super().__init__(name, "looking at images", **options)
        self._next_version, self._profile = 0, Profile()
        self._consumers_lock = threading.Lock()
        self._patience = Patience(self._beat)
        self._changes = Changes(self, self._faults, self._patience)
        self._worker: FrameWorker | None = None
        try:
            others = settings_of(LocalizerParameters)
            self._bridge = ParameterBridge(self, DetectorParameters, self._changes.prepare, others)
        except Exception:
            # The half-made node would stay in the graph, and its log publisher in rcl.
            super().destroy_node()
            raise
        ids, names = count(1), self.parameters.cameras or ("",)
        self._cameras = tuple(Camera(self, name, ids) for name in names)
        self._controls = Services(
            self, self._cameras, state=lambda: self.state, follow=self._follow
        )
        self._teaching = Teaching(self, self._cameras, self._faults)
        self.create_subscription(String, "~/set_vocabulary", self._on_set_vocabulary, qos.RELIABLE)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(FOLLOW_EVERY, self._follow, clock=steady)
        self._diagnostics = DiagnosticsReporter(
            self, self.snapshot, statuses, lambda: self.parameters.diagnostics_period
        )

    @property
    def parameters(self) -> DetectorParameters:
        """The parameters in force."""
        return self._bridge.current

    @property
    def _configurator(self) -> Configurator | None:
        return self._changes.configurator

    @property
    def counts(self) -> Counts:
        """Where the frames of all cameras went."""
        return Counts.sum(camera.accounting.counts() for camera in self._cameras)

    def add_consumer(self, consumer: Consumer, camera: str = "") -> None:
        """Gives a consumer in this process each frame of a camera and what was found on it.

        It counts as a subscriber, and is called on the thread that looks; what it raises is
        reported.

        Args:
            consumer: called after publication.
            camera: its name; empty for the only camera of a node.

        Raises:
            KeyError: no camera has this name.
        """
        with self._consumers_lock:
            self._named(camera).consumers += (consumer,)

    def remove_consumer(self, consumer: Consumer, camera: str = "") -> None:
        """Takes a consumer away again; one that is not there is ignored."""
        with self._consumers_lock:
            found = self._named(camera)
            found.consumers = tuple(each for each in found.consumers if each is not consumer)

    def snapshot(self) -> Snapshot:
        """Returns what diagnostics are made from."""
        return snapshot_of(
            self._cameras,
            self.parameters,
            state=self.state,
            paused=not self._controls.enabled,
            engine=self._changes.description(),
            last_error=self._faults.last,
            failure=self._failure,
            busy=0.0 if self._worker is None else self._worker.busy,
            teaching=self._teaching.counts(),
        )

    @property
    def leaving(self) -> bool:
        """Whether it was told to end."""
        return self._patience.leaving

    def leave(self) -> None:
        """Lets a transition that waits for the engine fail; a handler of signals may call it."""
        self._patience.leave()

    def destroy_node(self) -> None:
        """Stops and frees everything, then leaves the graph."""
        self._take_down()
        for each in (self._diagnostics, self._controls, self._teaching):
            each.destroy()
        super().destroy_node()

    def _configure(self) -> None:
        try:
            configurator = self._patience.wait(
                partial(
                    Configurator.load,
                    self.parameters,
                    version=self._next_version,
                    profile=self._profile,
                ),
                self.parameters.configure_timeout,
                "configure",
                "configure_timeout",
            )
            self._changes.begin(configurator)
            worker = self._worker = FrameWorker(configurator, self.get_clock(), self._faults)
            for camera in self._cameras:
                outputs = Publishers(
                    self,
                    camera.output,
                    camera_info=camera.input_topic("camera_info"),
                    bundle=configurator.bundle,
                    faults=self._faults,
                )
                camera.configure(worker.slots, outputs)
        except Exception:
            self._take_down()
            raise
        about = configurator.current.description()
        self.get_logger().info(
            f"{about['model.bundle']} ready: {about['model.precision']} on "
            f"{about['model.provider']}, {about['vocabulary.names']} names"
        )
        if configurator.current.perceiver.choice.words:
            self.get_logger().info(configurator.current.perceiver.choice.line)
        self.get_logger().info(bridge().note)
        for note in configurator.profile.notes:
            self.get_logger().warning(note)
        self._teaching.begin(configurator)

    def _activate(self) -> None:
        parameters, configurator = self.parameters, self._configurator
        if configurator is None or configure_reads(configurator.current.parameters, parameters):
            # They changed since, and may have been refused before.
            self._take_down()
            self._configure()
        try:
            for camera in self._cameras:
                camera.pictures.keep_for(parameters.teach_history)
                camera.activate(parameters.image_transport, lazy=parameters.lazy)
        except Exception:
            self._deactivate()
            raise

    def _deactivate(self) -> None:
        for camera in self._cameras:
            camera.deactivate()

    def _take_down(self) -> None:
        configurator = self._configurator
        self._changes.end()
        self._teaching.end()
        self._deactivate()
        worker, self._worker = self._worker, None
        if worker is not None and not worker.close(self._patience.left_of(_LEAVE_WITHIN)):
            self.get_logger().warning("the engine is still busy with a frame: left behind")
        for camera in self._cameras:
            camera.cleanup()
        if configurator is not None:
            self._next_version, self._profile = configurator.version + 1, configurator.profile

    def _beat(self) -> None:
        """Does meanwhile what timers do, where the executor is held up."""
        self._stop_stuck_frame()
        self._diagnostics.report_if_due()

    def _stop_stuck_frame(self) -> None:
        worker = self._worker
        if worker is not None and worker.busy > self.parameters.configure_timeout:
            worker.stop_frame()

    def _follow(self) -> None:
        """Lets cameras subscribe, or unsubscribe, as their results are wanted."""
        self._stop_stuck_frame()
        for camera in self._cameras:
            camera.pictures.keep_for(self.parameters.teach_history)
            try:
                camera.follow(lazy=self.parameters.lazy)
            except Exception as error:
                # Raised further, it would end the executor.
                self._faults.warn("follow", f"not subscribed: {one_line(error)}", camera.name)

    def _named(self, camera: str) -> Camera:
        return {each.name: each for each in self._cameras}[camera]

    def _on_set_vocabulary(self, message: String) -> None:
        """Takes names as the parameter does, and as it is written on the command line."""
        result = self.set_parameters([Parameter("vocabulary", value=message.data)])[0]
        if not result.successful:
            self._faults.warn("set_vocabulary", f"~/set_vocabulary refused: {result.reason}")


def main() -> int:
    """Entry point of detector_node."""

    def make(nodes: list[DetectorNode], words: Sequence[str]) -> None:
        no_words(words)
        nodes.append(DetectorNode())

    return run(make, DetectorNode.autostart, DetectorNode.leave, _USAGE)


if __name__ == "__main__":
    sys.exit(main())
