# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A camera node as it is now, for diagnostics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vit_perception.parameters.detector import DetectorParameters
from vit_perception.ros.frames.camera import Camera
from vit_perception.ros.health.report import CameraState, Snapshot
from vit_perception.ros.teaching.account import TeachCounts


def snapshot_of(
    cameras: Sequence[Camera],
    parameters: DetectorParameters,
    *,
    state: str,
    paused: bool,
    engine: Mapping[str, str],
    last_error: str,
    failure: str,
    busy: float,
    teaching: TeachCounts,
) -> Snapshot:
    """Returns what one diagnostics message is made from.

    Args:
        cameras: of the node.
        parameters: limits from which on to warn.
        state: of the lifecycle, in one word.
        paused: whether `~/set_enabled` stopped it.
        engine: what runs, by diagnostics key; empty without a model.
        last_error: see FaultLog.
        failure: the line about the last transition, if it failed.
        busy: seconds that the present frame has taken so far.
        teaching: what became of orders to teach.
    """
    words = [state]
    if paused:
        words.append("paused")
    if cameras and all(camera.idle for camera in cameras):
        words.append("idle")
    return Snapshot(
        state=", ".join(words),
        cameras=tuple(
            CameraState(
                name=camera.name,
                input=camera.input(parameters.image_timeout),
                counts=camera.accounting.counts(),
                stamps=camera.stamps.counts(),
                latency=camera.accounting.latencies(),
                idle=camera.idle,
                kept_bytes=camera.pictures.bytes,
                tracking=camera.tracker.counts,
                evidence=camera.evidence.counts,
            )
            for camera in cameras
        ),
        warn_age=parameters.warn_age,
        warn_rate=parameters.warn_rate,
        engine=engine,
        last_error=last_error,
        failure=failure,
        busy=busy,
        teaching=teaching,
    )
