# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""detector_node: images of cameras in, detections of named things out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter

from vit_perception.detections import Detections
from vit_perception.frame import Frame
from vit_perception.parameters.detector import DetectorParameters
from vit_perception.perceiver.perceiver import Perceiver, Prepared
from vit_perception.ros import messages
from vit_perception.ros.bridge import bridge
from vit_perception.ros.engine import Detector, Engine, as_it_is
from vit_perception.ros.frames.accounting import Counts
from vit_perception.ros.frames.camera import Camera
from vit_perception.ros.frames.worker import FrameWorker, Steps
from vit_perception.ros.health.diagnostics import DiagnosticsReporter
from vit_perception.ros.health.report import CameraState, Snapshot
from vit_perception.ros.health.throttle import Throttle
from vit_perception.ros.outputs.publishers import Publishers
from vit_perception.ros.parameter_bridge import Apply, ParameterBridge
from vit_perception.ros.reload import Reload
from vit_perception.ros.run import no_words, run
from vit_perception.ros.services import Services
from vit_perception.wording import one_line, shown

_LEAVE_WITHIN = 1.0
"""Seconds that a frame in work may hold up the end."""


class DetectorNode(LifecycleNode):
    """Looks at the newest frame of each camera, in turns, for the names of the vocabulary.

    The manual (topics, parameters, diagnostics) is printed by
    `python -m vit_perception.ros.manual`.

    Args:
        name: of the node, where `__node` does not rename it.
        wrap: what to put around the perceiver, e.g. a gate in a test of slow inference.
        options: as for rclpy's Node: context, namespace, parameter_overrides, …

    Raises:
        ParameterError: a parameter given at start cannot be.

    """

    def __init__(
        self,
        name: str = "detector",
        *,
        wrap: Callable[[Perceiver], Detector] = as_it_is,
        **options: Any,
    ) -> None:
        super().__init__(name, automatically_declare_parameters_from_overrides=True, **options)
        self._wrap = wrap
        self._state = "unconfigured"
        self._next_version = 0
        self._last_error = ""
        self._throttle = Throttle()
        self._engine: Engine | None = None
        self._reload = Reload(self._reloaded)
        self._worker: FrameWorker | None = None
        self._outputs: list[Publishers] = []
        self._cameras: tuple[Camera, ...] = ()
        self._diagnostics: DiagnosticsReporter | None = None
        self._controls: Services | None = None
        try:
            self._bridge = ParameterBridge(self, self._prepare)
        except Exception:
            # The half-made node would stay in the graph, and its log publisher in rcl.
            self.destroy_node()
            raise
        self._cameras = tuple(Camera(self, name) for name in self.parameters.cameras or ("",))
        self._controls = Services(self, self._cameras, lambda: self._state)
        self._diagnostics = DiagnosticsReporter(
            self, self.snapshot, lambda: self.parameters.diagnostics_period
        )

    @property
    def parameters(self) -> DetectorParameters:
        """The parameters in force."""
        return self._bridge.current

    @property
    def counts(self) -> Counts:
        """Where the frames of all cameras went."""
        return Counts.sum(camera.lane.accounting.counts() for camera in self._cameras)

    def snapshot(self) -> Snapshot:
        """Return what diagnostics are made from."""
        parameters = self.parameters
        paused = self._controls is not None and not self._controls.enabled
        return Snapshot(
            state=f"{self._state}, paused" if paused else self._state,
            cameras=tuple(
                CameraState(
                    name=camera.name,
                    input=camera.input(parameters.image_timeout),
                    counts=camera.lane.accounting.counts(),
                    stamps=camera.lane.stamps.counts(),
                    latency=camera.lane.latency.quantiles(),
                )
                for camera in self._cameras
            ),
            warn_age=parameters.warn_age,
            warn_rate=parameters.warn_rate,
            engine={} if self._engine is None else self._engine.description(self._reload.wanted),
            last_error=self._last_error,
        )

    def autostart(self) -> None:
        """Configure and activate, if the parameter says so; a failure has been told then."""
        if not self.parameters.autostart:
            return
        for change, name in (
            (self.trigger_configure, "configure"),
            (self.trigger_activate, "activate"),
        ):
            if change() != TransitionCallbackReturn.SUCCESS:
                self.get_logger().error(
                    "not looking at images: mend what the line above names and run 'ros2 "
                    f"lifecycle set {self.get_fully_qualified_name()} {name}', or end with Ctrl-C"
                )
                return

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load, check and warm up, or fail with the reason in one line."""
        return self._transition("configure", "inactive", self._configure)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Begin to look at images."""
        return self._transition("activate", "active", self._activate)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop looking at images; the session stays."""
        return self._transition("deactivate", "inactive", self._deactivate)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the session."""
        return self._transition("cleanup", "unconfigured", self._take_down)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop and free everything."""
        return self._transition("shutdown", "finalized", self._take_down)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Return to unconfigured."""
        return self._transition("error handling", "unconfigured", self._take_down)

    def destroy_node(self) -> None:
        """Stop and free everything, then leave the graph."""
        self._take_down()
        for each in (self._diagnostics, self._controls):
            if each is not None:
                each.destroy()
        super().destroy_node()

    def _transition(
        self, name: str, state: str, action: Callable[[], None]
    ) -> TransitionCallbackReturn:
        # rclpy drops an exception of a transition together with its text.
        try:
            action()
        except Exception as error:
            self._last_error = f"{name} failed: {one_line(error)}"
            self.get_logger().error(self._last_error)
            return TransitionCallbackReturn.FAILURE
        self._state = state
        return TransitionCallbackReturn.SUCCESS

    def _configure(self) -> None:
        try:
            engine = Engine.load(self.parameters, version=self._next_version, wrap=self._wrap)
            self._engine, self._next_version = engine, engine.version + 1
            worker = self._worker = FrameWorker()
            for camera in self._cameras:
                outputs = Publishers(
                    self,
                    camera.output,
                    camera_info=camera.input_topic("camera_info"),
                    method=engine.bundle.architecture,
                    location=str(engine.bundle.directory),
                    report=self._report,
                )
                self._outputs.append(outputs)
                camera.configure(worker.slots, self._steps(engine, outputs))
        except Exception:
            self._take_down()
            raise
        about = engine.description()
        self.get_logger().info(
            f"{about['model.bundle']} ready: {about['model.precision']} on "
            f"{about['model.provider']}, {about['vocabulary.names']} names"
        )
        self.get_logger().info(bridge().note)
        self._mention_idle_thresholds(engine)

    def _activate(self) -> None:
        try:
            for camera in self._cameras:
                camera.activate(self.parameters.image_transport)
        except Exception:
            self._deactivate()
            raise

    def _deactivate(self) -> None:
        for camera in self._cameras:
            camera.deactivate()

    def _take_down(self) -> None:
        for camera in self._cameras:
            camera.cleanup()
        worker, self._worker = self._worker, None
        if worker is not None and not worker.close(_LEAVE_WITHIN):
            self.get_logger().warning("the engine is still busy with a frame: left behind")
        while self._outputs:
            self._outputs.pop().destroy()
        self._reload.cancel()
        self._engine = None

    def _steps(self, engine: Engine, outputs: Publishers) -> Steps:
        def publish(message: Any, detections: Detections) -> None:
            threshold = engine.perceiver.settings.score_threshold
            outputs.publish(message.header, detections, threshold)

        def draw(message: Any, frame: Frame, detections: Detections) -> bool:
            return outputs.draw(message.header, frame, detections, self.parameters)

        return Steps(
            stamp=lambda m: messages.stamp_nanoseconds(m.header),
            now=lambda: self.get_clock().now().nanoseconds,
            max_age=lambda: self.parameters.max_age,
            decode=lambda m: messages.frame_of(m, max_pixels=self.parameters.max_image_pixels),
            detect=engine.detect,
            publish=publish,
            draw=draw,
            report=self._report,
        )

    def _report(self, cause: str, line: str) -> None:
        self._last_error = line
        if (text := self._throttle.line(cause, line)) is not None:
            self.get_logger().warning(text)

    def _prepare(self, wanted: DetectorParameters) -> Apply:
        engine = self._engine
        if engine is None:
            return lambda parameters: None
        return partial(self._apply, engine, engine.prepare(wanted))

    def _apply(self, engine: Engine, prepared: Prepared, parameters: DetectorParameters) -> None:
        engine.apply(prepared, parameters)
        self._next_version = engine.version + 1
        self._mention_idle_thresholds(engine)
        self._reload.follow(engine, parameters)

    def _reloaded(self, wanted: DetectorParameters, error: Exception | None) -> None:
        """Say what came of another precision or provider; take back what cannot be had."""
        asked = f"{wanted.precision} on {wanted.provider}"
        engine, executor = self._engine, self.executor
        if error is None:
            self.get_logger().info(f"{asked}: opened, and used from now on")
            return
        self._last_error = f"{asked}: {one_line(error)}; what ran before goes on"
        self.get_logger().error(self._last_error)
        if engine is None or executor is None:
            return
        before = [
            Parameter("precision", value=engine.perceiver.precision),
            Parameter("provider", value=engine.provider),
        ]
        # Parameters belong to the executor's thread.
        executor.create_task(lambda: self.set_parameters(before))

    def _mention_idle_thresholds(self, engine: Engine) -> None:
        for name in engine.idle_thresholds:
            line = f"class_thresholds: {shown(name)} is not in the vocabulary"
            self.get_logger().warning(line)


def main() -> int:
    """Entry point of detector_node."""

    def make(nodes: list[DetectorNode], words: Sequence[str]) -> None:
        no_words(words)
        nodes.append(DetectorNode())

    return run(make, DetectorNode.autostart)


if __name__ == "__main__":
    sys.exit(main())
