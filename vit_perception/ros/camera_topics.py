# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Topics of cameras as launch arguments give them. Needs no ROS."""

from __future__ import annotations

from vit_perception.setting import SettingError
from vit_perception.wording import shown

# What image_transport puts behind a topic.
_TRANSPORTS = ("compressed", "compressedDepth", "theora", "ffmpeg", "zstd", "draco", "foxglove")


def camera_topics(text: str) -> dict[str, str]:
    """Returns image topics by camera, from 'front=/front/image_raw, wrist=/wrist/image_raw'.

    Raises:
        SettingError: an entry of another form, a name twice, or see `image_topic`.
    """
    topics: dict[str, str] = {}
    for entry in text.strip().strip("[]").split(","):
        name, equals, topic = (part.strip() for part in entry.partition("="))
        if not (name and equals and topic) or name in topics:
            raise SettingError(
                "cameras: expected each name once, with a topic: 'front=/front/image_raw, "
                f"wrist=/wrist/image_raw', found {shown(entry.strip())}"
            )
        topics[name] = image_topic("cameras", topic)
    return topics


def image_topic(argument: str, topic: str) -> str:
    """Returns the topic of a camera's raw images, which the others stand beside.

    Args:
        argument: that gave the topic, for the error.
        topic: of raw images.

    Raises:
        SettingError: it names one of the others.
    """
    raw, slash, last = topic.rpartition("/")
    if slash and last in _TRANSPORTS:
        hint = " and image_transport:=compressed" if last == "compressed" else ""
        raise SettingError(
            f"{argument}: expected the topic of raw images, found {shown(topic)}: give {raw}{hint}"
        )
    return topic


def remappings(image: str, camera_info: str, cameras: str) -> list[tuple[str, str]]:
    """Returns the node's topics of each camera, and those that take their place.

    They are the images, the compressed ones below them, and camera_info.

    Args:
        image: topic of the one camera; not used if there are several.
        camera_info: its intrinsics; empty for camera_info beside the images.
        cameras: see `camera_topics`; empty for one camera.

    Raises:
        SettingError: see `camera_topics` and `image_topic`.
    """
    if cameras:
        by_prefix = {f"{name}/": topic for name, topic in camera_topics(cameras).items()}
    else:
        by_prefix = {"": image_topic("image", image)}
    result = []
    for prefix, topic in by_prefix.items():
        info = camera_info if not prefix else ""
        if topic not in ("", f"{prefix}image"):
            result += [
                (f"{prefix}image", topic),
                (f"{prefix}image/compressed", f"{topic}/compressed"),
            ]
            parent, slash, _ = topic.rpartition("/")
            info = info or f"{parent}{slash}camera_info"
        if info:
            result.append((f"{prefix}camera_info", info))
    return result
