# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The topics and the service by which a detector is taught."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from geometry_msgs.msg import Point
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.task import Future
from std_srvs.srv import Trigger
from vision_msgs.msg import Detection2DArray

from vit_perception.ros import qos
from vit_perception.ros.configuration import Configurator
from vit_perception.ros.frames.camera import Camera
from vit_perception.ros.health.fault_log import FaultLog
from vit_perception.ros.teaching import orders
from vit_perception.ros.teaching.account import Refused, TeachAccount, TeachCounts
from vit_perception.ros.teaching.teacher import Save, Teacher, tell

if TYPE_CHECKING:
    from vit_perception.ros.detector_node import DetectorNode


class Teaching:
    """`~/teach`, `~/overlay_mouse_left` of each camera and `~/save_taught` of a node.

    Args:
        node: whose executor hears, and whose parameters say what a click means.
        cameras: whose images are meant.
        faults: hears of refusals.
    """

    def __init__(self, node: DetectorNode, cameras: Sequence[Camera], faults: FaultLog) -> None:
        self._node = node
        self._faults = faults
        self._account = TeachAccount()
        self._teacher = Teacher(node, self._account, faults)
        self._subscriptions = [
            node.create_subscription(
                kind, camera.output(topic), partial(callback, camera), qos.ORDERS
            )
            for camera in cameras
            for kind, topic, callback in (
                (Detection2DArray, "teach", self._on_teach),
                (Point, "overlay_mouse_left", self._on_click),
            )
        ]
        # As that of ~/detect_once: a coroutine that waits would hold up the others of its group.
        self._service = node.create_service(
            Trigger, "~/save_taught", self._save, callback_group=ReentrantCallbackGroup()
        )

    def begin(self, configurator: Configurator) -> None:
        """Takes orders from now on."""
        self._teacher.begin(configurator)

    def end(self) -> None:
        """Refuses what waits; nothing changes any more once this has returned."""
        self._teacher.end()

    def counts(self) -> TeachCounts:
        """Returns what became of all orders."""
        return self._account.counts()

    def destroy(self) -> None:
        """Takes topics and service away."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._node.destroy_service(self._service)

    def _on_teach(self, camera: Camera, message: Detection2DArray) -> None:
        self._ask(camera, lambda: orders.of_message(message, camera))

    def _on_click(self, camera: Camera, point: Point) -> None:
        now = self._node.parameters
        self._ask(
            camera, lambda: orders.of_click(point, now.teach_click, camera, now.overlay_score)
        )

    def _ask(self, camera: Camera, order: Callable[[], orders.Order]) -> None:
        self._account.arrived()
        try:
            self._teacher.check()
            self._teacher.ask(order())
        except Refused as refused:
            tell(self._account, self._faults, refused, camera.name)

    async def _save(
        self, request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        """Answer when what was taught before is on the disk, or why it is not."""
        future: Future[Any] = Future(executor=self._node.executor)

        def answer(success: bool, line: str) -> None:
            future.set_result((success, line))

        try:
            self._teacher.ask(Save(answer))
        except Refused as refused:
            answer(False, refused.line)
        outcome: Any = await future
        response.success, response.message = outcome
        return response
