# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""localizer_node: detections and depth in, boxes in space out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from rclpy.clock import Clock
from rclpy.clock_type import ClockType

from vit_perception.parameters.detector import DetectorParameters
from vit_perception.parameters.localizer import LocalizerParameters
from vit_perception.parameters.values import configure_reads
from vit_perception.ros.detector_node import DetectorNode
from vit_perception.ros.frames.accounting import Counts
from vit_perception.ros.health.diagnostics import DiagnosticsReporter
from vit_perception.ros.lifecycle import FOLLOW_EVERY, ManagedNode
from vit_perception.ros.localizer.camera import SpaceCamera
from vit_perception.ros.localizer.needs import Cameras, Needs
from vit_perception.ros.localizer.outputs import SpacePublishers
from vit_perception.ros.localizer.report import SpaceSnapshot, statuses
from vit_perception.ros.localizer.snapshot import snapshot_of
from vit_perception.ros.localizer.transforms import TransformSource, transform_source
from vit_perception.ros.localizer.worker import SpaceWorker
from vit_perception.ros.parameter_bridge import Apply, ParameterBridge
from vit_perception.ros.run import no_words, run
from vit_perception.setting import SettingError, settings_of
from vit_perception.space.camera_info import looks_rectified
from vit_perception.wording import one_line, shown

_USAGE = """\
usage: localizer_node --ros-args ARGUMENTS

Gives what a detector found its place in space, by depth.

example:
  localizer_node --ros-args -p autostart:=true -p target_frame:=base_link \\
      -r detections:=/detector/detections -r instances:=/detector/instances \\
      -r depth:=/camera/aligned_depth_to_color/image_raw \\
      -r camera_info:=/camera/color/camera_info

doc/nodes.md lists topics, services and parameters."""

# Seconds between two looks at what images wait for, while some do; and that one in work may hold
# up the end.
_LOOK_EVERY, _LEAVE_WITHIN = 0.02, 1.0


