# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The thread on which what was found gets its places."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.clock import Clock
from std_msgs.msg import Header

from vit_perception.frame import Frame
from vit_perception.images.raw import ImageError
from vit_perception.perceiver.stages import StageTimes
from vit_perception.ros import messages
from vit_perception.ros.frames.accounting import ERROR, UNDECODABLE, Dropped
from vit_perception.ros.frames.pictures import publish_pictures
from vit_perception.ros.frames.slot_thread import SlotThread
from vit_perception.ros.frames.stamps import BACKWARD
from vit_perception.ros.health.fault_log import FaultLog, described
from vit_perception.ros.instances import InstancesError
from vit_perception.ros.localizer.camera import SpaceCamera
from vit_perception.ros.localizer.depth import depth_of, unit_mistake
from vit_perception.ros.localizer.found import Found
from vit_perception.ros.localizer.messages import header_in
from vit_perception.ros.localizer.needs import Needs
from vit_perception.ros.localizer.pairing import Lack, Match
from vit_perception.space.camera_model import CameraModelError
from vit_perception.space.locate import LocateError
from vit_perception.space.objects import Objects
from vit_perception.space.placed import placed
from vit_perception.space.registration import RegistrationError
from vit_perception.wording import one_line

# What the messages of a robot's other programs can be wrong in, and its key.
_UNREADABLE: tuple[tuple[type[Exception], str], ...] = (
    (InstancesError, "instances"),
    (CameraModelError, "camera_info"),
    (LocateError, "size"),
    (RegistrationError, "size"),
)


@dataclass(frozen=True, slots=True, eq=False)
class _Placed:
    """Things in the optical frame and, with `header`, in the frame of the results.

    size: height and width of the image.
    clouds: whether the things have their points.
    unit: what is odd about the unit of the depth.
    """

    found: Found
    objects: Objects
    moved: Objects | None
    header: Header
    size: tuple[int, int]
    clouds: bool
    unit: str


