# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What topics of a bag say is true of its images."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vit_perception.bags.definitions import DECODING_ERRORS
from vit_perception.bags.image import BagImage
from vit_perception.bags.messages import DETECTIONS, IMAGE
from vit_perception.bags.reader import BagDamageError, BagMessage, BagReader
from vit_perception.bundle.samples import GROUND_TRUTH_TOPIC
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.samples.detected import truth_of
from vit_perception.evaluation.samples.instance_topics import find_instances
from vit_perception.evaluation.samples.sample import FrameTruth
from vit_perception.evaluation.samples.stamped import Stamped, plain_frame, stamped
from vit_perception.evaluation.samples.table import TruthTable
from vit_perception.wording import counted, one_line, shown, shown_path

_WHAT = "a topic of ground truth"


@dataclass(frozen=True, slots=True)
class TruthTopics:
    """Topics of a bag that say what is true of its images.

    Attributes:
        topics: of Detection2DArray; none: `/ground_truth`, where it is there.
        masks: of images, n at the pixels of detection n - 1 of the same stamp and frame; none:
            `instances` below or beside the topics, where they are there.
    """

    topics: tuple[str, ...] = ()
    masks: tuple[str, ...] = ()


BESIDE = TruthTopics()
"""What is found in a bag without being named."""


class TopicTruth:
    """What is true of the images of a bag, by stamp and, where there are several, by frame.

    Truth of one frame is joined by its stamps alone if all cameras of the bag have one frame.

    Attributes:
        table: the truth, without masks.
        contradicted: rows of it for which there are several, different truths.
        notes: what was left out, one line each.

    Args:
        bag: open.
        topics: what to read.
        frames: of all cameras of the bag, by topic.
        paired: whether one camera and one topic were asked for, which then belong together.

    Raises:
        BagError: a topic that was asked for is absent or of another type.
    """

    def __init__(
        self, bag: BagReader, topics: TruthTopics, frames: Mapping[str, str], *, paired: bool
    ) -> None:
        self.table = TruthTable()
        self.contradicted: set[int] = set()
        self._frames = frames
        self._rows: dict[Stamped, int] = {}
        self._masks: dict[int, tuple[str, int]] = {}
        self._lines: list[str] = []
        self._again = 0
        wanted, absent = _truth_topics(bag, topics)
        self._lines += absent
        for topic in wanted:
            self._read(bag, topic)
        self._read_masks(bag, mask_topics(bag, topics))
        there = {key.frame for key in self._rows}
        cameras = set(frames.values())
        self._by_frame = len(there) > 1 or (
            len(cameras) > 1 and not (paired and not there & cameras)
        )
        self._only = next(iter(there), "")
        self._note_joins(there - cameras if self._by_frame else set())
        self.notes = tuple(f"{shown_path(bag.path)}: {line}" for line in self._lines)

    def names(self) -> tuple[str, ...]:
        """Returns the names that occur, sorted."""
        return self.table.names()

    def find(self, topic: str, image: BagImage) -> int | None:
        """Returns the row of an image of a topic, or None."""
        if image.stamp is None:
            return None
        frame = plain_frame(image.frame_id) if self._by_frame else self._only
        return self._rows.get(Stamped(image.stamp, frame))

    def rows_of(self, topic: str) -> Iterator[int]:
        """Yields the rows that are meant for a topic of images."""
        frame = self._frames.get(topic)
        for key, row in self._rows.items():
            if not self._by_frame or key.frame == frame:
                yield row

    def shared(self, topics: Sequence[str]) -> Iterator[str]:
        """Yields a line for topics of images that have the same truth, as their frame is one."""
        alike: defaultdict[str, list[str]] = defaultdict(list)
        for topic in topics if len(self.table) else ():
            alike[self._frames.get(topic, "") if self._by_frame else self._only].append(topic)
        for those in alike.values():
            if len(those) > 1:
                yield (
                    f"{', '.join(map(shown_path, those))}: one frame, so that each is measured "
                    "with the same ground truth; if it is of one of them, choose that one"
                )

    def masks_of(self, row: int) -> tuple[str, int] | None:
        """Returns topic and place of the image of a row's masks; None without."""
        return self._masks.get(row)

    def _read(self, bag: BagReader, topic: str) -> None:
        broken: list[str] = []
        number = 0
        try:
            for number, message in enumerate(bag.messages([topic], broken.append), start=1):
                try:
                    self._take(message)
                except (EvaluationError, *DECODING_ERRORS) as error:
                    broken.append(f"{shown_path(topic)}: message {number - 1}: {one_line(error)}")
        except BagDamageError as error:
            self._lines.append(f"ground truth is missing: {one_line(error)}")
        if broken:
            self._lines.append(_left_out(broken, "message", "of ground truth"))
        if not number and not broken:
            self._lines.append(f"{shown_path(topic)} holds no ground truth")

    def _take(self, message: BagMessage) -> None:
        if message.msgtype != DETECTIONS:
            raise EvaluationError(f"expected {DETECTIONS}, found {shown_path(message.msgtype)}")
        key, truth = stamped(message.value), truth_of(message.value)
        row = self._rows.setdefault(key, len(self.table))
        if row == len(self.table):
            self.table.add(truth)
        elif _same(self.table[row], truth):
            self._again += 1
        else:
            self.contradicted.add(row)

    def _read_masks(self, bag: BagReader, topics: tuple[str, ...]) -> None:
        if not topics:
            return
        found = find_instances(bag, topics)
        for key, place in found.places.items():
            row = self._rows.get(key)
            if row is not None:
                self._masks[row] = place
        named = ", ".join(map(shown_path, topics))
        if found.damage:
            self._lines.append(f"masks are missing: {found.damage}")
        if found.broken:
            self._lines.append(_left_out(found.broken, "image", f"of {named}"))
        if found.twice:
            self._lines.append(
                f"{named}: {counted(len(found.twice), 'stamp')} with several images, of which "
                "none is used"
            )
        bare, idle = (len(each) - len(self._masks) for each in (self.table, found.places))
        if bare:
            self._lines.append(f"{named}: no masks for {counted(bare, 'message')} of ground truth")
        if idle:
            images = counted(idle, "image")
            self._lines.append(f"{named}: no ground truth for {images} of masks")

    def _note_joins(self, foreign: set[str]) -> None:
        if self._again:
            again = counted(self._again, "message")
            self._lines.append(f"left out {again} of ground truth said again")
        if self.contradicted:
            self._lines.append(
                f"{counted(len(self.contradicted), 'stamp')} with several, different truths: "
                "the pictures are not scored"
            )
        counts = Counter(key.frame for key in self._rows if key.frame in foreign)
        for frame, count in sorted(counts.items()):
            self._lines.append(
                f"{counted(count, 'message')} of ground truth in the frame {shown(frame)}, of "
                "which no camera sends images"
            )


