# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The frames in which two runs differ most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vit_perception.evaluation.agreement.pairing import Pairs
from vit_perception.evaluation.figures.blocks import BLOCK_NS
from vit_perception.evaluation.rows.looked_at import FrameRows, LookedAt

MOST = 10
"""Frames that are told one by one."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A frame, what both runs publish of it, and which of that is the same thing."""

    looked: LookedAt
    first: FrameRows
    second: FrameRows
    pairs: Pairs


class Differing:
    """Keeps the frames that differ most, of neighbours the one that differs more.

    Args:
        names: that were asked for.
        keys: of the two runs.
    """

    def __init__(self, names: Sequence[str], keys: tuple[str, str]) -> None:
        self._names = tuple(names)
        self._keys = keys
        self._begin: tuple[str, int] | None = None
        self._best: dict[str, Any] | None = None
        self._of_moments: list[dict[str, Any]] = []
        self._others: list[dict[str, Any]] = []
        self._place = 0

    def add(self, frame: Frame) -> None:
        """Takes the next frame."""
        self._place += 1
        if self._is_elsewhere(frame.looked):
            self._of_moments = _kept(self._of_moments, self._best)
            self._begin, self._best = (frame.looked.sequence, frame.looked.stamp), None
        told = self._told(frame)
        if not told["differences"]:
            return
        less: dict[str, Any] | None = told
        if self._best is None or _order(told) < _order(self._best):
            self._best, less = told, self._best
        self._others = _kept(self._others, less)

    def result(self) -> list[dict[str, Any]]:
        """Returns MOST frames that lie apart, or if there are fewer, their neighbours too."""
        found = _kept(self._of_moments, self._best)
        found = sorted([*found, *self._others[: MOST - len(found)]], key=_order)
        return [{key: value for key, value in each.items() if key != "place"} for each in found]

    def _is_elsewhere(self, looked: LookedAt) -> bool:
        """Returns whether a frame may look other than the last ones."""
        if self._begin is None or not looked.stamp:
            return True
        sequence, stamp = self._begin
        return looked.sequence != sequence or abs(looked.stamp - stamp) >= BLOCK_NS

    def _told(self, frame: Frame) -> dict[str, Any]:
        first, second, pairs = frame.first, frame.second, frame.pairs
        renamed = np.flatnonzero(first.labels[pairs.first] != second.labels[pairs.second])
        only_first = np.setdiff1d(np.arange(len(first)), pairs.first)
        only_second = np.setdiff1d(np.arange(len(second)), pairs.second)
        total = len(first) + len(second)
        return {
            "sequence": frame.looked.sequence,
            "number": frame.looked.number,
            "name": frame.looked.name,
            "stamp": frame.looked.stamp,
            "differences": len(renamed) + len(only_first) + len(only_second),
            "agreement": 2 * (len(pairs.first) - len(renamed)) / total if total else 1.0,
            "only_a": len(only_first),
            "only_b": len(only_second),
            "renamed": len(renamed),
            "changed": [
                *(
                    f"{self._called(first, pairs.first[row])} of {self._keys[0]} is "
                    f"{self._called(second, pairs.second[row])} of {self._keys[1]}"
                    for row in renamed
                ),
                *(f"{self._called(first, row)} only of {self._keys[0]}" for row in only_first),
                *(f"{self._called(second, row)} only of {self._keys[1]}" for row in only_second),
            ],
            "place": self._place,
        }

    def _called(self, rows: FrameRows, row: int) -> str:
        return f"{self._names[int(rows.labels[row])]} {float(rows.scores[row]):.2f}"


def _order(told: dict[str, Any]) -> tuple[float, float, int]:
    return -told["differences"], told["agreement"], told["place"]


def _kept(listed: list[dict[str, Any]], told: dict[str, Any] | None) -> list[dict[str, Any]]:
    return listed if told is None else sorted([*listed, told], key=_order)[:MOST]
