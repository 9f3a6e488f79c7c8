# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How values, paths and foreign errors appear in one-line messages.

Error messages often quote values from outside, which may be huge, deeply nested, or contain
line breaks and terminal escapes.
"""

from __future__ import annotations

from array import array
from pathlib import PurePath
from reprlib import Repr
from typing import Any

# Far below the length above which Python refuses to convert an integer to text.
_LONG_INTEGER = 10**60
_LONG_NAME = 200


class _Short(Repr):
    def repr_int(self, x: int, level: int) -> str:
        if abs(x) < _LONG_INTEGER:
            return super().repr_int(x, level)
        return f"an integer of {x.bit_length()} bits"

    def repr_array(self, x: array[Any], level: int) -> str:
        """Shows a list, which rclpy gives as an array if its elements are numbers."""
        return self.repr_list(x[: self.maxlist + 1].tolist(), level)


_repr = _Short()
_repr.maxlevel = 2
_repr.maxstring = _repr.maxother = 60


def shown(value: object) -> str:
    """Returns a short `repr` on one line; deep or long containers are cut."""
    text = _repr.repr(value)
    return text if text.isprintable() else _printable(" ".join(text.split()))


def shown_path(path: PurePath | str) -> str:
    """Returns the path, escaped if it has characters that are not printable."""
    text = str(path)
    return text if text.isprintable() else ascii(text)


def shown_name(name: str) -> str:
    """Returns the name of a thing as `shown_path` does, cut if it is very long."""
    return shown_path(name if len(name) <= _LONG_NAME else name[: _LONG_NAME - 1] + "…")


def counted(count: int, one: str, many: str = "") -> str:
    """Returns a count with what is counted: "1 picture", "2,000 pictures"; `many` if it is odd."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def printable(text: str) -> str:
    """Returns a text of ours on one line, with escapes for characters that are not printable."""
    line = " ".join(text.split())
    return line if line.isprintable() else "".join(map(_escaped, line))


def one_line(error: BaseException, limit: int = 300) -> str:
    """Returns the message of a foreign exception on one line, or its type if it has none.

    A message above `limit` characters loses its middle: libraries put the reason last, behind
    what they were doing.
    """
    text = " ".join(str(error).split()) or type(error).__name__
    text = _printable(text)
    if len(text) <= limit:
        return text
    first = limit // 3
    return text[:first] + "…" + text[first + 1 - limit :]


def _escaped(character: str) -> str:
    return character if character.isprintable() else ascii(character)[1:-1]


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)
