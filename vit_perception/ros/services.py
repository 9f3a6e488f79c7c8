# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The detector's services: pause, and one frame on demand."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.task import Future
from std_srvs.srv import SetBool, Trigger

from vit_perception.ros.frames.camera import Camera
from vit_perception.ros.frames.gate import DETECT_ONCE_TIMEOUT


class Services:
    """`~/set_enabled` (std_srvs/SetBool) and `~/detect_once` (std_srvs/Trigger).

    Args:
        node: whose executor answers.
        cameras: what is paused and asked.
        state: the lifecycle state in one word.
        follow: called when a frame is wanted, and when it is not any more.
    """

    def __init__(
        self,
        node: Node,
        cameras: Sequence[Camera],
        *,
        state: Callable[[], str],
        follow: Callable[[], None],
    ) -> None:
        self._node = node
        self._cameras = tuple(cameras)
        self._state = state
        self._follow = follow
        self.enabled = True
        # A group of its own: a coroutine that waits would hold up all others of its group, those
        # that bring the images among them.
        apart = ReentrantCallbackGroup()
        self._all = [
            node.create_service(SetBool, "~/set_enabled", self._set_enabled),
            node.create_service(Trigger, "~/detect_once", self._detect_once, callback_group=apart),
        ]

    def destroy(self) -> None:
        """Takes the services away."""
        for service in self._all:
            self._node.destroy_service(service)

    def _set_enabled(
        self, request: SetBool.Request, response: SetBool.Response
    ) -> SetBool.Response:
        self.enabled = bool(request.data)
        for camera in self._cameras:
            camera.gate.enable(self.enabled)
        response.success = True
        response.message = "enabled" if self.enabled else "paused: frames are dropped as inactive"
        return response

    async def _detect_once(
        self, request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        """Answer when the next frame of every camera is published, or does not come."""
        now = time.perf_counter()
        # A coroutine: while it waits, the executor goes on to receive the frame.
        asked = [(camera, self._ask(camera, now)) for camera in self._cameras]
        self._follow()
        outcomes = [(camera, await future) for camera, future in asked]
        self._follow()
        response.success = all(text is not None for _, text in outcomes)
        response.message = "; ".join(
            f"{camera.name}: {said}" if camera.name else said
            for camera, said in ((camera, text or self._silence()) for camera, text in outcomes)
        )
        return response

    def _silence(self) -> str:
        state = self._state()
        if state == "finalized":
            return "no frame: the node is finalized, start it again"
        if state != "active":
            return f"no frame: the node is {state}, activate it first"
        return f"no frame was published within {DETECT_ONCE_TIMEOUT:g} s"

    def _ask(self, camera: Camera, now: float) -> Future[Any]:
        future: Future[Any] = Future(executor=self._node.executor)
        answer = partial(_settle, future)
        if not camera.gate.once(now, answer):
            future.set_result(None)
            return future

        def give_up() -> None:
            # Else the worker has just taken it, and answers.
            if camera.gate.forget(answer):
                answer(None)

        timer = self._node.create_timer(
            DETECT_ONCE_TIMEOUT, give_up, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

        def tidy(_: Future[Any]) -> None:
            self._node.destroy_timer(timer)

        future.add_done_callback(tidy)
        return future


def _settle(future: Future[Any], outcome: str | None) -> None:
    if not future.done():
        future.set_result(outcome)
