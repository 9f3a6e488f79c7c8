# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Pickles that do harm when Python loads them, and what tells whether they did."""

from __future__ import annotations

import encodings.cp437  # noqa: F401  zipfile's, for names of members
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


def hostile_pickles(touched: str) -> dict[str, bytes]:
    """By name; the first few would make the file `touched`."""
    command = f"touch {touched}"
    return {
        "os.system": pickle.dumps(Calls(os.system, command), 2),
        "os.system in protocol 5": pickle.dumps({"a": [Calls(os.system, command)]}, 5),
        "builtins.eval": b"cbuiltins\neval\n(X\x06\x00\x00\x001 + 12tR.",
        "builtins.exec on the stack": pickle.dumps(Calls(exec, f"open({touched!r}, 'w')"), 4),
        "a module that is not loaded": b"c" + UNUSED_MODULE.encode() + b"\nfly\n)R.",
        "a name in a name": b"\x80\x04\x8c\x02os\x8c\x0bpath.system\x93)R.",
        "a new object": b"cos\nsystem\n(X\x01\x00\x00\x00at\x81.",
        "a call of a call": b"cos\nsystem\n)R)R.",
        "state": b"cos\nsystem\n)R}X\x0c\x00\x00\x00__setstate__cos\nsystem\nsb.",
        "state of a name": b"cos\nsystem\n}X\x08\x00\x00\x00__call__Nsb.",
        "a call as a key": b"}cos\nsystem\n)RNs.",
        "tuples in tuples as a key": b"})" + b"\x85" * 100_000 + b"Ns.",
        # torch.load(weights_only=True) ends the process over this one, and calls the next two.
        "a million tuples in tuples as a key": b"})" + b"\x85" * 1_000_000 + b"Ns.",
        "a gigabyte asked for": b"cbuiltins\nbytearray\nJ\x00\x00\x00\x40\x85R.",
        "text that doubles": b"c_codecs\nencode\n" * 40 + b"C\x01a" + b"C\x03hex\x86R" * 40 + b".",
        "tuples in tuples": b")" + b"\x85" * 100_000 + b".",
        "lists in lists": b"]" * 100_000 + b"a" * 99_999 + b".",
        "calls in calls": b"N" * 100_000 + b"R" * 99_999 + b".",
        "a list in itself": b"]q\x00h\x00a.",
        "a set of lists": b"\x8f(]]\x90.",
        "a far place in the memo": b"Nr\xff\xff\xff\xff.",
    }


#: What each of these is refused for.
DAMAGED = {
    b"": "an end at byte 0",
    b".": "damage (",
    b"N": "an end at byte 1",
    b"(.": "damage (",
    b"t.": "damage (",
    b"h\x00.": "damage (Memo value not found at index 0)",
    b"s.": "damage (",
    b"a.": "damage (",
    b"}(Nu.": "damage (",
    b"\x8b\xff\xff\xff\x7f.": "an end at byte 6",
    b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.": "an end at byte 10",
    b"\x8e" + b"\xff" * 8 + b".": "damage (BINBYTES8 exceeds system's maximum size",
    b"\x96\xff\xff\xff\xff\xff\xff\xff\x7f.": "an end at byte 10",
    b"\x95\xff\xff\xff\xff\xff\xff\xff\x7f": "an end at byte 9",
    b"X\xff\xff\xff\xff.": "an end at byte 6",
    b"X\x01\x00\x00\x00\xff.": "can't decode byte 0xff",
    b"cos\nsystem": "an end at byte 10",
    b"NN\x93.": "damage (STACK_GLOBAL requires str)",
    b"\x80\x7f.": "damage (unsupported pickle protocol: 127)",
    b"\x82\x01.": "operation 0x82",
    b"\x97.": "operation 0x97",
    b"ios\nsystem\n.": "operation 0x69",
    b"(cos\nsystem\no.": "operation 0x6f",
    b"I1\n.": "operation 0x49",
    b"P1\n.": "operation 0x50",
}
