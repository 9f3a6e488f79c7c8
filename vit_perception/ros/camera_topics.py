# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Topics of cameras as launch arguments give them. Needs no ROS."""

from __future__ import annotations

from vit_perception.setting import SettingError
from vit_perception.wording import shown

_HINTS = {
    "compressed": " and image_transport:=compressed",
    "compressedDepth": " and depth_transport:=compressedDepth",
}
# What image_transport puts behind a topic.
_TRANSPORTS = ("compressed", "compressedDepth", "theora", "ffmpeg", "zstd", "draco", "foxglove")


def camera_topics(text: str, argument: str = "cameras") -> dict[str, str]:
    """Returns image topics by camera, from 'front=/front/image_raw, wrist=/wrist/image_raw'.

    Args:
        text: the entries.
        argument: that gave them, for the error.

    Raises:
        SettingError: an entry of another form, a name twice, or see `image_topic`.
    """
    topics: dict[str, str] = {}
    for entry in text.strip().strip("[]").split(","):
        name, equals, topic = (part.strip() for part in entry.partition("="))
        if not (name and equals and topic) or name in topics:
            raise SettingError(
                f"{argument}: expected each name once, with a topic: 'front=/front/image_raw, "
                f"wrist=/wrist/image_raw', found {shown(entry.strip())}"
            )
        topics[name] = image_topic(argument, topic)
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
        hint = _HINTS.get(last, "")
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


def depth_remappings(depth: str, camera_info: str, cameras: str) -> list[tuple[str, str]]:
    """Returns the localizer's depth topics of each camera, and those that take their place.

    Args:
        depth: topic of the depth images; with several cameras as `camera_topics` reads it.
        camera_info: of the depth camera; empty for camera_info beside the depth.
        cameras: as for `remappings`.

    Raises:
        SettingError: see `camera_topics` and `image_topic`, or a depth topic of a camera that is
            not there.
    """
    if not depth:
        return []
    if cameras:
        topics = camera_topics(depth, "depth")
        names = camera_topics(cameras)
        for name in topics:
            if name not in names:
                raise SettingError(f"depth: expected {' or '.join(names)}, found {shown(name)}")
        by_prefix = {f"{name}/": topic for name, topic in topics.items()}
    else:
        by_prefix = {"": image_topic("depth", depth)}
    result = []
    for prefix, topic in by_prefix.items():
        parent, slash, _ = topic.rpartition("/")
        beside = camera_info if camera_info and not prefix else f"{parent}{slash}camera_info"
        result += [(f"{prefix}depth", topic), (f"{prefix}depth/camera_info", beside)]
    return result
