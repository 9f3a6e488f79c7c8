# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The thread on which frames are decoded, looked at and published."""

from __future__ import annotations

import time
from functools import partial

from rclpy.clock import Clock

from vit_perception.detections import Detections
from vit_perception.engine.calls import stop_call
from vit_perception.frame import Frame
from vit_perception.images.raw import ImageError
from vit_perception.perceiver.stages import StageTimes
from vit_perception.ros import messages
from vit_perception.ros.configuration import Configuration, Configurator
from vit_perception.ros.frames.accounting import ERROR, INACTIVE, STALE, UNDECODABLE, Dropped
from vit_perception.ros.frames.camera import Camera, Slots
from vit_perception.ros.frames.pictures import publish_pictures
from vit_perception.ros.frames.slot_thread import SlotThread
from vit_perception.ros.frames.slots import Arrival
from vit_perception.ros.frames.stamps import BACKWARD
from vit_perception.ros.health.fault_log import FaultLog, described


class FrameWorker:
    """Takes the newest message of a camera, one camera after the other, and accounts for each.

    Nothing that a message does ends the thread: a frame that fails is dropped, counted and
    reported.

    Args:
        configurator: gives each frame the configuration in force when its turn comes.
        clock: of the node, for ages.
        faults: hears of frames that are lost.

    Attributes:
        slots: where cameras leave their messages.
    """

    def __init__(self, configurator: Configurator, clock: Clock, faults: FaultLog) -> None:
        self._configurator = configurator
        self._clock = clock
        self._faults = faults
        self._thread: SlotThread[Camera, Arrival] = SlotThread(
            "frame_worker", self._work, self._lost
        )
        self.slots: Slots = self._thread.slots

    @property
    def busy(self) -> float:
        """Seconds since it began with the frame that it is looking at; 0 while there is none."""
        return self._thread.busy

    def stop_frame(self) -> None:
        """Asks the engine to give up the frame that it is looking at."""
        stop_call(self._thread.thread)

    def close(self, timeout: float) -> bool:
        """Ends the thread; False when a frame still occupied it after `timeout` seconds.

        The engine is asked to give that frame up when half of them have passed.
        """
        for camera, _ in self.slots.close():
            camera.accounting.dropped(INACTIVE)
        if self._thread.ended(timeout / 2):
            return True
        self.stop_frame()
        return self._thread.ended(timeout / 2)

    def _work(self, camera: Camera, arrival: Arrival) -> None:
        self._look(camera, arrival, self._configurator.current)

    def _lost(self, camera: Camera, error: Exception) -> None:
        # Of the account itself.
        self._faults.warn("worker", f"frame lost: {described(error)}", camera.name)

    def _look(self, camera: Camera, arrival: Arrival, configuration: Configuration) -> None:
        """Takes one frame from its arrival to its subscribers.

        The only place that closes a frame's account once it has been taken, so each frame is
        counted once.
        """
        stages, waited = StageTimes(), time.perf_counter() - arrival.time
        header, parameters = arrival.message.header, configuration.parameters
        try:
            # Receive.
            camera.gate.admit(arrival)
            now = self._clock.now().nanoseconds
            stamp = camera.stamps.read(messages.stamp_nanoseconds(header), now)
            if BACKWARD in stamp.odd:
                camera.accounting.forget_times()
            if stamp.age is not None and 0 < parameters.max_age < stamp.age:
                line = f"{stamp.age:.3f} s old, max_age is {parameters.max_age:g} s"
                raise Dropped(STALE, line=f"image dropped: {line}")
            # Decode.
            frame = messages.frame_of(
                arrival.message,
                stamp.nanoseconds,
                max_pixels=parameters.max_image_pixels,
                bits=partial(camera.bits.measured, fixed=parameters.image_bits),
            )
            stages.lap("decode")
            # Look.
            found = configuration.perceiver.look(frame, configuration.query, stages)
            # Publish, unless the node was stopped meanwhile; it does not stop in between.
            with camera.gate.held:
                camera.gate.admit(arrival)
                outputs = camera.outputs
                assert outputs is not None  # an admitted frame's camera is configured
                if parameters.tracking:
                    found = _followed(
                        camera, frame, found, stamp.nanoseconds or now, configuration
                    )
                    stages.lap("track")
                else:
                    camera.tracker.reset()
                    camera.evidence.reset()
                # Before, so that who has the result can mean its image.
                camera.pictures.looked(frame, found)
                outputs.publish(header, frame, found, configuration.query)
            stages.lap("publish")
        except Dropped as drop:
            self._drop(camera, drop)
            return
        except ImageError as error:
            self._drop(camera, Dropped(UNDECODABLE, error.cause, f"image dropped: {error}"))
            return
        except Exception as error:
            self._drop(camera, Dropped(ERROR, line=f"frame dropped: {described(error)}"))
            return
        # Account.
        seconds = {"wait": waited, **stages.seconds, "total": time.perf_counter() - arrival.time}
        if stamp.has_age:
            seconds["age"] = (self._clock.now().nanoseconds - stamp.nanoseconds) * 1e-9
        camera.accounting.published(seconds)
        # What may be late or left out.
        for consumer in camera.consumers:
            try:
                consumer(frame, found)
            except Exception as error:
                self._faults.warn(
                    "consumer", f"consumer left out: {described(error)}", camera.name
                )
        publish_pictures(
            camera,
            arrival,
            lambda: outputs.drawn(header, frame, found, parameters),
            self._faults,
            "overlay",
        )
        for answer in camera.gate.passed(arrival.time):
            answer(_outcome(found))

    def _drop(self, camera: Camera, drop: Dropped) -> None:
        camera.accounting.dropped(drop.cause, drop.reason)
        if drop.line:
            key = f"{drop.cause}.{drop.reason}" if drop.reason else drop.cause
            self._faults.warn(key, drop.line, camera.name)


def _followed(
    camera: Camera, frame: Frame, found: Detections, stamp: int, configuration: Configuration
) -> Detections:
    """Returns what was found, with ids and names over time; `stamp` in nanoseconds."""
    tracker = camera.tracker
    tracker.settings = configuration.parameters.tracking_settings()
    found = tracker.update(found, stamp, configuration.query.thresholds)
    return camera.evidence.update(found, tracker, (frame.width, frame.height))


def _outcome(found: Detections) -> str:
    """Returns in a few words what a frame held, the surest first."""
    surest = ", ".join(f"{each.name} {each.score:.2f}" for each in found[:5])
    return f"{len(found)} found{': ' if surest else ''}{surest}"
