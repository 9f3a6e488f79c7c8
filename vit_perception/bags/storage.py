# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""One file of a bag: its channels, and its messages in the order of recording."""

from __future__ import annotations

import heapq
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

CDR = "cdr"
ROS1 = "ros1"


class StorageError(ValueError):
    """A file is no recording; says what was found instead."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One publisher's messages in one file.

    Attributes:
        key: identifies the channel in its file.
        topic: name of the topic.
        msgtype: e.g. "sensor_msgs/msg/Image"; may be empty.
        encoding: of the messages: CDR, ROS1, or another that is not read.
        language: of the definition, e.g. "ros2msg".
        definition: text of the message type; may be empty.
        count: messages in the file.
    """

    key: int
    topic: str
    msgtype: str
    encoding: str
    language: str
    definition: str
    count: int


class Record(NamedTuple):
    """One message as it is stored."""

    time: int
    channel: Channel
    raw: bytes


class Storage(ABC):
    """A file of a bag.

    Attributes:
        path: name of the file, for messages.
        channels: what it holds.
        start: time of the first message, in nanoseconds.
        cut: why the file ends early, "" if it was closed properly.
        lost: what could not be read so far, one line each; grows while records are read.
        announced: messages by topic as the file itself says, where fewer are there.
        notes: what else was left out, one line each.
        advice: what a user can do about a cut file.

    Args:
        path: the file.
        name: of the file, for messages.
    """

    advice: ClassVar[str]

    def __init__(self, path: Path, *, name: Path) -> None:
        self.path = name
        self.channels: tuple[Channel, ...] = ()
        self.start = 0
        self.cut = ""
        self.lost: list[str] = []
        self.announced: Counter[str] = Counter()
        self.notes: list[str] = []
        self._file = path

    @abstractmethod
    def records(self, keys: Collection[int]) -> Iterator[Record]:
        """Yields the messages of some channels in the order of recording.

        Damaged parts are left out and named in `lost`.
        """


Part = tuple[int, Callable[[], Iterator[Record]]]


def in_order(parts: Iterable[Part]) -> Iterator[Record]:
    """Merges sorted parts by time.

    A part is opened only when its start is reached, so that few are in memory at once.

    Args:
        parts: time of the first record, and what yields the records.
    """
    waiting: list[tuple[int, int, Record, Iterator[Record]]] = []

    def advance(number: int, rest: Iterator[Record]) -> None:
        record = next(rest, None)
        if record is not None:
            # Times and numbers of parts differ, so records are never compared.
            heapq.heappush(waiting, (record.time, number, record, rest))

    for number, (start, opened) in enumerate(sorted(parts, key=lambda part: part[0])):
        while waiting and waiting[0][0] < start:
            _, earlier, record, rest = heapq.heappop(waiting)
            yield record
            advance(earlier, rest)
        advance(number, opened())
    while waiting:
        _, earlier, record, rest = heapq.heappop(waiting)
        yield record
        advance(earlier, rest)


def normalized_type(name: str) -> str:
    """Returns "package/msg/Type" also for "package/Type", as ROS 1 says it."""
    package, separator, kind = name.partition("/")
    return f"{package}/msg/{kind}" if separator and "/" not in kind else name
