# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Puts together what belongs to one image: detections, instances, depth, colours.

message_filters does not fit: it needs all of its inputs, and does not say what it left out.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from std_msgs.msg import Header

from vit_perception.ros.frames.accounting import REPLACED
from vit_perception.ros.frames.slots import Arrival
from vit_perception.ros.localizer.causes import APART, NO_DEPTH
from vit_perception.ros.messages import stamp_nanoseconds

# Detections that wait at one time, and messages of a topic that are kept for them.
_WAITING, _KEPT = 16, 64
# Bytes that the messages of a topic may take.
_MOST_BYTES = 96 * 2**20
# After so many images without instances none are waited for, until some come in.
_MISSED = 3


@dataclass(frozen=True, slots=True)
class Lack:
    """What an image cannot do without now.

    Attributes:
        cause: one of CAUSES.
        line: what is not there.
        patience: seconds that it is waited for.
        partly: whether something can be published without it.
    """

    cause: str
    line: str
    patience: float
    partly: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """What belongs to one image.

    Attributes:
        header: of the image.
        arrival: of what was found; its message is what the detector gave.
        depth: the depth image.
        instances: image of `~/instances`; None without.
        image: the image with its colours; None without.
        lack: what was waited for in vain; None for nothing.
    """

    header: Header
    arrival: Arrival
    depth: Any = None
    instances: Any = None
    image: Any = None
    lack: Lack | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """How images are paired.

    Attributes:
        slop: nanoseconds by which stamps may differ where none are equal.
        patience: seconds that an image waits for its depth and instances.
        instances: whether instances may come in.
        image: whether colours are wanted.
        lacking: returns what else a match has to wait for; None for nothing.
    """

    slop: int
    patience: float
    instances: bool
    image: bool
    lacking: Callable[[Match], Lack | None]


class Recent:
    """The last messages of a topic, by stamp. Stamps that go back begin anew."""

    def __init__(self) -> None:
        self._messages: OrderedDict[int, Any] = OrderedDict()
        self._bytes = 0

    @property
    def newest(self) -> int | None:
        """The last stamp in nanoseconds; None for none."""
        return next(reversed(self._messages), None)

    def add(self, message: Any) -> None:
        """Keeps a message in place of the oldest ones."""
        stamp, newest = stamp_nanoseconds(message.header), self.newest
        if newest is not None and stamp < newest:
            self.clear()
        elif stamp == newest:
            self._bytes -= len(self._messages[stamp].data)
        self._messages[stamp] = message
        self._bytes += len(message.data)
        while len(self._messages) > _KEPT or (
            self._bytes > _MOST_BYTES and len(self._messages) > 1
        ):
            _, gone = self._messages.popitem(last=False)
            self._bytes -= len(gone.data)

    def at(self, stamp: int) -> Any:
        """Returns the message of a stamp, or None."""
        return self._messages.get(stamp)

    def nearest(self, stamp: int) -> tuple[int, Any] | None:
        """Returns how far the nearest one is, in nanoseconds, and that one; None for none."""
        if not self._messages:
            return None
        found = min(self._messages, key=lambda each: abs(each - stamp))
        return abs(found - stamp), self._messages[found]

    def clear(self) -> None:
        """Forgets all."""
        self._messages.clear()
        self._bytes = 0


class Pairing:
    """Keeps what came in of one camera until an image has what it needs; used under a lock.

    Equal stamps come first. Where the depth has none, the nearest within the slop is taken as
    soon as no nearer one can come.
    """

    def __init__(self) -> None:
        self.depths, self.instances, self.images = Recent(), Recent(), Recent()
        self._waiting: deque[Match] = deque()
        self._missed = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, header: Header, arrival: Arrival) -> list[Match]:
        """Lets what was found in an image wait; returns those that had to go for it."""
        gone = []
        stamp = stamp_nanoseconds(header)
        if self._waiting and stamp < stamp_nanoseconds(self._waiting[-1].header):
            gone, self._waiting = list(self._waiting), deque()
        elif len(self._waiting) == _WAITING:
            gone = [self._waiting.popleft()]
        self._waiting.append(Match(header, arrival))
        return gone

    def add_instances(self, message: Any) -> None:
        """Keeps an instance image."""
        self._missed = 0
        self.instances.add(message)

    def clear(self) -> list[Match]:
        """Forgets all; returns what was waiting."""
        gone, self._waiting = list(self._waiting), deque()
        for each in (self.depths, self.instances, self.images):
            each.clear()
        return gone

    def settle(self, now: float, rules: Rules) -> tuple[Match | None, list[tuple[Match, Lack]]]:
        """Returns the newest image that has what it needs, and those that are given up.

        Images before it are given up with it: the newest counts.

        Args:
            now: seconds of time.perf_counter.
            rules: how they are paired.
        """
        ready: Match | None = None
        given_up: list[tuple[Match, Lack]] = []
        left: list[Match] = []
        last = len(self._waiting) - 1
        for place, waiting in enumerate(self._waiting):
            waited = now - waiting.arrival.time
            match, lack = self._completed(waiting, waited, rules, newer=place < last)
            if lack is not None and not lack.partly and waited >= lack.patience:
                given_up.append((match, lack))
            elif lack is not None and waited < lack.patience:
                left.append(waiting)
            else:
                before = [ready] if ready is not None else []
                given_up += [(each, _OVERTAKEN) for each in (*before, *left)]
                left, ready = [], replace(match, lack=lack)
        self._waiting = deque(left)
        if ready is not None and rules.instances:
            self._missed = 0 if ready.instances is not None else self._missed + 1
        return ready, given_up

    def _completed(
        self, match: Match, waited: float, rules: Rules, *, newer: bool
    ) -> tuple[Match, Lack | None]:
        """Returns an image with what belongs to it, and what it lacks.

        Args:
            match: with nothing but what was found.
            waited: seconds so far.
            rules: how they are paired.
            newer: whether a newer image waits behind it.
        """
        stamp = stamp_nanoseconds(match.header)
        depth, lack = self._depth(stamp, waited, rules)
        if lack is not None:
            return match, lack
        instances = self.instances.at(stamp) if rules.instances else None
        expected = rules.instances and self._missed < _MISSED
        # A detector sends them at once after the detections.
        if instances is None and expected and not newer and waited < rules.patience:
            return match, Lack(NO_DEPTH, "", rules.patience)
        image = None
        if rules.image and (found := self.images.nearest(stamp)) is not None:
            image = found[1] if found[0] <= rules.slop else None
        match = replace(match, depth=depth, instances=instances, image=image)
        return match, rules.lacking(match)

    def _depth(self, stamp: int, waited: float, rules: Rules) -> tuple[Any, Lack | None]:
        if (exact := self.depths.at(stamp)) is not None:
            return exact, None
        newest, nearest = self.depths.newest, self.depths.nearest(stamp)
        if newest is None or nearest is None:
            return None, Lack(NO_DEPTH, "no depth image has come", rules.patience)
        # A nearer one than that of the same distance on the other side cannot come any more.
        over = newest >= stamp + min(nearest[0], rules.slop)
        if nearest[0] <= rules.slop and (over or waited >= rules.patience):
            return nearest[1], None
        line = (
            f"the nearest depth is {nearest[0] * 1e-9:.3f} s apart, sync_slop is "
            f"{rules.slop * 1e-9:g} s"
        )
        return None, Lack(APART, line, 0.0 if over else rules.patience)


_OVERTAKEN = Lack(REPLACED, "", 0.0)
