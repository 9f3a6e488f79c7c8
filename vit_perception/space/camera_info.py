# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Cameras as sensor_msgs/CameraInfo describes them, of a topic or of a bag."""

from __future__ import annotations

from typing import Any

from vit_perception.space.camera_model import CameraModel


def camera_model(message: Any, *, rectified: bool = False) -> CameraModel:
    """Returns the camera of the images that a message belongs to.

    Args:
        message: sensor_msgs/CameraInfo, rclpy's or one with the same fields, or those of ROS 1,
            where K, D and P are capitals. It is of the sensor as a whole; its region and binning
            count.
        rectified: whether the images are.

    Raises:
        CameraModelError: the message describes no camera.
    """
    roi = message.roi
    k, d, p = (
        getattr(message, name if hasattr(message, name) else name.upper()) for name in "kdp"
    )
    return CameraModel.of_info(
        width=int(message.width),
        height=int(message.height),
        k=k,
        d=d,
        model=str(message.distortion_model),
        p=p,
        binning=(int(message.binning_x), int(message.binning_y)),
        roi=(int(roi.x_offset), int(roi.y_offset), int(roi.width), int(roi.height)),
        rectified=rectified,
    )


def looks_rectified(topic: str) -> bool:
    """Returns whether a topic of images says that they are rectified, as `image_rect` does."""
    raw = topic.removesuffix("/compressed").removesuffix("/compressedDepth")
    return "rect" in raw.rpartition("/")[2]
