# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Where things truly are, on a topic that a recording carries."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vit_perception.bags.detections_3d import (
    Detections3DError,
    NamedObjects,
    objects_from_message,
)
from vit_perception.bags.messages import DETECTIONS_3D, TF, Message, header_stamp
from vit_perception.bags.reader import BagError, BagMessage, BagReader
from vit_perception.bags.transforms import take_transforms
from vit_perception.space.rigid import Rigid, TransformError
from vit_perception.space.transforms import Transforms
from vit_perception.wording import shown_path

_AHEAD = 1_000_000_000
"""Nanoseconds of the recording that are read before a moment is looked at."""


@dataclass(frozen=True, slots=True, eq=False)
class TruePlaces:
    """Where things are at one moment.

    Attributes:
        boxes: in the target frame.
        target_from_camera: pose of the frame that the recording says them in.
    """

    boxes: NamedObjects
    target_from_camera: Rigid


def read_true_places(bag: Path, topic: str, target: str) -> dict[int, TruePlaces]:
    """Returns the true boxes of a bag by stamp in nanoseconds, in a target frame.

    Moments at which that frame is not known are left out; without the topic there are none.

    Raises:
        BagError: the bag cannot be read, or a message of the topic describes no boxes.
    """
    return {stamp: places for _, stamp, places in true_places(bag, topic, target)}


def true_places(bag: Path, topic: str, target: str) -> Iterator[tuple[int, int, TruePlaces]]:
    """Yields time of the recording, stamp and true boxes of each moment, in their order.

    Args:
        bag, topic, target: as of `read_true_places`.

    Raises:
        BagError: as of `read_true_places`.
    """
    transforms, waiting = Transforms(), deque[BagMessage]()
    with BagReader(bag) as reader:
        topics = {each.name: each.msgtype for each in reader.topics()}
        if topics.get(topic) != DETECTIONS_3D:
            return
        wanted = [topic, *(name for name, kind in topics.items() if kind == TF)]
        for message in reader.messages(wanted):
            if message.msgtype == TF:
                take_transforms(message, transforms)
            else:
                waiting.append(message)
            while waiting and waiting[0].time < message.time - _AHEAD:
                yield from _placed(waiting.popleft(), transforms, target, bag)
        for message in waiting:
            yield from _placed(message, transforms, target, bag)


def _placed(
    message: BagMessage, transforms: Transforms, target: str, bag: Path
) -> Iterator[tuple[int, int, TruePlaces]]:
    value: Message = message.value
    stamp = header_stamp(value.header)
    try:
        pose = transforms.lookup(target, str(value.header.frame_id), stamp)
    except TransformError:
        return
    try:
        boxes = objects_from_message(value)
    except Detections3DError as error:
        raise BagError(f"{shown_path(bag)}: {shown_path(message.topic)}: {error}") from error
    yield message.time, stamp, TruePlaces(boxes.moved(pose), pose)
