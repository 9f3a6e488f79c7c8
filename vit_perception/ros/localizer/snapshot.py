# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A localizer as it is now, for diagnostics."""

from __future__ import annotations

import time
from collections.abc import Sequence

from vit_perception.parameters.localizer import LocalizerParameters
from vit_perception.ros.localizer.camera import SpaceCamera
from vit_perception.ros.localizer.report import SpaceCameraState, SpaceSnapshot
from vit_perception.space.objects import LEFT_OUT


def snapshot_of(
    cameras: Sequence[SpaceCamera],
    parameters: LocalizerParameters,
    *,
    state: str,
    last_error: str,
    failure: str,
    busy: float,
    transforms: str,
) -> SpaceSnapshot:
    """Returns what one diagnostics message is made from; arguments as SpaceSnapshot has them."""
    idle = bool(cameras) and all(camera.idle for camera in cameras)
    return SpaceSnapshot(
        state=f"{state}, idle" if idle else state,
        cameras=tuple(_state(camera, parameters) for camera in cameras),
        warn_age=parameters.warn_age,
        warn_rate=parameters.warn_rate,
        last_error=last_error,
        failure=failure,
        busy=busy,
        transforms=transforms,
    )


def _state(camera: SpaceCamera, parameters: LocalizerParameters) -> SpaceCameraState:
    inputs = {topic: each.input(parameters.input_timeout) for topic, each in camera.inputs.items()}
    return SpaceCameraState(
        name=camera.name,
        inputs=inputs,
        counts=camera.accounting.counts(),
        stamps=camera.stamps.counts(),
        lines=dict(camera.lines),
        latency=camera.accounting.latencies(),
        idle=camera.idle,
        waiting=camera.waiting,
        placed=camera.placed,
        left_out={cause: camera.left_out[cause] for cause in LEFT_OUT},
        boxes=camera.boxes,
        unit=camera.unit,
        silence=_silence(camera, parameters.input_timeout),
        notes=_notes(camera),
    )


def _silence(camera: SpaceCamera, timeout: float) -> str:
    """Returns a line on a detector in this process that gives nothing; empty while it does."""
    detector, silence = camera.detector, time.perf_counter() - camera.heard
    if detector is None or not camera.inputs or not 0 < timeout < silence:
        return ""
    name = detector.get_fully_qualified_name()
    return f"nothing from {name} in this process for {silence:.1f} s, which is {detector.state}"


def _notes(camera: SpaceCamera) -> tuple[str, ...]:
    """Returns what is done without."""
    notes = []
    inputs = camera.inputs
    info = inputs.get("depth/camera_info")
    if info is not None and not info.seen and inputs["camera_info"].seen:
        notes.append(
            f"nothing on {info.topic}: depth of the image's frame and size is read with the "
            "image's camera_info"
        )
    instances = inputs.get("instances")
    if instances is not None and not instances.seen and inputs["detections"].seen:
        notes.append(f"nothing on {instances.topic}: things are placed by their boxes")
    return tuple(notes)
