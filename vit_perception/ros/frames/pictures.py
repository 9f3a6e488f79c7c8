# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of a result: published after it, where somebody wants them and there is time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from vit_perception.ros.frames.accounting import Dropped
from vit_perception.ros.frames.ends import CameraEnds
from vit_perception.ros.frames.slots import Arrival
from vit_perception.ros.health.fault_log import FaultLog, described


def publish_pictures(
    camera: CameraEnds[Any, Any],
    arrival: Arrival,
    draw: Callable[[], Iterable[tuple[Any, Any]]],
    faults: FaultLog,
    stage: str,
) -> None:
    """Draws and publishes, unless the node was stopped meanwhile; a failure is only told.

    Args:
        camera: whose they are.
        arrival: of the image.
        draw: returns publishers with what to publish.
        faults: hears of what cannot be drawn.
        stage: under which the time counts; also what is left out, in words.
    """
    begin = time.perf_counter()
    try:
        drawn = list(draw())
        with camera.gate.held:
            camera.gate.admit(arrival)
            for publisher, picture in drawn:
                publisher.publish(picture)
        if drawn:
            camera.accounting.took({stage: time.perf_counter() - begin})
    except Dropped:
        pass  # the node was stopped after its result was published
    except Exception as error:
        faults.warn(stage, f"{stage} left out: {described(error)}", camera.name)
