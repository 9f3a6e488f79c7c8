# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""detector_node: images of one camera in, detections of named things out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from vit_perception.detections import Detections
from vit_perception.frame import Frame
from vit_perception.parameters import DetectorParameters
from vit_perception.perceiver import Perceiver, Prepared
from vit_perception.ros import messages
from vit_perception.ros.accounting import Counts
from vit_perception.ros.camera import Camera
from vit_perception.ros.diagnostics import DiagnosticsReporter
from vit_perception.ros.engine import Detector, Engine, as_it_is
from vit_perception.ros.parameter_bridge import Apply, ParameterBridge
from vit_perception.ros.publishers import Publishers
from vit_perception.ros.report import Snapshot
from vit_perception.ros.run import run
from vit_perception.ros.throttle import Throttle
from vit_perception.ros.worker import Steps
from vit_perception.wording import one_line, shown


class DetectorNode(LifecycleNode):
    """Looks at the newest frame of a camera for the names of the vocabulary.

    The manual (topics, parameters, diagnostics) is printed by
    `python -m vit_perception.ros.manual`.

    Args:
        wrap: what to put around the perceiver, e.g. a gate in a test of slow inference.
        options: as for rclpy's Node: context, namespace, parameter_overrides, …

    Raises:
        ParameterError: a parameter given at start cannot be.

    """

    def __init__(
        self, *, wrap: Callable[[Perceiver], Detector] = as_it_is, **options: Any
    ) -> None:
        super().__init__(
            "detector", automatically_declare_parameters_from_overrides=True, **options
        )
        self._wrap = wrap
        self._state = "unconfigured"
        self._next_version = 0
        self._last_error = ""
        self._throttle = Throttle()
        self._engine: Engine | None = None
        self._outputs: Publishers | None = None
        self._diagnostics: DiagnosticsReporter | None = None
        self._camera = Camera(self)
        try:
            self._bridge = ParameterBridge(self, self._prepare)
        except Exception:
            # The half-made node would stay in the graph, and its log publisher in rcl.
            self.destroy_node()
            raise
        self._diagnostics = DiagnosticsReporter(
            self,
            self._camera.accounting.counts,
            self._snapshot,
            lambda: self.parameters.diagnostics_period,
        )

    @property
    def parameters(self) -> DetectorParameters:
        """The parameters in force."""
        return self._bridge.current

    @property
    def counts(self) -> Counts:
        """Where the frames went."""
        return self._camera.accounting.counts()

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load, check and warm up, or fail with the reason in one line."""
        return self._transition("configure", "inactive", self._configure)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Begin to look at images."""
        transport = self.parameters.image_transport
        return self._transition("activate", "active", lambda: self._camera.activate(transport))

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop looking at images; the session stays."""
        return self._transition("deactivate", "inactive", self._camera.deactivate)

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
        if self._diagnostics is not None:
            self._diagnostics.destroy()
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
            outputs = self._outputs = Publishers(
                self, method=engine.bundle.architecture, location=str(engine.bundle.directory)
            )
            self._camera.configure(self._steps(engine, outputs))
        except Exception:
            self._take_down()
            raise
        about = engine.description()
        self.get_logger().info(
            f"{about['model.bundle']} ready: {about['model.precision']} on "
            f"{about['model.provider']}, {about['vocabulary.names']} names"
        )
        self._mention_idle_thresholds(engine)

    def _take_down(self) -> None:
        if not self._camera.cleanup():
            self.get_logger().warning("the engine is still busy with a frame: left behind")
        if self._outputs is not None:
            self._outputs.destroy()
            self._outputs = None
        self._engine = None

    def _steps(self, engine: Engine, outputs: Publishers) -> Steps:
        def publish(message: Any, detections: Detections) -> None:
            threshold = engine.perceiver.settings.score_threshold
            outputs.publish(message.header, detections, threshold)

        def draw(message: Any, frame: Frame, detections: Detections) -> bool:
            return outputs.draw(message.header, frame, detections, self.parameters.overlay_rate)

        return Steps(
            age=self._age,
            max_age=lambda: self.parameters.max_age,
            decode=lambda m: messages.frame_of(m, max_pixels=self.parameters.max_image_pixels),
            detect=engine.detect,
            publish=publish,
            draw=draw,
            report=self._report,
        )

    def _age(self, message: Any) -> float | None:
        stamp = messages.stamp_nanoseconds(message.header)
        return (self.get_clock().now().nanoseconds - stamp) * 1e-9 if stamp else None

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

    def _mention_idle_thresholds(self, engine: Engine) -> None:
        for name in engine.idle_thresholds:
            line = f"class_thresholds: {shown(name)} is not in the vocabulary"
            self.get_logger().warning(line)

    def _snapshot(self, before: Counts, elapsed: float) -> Snapshot:
        return Snapshot(
            state=self._state,
            input=self._camera.input(self.parameters.image_timeout),
            counts=self.counts,
            before=before,
            elapsed=elapsed,
            latency=self._camera.latency.quantiles(),
            engine={} if self._engine is None else self._engine.description(),
            last_error=self._last_error,
        )


def main() -> int:
    """Entry point of detector_node."""
    return run(DetectorNode)


if __name__ == "__main__":
    sys.exit(main())
