# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Message types of bags, and detections as messages.

The types come with `rosbags`, except vision_msgs, which is defined here (version 4.1, the same
in Humble, Jazzy and Kilted), and Foxglove's annotations of images.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from vit_perception.bags.foxglove_types import FOXGLOVE_MSGS
from vit_perception.detections import Detection, Detections
from vit_perception.masks import Masks
from vit_perception.perceiver.instances import instance_map

DETECTIONS = "vision_msgs/msg/Detection2DArray"
DETECTIONS_3D = "vision_msgs/msg/Detection3DArray"
VISION_INFO = "vision_msgs/msg/VisionInfo"
LABEL_INFO = "vision_msgs/msg/LabelInfo"
IMAGE = "sensor_msgs/msg/Image"
COMPRESSED_IMAGE = "sensor_msgs/msg/CompressedImage"
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
TF = "tf2_msgs/msg/TFMessage"

_VISION_MSGS = {
    "Point2D": "float64 x\nfloat64 y\n",
    "Pose2D": "vision_msgs/Point2D position\nfloat64 theta\n",
    "BoundingBox2D": "vision_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y\n",
    "ObjectHypothesis": "string class_id\nfloat64 score\n",
    "ObjectHypothesisWithPose": (
        "vision_msgs/ObjectHypothesis hypothesis\ngeometry_msgs/PoseWithCovariance pose\n"
    ),
    "Detection2D": (
        "std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\n"
        "vision_msgs/BoundingBox2D bbox\nstring id\n"
    ),
    "Detection2DArray": "std_msgs/Header header\nvision_msgs/Detection2D[] detections\n",
    "BoundingBox3D": "geometry_msgs/Pose center\ngeometry_msgs/Vector3 size\n",
    "Detection3D": (
        "std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\n"
        "vision_msgs/BoundingBox3D bbox\nstring id\n"
    ),
    "Detection3DArray": "std_msgs/Header header\nvision_msgs/Detection3D[] detections\n",
    "VisionInfo": (
        "std_msgs/Header header\nstring method\nstring database_location\nint32 database_version\n"
    ),
    "VisionClass": "uint16 class_id\nstring class_name\n",
    "LabelInfo": (
        "std_msgs/Header header\nvision_msgs/VisionClass[] class_map\nfloat32 threshold\n"
    ),
}

_MOST_CLASSES = 2**16 - 1

Message = Any  # rosbags makes a dataclass for each type on first use.


@cache
def typestore() -> Typestore:
    """Returns all message types of this package's bags (those of ROS 2 Jazzy, and the above)."""
    store = get_typestore(Stores.ROS2_JAZZY)
    for package, types in (("vision_msgs", _VISION_MSGS), ("foxglove_msgs", FOXGLOVE_MSGS)):
        for name, fields in types.items():
            store.register(get_types_from_msg(fields, f"{package}/msg/{name}"))
    return store


def make(msgtype: str, **fields: Any) -> Message:
    """Makes a message of a type from all of its fields."""
    return typestore().types[msgtype](**fields)


def make_header(stamp: int, frame_id: str) -> Message:
    """Returns a std_msgs/Header with a stamp in nanoseconds."""
    seconds, nanoseconds = divmod(stamp, 1_000_000_000)
    time = make("builtin_interfaces/msg/Time", sec=seconds, nanosec=nanoseconds)
    return make("std_msgs/msg/Header", stamp=time, frame_id=frame_id)


def header_stamp(header: Message) -> int:
    """Returns the stamp of a std_msgs/Header in nanoseconds."""
    return int(header.stamp.sec) * 1_000_000_000 + int(header.stamp.nanosec)


def detections_to_message(detections: Detections, stamp: int, frame_id: str) -> Message:
    """Returns a vision_msgs/Detection2DArray: class_id is the name, boxes are in px.

    The id is empty without a tracker, and until it is given.
    """
    header = make_header(stamp, frame_id)
    entries = [
        _detection(each, id, header)
        for each, id in zip(detections, detections.id_texts(), strict=True)
    ]
    return make(DETECTIONS, header=header, detections=entries)


