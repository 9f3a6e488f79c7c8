# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What an image needs besides its depth: cameras and transforms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sensor_msgs.msg import CameraInfo

from vit_perception.parameters.localizer import LocalizerParameters
from vit_perception.ros.localizer.causes import NO_CAMERA_INFO, NO_TRANSFORM
from vit_perception.ros.localizer.pairing import Lack, Match
from vit_perception.ros.localizer.transforms import TransformSource
from vit_perception.ros.messages import stamp_nanoseconds
from vit_perception.space.camera_info import camera_model
from vit_perception.space.camera_model import CameraModel
from vit_perception.space.locate import LocateError
from vit_perception.space.placed import Geometry
from vit_perception.space.rigid import Rigid, TransformError

_DOWN = np.array([0.0, 0.0, -1.0])


@dataclass(frozen=True, slots=True)
class Cameras:
    """The camera_info of image and depth; None where none has come.

    Attributes:
        image, depth: the messages.
        topic, depth_topic: where they come from.
        rectified, depth_rectified: whether the images are.
    """

    image: CameraInfo | None
    depth: CameraInfo | None
    topic: str
    depth_topic: str
    rectified: bool
    depth_rectified: bool


@dataclass(frozen=True, slots=True)
class Needs:
    """Says what a match lacks, and makes of it what placing needs.

    Attributes:
        cameras: of image and depth.
        transforms: None while nothing listens for them.
        parameters: in force.
    """

    cameras: Cameras
    transforms: TransformSource | None
    parameters: LocalizerParameters

    def lacking(self, match: Match) -> Lack | None:
        """Returns what else a match has to wait for; None for nothing."""
        cameras, patience = self.cameras, self.parameters.sync_timeout
        if cameras.image is None:
            line = f"no camera_info has come on {cameras.topic}"
            return Lack(NO_CAMERA_INFO, line, patience)
        if cameras.depth is None and self._moves(match):
            line = (
                f"no camera_info has come on {cameras.depth_topic}, and depth is not aligned: it "
                "has another frame or size than the image"
            )
            return Lack(NO_CAMERA_INFO, line, patience)
        for target, source in self._transforms(match):
            try:
                self._lookup(target, source, match)
            except TransformError as error:
                line = f"{source} to {target}: {error}"
                partly = target == self.parameters.target_frame
                return Lack(NO_TRANSFORM, line, self.parameters.tf_timeout, partly=partly)
        return None

    def geometry(self, match: Match, size: tuple[int, int]) -> Geometry:
        """Returns how depth and image of a match see the same things.

        Args:
            match: that lacks none of it.
            size: height and width of the decoded depth image.

        Raises:
            CameraModelError: a camera_info describes no camera.
            LocateError: depth has another size than the image, and no camera_info.
            TransformError: a transform is not there any more.
        """
        cameras = self.cameras
        assert cameras.image is not None
        camera = camera_model(cameras.image, rectified=cameras.rectified)
        depth_camera, move = camera, None
        same = _frame(match.header.frame_id) == _frame(match.depth.header.frame_id)
        if not same or size != (camera.height, camera.width):
            if cameras.depth is None:
                # What is compressed shows its size only now.
                raise LocateError(
                    f"depth: expected {camera.width} x {camera.height} px like the image, or a "
                    f"camera_info on {cameras.depth_topic}, found {size[1]} x {size[0]} px"
                )
            depth_camera = camera_model(cameras.depth, rectified=cameras.depth_rectified)
            move = (
                Rigid.identity()
                if same
                else self._lookup(match.header.frame_id, match.depth.header.frame_id, match)
            )
        up = self.parameters.gravity_frame
        gravity = None
        if up:
            gravity = self._lookup(match.header.frame_id, up, match).rotation @ _DOWN
        return Geometry(camera, depth_camera, move, gravity)

    def target(self, match: Match) -> Rigid | None:
        """Returns the transform from the image's frame to that of the results; None for none.

        Raises:
            TransformError: it is not there any more.
        """
        target = self.parameters.target_frame
        return self._lookup(target, match.header.frame_id, match) if target else None

    def _moves(self, match: Match) -> bool:
        """Returns whether depth has to be moved into the image, as far as headers tell."""
        if _frame(match.header.frame_id) != _frame(match.depth.header.frame_id):
            return True
        # A compressed depth image has its size inside.
        size = getattr(match.depth, "width", 0), getattr(match.depth, "height", 0)
        camera = _size(self.cameras.image, self.cameras.rectified)
        return size != (0, 0) and camera is not None and size != camera

    def _transforms(self, match: Match) -> list[tuple[str, str]]:
        """Returns target and source of the transforms that a match needs."""
        image, depth = match.header.frame_id, match.depth.header.frame_id
        wanted = [(image, depth)] if _frame(image) != _frame(depth) else []
        if self.parameters.gravity_frame:
            wanted.append((image, self.parameters.gravity_frame))
        # The last, as something can be published without it.
        if self.parameters.target_frame:
            wanted.append((self.parameters.target_frame, image))
        return wanted

    def _lookup(self, target: str, source: str, match: Match) -> Rigid:
        if _frame(target) == _frame(source):
            return Rigid.identity()
        if self.transforms is None:
            raise TransformError("no transform: not listening yet")
        return self.transforms.lookup(target, source, stamp_nanoseconds(match.header))


def _frame(name: str) -> str:
    return name.lstrip("/")


def _size(info: CameraInfo | None, rectified: bool) -> tuple[int, int] | None:
    """Returns width and height of a camera's images; None where the message says nothing."""
    try:
        camera: CameraModel | None = (
            None if info is None else camera_model(info, rectified=rectified)
        )
    except ValueError:
        return None
    return None if camera is None else (camera.width, camera.height)
