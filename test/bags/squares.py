# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A recording like the sample bag, whose objects the toy detector finds: coloured squares."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vit_perception.bags.messages import (
    COMPRESSED_IMAGE,
    DETECTIONS,
    TF,
    detections_to_message,
    make,
    make_header,
)
from vit_perception.bags.writer import BagWriter
from vit_perception.bundle.samples import COMPRESSED_TOPIC, GROUND_TRUTH_TOPIC
from vit_perception.detections import Detections
from vit_perception.images.compressed import encode_jpeg

from ..toy_bundle import toy_picture

START = 1_700_000_000_000_000_000
FRAME_ID = "camera_optical"


def record_squares(
    path: Path,
    count: int = 10,
    period: int = 100_000_000,
    height: int = 480,
    width: int = 640,
    hold: int = 1,
) -> Path:
    """Rosbag2 of squares, with ground truth and TF: the red one moves every `hold` images."""
    with BagWriter(path) as bag:
        bag.add_topic(COMPRESSED_TOPIC, COMPRESSED_IMAGE)
        bag.add_topic(GROUND_TRUTH_TOPIC, DETECTIONS)
        bag.add_topic("/tf_static", TF, latched=True)
        bag.write("/tf_static", START, _transform())
        for index in range(count):
            stamp = START + index * period
            image, truth = _scene(index // hold, height, width)
            data = np.frombuffer(encode_jpeg(image), np.uint8)
            header = make_header(stamp, FRAME_ID)
            picture = make(COMPRESSED_IMAGE, header=header, format="jpeg", data=data)
            bag.write(COMPRESSED_TOPIC, stamp, picture)
            message = detections_to_message(truth, stamp, FRAME_ID)
            bag.write(GROUND_TRUTH_TOPIC, stamp, message)
    return path


def _scene(index: int, height: int, width: int) -> tuple[np.ndarray, Detections]:
    squares = {"red": (0, 2 + index % 7), "green": (3, 2), "cyan": (5, 8)}
    image, boxes = toy_picture(height, width, squares)
    truth = Detections(
        boxes=np.stack([boxes[name] for name in squares]).astype(np.float32),
        scores=np.ones(len(squares), np.float32),
        labels=np.arange(len(squares)),
        names=tuple(squares),
        vocabulary_version=0,
    )
    return image, truth


def _transform() -> object:
    transform = make(
        "geometry_msgs/msg/Transform",
        translation=make("geometry_msgs/msg/Vector3", x=0.0, y=0.0, z=1.0),
        rotation=make("geometry_msgs/msg/Quaternion", x=1.0, y=0.0, z=0.0, w=0.0),
    )
    stamped = make(
        "geometry_msgs/msg/TransformStamped",
        header=make_header(START, "map"),
        child_frame_id=FRAME_ID,
        transform=transform,
    )
    return make(TF, transforms=[stamped])
