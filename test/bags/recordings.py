# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Small recordings for tests: a camera that sees a growing red square."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rosbags.rosbag1 import Writer as Rosbag1Writer
from rosbags.typesys import Stores, get_typestore

from vit_perception.bags.messages import (
    COMPRESSED_IMAGE,
    IMAGE,
    Message,
    make,
    make_header,
)
from vit_perception.bags.writer import BagWriter
from vit_perception.images.compressed import encode_jpeg

START = 1_700_000_000_000_000_000
PERIOD = 100_000_000
TOPIC = "/camera/image_raw"


def picture(index: int, height: int = 48, width: int = 64) -> np.ndarray:
    """Uint8 [H,W,3]: a red square of 10 + index px on grey."""
    image = np.full((height, width, 3), 128, np.uint8)
    image[8 : 18 + index, 12 : 22 + index] = (255, 0, 0)
    return image


def raw_message(index: int, image: np.ndarray, padding: int = 0) -> Message:
    """sensor_msgs/Image in bgr8 whose rows end with padding bytes."""
    height, width = image.shape[:2]
    rows = np.zeros((height, 3 * width + padding), np.uint8)
    rows[:, : 3 * width] = image[:, :, ::-1].reshape(height, -1)
    return make(
        IMAGE,
        header=make_header(START + index * PERIOD, "camera_optical"),
        height=height,
        width=width,
        encoding="bgr8",
        is_bigendian=0,
        step=rows.shape[1],
        data=rows.reshape(-1),
    )


def compressed_message(index: int, data: bytes, layout: str = "jpeg") -> Message:
    """sensor_msgs/CompressedImage."""
    header = make_header(START + index * PERIOD, "camera_optical")
    return make(COMPRESSED_IMAGE, header=header, format=layout, data=np.frombuffer(data, np.uint8))


def record_raw(path: Path, count: int = 4) -> Path:
    """Rosbag2 with raw images; recorded one millisecond after their stamps."""
    with BagWriter(path) as bag:
        bag.add_topic(TOPIC, IMAGE)
        for index in range(count):
            message = raw_message(index, picture(index), padding=5)
            bag.write(TOPIC, START + index * PERIOD + 1_000_000, message)
    return path


def record_compressed(path: Path, images: list[bytes]) -> Path:
    """Rosbag2 with compressed images, given as their bytes."""
    topic = f"{TOPIC}/compressed"
    with BagWriter(path) as bag:
        bag.add_topic(topic, COMPRESSED_IMAGE)
        for index, data in enumerate(images):
            bag.write(topic, START + index * PERIOD, compressed_message(index, data))
    return path


def jpeg(index: int) -> bytes:
    """JPEG file of a picture."""
    return encode_jpeg(picture(index))


def record_rosbag1(path: Path, count: int = 3) -> Path:
    """ROS 1 bag with raw images."""
    store = get_typestore(Stores.ROS1_NOETIC)
    with Rosbag1Writer(path) as bag:
        connection = bag.add_connection(TOPIC, IMAGE, typestore=store)
        for index in range(count):
            modern = raw_message(index, picture(index))
            stamp = store.types["builtin_interfaces/msg/Time"](
                sec=modern.header.stamp.sec, nanosec=modern.header.stamp.nanosec
            )
            header = store.types["std_msgs/msg/Header"](
                seq=index, stamp=stamp, frame_id=modern.header.frame_id
            )
            message = store.types[IMAGE](
                header=header,
                height=modern.height,
                width=modern.width,
                encoding=modern.encoding,
                is_bigendian=0,
                step=modern.step,
                data=modern.data,
            )
            raw = store.serialize_ros1(message, IMAGE)
            bag.write(connection, START + index * PERIOD, raw)
    return path
