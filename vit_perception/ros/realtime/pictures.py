# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The pictures of a recording's topic, by the clocks that they carry."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from vit_perception.bags.messages import COMPRESSED_IMAGE, IMAGE, header_stamp
from vit_perception.bags.reader import BagDamageError, BagError, BagReader
from vit_perception.wording import shown_path

_SECOND = 1_000_000_000
# A picture is recorded within this after its stamp, where both are of one clock.
_SAME_CLOCK = 10 * _SECOND


@dataclass(frozen=True)
class Pictures:
    """The messages of an image topic in the order of recording.

    Attributes:
        msgtype: of all of them.
        stamps: ns; None where the message cannot be read.
        times: of the recording, ns; None where the message cannot be read.
        damage: what is missing of the bag, in one line; else "".
    """

    msgtype: str
    stamps: tuple[int | None, ...]
    times: tuple[int | None, ...]
    damage: str = ""

    def __len__(self) -> int:
        return len(self.stamps)

    @cached_property
    def lag(self) -> int:
        """From the clock of the stamps to that of the recording, ns; 0 if they are the same.

        Of different clocks nobody knows how long a picture took to be recorded: the fastest one
        then counts as recorded at once.
        """
        lags = [
            time - stamp
            for time, stamp in zip(self.times, self.stamps, strict=True)
            if stamp and time is not None
        ]
        return 0 if all(abs(lag) <= _SAME_CLOCK for lag in lags) else min(lags)

    @cached_property
    def known(self) -> frozenset[int]:
        """Stamps that only one picture has."""
        return frozenset(s for s, count in Counter(self.stamps).items() if s and count == 1)

    def instant(self, number: int, stamp: int) -> int | None:
        """Returns when a picture was taken by the clock of the stamps, ns.

        Without a stamp that is when it was recorded, if it is there.

        Args:
            number: its place, from 0.
            stamp: ns; 0 without.
        """
        if stamp:
            return stamp
        time = self.times[number] if number < len(self) else None
        return None if time is None else time - self.lag

    def notes(self) -> list[str]:
        """Returns what is odd about them, one line each."""
        lines = [self.damage] if self.damage else []
        unread = self.stamps.count(None)
        if unread:
            lines.append(f"{unread} of {len(self)} pictures are no messages that can be read")
        if self.lag:
            lines.append(
                f"stamps and times of the recording are {self.lag / _SECOND:.1f} s apart, so of "
                "different clocks: the picture that was recorded soonest counts as recorded at "
                "its stamp"
            )
        unclear = len(self) - unread - len(self.known)
        if unclear:
            lines.append(
                f"{unclear} of {len(self)} pictures have no stamp or one of another picture: the "
                "age and latency of their results are unknown"
            )
        return lines


def read_pictures(bag: Path, topic: str) -> Pictures:
    """Reads the stamps and times of a camera's images.

    Raises:
        BagError: the bag cannot be read, or the topic is no camera's.
    """
    stamps: list[int | None] = []
    times: list[int | None] = []
    kinds: set[str] = set()
    damage = ""

    def unreadable(line: str) -> None:
        stamps.append(None)
        times.append(None)

    with BagReader(bag) as reader:
        name = reader.image_topic(topic)
        kinds |= {
            each.msgtype
            for each in reader.topics()
            if each.name == name and each.msgtype in (IMAGE, COMPRESSED_IMAGE)
        }
        if len(kinds) != 1:
            raise BagError(
                f"{shown_path(bag)}: expected images of one type on {shown_path(topic)}, found "
                f"{' and '.join(sorted(kinds))}"
            )
        try:
            for message in reader.messages([name], unreadable):
                stamps.append(header_stamp(message.value.header))
                times.append(message.time)
        except BagDamageError as error:
            damage = str(error)
    return Pictures(kinds.pop(), tuple(stamps), tuple(times), damage)
