# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Places what was found on a recording's images in space, by its depth, cameras and transforms."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.bags.definitions import DECODING_ERRORS
from vit_perception.bags.messages import CAMERA_INFO, IMAGE, TF, header_stamp
from vit_perception.bags.pictures import depth_encoding, stamp_of
from vit_perception.bags.placing_topics import Placing, with_topics
from vit_perception.bags.reader import BagDamageError, BagMessage, BagReader, listed
from vit_perception.bags.transforms import take_transforms
from vit_perception.detections import Detections
from vit_perception.frame import Frame
from vit_perception.images.depth import decode_compressed_depth, decode_depth, unit_mistake
from vit_perception.images.raw import ImageError
from vit_perception.space.camera_info import camera_model, looks_rectified
from vit_perception.space.camera_model import CameraModel, CameraModelError
from vit_perception.space.objects import Objects
from vit_perception.space.placed import Geometry, placed
from vit_perception.space.rigid import Rigid, TransformError
from vit_perception.space.transforms import Transforms
from vit_perception.wording import one_line, shown_path

# Frames that are named where the one that was asked for is not there.
_TOLD = 8

NO_DEPTH = "no_depth"
NO_CAMERA_INFO = "no_camera_info"
NO_TRANSFORM = "no_transform"
UNREADABLE = "unreadable"
UNIT = "unit"
CAUSES: Mapping[str, str] = {
    NO_DEPTH: "no depth image has a stamp within the slop of the image's",
    NO_CAMERA_INFO: "no camera_info came before or soon after it, or it is of another size",
    NO_TRANSFORM: "no transform is known at the stamp of the image",
    UNREADABLE: "the depth image or the camera_info cannot be read",
    UNIT: "the depth is in another unit than its encoding says",
}
"""Why the detections of an image have no place."""

_AHEAD = 1_000_000_000
"""Nanoseconds that depth, cameras and transforms are read ahead of the image: topics of one
moment are recorded in any order."""


class Unplaced(Exception):
    """The detections of an image get no place; `cause` is one of CAUSES."""

    def __init__(self, cause: str, line: str) -> None:
        super().__init__(line)
        self.cause = cause


