# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Messages of a rendered frame: pictures, camera_info and transforms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vit_perception.bags.depth import FORMAT as DEPTH_FORMAT
from vit_perception.bags.depth import encode_depth
from vit_perception.bags.messages import (
    CAMERA_INFO,
    COMPRESSED_IMAGE,
    IMAGE,
    TF,
    Message,
    make,
    make_header,
)
from vit_perception.bundle.samples import (
    COMPRESSED_DEPTH_TOPIC,
    COMPRESSED_TOPIC,
    DEPTH_TOPIC,
    IMAGE_TOPIC,
)
from vit_perception.images.compressed import encode_jpeg

if TYPE_CHECKING:
    from vit_perception.scenes.moving_camera import CameraFrame

WORLD = "world"
JPEG_QUALITY = 85
JPEG_FORMAT = "rgb8; jpeg compressed bgr8"
"""image_transport's word for JPEG made from rgb8."""


def compressed_pictures(header: Message, frame: CameraFrame) -> dict[str, Message]:
    """Returns colour as JPEG and depth as PNG, by topic."""
    colour = encode_jpeg(frame.rgb, quality=JPEG_QUALITY)
    return {
        COMPRESSED_TOPIC: _compressed(header, JPEG_FORMAT, colour),
        COMPRESSED_DEPTH_TOPIC: _compressed(header, DEPTH_FORMAT, encode_depth(frame.depth)),
    }


def raw_pictures(header: Message, frame: CameraFrame) -> dict[str, Message]:
    """Returns colour and depth as sensor_msgs/Image, by topic."""
    return {
        IMAGE_TOPIC: raw_image(header, "rgb8", frame.rgb),
        DEPTH_TOPIC: raw_image(header, "16UC1", frame.depth.astype("<u2")),
    }


def _compressed(header: Message, layout: str, data: bytes) -> Message:
    return make(COMPRESSED_IMAGE, header=header, format=layout, data=np.frombuffer(data, np.uint8))


def raw_image(header: Message, encoding: str, pixels: np.ndarray) -> Message:
    """Returns pixels [H,W] or [H,W,C], little-endian, as a sensor_msgs/Image."""
    height, width = pixels.shape[:2]
    return make(
        IMAGE,
        header=header,
        height=height,
        width=width,
        encoding=encoding,
        is_bigendian=0,
        step=pixels.nbytes // height,
        data=np.ascontiguousarray(pixels).reshape(-1).view(np.uint8),
    )


def camera_info(header: Message, width: int, height: int, matrix: np.ndarray) -> Message:
    """Returns a camera without distortion; matrix float64 [3,3], in pixels."""
    projection = np.zeros((3, 4))
    projection[:, :3] = matrix
    return make(
        CAMERA_INFO,
        header=header,
        height=height,
        width=width,
        distortion_model="plumb_bob",
        d=np.zeros(5),
        k=matrix.reshape(-1),
        r=np.eye(3).reshape(-1),
        p=projection.reshape(-1),
        binning_x=0,
        binning_y=0,
        roi=make(
            "sensor_msgs/msg/RegionOfInterest",
            x_offset=0,
            y_offset=0,
            height=0,
            width=0,
            do_rectify=False,
        ),
    )


def transform(stamp: int, child: str, pose: np.ndarray) -> Message:
    """Returns a TFMessage that places a frame in the world; pose float64 [4,4]."""
    x, y, z = (float(value) for value in pose[:3, 3])
    qx, qy, qz, qw = quaternion(pose[:3, :3])
    place = make(
        "geometry_msgs/msg/Transform",
        translation=make("geometry_msgs/msg/Vector3", x=x, y=y, z=z),
        rotation=make("geometry_msgs/msg/Quaternion", x=qx, y=qy, z=qz, w=qw),
    )
    stamped = make(
        "geometry_msgs/msg/TransformStamped",
        header=make_header(stamp, WORLD),
        child_frame_id=child,
        transform=place,
    )
    return make(TF, transforms=[stamped])


def quaternion(rotation: np.ndarray) -> tuple[float, float, float, float]:
    """Returns x, y, z, w of a rotation matrix float64 [3,3]; w is not negative.

    The quaternion is the eigenvector of a symmetric matrix (Bar-Itzhack 2000), which needs
    no cases for small or large angles.
    """
    m = rotation
    symmetric = np.array(
        [
            [m[0, 0] - m[1, 1] - m[2, 2], m[0, 1] + m[1, 0], m[0, 2] + m[2, 0], m[2, 1] - m[1, 2]],
            [m[0, 1] + m[1, 0], m[1, 1] - m[0, 0] - m[2, 2], m[1, 2] + m[2, 1], m[0, 2] - m[2, 0]],
            [m[0, 2] + m[2, 0], m[1, 2] + m[2, 1], m[2, 2] - m[0, 0] - m[1, 1], m[1, 0] - m[0, 1]],
            [m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1], m[0, 0] + m[1, 1] + m[2, 2]],
        ]
    )
    _, vectors = np.linalg.eigh(symmetric)
    x, y, z, w = (float(value) for value in vectors[:, -1] * (1 if vectors[3, -1] >= 0 else -1))
    return x, y, z, w
