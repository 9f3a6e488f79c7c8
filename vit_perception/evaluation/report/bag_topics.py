# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Topics of the bag of a measurement."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vit_perception.images.search import unique_name

TRUTH = "ground_truth"
IMAGE = "image"


@dataclass(frozen=True, slots=True)
class BagTopics:
    """How topics are called: `/RUN/detections`, and with several cameras `/CAMERA/RUN/detections`.

    Keys of runs and sequences become names that ROS takes, each another one.

    Attributes:
        runs: name of each run, in their order.
        sequences: name of each sequence by its key; "" for a single one.
    """

    runs: tuple[str, ...]
    sequences: dict[str, str]

    @classmethod
    def of(cls, runs: Sequence[str], sequences: Sequence[str]) -> BagTopics:
        """Returns the topics of runs and sequences with these keys."""
        taken = {TRUTH, IMAGE}
        named = tuple(unique_name(_token(key, "run"), taken) for key in runs)
        if len(sequences) == 1:
            return cls(named, {sequences[0]: ""})
        taken = set()
        places = {key: unique_name(_token(key, "source"), taken) for key in sequences}
        return cls(named, {key: f"/{place}" for key, place in places.items()})

    def topic(self, sequence: str, who: str, what: str) -> str:
        """Returns the topic of something about a sequence.

        Args:
            sequence: its key.
            who: name of a run, TRUTH or IMAGE.
            what: "detections", "annotations", …
        """
        return f"{self.sequences[sequence]}/{who}/{what}"


def _token(key: str, word: str) -> str:
    """Returns a key as a part of a topic's name: a letter, then letters, digits and single _."""
    plain = re.sub("[^A-Za-z0-9]+", "_", key).strip("_")
    return plain if plain[:1].isalpha() else f"{word}_{plain}".rstrip("_")
