# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""For planners: clouds, depths and boxes of things from the messages of one image, in one call.

from vit_perception.ros.objects import objects_of

space = objects_of(detections, instances, depth, camera_info, image)
for thing in space.things:
    print(thing.name, thing.depth.median, thing.pose.translation, thing.size)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from vision_msgs.msg import Detection2DArray

from vit_perception.images.raw import DEFAULT_MAX_PIXELS, ImageError
from vit_perception.ros.instances import InstancesError
from vit_perception.ros.localizer.depth import depth_of, unit_mistake
from vit_perception.ros.localizer.found import Found
from vit_perception.ros.messages import frame_of
from vit_perception.space.camera_info import camera_model
from vit_perception.space.camera_model import CameraModelError
from vit_perception.space.locate import LocateError
from vit_perception.space.objects import Plane
from vit_perception.space.placed import Geometry, placed
from vit_perception.space.registration import RegistrationError
from vit_perception.space.rigid import Rigid
from vit_perception.space.settings import SpaceSettings


class ObjectsError(ValueError):
    """The messages cannot be read, or do not belong together; one line."""


@dataclass(frozen=True, slots=True)
class DepthRange:
    """How far away a thing's surface is along the optical axis, in metres."""

    nearest: float
    median: float
    farthest: float


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """One thing in the optical frame of the image.

    Attributes:
        row: its place in the detections.
        name, score, id: of the detection; "" for no id.
        pose: of its box; the box is that of the visible surface.
        size: float64 [3], full sizes along the box's own axes, metres.
        covariance: float64 [6, 6], of centre (m) and rotation about x, y, z (rad).
        points: float32 [M, 3], its surface, metres.
        pixels: int32 [M, 2], x y of each point in the image.
        colours: uint8 [M, 3] RGB of each point; None without an image.
        depth: of these points.
    """

    row: int
    name: str
    score: float
    id: str
    pose: Rigid
    size: NDArray[np.float64]
    covariance: NDArray[np.float64]
    points: NDArray[np.float32]
    pixels: NDArray[np.int32]
    colours: NDArray[np.uint8] | None
    depth: DepthRange


@dataclass(frozen=True, slots=True, eq=False)
class Things:
    """What was found in one image, in space.

    Attributes:
        things: those that have a place, in the order of the detections.
        left_out: why the others have none, by their place in the detections; see
            space.objects.LEFT_OUT.
        support: the plane that they stand on, in the optical frame; None where none was found.
    """

    things: tuple[Thing, ...]
    left_out: Mapping[int, str]
    support: Plane | None


def objects_of(
    detections: Detection2DArray,
    instances: Image | None,
    depth: Image | CompressedImage,
    camera_info: CameraInfo,
    image: Image | CompressedImage | None = None,
    *,
    depth_camera_info: CameraInfo | None = None,
    camera_from_depth: Rigid | None = None,
    rectified: bool = False,
    settings: SpaceSettings = SpaceSettings(),  # noqa: B008, frozen
) -> Things:
    """Places what was found in one image.

    Args:
        detections: `~/detections` of the image.
        instances: `~/instances` of the same stamp; None: things are placed by their boxes.
        depth: of the same moment: 16UC1 in millimetres or 32FC1 in metres, raw or
            compressedDepth.
        camera_info: of the image.
        image: for the colours of the points; None: they have none.
        depth_camera_info: of a depth image that is not aligned with the image.
        camera_from_depth: from its optical frame to that of the image; None where they are one.
        rectified: whether the image is.
        settings: what is used of the depth.

    Raises:
        ObjectsError: a message cannot be read, sizes do not fit together, or the depth is in
            another unit than its encoding says.
    """
    try:
        found = Found.of_messages(detections, instances)
        metres = depth_of(depth, max_pixels=DEFAULT_MAX_PIXELS)
        camera = camera_model(camera_info, rectified=rectified)
        geometry = Geometry(camera, camera)
        if depth_camera_info is not None:
            move = Rigid.identity() if camera_from_depth is None else camera_from_depth
            geometry = Geometry(camera, camera_model(depth_camera_info), move)
        if line := unit_mistake(depth, metres):
            raise ObjectsError(line)
        pixels = None
        if image is not None:
            pixels = frame_of(image, 0, max_pixels=DEFAULT_MAX_PIXELS).image
        objects = placed(found.boxes, found.masks, metres, geometry, settings)
    except (
        CameraModelError,
        ImageError,
        InstancesError,
        LocateError,
        RegistrationError,
    ) as error:
        raise ObjectsError(str(error)) from error
    if pixels is not None and pixels.shape[:2] != (camera.height, camera.width):
        raise ObjectsError(
            f"image: expected {camera.width} x {camera.height} px, as camera_info says, "
            f"found {pixels.shape[1]} x {pixels.shape[0]}"
        )
    things = []
    for index, row in enumerate(objects.rows.tolist()):
        points, at = objects.surfaces[index], objects.pixels[index]
        nearest, median, farthest = np.quantile(points[:, 2], [0.0, 0.5, 1.0]).tolist()
        things.append(
            Thing(
                row=row,
                name=found.names[row],
                score=found.scores[row],
                id=found.ids[row],
                pose=objects.pose(index),
                size=objects.sizes[index],
                covariance=objects.covariances[index],
                points=points,
                pixels=at,
                colours=None if pixels is None else pixels[at[:, 1], at[:, 0]],
                depth=DepthRange(nearest, median, farthest),
            )
        )
    return Things(tuple(things), objects.left_out, objects.support)
