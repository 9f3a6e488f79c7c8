# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How figures and names stand in the report."""

from __future__ import annotations

from collections.abc import Sequence

from vit_perception.wording import printable

NOTHING = "–"
"""Stands where there was nothing to measure."""

_LONG_NAME = 80
_LONG_LINE = 400


def label(name: object) -> str:
    """Returns a name from outside on one line; a very long one loses its middle.

    Characters that are not printable, marks that change the direction of writing among them,
    become escapes.
    """
    return _cut(printable(str(name)), _LONG_NAME) or NOTHING


def line(text: object) -> str:
    """Returns a line from outside as `label` does, with room for a sentence and a path."""
    return _cut(printable(str(text)), _LONG_LINE) or NOTHING


def share(value: float | None) -> str:
    """Returns a figure of 0..1 with three digits."""
    return NOTHING if value is None else f"{value:.3f}"


def signed(value: float | None) -> str:
    """Returns a difference with its sign, three digits."""
    if value is None:
        return NOTHING
    text = f"{abs(value):.3f}"
    if float(text) == 0:
        return text
    return f"{'+' if value > 0 else '−'}{text}"


def count(value: int | None) -> str:
    """Returns a count, thousands set apart."""
    return NOTHING if value is None else f"{value:,}"


def number(value: float | None, digits: int = 1) -> str:
    """Returns a measured number with some digits; counts keep none."""
    if value is None:
        return NOTHING
    return count(value) if isinstance(value, int) else f"{value:,.{digits}f}"


def interval(pair: Sequence[float | None] | None) -> str:
    """Returns an interval, "" without one."""
    if pair is None or pair[0] is None or pair[1] is None:
        return ""
    return f"{share(pair[0])} to {share(pair[1])}"


def seconds(stamp: int) -> str:
    """Returns a stamp of ns in seconds."""
    whole, rest = divmod(stamp, 1_000_000_000)
    return f"{whole}.{rest:09d}" if stamp else NOTHING


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    first = most // 2
    return text[:first] + "…" + text[first + 1 - most :]