def instances_to_message(masks: Masks, header: Message) -> Message:
    """Returns a mono16 image: n at the pixels of detection n - 1, 0 for background."""
    owner = instance_map(masks)
    height, width = owner.shape
    return make(
        IMAGE,
        header=header,
        height=height,
        width=width,
        encoding="mono16",
        is_bigendian=0,
        step=2 * width,
        data=np.ascontiguousarray(owner, "<u2").view(np.uint8).reshape(-1),
    )


def label_info(header: Message, names: Sequence[str], threshold: float) -> Message:
    """Returns names and their numbers; a number is the index in the vocabulary."""
    classes = [
        make("vision_msgs/msg/VisionClass", class_id=index, class_name=name)
        for index, name in enumerate(names[:_MOST_CLASSES])
    ]
    return make(LABEL_INFO, header=header, class_map=classes, threshold=threshold)


def vision_info(header: Message, *, method: str, location: str, version: int) -> Message:
    """Returns the model and the vocabulary version."""
    return make(
        VISION_INFO,
        header=header,
        method=method,
        database_location=location,
        database_version=version,
    )


def detections_from_message(message: Message) -> Detections:
    """Returns the detections of a Detection2DArray; the names are those that occur, sorted.

    Each detection gets its best hypothesis; detections without hypotheses are left out. Ids are
    taken where they are numbers, as a tracker here writes them.
    """
    kept = [entry for entry in message.detections if len(entry.results)]
    best = [max((r.hypothesis for r in e.results), key=lambda h: float(h.score)) for e in kept]
    names = tuple(sorted({str(h.class_id) for h in best}))
    boxes = np.array([_corners(e.bbox) for e in kept], np.float32).reshape(-1, 4)
    return Detections(
        boxes=boxes,
        scores=np.array([h.score for h in best], np.float32),
        labels=np.array([names.index(str(h.class_id)) for h in best], np.int64),
        names=names,
        vocabulary_version=0,
        ids=_ids([str(entry.id) for entry in kept]),
    )


def _ids(texts: Sequence[str]) -> NDArray[np.int64] | None:
    if not any(texts) or not all(re.fullmatch("[0-9]{0,18}", text) for text in texts):
        return None
    return np.array([int(text or 0) for text in texts], np.int64)


def _detection(found: Detection, id: str, header: Message) -> Message:
    left, top, right, bottom = (float(value) for value in found.box)
    hypothesis = make("vision_msgs/msg/ObjectHypothesis", class_id=found.name, score=found.score)
    centre = make(
        "vision_msgs/msg/Pose2D",
        position=make("vision_msgs/msg/Point2D", x=(left + right) / 2, y=(top + bottom) / 2),
        theta=0.0,
    )
    return make(
        "vision_msgs/msg/Detection2D",
        header=header,
        results=[
            make(
                "vision_msgs/msg/ObjectHypothesisWithPose",
                hypothesis=hypothesis,
                pose=_no_pose(),
            )
        ],
        bbox=make(
            "vision_msgs/msg/BoundingBox2D",
            center=centre,
            size_x=right - left,
            size_y=bottom - top,
        ),
        id=id,
    )


@cache  # one for all detections: it is never changed
def _no_pose() -> Message:
    pose = make(
        "geometry_msgs/msg/Pose",
        position=make("geometry_msgs/msg/Point", x=0.0, y=0.0, z=0.0),
        orientation=make("geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=0.0, w=1.0),
    )
    return make("geometry_msgs/msg/PoseWithCovariance", pose=pose, covariance=np.zeros(36))


def _corners(box: Message) -> tuple[float, float, float, float]:
    x, y = box.center.position.x, box.center.position.y
    return (
        x - box.size_x / 2,
        y - box.size_y / 2,
        x + box.size_x / 2,
        y + box.size_y / 2,
    )