@dataclass(slots=True)
class Placer:
    """Reads a bag along with its images; a context.

    Attributes:
        path: of the bag.
        image: topic of the images.
        placing: how; with the topics from entering on.
        unplaced: images without places, by cause.
        reasons: of the first image of each cause, one line.
        damage: one line if messages of its topics are missing, else "".

    Raises:
        BagError: on entering; see `with_topics`.
    """

    path: Path
    image: str
    placing: Placing = Placing()
    unplaced: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, str] = field(default_factory=dict)
    damage: str = ""
    _transforms: Transforms = field(default_factory=Transforms)
    _depths: deque[BagMessage] = field(default_factory=deque)
    _infos: dict[str, Any] = field(default_factory=dict)
    _messages: Iterator[BagMessage] = iter(())
    _read_to: int = -1
    _bag: BagReader | None = None

    def __enter__(self) -> Placer:
        bag = BagReader(self.path)
        bag.__enter__()
        try:
            self.placing = with_topics(self.placing, bag, self.image)
        except BaseException:
            bag.__exit__(None, None, None)
            raise
        now = self.placing
        wanted = {now.depth, now.camera_info, now.depth_camera_info}
        wanted |= {topic.name for topic in bag.topics() if topic.msgtype == TF}
        self._bag, self._messages = bag, bag.messages(wanted)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Its files are closed by the thread that read them.
        self._messages = iter(())
        if self._bag is not None:
            self._bag.__exit__(kind, error, trace)

    def place(self, time: int, frame: Frame, detections: Detections) -> Objects:
        """Returns where the detections of an image are, in `target_frame` or the image's.

        Images are given in the order of the recording.

        Args:
            time: at which the image was recorded, ns.
            frame: the image.
            detections: in it.

        Raises:
            Unplaced: they have no place; counted.
            BagError: a message cannot be decoded.
        """
        self._read(time + _AHEAD)
        try:
            return self._placed(frame, detections)
        except Unplaced as error:
            self.unplaced[error.cause] += 1
            self.reasons.setdefault(error.cause, str(error))
            raise

    def _placed(self, frame: Frame, detections: Detections) -> Objects:
        camera = self._camera(self.placing.camera_info, self.image)
        if (camera.width, camera.height) != (frame.width, frame.height):
            raise Unplaced(
                NO_CAMERA_INFO,
                f"expected a camera_info of {frame.width}x{frame.height} px like the image, "
                f"found {camera.width}x{camera.height}",
            )
        depth, geometry = self._depth(frame, camera)
        found = placed(detections.boxes, detections.masks, depth, geometry, self.placing.settings)
        target = self.placing.target_frame
        if target and target != frame.frame_id:
            found = found.moved(self._transform(target, frame.frame_id, frame.stamp))
        return found

    def _depth(self, frame: Frame, camera: CameraModel) -> tuple[NDArray[np.float32], Geometry]:
        """Returns the depth of an image's moment, and how the two see the same things."""
        nearest = min(
            self._depths,
            key=lambda each: abs(header_stamp(each.value.header) - frame.stamp),
            default=None,
        )
        apart = 0 if nearest is None else header_stamp(nearest.value.header) - frame.stamp
        if nearest is None or abs(apart) > self.placing.slop * 1e9:
            found = "none" if nearest is None else f"the nearest {apart * 1e-9:.3f} s away"
            raise Unplaced(
                NO_DEPTH, f"expected a depth image within {self.placing.slop:g} s, found {found}"
            )
        value = nearest.value
        try:
            if nearest.msgtype == IMAGE:
                depth, encoding = decode_depth(value), str(value.encoding)
            else:
                encoding, data = str(value.format), np.asarray(value.data)
                depth = decode_compressed_depth(format=encoding, data=data)
        except ImageError as error:
            raise Unplaced(UNREADABLE, str(error)) from error
        if line := unit_mistake(encoding.split(";")[0].strip(), depth):
            raise Unplaced(UNIT, line)
        height, width = depth.shape
        source = self._camera(self.placing.depth_camera_info, self.placing.depth)
        if (source.width, source.height) != (width, height):
            raise Unplaced(
                NO_CAMERA_INFO,
                f"expected a camera_info of {width}x{height} px like the depth, found "
                f"{source.width}x{source.height}",
            )
        between = Rigid.identity()
        if (depth_frame := str(value.header.frame_id)) != frame.frame_id:
            between = self._transform(frame.frame_id, depth_frame, frame.stamp)
        return depth, Geometry(camera, source, between)

    def _transform(self, target: str, source: str, stamp: int) -> Rigid:
        try:
            return self._transforms.lookup(target, source, stamp)
        except TransformError as error:
            there = self._transforms.frames()
            found = ""
            if not {target, source} <= set(there):
                more = f" and {len(there) - _TOLD} more" if len(there) > _TOLD else ""
                found = f"; found {listed(there[:_TOLD])}{more}"
            raise Unplaced(NO_TRANSFORM, f"{error}{found}") from error

    def _camera(self, topic: str, images: str) -> CameraModel:
        if topic not in self._infos:
            raise Unplaced(
                NO_CAMERA_INFO, f"expected a message on {shown_path(topic)}, found none"
            )
        try:
            return camera_model(self._infos[topic], rectified=looks_rectified(images))
        except CameraModelError as error:
            raise Unplaced(UNREADABLE, f"{shown_path(topic)}: {error}") from error
        # A bag may define the type in its own way.
        except DECODING_ERRORS as error:
            line = f"{shown_path(topic)}: expected a {CAMERA_INFO}, found: {one_line(error)}"
            raise Unplaced(UNREADABLE, line) from error

    def _read(self, until: int) -> None:
        """Takes what was recorded up to a time; lets go of what is too old to be needed."""
        while self._read_to < until:
            try:
                message = next(self._messages, None)
            except BagDamageError as error:
                # It is read ahead: the images that are there come first.
                self.damage = str(error)
                break
            if message is None:
                break
            self._read_to = message.time
            if message.msgtype == TF:
                take_transforms(message, self._transforms)
            elif message.msgtype == CAMERA_INFO:
                self._infos[message.topic] = message.value
            elif depth_encoding(message.msgtype, message.value) and (
                stamp_of(message.value) is not None
            ):
                self._depths.append(message)
            # Now, as an image may come long after the first messages.
            self._let_go(min(self._read_to, until))
        self._let_go(until)

    def _let_go(self, until: int) -> None:
        while self._depths and self._depths[0].time < until - 3 * _AHEAD:
            self._depths.popleft()
