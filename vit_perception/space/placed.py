# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Places in space of what was found in an image, with the depth of another camera if need be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vit_perception.masks import Masks
from vit_perception.space.boxes_as_masks import masks_of_boxes
from vit_perception.space.camera_model import CameraModel
from vit_perception.space.locate import LocateError, locate
from vit_perception.space.objects import Objects
from vit_perception.space.plane import fit_plane
from vit_perception.space.registration import registered
from vit_perception.space.rigid import Rigid
from vit_perception.space.settings import SpaceSettings


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """How depth and image of one moment see the same things.

    Attributes:
        camera: of the image, in whose optical frame things are placed.
        depth_camera: of the depth image.
        camera_from_depth: between their frames; None where each pixel of depth belongs to the
            pixel of the image at the same place.
        gravity: float64 [3], the direction down in the optical frame; None if unknown.
    """

    camera: CameraModel
    depth_camera: CameraModel
    camera_from_depth: Rigid | None = None
    gravity: NDArray[np.float64] | None = None


def placed(
    boxes: NDArray[np.float32],
    masks: Masks | None,
    depth: NDArray[np.float32],
    geometry: Geometry,
    settings: SpaceSettings,
    *,
    surfaces: bool = True,
    lap: Callable[[str], None] = lambda stage: None,
) -> Objects:
    """Returns the places of things, in the optical frame of the image.

    Things without masks are placed by what their boxes hold.

    Args:
        boxes: float32 [N, 4], x1 y1 x2 y2 in pixels of the image.
        masks: N masks in the image; None where there are none.
        depth: float32 [H, W] of the depth camera, metres.
        geometry: of image and depth.
        settings: of `locate`.
        surfaces: whether the points of the things are wanted too, not their boxes alone.
        lap: called after the stages `register`, if depth is moved, and `locate`.

    Raises:
        LocateError, RegistrationError: sizes do not fit together.
    """
    camera = geometry.camera
    if geometry.camera_from_depth is not None:
        depth = registered(depth, geometry.depth_camera, camera, geometry.camera_from_depth)
        lap("register")
    support = None
    if masks is None:
        if depth.shape != (camera.height, camera.width):
            raise LocateError(
                f"depth: expected {camera.width} x {camera.height} px like its camera_info, "
                f"found {depth.shape[1]} x {depth.shape[0]}"
            )
        if settings.support_plane and len(boxes):
            nothing = Masks(np.zeros((0, 2), np.int64), (), *depth.shape)
            support = fit_plane(
                nothing, depth, camera, settings.noise, settings.max_range, geometry.gravity
            )
        masks = masks_of_boxes(boxes, depth, camera, support, settings.noise)
    objects = locate(
        masks,
        depth,
        camera,
        settings,
        gravity=geometry.gravity,
        support=support,
        surfaces=surfaces,
    )
    lap("locate")
    return objects