class LocalizerNode(ManagedNode):
    """Gives what a detector found its place in space, by depth, cameras and transforms.

    The manual is doc/nodes.md. An image's way through the node is told in
    `ros/localizer/worker.py`.

    Args:
        name: of the node, where `__node` does not rename it.
        detector: in this process, whose frames and detections are taken without a subscription;
            None: they come on topics.
        options: as for rclpy's Node: context, namespace, parameter_overrides, …

    Raises:
        SettingError: a parameter given at start is refused, or names a camera that the detector
            does not have.
    """

    def __init__(
        self, name: str = "localizer", detector: DetectorNode | None = None, **options: Any
    ) -> None:
        super().__init__(name, "placing anything", **options)
        self._worker: SpaceWorker | None = None
        self._transforms: TransformSource | None = None
        try:
            others = settings_of(DetectorParameters)
            self._bridge = ParameterBridge(self, LocalizerParameters, self._prepare, others)
            names = _camera_names(self.parameters, detector)
        except Exception:
            # The half-made node would stay in the graph, and its log publisher in rcl.
            super().destroy_node()
            raise
        self._cameras = tuple(SpaceCamera(self, each, detector) for each in names)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(FOLLOW_EVERY, self._follow, clock=steady)
        self._look = self.create_timer(_LOOK_EVERY, self._poke, clock=steady)
        self._look.cancel()
        self._diagnostics = DiagnosticsReporter(
            self, self.snapshot, statuses, lambda: self.parameters.diagnostics_period
        )

    @property
    def parameters(self) -> LocalizerParameters:
        """The parameters in force."""
        return self._bridge.current

    @property
    def counts(self) -> Counts:
        """Where what was found in the images of all cameras went."""
        return Counts.sum(camera.accounting.counts() for camera in self._cameras)

    def snapshot(self) -> SpaceSnapshot:
        """Returns what diagnostics are made from."""
        return snapshot_of(
            self._cameras,
            self.parameters,
            state=self.state,
            last_error=self._faults.last,
            failure=self._failure,
            busy=0.0 if self._worker is None else self._worker.busy,
            transforms="" if self._transforms is None else self._transforms.origin,
        )

    def destroy_node(self) -> None:
        """Stops and frees everything, then leaves the graph."""
        self._take_down()
        self._diagnostics.destroy()
        super().destroy_node()

    def _prepare(self, wanted: LocalizerParameters) -> Apply:
        changed = configure_reads(self.parameters, wanted)
        if changed and self.state == "active":
            raise SettingError(f"{changed[0]}: read by configure: deactivate the node first")
        return lambda: None

    def _configure(self) -> None:
        try:
            worker = SpaceWorker(self._needs, self.get_clock(), self._faults)
            self._worker = worker
            for camera in self._cameras:
                camera.configure(worker.slots, SpacePublishers(self, camera.output))
        except Exception:
            self._take_down()
            raise

    def _activate(self) -> None:
        parameters = self.parameters
        try:
            for camera in self._cameras:
                camera.activate(parameters)
        except Exception:
            self._deactivate()
            raise
        self._look.reset()
        self._follow_transforms()

    def _deactivate(self) -> None:
        self._look.cancel()
        for camera in self._cameras:
            camera.deactivate()
        self._follow_transforms()

    def _take_down(self) -> None:
        self._deactivate()
        worker, self._worker = self._worker, None
        if worker is not None and not worker.close(_LEAVE_WITHIN):
            self.get_logger().warning("still at work on an image: left behind")
        for camera in self._cameras:
            camera.cleanup()

    def _needs(self, camera: SpaceCamera) -> Needs:
        """Returns what an image needs; on the worker's thread."""
        parameters = self.parameters
        topics = {
            each: self.resolve_topic_name(camera.input_topic(each))
            for each in ("image", "depth", "camera_info", "depth/camera_info")
        }
        cameras = Cameras(
            image=camera.infos.get("camera_info"),
            depth=camera.infos.get("depth/camera_info"),
            topic=topics["camera_info"],
            depth_topic=topics["depth/camera_info"],
            rectified=parameters.is_rectified(topics["image"]),
            depth_rectified=looks_rectified(topics["depth"]),
        )
        return Needs(cameras, self._transforms, parameters)

    def _follow(self) -> None:
        """Lets cameras subscribe, or unsubscribe, as their results are wanted."""
        for camera in self._cameras:
            try:
                camera.follow(self.parameters)
            except Exception as error:
                # Raised further, it would end the executor.
                self._faults.warn("follow", f"not subscribed: {one_line(error)}", camera.name)
        self._follow_transforms()

    def _follow_transforms(self) -> None:
        """Listens to /tf while something may need it."""
        parameters = self.parameters
        wanted = any(camera.inputs for camera in self._cameras) and (
            bool(parameters.target_frame or parameters.gravity_frame)
            or any(camera.moves for camera in self._cameras)
        )
        if wanted and self._transforms is None:
            self._transforms = transform_source(self, self._faults)
        elif not wanted and self._transforms is not None:
            before, self._transforms = self._transforms, None
            before.destroy()

    def _poke(self) -> None:
        for camera in self._cameras:
            if camera.waiting:
                camera.poke()


def _camera_names(
    parameters: LocalizerParameters, detector: DetectorNode | None
) -> tuple[str, ...]:
    """Returns the names of the cameras; empty for the only one.

    Raises:
        SettingError: the detector has no camera of this name.
    """
    names = parameters.cameras or ("",)
    if detector is None:
        return names
    there = detector.parameters.cameras or ("",)
    if not parameters.cameras:
        return there
    for name in names:
        if name not in there:
            raise SettingError(
                f"cameras: expected some of the detector's, {shown(list(there))}, "
                f"found {shown(name)}"
            )
    return names


def main() -> int:
    """Entry point of localizer_node."""

    def make(nodes: list[LocalizerNode], words: Sequence[str]) -> None:
        no_words(words)
        nodes.append(LocalizerNode())

    return run(make, LocalizerNode.autostart, LocalizerNode.leave, _USAGE)


if __name__ == "__main__":
    sys.exit(main())
