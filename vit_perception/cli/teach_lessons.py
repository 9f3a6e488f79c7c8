# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What `teach` is shown: boxes with names in a picture, a recording or a data set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vit_perception.bags.moment import frame_at
from vit_perception.bags.reader import BagReader
from vit_perception.bags.recording import holds_bag
from vit_perception.evaluation.dataset import Dataset, read_frame
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.frame import Frame
from vit_perception.images.media import MediaError, read_picture
from vit_perception.wording import shown, shown_path


@dataclass(frozen=True, slots=True)
class Shown:
    """A box in a frame.

    Attributes:
        box: x1 y1 x2 y2 in pixels of the frame.
        name: what is in the box, or what is not.
        negative: whether it is not.
        where: the box is, for messages.
    """

    box: tuple[float, float, float, float]
    name: str
    negative: bool
    where: str


Lesson = tuple[Frame, Sequence[Shown]]
"""A frame with the boxes that are shown in it."""


def read_moment(path: Path, at: float | None, topic: str | None) -> Frame:
    """Returns a picture, or the image of a recording at a time.

    Args:
        path: of either.
        at: seconds since the first image; None: that one.
        topic: of the images; None: the only one with colour images.

    Raises:
        BagError: the recording, topic or image cannot be read.
        MediaError: the picture cannot be read, or was to be chosen by its time or topic.
    """
    if holds_bag(path):
        with BagReader(path) as bag:
            return frame_at(bag, bag.image_topic(topic), 0.0 if at is None else at)
    if at is not None or topic is not None:
        raise MediaError(f"{shown_path(path)}: expected a bag for --at and --topic, found another")
    return read_picture(path)


def annotated(data: Dataset, names: Sequence[str]) -> dict[int, list[Shown]]:
    """Returns the annotated boxes of these names by the id of their picture, but crowds.

    Raises:
        EvaluationError: there is none, or no category of a name.
    """
    chosen: dict[int, list[Shown]] = {}
    files = {picture.id: picture.path for picture in data.pictures}
    wanted, known = frozenset(names), data.categories.values()
    for name in names:
        if name not in known:
            raise EvaluationError(
                f"{shown_path(data.directory)}: expected names of categories "
                f"({shown(', '.join(known))}), found {shown(name)}"
            )
    for each in data.annotations:
        name = data.categories[each["category_id"]]
        if each["iscrowd"] or name not in wanted:
            continue
        x, y, width, height = each["bbox"]
        where = f"{shown_path(files[each['image_id']])}: annotation {each['id']}"
        box = Shown((x, y, x + width, y + height), name, False, where)
        chosen.setdefault(each["image_id"], []).append(box)
    if not chosen:
        raise EvaluationError(
            f"{shown_path(data.directory)}: expected boxes of {shown(', '.join(names))}, "
            "found none"
        )
    return chosen


def lessons_of(data: Dataset, boxes: dict[int, list[Shown]]) -> Iterator[Lesson]:
    """Yields the pictures with boxes.

    Raises:
        EvaluationError: a picture cannot be read.
    """
    for picture in data.pictures:
        if picture.id in boxes:
            yield read_frame(picture), boxes[picture.id]
