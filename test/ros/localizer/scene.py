# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A box on a table, seen by a camera, rendered analytically."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

from vit_perception.images.depth import HEADER
from vit_perception.space.camera_model import CameraModel
from vit_perception.space.rigid import Rigid

from ..bench import SECOND, header

WIDTH, HEIGHT = 320, 240
SIZE = np.array([0.16, 0.10, 0.08])
"""Of the box: its longer side on the table, the shorter one, its height."""
FRAME = "camera_optical_frame"


@dataclass(frozen=True)
class Scene:
    """The table is the plane z = 0 of the world, the box stands on it at `place`, x y.

    Attributes:
        camera: that looks.
        world_from_camera: where it is.
        place: of the box on the table.

    """

    camera: CameraModel
    world_from_camera: Rigid
    place: tuple[float, float] = (0.0, 0.0)

    @property
    def centre(self) -> NDArray[np.float64]:
        """Of the box in the world."""
        return np.array([*self.place, SIZE[2] / 2])

    def rendered(self) -> tuple[NDArray[np.float32], NDArray[np.uint16]]:
        """Depth in metres [H, W], and the instances: 1 on the box."""
        x, y = self.camera.ray_map().reshape(2, -1).astype(np.float64)
        rays = np.stack([x, y, np.ones_like(x)], axis=1) @ self.world_from_camera.rotation.T
        eye = self.world_from_camera.translation
        with np.errstate(divide="ignore", invalid="ignore"):
            table = np.where(rays[:, 2] < 0, -eye[2] / rays[:, 2], np.inf)
            sides = [self.centre + sign * SIZE / 2 for sign in (-1, 1)]
            near, far = ((side - eye) / rays for side in sides)
        begin = np.minimum(near, far).max(axis=1)
        end = np.maximum(near, far).min(axis=1)
        hit = (begin < end) & (begin > 0) & (begin < table)
        depth = np.where(hit, begin, table)
        shape = self.camera.height, self.camera.width
        return (
            np.where(np.isfinite(depth), depth, np.nan).astype(np.float32).reshape(shape),
            hit.astype(np.uint16).reshape(shape),
        )


def pinhole(width: int = WIDTH, height: int = HEIGHT, **changes: Any) -> CameraModel:
    """A camera of 60 degrees."""
    focal = width * 0.87
    matrix = np.array([[focal, 0, width / 2 - 0.5], [0, focal, height / 2 - 0.5], [0, 0, 1]])
    given = {"matrix": matrix, "distortion": np.zeros(0), "model": "plumb_bob", **changes}
    return CameraModel(width=width, height=height, **given)


def looking_down(x: float = 0.0, y: float = -0.45, z: float = 0.5) -> Rigid:
    """A camera beside the table that looks at its middle; world_from_camera."""
    forward = -np.array([x, y, z]) / np.linalg.norm([x, y, z])
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    return Rigid(np.stack([right, down, forward], axis=1), np.array([x, y, z]))


def scene(**changes: Any) -> Scene:
    """The scene as most tests see it."""
    return Scene(**{"camera": pinhole(), "world_from_camera": looking_down(), **changes})


def info_message(camera: CameraModel, stamp: int = SECOND, frame: str = FRAME) -> CameraInfo:
    """The camera_info of a camera."""
    matrix = camera.matrix.ravel().tolist()
    return CameraInfo(
        header=header(stamp, frame),
        width=camera.width,
        height=camera.height,
        k=matrix,
        d=camera.distortion.tolist(),
        distortion_model=camera.model,
        p=[*matrix[:3], 0.0, *matrix[3:6], 0.0, *matrix[6:], 0.0],
    )


def depth_message(
    depth: NDArray[np.float32],
    encoding: str = "16UC1",
    stamp: int = SECOND,
    frame: str = FRAME,
) -> Image:
    """Depth in millimetres or metres, by encoding."""
    if encoding == "16UC1":
        values = np.nan_to_num(np.rint(depth * 1000)).astype("<u2")
    else:
        values = depth.astype("<f4")
    height, width = depth.shape
    return Image(
        header=header(stamp, frame),
        height=height,
        width=width,
        encoding=encoding,
        step=values.itemsize * width,
        data=array("B", values.tobytes()),
    )


def compressed_depth_message(
    depth: NDArray[np.float32], encoding: str = "16UC1", stamp: int = SECOND
) -> CompressedImage:
    """Depth as image_transport's compressedDepth sends it."""
    import cv2

    a, b = 0.0, 0.0
    if encoding == "16UC1":
        stored = np.nan_to_num(np.rint(depth * 1000)).astype(np.uint16)
    else:
        a, b = 6000.0, 100.0
        stored = np.nan_to_num(np.rint(a / depth + b)).astype(np.uint16)
    _, png = cv2.imencode(".png", stored)
    return CompressedImage(
        header=header(stamp, FRAME),
        format=f"{encoding}; compressedDepth png",
        data=array("B", HEADER.pack(0, a, b) + png.tobytes()),
    )


def instances_message(owner: NDArray[np.uint16], stamp: int = SECOND) -> Image:
    """What a detector publishes on ~/instances."""
    height, width = owner.shape
    return Image(
        header=header(stamp, FRAME),
        height=height,
        width=width,
        encoding="mono16",
        step=2 * width,
        data=array("B", owner.astype("<u2").tobytes()),
    )


def detections_message(
    owner: NDArray[np.uint16], stamp: int = SECOND, name: str = "box", identity: str = ""
) -> Detection2DArray:
    """What a detector publishes on ~/detections: the box, or nothing where it is not seen."""
    rows, columns = np.nonzero(owner == 1)
    message = Detection2DArray(header=header(stamp, FRAME))
    if len(rows):
        entry, result = Detection2D(header=message.header, id=identity), ObjectHypothesisWithPose()
        result.hypothesis.class_id, result.hypothesis.score = name, 0.75
        entry.results = [result]
        entry.bbox.center.position.x = (columns.min() + columns.max() + 1) / 2
        entry.bbox.center.position.y = (rows.min() + rows.max() + 1) / 2
        entry.bbox.size_x = float(columns.max() + 1 - columns.min())
        entry.bbox.size_y = float(rows.max() + 1 - rows.min())
        message.detections = [entry]
    return message


def rotation_of(orientation: Any) -> NDArray[np.float64]:
    """A message's quaternion as a matrix."""
    x, y, z, w = (getattr(orientation, axis) for axis in "xyzw")
    matrix: NDArray[np.float64] = Rotation.from_quat([x, y, z, w]).as_matrix()
    return matrix


def place_of(entry: Any) -> NDArray[np.float64]:
    """Centre of a Detection3D."""
    position = entry.bbox.center.position
    return np.array([position.x, position.y, position.z])
