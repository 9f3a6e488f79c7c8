# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Images of a bag whose pixels say which true thing is seen there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from numpy.typing import NDArray

from vit_perception.bags.definitions import DECODING_ERRORS
from vit_perception.bags.reader import BagDamageError, BagMessage, BagReader
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.samples.detected import numbers_of
from vit_perception.evaluation.samples.stamped import Stamped, stamped
from vit_perception.images.raw import ImageError
from vit_perception.wording import one_line, shown_path

_KEPT = 4


@dataclass(slots=True)
class InstanceImages:
    """Where the images of numbers stand in a bag.

    Attributes:
        places: topic, and place among its messages that can be decoded, by stamp and frame.
        twice: stamps and frames of several images; none of them is used.
        broken: what is wrong with images that cannot be used, one line each.
        damage: one line if messages are missing, else "".
    """

    places: dict[Stamped, tuple[str, int]] = field(default_factory=dict)
    twice: Counter[Stamped] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    damage: str = ""


def find_instances(bag: BagReader, topics: Sequence[str]) -> InstanceImages:
    """Looks through the images of some topics; none is kept."""
    found = InstanceImages()
    for topic in topics:
        places = count()
        try:
            for message in bag.messages([topic], found.broken.append):
                place = next(places)
                try:
                    key = stamped(message.value)
                    numbers_of(message.value)
                except (ImageError, *DECODING_ERRORS) as error:
                    found.broken.append(f"{shown_path(topic)}: message {place}: {one_line(error)}")
                    continue
                if key in found.places or key in found.twice:
                    found.places.pop(key, None)
                    found.twice[key] += 1
                else:
                    found.places[key] = topic, place
        except BagDamageError as error:
            found.damage = str(error)
    return found


class InstanceReader:
    """Reads images of numbers by their places.

    They are read forward beside the pictures, so that a few are in memory at once. A place that
    was passed begins the topic anew: slow, but never wrong.
    """

    def __init__(self, bag: BagReader) -> None:
        """Takes an open bag."""
        self._bag = bag
        self._streams: dict[str, _Stream] = {}

    def numbers(self, topic: str, place: int) -> NDArray[Any]:
        """Returns the pixels [H, W] at a place of `find_instances`.

        Raises:
            EvaluationError: it is not there any more.
        """
        stream = self._streams.get(topic)
        if stream is None or not stream.holds(place):
            stream = self._streams[topic] = _Stream(self._bag, topic)
        try:
            return numbers_of(stream.message(place).value)
        except (ImageError, *DECODING_ERRORS) as error:
            raise EvaluationError(
                f"{shown_path(topic)}: message {place}: {one_line(error)}"
            ) from error


class _Stream:
    """The messages of a topic from the first on, of which the last few are kept."""

    def __init__(self, bag: BagReader, topic: str) -> None:
        self._topic = topic
        self._messages: Iterator[BagMessage] = bag.messages([topic], lambda line: None)
        self._kept: dict[int, BagMessage] = {}
        self._next = 0

    def holds(self, place: int) -> bool:
        return place >= self._next or place in self._kept

    def message(self, place: int) -> BagMessage:
        while place >= self._next:
            try:
                message = next(self._messages, None)
            except BagDamageError:
                message = None
            if message is None:
                raise EvaluationError(
                    f"{shown_path(self._topic)}: expected message {place} again, found the end"
                )
            self._kept[self._next] = message
            self._kept.pop(self._next - _KEPT, None)
            self._next += 1
        return self._kept[place]
