# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How detections of a recording are placed, and on which of its topics is what that needs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vit_perception.bags.messages import CAMERA_INFO, COMPRESSED_IMAGE, IMAGE
from vit_perception.bags.reader import BagError, BagReader, listed
from vit_perception.space.settings import SLOP, SpaceSettings
from vit_perception.wording import shown_path


@dataclass(frozen=True, slots=True)
class Placing:
    """How detections of a bag are placed.

    Attributes:
        depth, camera_info, depth_camera_info: topics; empty ones are found by `with_topics`.
        target_frame: frame of the results; empty for the image's own.
        slop: seconds that the stamps of an image and its depth may differ.
        settings: of the boxes.
    """

    depth: str = ""
    camera_info: str = ""
    depth_camera_info: str = ""
    target_frame: str = ""
    slop: float = SLOP
    settings: SpaceSettings = SpaceSettings()


def with_topics(given: Placing, bag: BagReader, image: str) -> Placing:
    """Returns it with the topics to read: those given, else the ones that fit the image topic.

    Depth is the only topic with depth images. The camera's info stands beside its images or is
    the only one; that of the depth camera stands beside the depth, else the colour camera's is
    taken, as for aligned depth.

    Raises:
        BagError: a given topic is not there, or what is needed is not there once.
    """
    kinds = {topic.name: topic.msgtype for topic in bag.topics()}
    where = shown_path(bag.path)
    infos = [name for name, kind in kinds.items() if kind == CAMERA_INFO]
    depths = [
        name
        for name, kind in kinds.items()
        if kind in (IMAGE, COMPRESSED_IMAGE) and name != image and bag.depth(name)
    ]
    for what, name, there in (
        ("depth topic", given.depth, depths),
        ("camera_info topic", given.camera_info, infos),
        ("camera_info topic", given.depth_camera_info, infos),
    ):
        if name and name not in there:
            raise BagError(f"{where}: expected {what} {shown_path(name)}, found {listed(there)}")
    if not given.depth and len(depths) != 1:
        raise BagError(
            f"{where}: expected one topic of depth images, found {listed(depths)}; choose with "
            "--depth-topic"
        )
    depth = given.depth or depths[0]
    camera = given.camera_info or _beside(image, infos) or (infos[0] if len(infos) == 1 else "")
    if not camera:
        raise BagError(
            f"{where}: expected a camera_info beside {shown_path(image)}, found {listed(infos)}; "
            "choose with --camera-info-topic"
        )
    return replace(
        given,
        depth=depth,
        camera_info=camera,
        depth_camera_info=given.depth_camera_info or _beside(depth, infos) or camera,
    )


def _beside(topic: str, infos: list[str]) -> str:
    """Returns the camera_info in the namespace of a topic of images; empty if there is none."""
    base = topic.removesuffix("/compressed").removesuffix("/compressedDepth")
    name = f"{base.rpartition('/')[0]}/camera_info"
    return name if name in infos else ""