class SpaceWorker:
    """Places what was found in the newest image of a camera, one camera after the other.

    Nothing that a message does ends the thread: an image that fails is dropped, counted and
    reported.

    Args:
        needs: returns what an image of a camera needs now.
        clock: of the node, for ages.
        faults: hears of images that are lost.

    Attributes:
        slots: where cameras say that something has come in.
    """

    def __init__(
        self, needs: Callable[[SpaceCamera], Needs], clock: Clock, faults: FaultLog
    ) -> None:
        self._needs = needs
        self._clock = clock
        self._faults = faults
        self._thread: SlotThread[SpaceCamera, None] = SlotThread(
            "space_worker", self._work, self._lost
        )
        self.slots = self._thread.slots

    @property
    def busy(self) -> float:
        """Seconds since it began with the image that it is at; 0 while there is none."""
        return self._thread.busy

    def close(self, timeout: float) -> bool:
        """Ends the thread; False when an image still occupied it after `timeout` seconds."""
        self.slots.close()
        return self._thread.ended(timeout)

    def _work(self, camera: SpaceCamera, _: None) -> None:
        needs = self._needs(camera)
        match = camera.settle(needs.parameters, needs.lacking)
        if match is not None:
            self._place(camera, match, needs)

    def _lost(self, camera: SpaceCamera, error: Exception) -> None:
        # Of the account itself.
        self._faults.warn("worker", f"image lost: {described(error)}", camera.name)

    def _place(self, camera: SpaceCamera, match: Match, needs: Needs) -> None:
        """Takes one image from its match to its subscribers, and closes its account."""
        arrival, stages = match.arrival, StageTimes()
        waited = time.perf_counter() - arrival.time
        try:
            camera.gate.admit(arrival)
            outputs = camera.outputs
            assert outputs is not None  # an admitted image's camera is configured
            result = self._placed(match, needs, stages, clouds=outputs.clouds_subscribed)
            with camera.gate.held:
                camera.gate.admit(arrival)
                if result.moved is not None:
                    outputs.publish(result.header, result.found, result.moved)
            stages.lap("publish")
        except Dropped as drop:
            camera.accounting.dropped(drop.cause)
            return
        except Exception as error:
            self._fail(camera, error)
            return
        self._account(camera, match, result, {"wait": waited, **stages.seconds})
        publish_pictures(
            camera,
            arrival,
            lambda: self._drawn(camera, match, result, needs),
            self._faults,
            "drawing",
        )

    def _placed(self, match: Match, needs: Needs, stages: StageTimes, *, clouds: bool) -> _Placed:
        parameters, message = needs.parameters, match.arrival.message
        if isinstance(message, tuple):
            found = Found.of_detections(match.header, message[1])
        else:
            found = Found.of_messages(message, match.instances)
        depth = depth_of(match.depth, max_pixels=parameters.max_image_pixels)
        if line := unit_mistake(match.depth, depth):
            # Nothing gets a place that would be off by a factor of a thousand.
            depth = np.full_like(depth, np.nan)
        stages.lap("decode")
        geometry = needs.geometry(match, (depth.shape[0], depth.shape[1]))
        settings = parameters.settings()
        objects = placed(
            *(found.boxes, found.masks, depth, geometry, settings),
            surfaces=clouds,
            lap=stages.lap,
        )
        size = geometry.camera.height, geometry.camera.width
        if match.lack is not None:
            return _Placed(found, objects, None, match.header, size, clouds, line)
        header, moved = match.header, objects
        if (transform := needs.target(match)) is not None:
            header, moved = header_in(header, parameters.target_frame), objects.moved(transform)
        stages.lap("transform")
        return _Placed(found, objects, moved, header, size, clouds, line)

    def _account(
        self, camera: SpaceCamera, match: Match, result: _Placed, seconds: dict[str, float]
    ) -> None:
        camera.unit = result.unit
        if match.lack is not None:
            camera.drop(match.lack)
            return
        camera.boxes += result.found.masks is None
        camera.placed += len(result.objects)
        camera.left_out.update(result.objects.left_out.values())
        seconds["total"] = time.perf_counter() - match.arrival.time
        now = self._clock.now().nanoseconds
        stamp = camera.stamps.read(messages.stamp_nanoseconds(match.header), now)
        if BACKWARD in stamp.odd:
            camera.accounting.forget_times()
        if stamp.age is not None and stamp.has_age:
            seconds["age"] = stamp.age
        camera.accounting.published(seconds)

    def _fail(self, camera: SpaceCamera, error: Exception) -> None:
        reason = next((key for kind, key in _UNREADABLE if isinstance(error, kind)), "")
        if isinstance(error, ImageError):
            reason = error.cause
        cause = UNDECODABLE if reason else ERROR
        line = one_line(error) if reason else described(error)
        camera.drop(Lack(cause, line, 0.0), reason)
        self._faults.warn(f"{cause}.{reason}", f"image dropped: {line}", camera.name)

    def _drawn(
        self, camera: SpaceCamera, match: Match, result: _Placed, needs: Needs
    ) -> list[tuple[Any, Any]]:
        outputs = camera.outputs
        if outputs is None:
            return []
        image = self._colours(match, result, needs) if result.clouds else None
        objects = result.objects if result.moved is None else result.moved
        return outputs.drawn(result.header, result.found, objects, image, clouds=result.clouds)

    def _colours(self, match: Match, result: _Placed, needs: Needs) -> NDArray[np.uint8] | None:
        if isinstance(match.arrival.message, tuple):
            frame: Frame = match.arrival.message[0]
            return frame.image
        if match.image is None:
            return None
        limit = needs.parameters.max_image_pixels
        try:
            pixels = messages.frame_of(match.image, 0, max_pixels=limit).image
        except ImageError as error:
            self._faults.warn("colours", f"clouds without colours: {error}")
            return None
        if pixels.shape[:2] != result.size:
            height, width = result.size
            line = f"expected an image of {width} x {height} px, as camera_info says"
            found = f"found {pixels.shape[1]} x {pixels.shape[0]}"
            self._faults.warn("colours", f"clouds without colours: {line}, {found}")
            return None
        return pixels