def mask_topics(bag: BagReader, topics: TruthTopics) -> tuple[str, ...]:
    """Returns the topics of the masks of ground truth.

    Raises:
        BagError: one that was asked for is absent or of another type.
    """
    for topic in topics.masks:
        bag.check_topic(topic, "a topic of masks", IMAGE)
    if topics.masks:
        return topics.masks
    images = {each.name for each in bag.topics() if each.msgtype == IMAGE}
    found = []
    for topic in topics.topics or (GROUND_TRUTH_TOPIC,):
        places = f"{topic}/instances", f"{topic.rpartition('/')[0]}/instances"
        found += [place for place in places if place in images][:1]
    return tuple(dict.fromkeys(found))


def _truth_topics(bag: BagReader, topics: TruthTopics) -> tuple[tuple[str, ...], list[str]]:
    """Returns the topics to read, and a line if there are none."""
    for topic in topics.topics:
        bag.check_topic(topic, _WHAT, DETECTIONS)
    if topics.topics:
        return tuple(dict.fromkeys(topics.topics)), []
    kinds = [each.msgtype for each in bag.topics() if each.name == GROUND_TRUTH_TOPIC]
    if DETECTIONS in kinds:
        return (GROUND_TRUTH_TOPIC,), []
    found = f"found {shown_path(kinds[0])}" if kinds else "found no such topic"
    return (), [f"without ground truth: expected {DETECTIONS} on {GROUND_TRUTH_TOPIC}, {found}"]


def _left_out(lines: list[str], thing: str, whose: str) -> str:
    return f"left out {counted(len(lines), thing)} {whose}; the first: {lines[0]}"


def _same(one: FrameTruth, other: FrameTruth) -> bool:
    return (
        one.names == other.names
        and one.ids == other.ids
        and bool(np.array_equal(one.boxes, other.boxes))
    )
