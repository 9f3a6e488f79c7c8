# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What became of the pictures of one sequence: counted, so that nothing is left out in silence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vit_perception.evaluation.samples.sample import LeftOut, SampleSequence

LINES_SHOWN = 10
"""Pictures that were left out and are told one by one."""


@dataclass(frozen=True, slots=True)
class Account:
    """One sequence.

    Attributes:
        key, title, notes: of the sequence.
        pictures: that were met, those left out too.
        looked_at: by every run.
        with_truth: of which something is known, so that they are scored.
        left_out: pictures that could not be looked at, by cause.
        left_out_lines: the first of them, one line each.
        unused_truth: what was true of no picture, by cause.
        damage: one line if pictures are missing, else ""; the others count.
        error: one line if the sequence could not be looked at to its end, else ""; what is on
            disk of it is not to be scored.
    """

    key: str
    title: str
    notes: tuple[str, ...] = ()
    pictures: int = 0
    looked_at: int = 0
    with_truth: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    left_out_lines: tuple[str, ...] = ()
    unused_truth: Mapping[str, int] = field(default_factory=dict)
    damage: str = ""
    error: str = ""

    def as_entry(self) -> dict[str, Any]:
        """Returns it for `sources` of metrics.json."""
        return {
            "key": self.key,
            "title": self.title,
            "pictures": self.pictures,
            "looked_at": self.looked_at,
            "with_truth": self.with_truth,
            "left_out": dict(sorted(self.left_out.items())),
            "left_out_lines": list(self.left_out_lines),
            "unused_truth": dict(sorted(self.unused_truth.items())),
            "notes": list(self.notes),
            "damage": self.error or self.damage,
        }


@dataclass(slots=True)
class Counting:
    """Counts pictures as they come."""

    pictures: int = 0
    looked_at: int = 0
    with_truth: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    left_out_lines: list[str] = field(default_factory=list)

    def leave_out(self, picture: LeftOut) -> None:
        """Counts one that cannot be looked at."""
        self.pictures += 1
        self.left_out[picture.cause] = self.left_out.get(picture.cause, 0) + 1
        self.left_out_lines += [picture.line][: LINES_SHOWN - len(self.left_out_lines)]

    def take(self, *, has_truth: bool) -> None:
        """Counts one that is looked at."""
        self.pictures += 1
        self.looked_at += 1
        self.with_truth += has_truth

    def account(self, sequence: SampleSequence, damage: str, note: str) -> Account:
        """Returns what was counted of a sequence.

        Args:
            sequence: after its last picture.
            damage: see `Account`.
            note: beside those of the sequence, if it is not "".
        """
        return Account(
            key=sequence.key,
            title=sequence.title,
            notes=(*sequence.notes, *([note] if note else [])),
            pictures=self.pictures,
            looked_at=self.looked_at,
            with_truth=self.with_truth,
            left_out=self.left_out,
            left_out_lines=tuple(self.left_out_lines),
            unused_truth=dict(sequence.unused()),
            damage=damage,
        )
