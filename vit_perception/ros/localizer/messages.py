# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Things in space as messages."""

from __future__ import annotations

import math
import re
from array import array
from collections import Counter

import numpy as np
from geometry_msgs.msg import Pose, PoseStamped, TransformStamped, Vector3
from numpy.typing import NDArray
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage
from vision_msgs.msg import Detection3D, Detection3DArray, ObjectHypothesisWithPose

from vit_perception.ros.localizer.found import Found
from vit_perception.space.objects import Objects, Plane
from vit_perception.space.rigid import Rigid

# Share of a unit vector.
_UPRIGHT = 0.9
_FLOAT, _UINT = PointField.FLOAT32, PointField.UINT32


def header_in(header: Header, frame: str) -> Header:
    """Returns a header with the stamp of another; tf2 takes no frame with a slash before it."""
    return Header(stamp=header.stamp, frame_id=frame.lstrip("/"))


def pose_message(pose: Rigid) -> Pose:
    """Returns a pose as a message."""
    message = Pose()
    place, turn = message.position, message.orientation
    place.x, place.y, place.z = pose.translation.tolist()
    turn.x, turn.y, turn.z, turn.w = pose.quaternion.tolist()
    return message


def detection_3d_array(header: Header, found: Found, objects: Objects) -> Detection3DArray:
    """Returns the things that have a place, in the order of their detections.

    Args:
        header: of the frame that they are in, with the stamp of the image.
        found: what was found.
        objects: its places.
    """
    entries = []
    for index, row in enumerate(objects.rows.tolist()):
        result, entry = ObjectHypothesisWithPose(), Detection3D(header=header, id=found.ids[row])
        entry.bbox.center = pose_message(objects.pose(index))
        entry.bbox.size = _vector(objects.sizes[index])
        result.hypothesis.class_id = found.names[row]
        result.hypothesis.score = found.scores[row]
        result.pose.pose = entry.bbox.center
        result.pose.covariance = objects.covariances[index].ravel()
        entry.results = [result]
        entries.append(entry)
    return Detection3DArray(header=header, detections=entries)


def object_cloud(header: Header, objects: Objects, image: NDArray[np.uint8] | None) -> PointCloud2:
    """Returns the surfaces of all things as one cloud.

    Its fields are x, y and z in metres, rgb as PCL packs it, and `instance`, the number that the
    thing has in the detector's `~/instances`.

    Args:
        header: of the frame that they are in.
        objects: the things.
        image: uint8 [H, W, 3] RGB, for rgb; None: the cloud has none.
    """
    fields = [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("instance", "<u4")]
    if image is not None:
        fields.insert(3, ("rgb", "<u4"))
    cloud = np.zeros(sum(map(len, objects.surfaces)), np.dtype(fields))
    begin = 0
    for row, points, pixels in zip(
        objects.rows.tolist(), objects.surfaces, objects.pixels, strict=True
    ):
        part = cloud[begin : begin + len(points)]
        part["x"], part["y"], part["z"] = points.T
        part["instance"] = row + 1
        if image is not None:
            red, green, blue = image[pixels[:, 1], pixels[:, 0]].T.astype(np.uint32)
            part["rgb"] = red << 16 | green << 8 | blue
        begin += len(points)
    kinds = {"instance": _UINT}
    return PointCloud2(
        header=header,
        height=1,
        width=len(cloud),
        fields=[
            PointField(name=name, offset=4 * place, datatype=kinds.get(name, _FLOAT), count=1)
            for place, (name, _) in enumerate(fields)
        ],
        is_bigendian=False,
        point_step=cloud.itemsize,
        row_step=cloud.nbytes,
        data=array("B", cloud.tobytes()),
        is_dense=True,
    )


def support_pose(header: Header, support: Plane) -> PoseStamped:
    """Returns a pose on the plane, below the frame's origin, whose z axis is the normal."""
    normal = support.normal
    # Its x axis is that of the frame as far as it lies on the plane, or else the y axis.
    along = np.eye(3)[0 if abs(normal[0]) < _UPRIGHT else 1]
    first = along - normal * (normal @ along)
    first /= np.linalg.norm(first)
    turn = np.stack([first, np.cross(normal, first), normal], axis=1)
    return PoseStamped(header=header, pose=pose_message(Rigid(turn, -support.offset * normal)))


def object_transforms(header: Header, node: str, found: Found, objects: Objects) -> TFMessage:
    """Returns a transform for each thing, from `<node>/<name>_<id>` to the header's frame.

    Things without an id are numbered among those of their name, from 1, best first.
    """
    numbers: Counter[str] = Counter()
    transforms = []
    for index, row in enumerate(objects.rows.tolist()):
        name = re.sub(r"\W+", "_", found.names[row])
        numbers[name] += 1
        which = found.ids[row] or str(numbers[name])
        pose = objects.pose(index)
        transform = TransformStamped(header=header, child_frame_id=f"{node}/{name}_{which}")
        transform.transform.translation = _vector(pose.translation)
        transform.transform.rotation = pose_message(pose).orientation
        transforms.append(transform)
    return TFMessage(transforms=transforms)


def _vector(values: NDArray[np.float64]) -> Vector3:
    x, y, z = values.tolist()
    assert math.isfinite(x + y + z)
    return Vector3(x=x, y=y, z=z)
