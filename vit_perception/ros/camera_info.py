# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Cameras as sensor_msgs/CameraInfo describes them."""

from __future__ import annotations

from sensor_msgs.msg import CameraInfo

from vit_perception.space.camera_model import CameraModel


def camera_model(message: CameraInfo, *, rectified: bool = False) -> CameraModel:
    """Returns the camera of the images that a message belongs to.

    Args:
        message: of the sensor as a whole; its region and binning count.
        rectified: whether the images are.

    Raises:
        CameraModelError: the message describes no camera.
    """
    roi = message.roi
    return CameraModel.of_info(
        width=int(message.width),
        height=int(message.height),
        k=message.k,
        d=message.d,
        model=message.distortion_model,
        p=message.p,
        binning=(int(message.binning_x), int(message.binning_y)),
        roi=(int(roi.x_offset), int(roi.y_offset), int(roi.width), int(roi.height)),
        rectified=rectified,
    )
