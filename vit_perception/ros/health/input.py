# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a topic that brings nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vit_perception.ros.health.status import FAULT, OK, WARN

_PROFILE_HINT = (
    "images larger than the shared-memory segment of the camera's process never arrive in "
    "another process: start the camera with FASTDDS_DEFAULT_PROFILES_FILE (before Kilted: "
    "FASTRTPS_DEFAULT_PROFILES_FILE) set to this package's config/fastdds.xml; nothing arrives "
    "from a process of another user"
)
_CLOCK_HINT = (
    "the clocks of camera and node differ (chrony or ptp keeps two machines together; in "
    "simulation and with bags set use_sim_time)"
)
_NO_CLOCK_HINT = "play the bag with --clock or start the simulator, or unset use_sim_time"
IMAGE_HINTS: Mapping[str, str] = {
    "sensor_msgs/msg/CompressedImage": "; for compressed images set image_transport to "
    "'compressed' and image to the topic without its ending /compressed",
    "sensor_msgs/msg/Image": "; for raw images set image_transport to 'raw'",
}
"""What to set where an image topic has messages of the other type."""


@dataclass(frozen=True, slots=True)
class Input:
    """A topic that is subscribed, as it is now.

    Attributes:
        topic, qos: what is subscribed, in words.
        publishers: how many publish there; None while not subscribed.
        silence: seconds since the last message (or since the subscription).
        timeout: seconds of silence after which to warn; 0: never.
        mismatch: the QoS policy because of which a publisher is not heard; "" for none.
        seen: messages since the subscription.
        other_types: types of publishers on this topic that the subscription does not take.
        wanted_type: that it takes.
        noun: what comes there, e.g. "image".
        hints: what else to set, by the other types that may be found.
        clock: False where the node takes its time from /clock and nothing has come there.
    """

    topic: str
    qos: str
    publishers: int | None
    silence: float
    timeout: float
    mismatch: str = ""
    seen: int = 0
    other_types: tuple[str, ...] = ()
    wanted_type: str = ""
    noun: str = "image"
    hints: Mapping[str, str] = field(default_factory=lambda: IMAGE_HINTS)
    clock: bool = True


def input_fault(camera: Input, *, future: bool) -> tuple[int, str, str]:
    """Returns level, kind and line of what is wrong with an input; OK and empty for nothing.

    Args:
        camera: subscribed.
        future: whether images were stamped in the future since the report before.
    """
    topic, noun, silent = camera.topic, camera.noun, 0 < camera.timeout < camera.silence
    if not camera.clock:
        line = f"no time: use_sim_time is set, and nothing has come on /clock; {_NO_CLOCK_HINT}"
        return WARN, "no clock", line
    if silent and camera.mismatch:
        line = (
            f"no {noun} on {topic}: a publisher offers another {camera.mismatch} than the "
            f"subscription asks for ({camera.qos})"
        )
        return FAULT, "QoS", line
    if silent and not camera.publishers and camera.other_types:
        hint = next((camera.hints[t] for t in camera.other_types if t in camera.hints), "")
        found = f"{', '.join(camera.other_types)}{hint}"
        line = f"no {noun} on {topic}: expected {camera.wanted_type}, found {found}"
        return FAULT, "type", line
    if silent and not camera.publishers:
        gone = f" any more, after {camera.seen} {noun}s" if camera.seen else ""
        line = (
            f"no {noun} on {topic} for {camera.silence:.1f} s ({camera.qos}): nobody publishes "
            f"there{gone}"
        )
        return WARN, "no publisher", line
    if silent and camera.seen:
        line = (
            f"no {noun} on {topic} for {camera.silence:.1f} s, after {camera.seen}: its publisher "
            "is there and sends nothing"
        )
        return WARN, "stalled", line
    if silent:
        line = f"no {noun} on {topic} for {camera.silence:.1f} s ({camera.qos}): {_PROFILE_HINT}"
        return WARN, "never seen", line
    if future:
        return WARN, "future", f"{noun}s on {topic} are stamped in the future: {_CLOCK_HINT}"
    return OK, "", ""
