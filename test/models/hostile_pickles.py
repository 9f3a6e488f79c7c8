# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Pickles that do harm when Python loads them, and what tells whether they did."""

from __future__ import annotations

import encodings.cp437  # noqa: F401  zipfile's, for names of members
import encodings.latin_1  # noqa: F401  for bytes in protocol 2
import os
import pickle
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

#: A module that no test imports for itself.
UNUSED_MODULE = "antigravity"
_WATCHED = ("os.system", "subprocess.Popen", "exec", "compile", "import", "pickle.find_class")
_recorded: list[str] | None = None


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _recorded is not None and event in _WATCHED:
        _recorded.append(f"{event} {arguments[:1]}")


sys.addaudithook(_hook)


class Calls:
    """Pickles as a call."""

    def __init__(self, function: object, *arguments: object) -> None:
        self._call = (function, arguments)

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self._call


@contextmanager
def nothing_happens() -> Iterator[None]:
    """Fails where something inside is imported, compiled or run, as Python itself reports it."""
    global _recorded
    modules, _recorded = set(sys.modules), []
    try:
        yield
        happened = _recorded
    finally:
        _recorded = None
    assert happened == [], happened
    assert set(sys.modules) == modules


def text(value: bytes) -> bytes:
    """The operation that puts a short text on the stack."""
    return b"X" + len(value).to_bytes(4, "little") + value


def hostile_pickles(touched: str) -> dict[str, bytes]:
    """By name; those that run a command would make the file `touched`."""
    command = f"touch {touched}"
    run = b"csubprocess\ngetoutput\n" + text(command.encode()) + b"\x85"
    return {
        "os.system": pickle.dumps(Calls(os.system, command), 2),
        "os.system in protocol 5": pickle.dumps({"a": [Calls(os.system, command)]}, 5),
        "a command": run + b"R.",
        "builtins.eval": b"cbuiltins\neval\n" + text(b"1 + 1") + b"\x85R.",
        "builtins.exec": pickle.dumps(Calls(exec, f"open({touched!r}, 'w')"), 2),
        "a module that is not loaded": b"c" + UNUSED_MODULE.encode() + b"\nfly\n)R.",
        "a name in a name": b"\x80\x04\x8c\x02os\x8c\x0bpath.system\x93)R.",
        "an attribute": b"cbuiltins\ngetattr\ncsubprocess\nPopen\n" + text(b"kill") + b"\x86R.",
        "a new object": run + b"\x81.",
        "a call of a call": run + b"R)R.",
        "state": run + b"R}" + text(b"__setstate__") + b"csubprocess\nPopen\nsb.",
        "state of a name": run[:22] + b"}" + text(b"__call__") + b"Nsb.",
        "items of a call": run + b"R(" + text(b"a") + b"Nu.",
        "a call as a key": b"}" + run + b"RNs.",
        "tuples in tuples": b")" + b"\x85" * 100_000 + b".",
        "lists in lists": b"]" * 100_000 + b"a" * 99_999 + b".",
        "calls in calls": b"N" * 100_000 + b"R" * 99_999 + b".",
        "a list in itself": b"]q\x00h\x00a.",
        "a set of lists": b"cbuiltins\nset\n(]]lR.",
        "a far place in the memo": b"Nr\xff\xff\xff\xff.",
    }


def fatal_pickles() -> dict[str, bytes]:
    """By name; torch's loader crashes or takes all memory over them."""
    encode = b"c_codecs\nencode\n"
    return {
        "tuples in tuples as a key": b"})" + b"\x85" * 1_000_000 + b"Ns.",
        "two gigabytes asked for": b"cbuiltins\nbytearray\nJ\xff\xff\xff\x7f\x85R.",
        "text that doubles": encode * 40
        + text(b"a")
        + text(b"latin1")
        + b"\x86R"
        + (text(b"hex") + b"\x86R") * 39
        + b".",
    }


#: What each of these is refused for.
DAMAGED = {
    b"": "EOFError",
    b".": "pop from empty list",
    b"N": "EOFError",
    b"(.": "pop from empty list",
    b"t.": "pop from empty list",
    b"h\x00.": "torch cannot load (0)",
    b"s.": "pop from empty list",
    b"a.": "pop from empty list",
    b"}(Nu.": "list index out of range",
    b"\x8b\xff\xff\xff\x7f.": "Unsupported operand 139",
    b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.": "Unsupported operand 142",
    b"\x96\xff\xff\xff\xff\xff\xff\xff\x7f.": "Unsupported operand 150",
    b"\x95\xff\xff\xff\xff\xff\xff\xff\x7f": "Unsupported operand 149",
    b"X\xff\xff\xff\xff.": "EOFError",
    text(b"\xff") + b".": "can't decode byte 0xff",
    b"cos\nsystem": "EOFError",
    b"NN\x93.": "Unsupported operand 147",
    b"\x82\x01.": "Unsupported operand 130",
    b"ios\nsystem\n.": "Unsupported operand 105",
    b"(cos\nsystem\no.": "Unsupported operand 111",
    b"I1\n.": "Unsupported operand 73",
    b"P1\n.": "Unsupported operand 80",
}
