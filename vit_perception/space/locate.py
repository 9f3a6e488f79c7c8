# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""From the masks of a frame and its depth to boxes in space."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vit_perception.masks import Masks
from vit_perception.space.box import free_boxes, standing_boxes
from vit_perception.space.camera_model import CameraModel
from vit_perception.space.objects import Objects, Plane
from vit_perception.space.plane import fit_plane
from vit_perception.space.settings import SpaceSettings
from vit_perception.space.surface import Surface, surface_of

_DEFAULTS = SpaceSettings()


class LocateError(ValueError):
    """Masks, depth and camera that do not fit together; one line."""


def locate(
    masks: Masks,
    depth: NDArray[np.float32],
    camera: CameraModel,
    settings: SpaceSettings = _DEFAULTS,
    *,
    gravity: NDArray[np.float64] | None = None,
    support: Plane | None = None,
    surfaces: bool = True,
) -> Objects:
    """Places things in space.

    Args:
        masks: of the things.
        depth: float32 [H, W], metres along z of the masks' image; NaN, 0 or infinite where
            unknown.
        camera: of that image.
        settings: what is used of it.
        gravity: float64 [3], the direction down in the optical frame. The support plane is then
            level; without it a wall that fills the image may be taken for one.
        support: the plane that things stand on, in the optical frame; then none is looked for.
        surfaces: whether the points of the things are wanted too, not their boxes alone.

    Returns:
        The things in the optical frame; those that have no place are in its `left_out`.

    Raises:
        LocateError: masks, depth and camera have different sizes, or gravity is no direction.
    """
    _check(masks, depth, camera, gravity)
    if support is None and settings.support_plane and len(masks):
        support = fit_plane(masks, depth, camera, settings.noise, settings.max_range, gravity)
    rays, depth = camera.ray_map(), np.ascontiguousarray(depth)
    left_out: dict[int, str] = {}
    by_row: dict[int, Surface] = {}
    for row, (crop, origin) in enumerate(zip(masks.crops, masks.origins.tolist(), strict=True)):
        at = (origin[0], origin[1])
        surface = surface_of(crop, at, depth, rays, settings, support, measured=surfaces)
        if isinstance(surface, str):
            left_out[row] = surface
        else:
            by_row[row] = surface
    found = tuple(by_row.values())
    share = _noise_share(support, found, settings)
    if support is None:
        boxes = free_boxes(found, share)
    else:
        boxes = standing_boxes(found, support, share, settings.reach_support)
    return Objects(
        rows=np.array(list(by_row), np.int64),
        centres=boxes.centres,
        sizes=boxes.sizes,
        rotations=boxes.rotations,
        covariances=boxes.covariances,
        points=np.array([each.count for each in found], np.int64),
        visible=np.array([each.visible for each in found], np.float64),
        surfaces=tuple(each.points for each in found),
        pixels=tuple(each.pixels for each in found),
        left_out=left_out,
        support=support,
    )


def _check(
    masks: Masks,
    depth: NDArray[np.float32],
    camera: CameraModel,
    gravity: NDArray[np.float64] | None,
) -> None:
    size = (masks.height, masks.width)
    if depth.dtype != np.float32 or depth.shape != size:
        raise LocateError(
            f"depth: expected float32 {list(size)} like the masks, "
            f"found {depth.dtype} {list(depth.shape)}"
        )
    if (camera.height, camera.width) != size:
        raise LocateError(
            f"camera: expected {masks.width} x {masks.height} px like the masks, "
            f"found {camera.width} x {camera.height}"
        )
    if gravity is not None and not (
        np.shape(gravity) == (3,) and np.isfinite(gravity).all() and np.linalg.norm(gravity) > 0
    ):
        raise LocateError("gravity: expected three finite numbers, not all 0")


def _noise_share(
    support: Plane | None, surfaces: Sequence[Surface], settings: SpaceSettings
) -> float:
    """Returns the share of the expected noise that is found on the support plane, 0..1.

    A simulated depth camera may have none.
    """
    if support is None or not support.inliers or not surfaces:
        return 1.0
    depths = [float(surface.smooth[2, 0]) for surface in surfaces]
    z = sum(depths) / len(depths)
    # Of noise along z, a plane that is seen at an angle shows this part across itself.
    expected = settings.noise.sigma(z) * support.offset / z
    return min(support.sigma / expected, 1.0)
