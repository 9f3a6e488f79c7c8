# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Times of graphs that a test sets, in place of those of a machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vit_perception.engine.session import SessionError
from vit_perception.perceiver.choice import Candidate, Timed
from vit_perception.perceiver.turns import Pass
from vit_perception.wording import one_line


class Measured:
    """Counts measurings, in which candidates run once and have the times that are set here."""

    def __init__(self) -> None:
        self.count = 0
        self.milliseconds = {"int8": 13.1, "fp32": 29.4}

    def __call__(
        self, candidates: Sequence[Candidate], opened: Callable[[Candidate], Pass]
    ) -> Timed:
        self.count += 1
        times, refused = {}, {}
        for each in candidates:
            try:
                opened(each)()
                times[each] = self.milliseconds[each.precision]
            except SessionError as error:
                refused[each] = one_line(error)
        return Timed(times, refused)
