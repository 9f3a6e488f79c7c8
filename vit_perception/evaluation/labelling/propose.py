# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Finds things in images of bags, for people to correct."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Container, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from vit_perception.bags.image import BagImage
from vit_perception.bags.pictures import stamp_of
from vit_perception.bags.reader import BROKEN_SHOWN, BagDamageError, BagError, BagReader
from vit_perception.detections import Detections
from vit_perception.evaluation.labelling.labelled import Box, LabelledPicture, Origin, Thing
from vit_perception.evaluation.labelling.recorded import picture_file
from vit_perception.evaluation.samples.keys import plain_name, recording_name
from vit_perception.frame import Frame
from vit_perception.images.search import unique_name
from vit_perception.output.write import write_file
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.rle import Rle, encode_crops
from vit_perception.wording import shown_path

_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Choice:
    """Which images of a topic are looked at.

    Attributes:
        every: of so many images the first.
        seconds: that lie between two of them at least, by their stamps.
    """

    every: int = 1
    seconds: float = 0.0


@dataclass(slots=True)
class Proposals:
    """What was found.

    Attributes:
        pictures: by bag, topic and place in it.
        broken: images without a picture, counted by cause.
        lines: the first of them, and what was left out of the bags.
        damage: a line about each bag that lacks messages.
    """

    pictures: list[LabelledPicture] = field(default_factory=list)
    broken: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)

    def leave_out(self, image: BagImage) -> None:
        """Takes down an image without a picture."""
        self.broken[image.cause] += 1
        if sum(self.broken.values()) <= BROKEN_SHOWN:
            self.lines.append(image.line)


def propose(
    bags: Sequence[Path],
    perceiver: Perceiver,
    images: Path,
    choice: Choice,
    topics: Sequence[str] = (),
    progress: Callable[[int], None] = lambda done: None,
) -> Proposals:
    """Looks at images of bags and writes their pictures.

    Args:
        bags: recordings.
        perceiver: what looks, with the thresholds of a robot.
        images: folder for the pictures.
        choice: of images.
        topics: of the images; none: all cameras of each bag.
        progress: gets the number of pictures so far.

    Raises:
        BagError: a bag cannot be read, has no such topic or no camera, or is named as another.
        OutputError: a picture cannot be written.
    """
    found = Proposals()
    names: set[str] = set()
    _check_names(bags)
    for path in bags:
        recording = recording_name(path)
        with BagReader(path) as bag:
            found.lines += bag.notes
            for topic in _topics(bag, topics):
                prefix = unique_name(f"{plain_name(recording)}_{plain_name(topic)}", names)
                try:
                    for image in bag.images(topic, _wanted(bag, topic, choice)):
                        frame = image.frame
                        if frame is None or image.message is None:
                            found.leave_out(image)
                            continue
                        content, suffix = picture_file(image.message, frame)
                        name = f"{prefix}_{image.index:06d}{suffix}"
                        write_file(images / name, content)
                        things = _things(perceiver(frame), frame)
                        origin = Origin(recording, topic, image.index, frame.stamp)
                        picture = LabelledPicture(name, frame.height, frame.width, things, origin)
                        found.pictures.append(picture)
                        progress(len(found.pictures))
                except BagDamageError as error:  # what is there is labelled all the same
                    found.damage.append(str(error))
    return found


def _check_names(bags: Sequence[Path]) -> None:
    """Refuses recordings of one name: by it, what is true of their images is found again."""
    for name, count in Counter(map(recording_name, bags)).items():
        if count > 1:
            raise BagError(
                f"{shown_path(name)}: expected recordings with names of their own, found {count} "
                "with this one: label them one by one"
            )


def _topics(bag: BagReader, wanted: Sequence[str]) -> Sequence[str]:
    topics = tuple(dict.fromkeys(bag.image_topic(each) for each in wanted or bag.camera_topics()))
    if not topics:
        raise BagError(f"{shown_path(bag.path)}: expected a colour image topic, found none")
    return topics


def _wanted(bag: BagReader, topic: str, choice: Choice) -> Container[int]:
    """Returns the places of the images to look at; no image is decoded for it."""
    if not choice.seconds:
        return range(0, sys.maxsize, choice.every)
    wanted, last, place = set(), None, 0

    def broken(line: str) -> None:
        nonlocal place
        place += 1

    # What is missing is told when the images themselves are read.
    with suppress(BagDamageError):
        for message in bag.messages([topic], broken):
            when = stamp_of(message.value) or message.time
            if last is None or not 0 <= when - last < choice.seconds * _NANOSECONDS:
                wanted.add(place)
                last = when
            place += 1
    return wanted


def _things(detections: Detections, frame: Frame) -> tuple[Thing, ...]:
    masks: Sequence[Rle | None] = [None] * len(detections)
    if detections.masks is not None:
        found = detections.masks
        masks = encode_crops(found.crops, found.origins, found.height, found.width)
        there = found.areas() > 0
        masks = [mask if any_pixel else None for mask, any_pixel in zip(masks, there, strict=True)]
    return tuple(
        Thing(each.name, _box(each.box.tolist(), frame), mask, round(each.score, 5))
        for each, mask in zip(detections, masks, strict=True)
    )


def _box(corners: Sequence[float], frame: Frame) -> Box:
    x1, y1, x2, y2 = (round(value, 2) for value in corners)
    return max(x1, 0.0), max(y1, 0.0), min(x2, frame.width), min(y2, frame.height)
