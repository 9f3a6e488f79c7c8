# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Topics of cameras as launch arguments give them."""

from __future__ import annotations

import pytest

from vit_perception.ros.camera_topics import (
    camera_topics,
    depth_remappings,
    image_topic,
    remappings,
)
from vit_perception.setting import SettingError


def test_topics_of_several_cameras() -> None:
    cameras = "front=/front/image_raw, wrist = /arm/color/image"
    assert camera_topics(cameras) == {"front": "/front/image_raw", "wrist": "/arm/color/image"}
    assert camera_topics(f"[{cameras}]") == camera_topics(cameras)
    assert remappings("/not/used", "/nor/this", cameras) == [
        ("front/image", "/front/image_raw"),
        ("front/image/compressed", "/front/image_raw/compressed"),
        ("front/camera_info", "/front/camera_info"),
        ("wrist/image", "/arm/color/image"),
        ("wrist/image/compressed", "/arm/color/image/compressed"),
        ("wrist/camera_info", "/arm/color/camera_info"),
    ]


def test_topics_of_one_camera() -> None:
    def remapped(image: str = "image", camera_info: str = "") -> dict[str, str]:
        return dict(remappings(image, camera_info, ""))

    assert remapped() == {}
    assert remapped(image="/camera/color/image_raw") == {
        "image": "/camera/color/image_raw",
        "image/compressed": "/camera/color/image_raw/compressed",
        "camera_info": "/camera/color/camera_info",
    }
    assert remapped(image="pictures", camera_info="/info")["camera_info"] == "/info"
    assert remapped(image="pictures")["camera_info"] == "camera_info"
    assert remapped(camera_info="/info") == {"camera_info": "/info"}


@pytest.mark.parametrize("text", ["front", "a=/x, a=/y", "=/x", "a=", "a=/x,"])
def test_cameras_of_another_form_are_refused(text: str) -> None:
    with pytest.raises(SettingError, match="cameras: expected each name once, with a topic"):
        camera_topics(text)


@pytest.mark.parametrize("last", ["compressed", "compressedDepth", "theora"])
def test_a_topic_of_a_transport_is_refused(last: str) -> None:
    for image, cameras in ((f"/cam/image/{last}", ""), ("image", f"front=/cam/image/{last}")):
        with pytest.raises(SettingError, match="give /cam/image"):
            remappings(image, "", cameras)
    assert image_topic("image", "/compressed_cam/image") == "/compressed_cam/image"


def test_depth_of_one_camera_and_of_several() -> None:
    assert depth_remappings("", "", "") == []
    assert depth_remappings("/cam/depth/image_raw", "", "") == [
        ("depth", "/cam/depth/image_raw"),
        ("depth/camera_info", "/cam/depth/camera_info"),
    ]
    assert depth_remappings("depth", "/other", "") == [
        ("depth", "depth"),
        ("depth/camera_info", "/other"),
    ]
    assert depth_remappings("wrist=/w/depth", "", "front=/f/image, wrist=/w/image") == [
        ("wrist/depth", "/w/depth"),
        ("wrist/depth/camera_info", "/w/camera_info"),
    ]


@pytest.mark.parametrize(
    ("depth", "cameras", "line"),
    [
        ("/cam/depth/compressedDepth", "", "give /cam/depth and depth_transport:=compressedDepth"),
        ("/cam/depth", "front=/x", "depth: expected each name once, with a topic"),
        ("back=/cam/depth", "front=/x", "depth: expected front, found 'back'"),
    ],
)
def test_depth_topics_that_cannot_be(depth: str, cameras: str, line: str) -> None:
    with pytest.raises(SettingError, match=line):
        depth_remappings(depth, "", cameras)
