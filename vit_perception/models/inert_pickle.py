# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What a pickle describes, read without importing or calling anything.

Python's unpickler imports what a file names and calls it, and its compiled form also allocates
what a file asks for (a memo of 2**32 places) and overflows the stack where a tuple in tuples is a
key. This one is a reader of its own: containers, numbers and texts become Python's, a name stays
a `Name` and a call stays a `Call`, whatever they would have been. State (the BUILD operation)
is dropped, and so are items of what is no plain list or dict.

Operations are those that Python 3 writes in protocols 2 to 5, as `pickletools` describes them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from vit_perception.wording import shown

#: Bounds memory and time: a checkpoint with the optimizer of 600 tensors has some 100,000.
MAX_OPERATIONS = 2_000_000
_MAX_INTEGER_BYTES = 64
_ORDERED_DICT = ("collections", "OrderedDict")
#: Keys whose hash does not depend on what is inside them.
_KEYS = (str, bytes, int, float, bool, type(None))


class InertPickleError(ValueError):
    """Bytes that are not a pickle of these operations; the message says what was found."""


@dataclass(frozen=True, slots=True, eq=False)
class Name:
    """What the unpickler would have imported."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Call:
    """What the unpickler would have called: `function` is a `Name`, or anything else."""

    function: object
    arguments: object


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Outside:
    """What the pickle says lies outside of it (a persistent id)."""

    key: object


def read_pickle(data: bytes) -> object:
    """The object in a pickle, made of dict, list, tuple, text, bytes, numbers and records.

    An OrderedDict is a dict. Records are `Name`, `Call` and `Outside`.

    Raises:
        InertPickleError: damaged, truncated, too long, or with an operation of protocol 0 or 1.
    """
    return _Machine(data).run()


class _Machine:
    """The stack, the marks in it and the memo."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._stack: list[object] = []
        self._marks: list[int] = []
        self._memo: dict[int, object] = {}

    def run(self) -> object:
        for _ in range(MAX_OPERATIONS):
            code = self._take(1)[0]
            if code == _STOP:
                return self._pop()
            operation = _OPERATIONS.get(code)
            if operation is None:
                raise InertPickleError(f"operation 0x{code:02x} at byte {self._at - 1}")
            operation(self)
        raise InertPickleError(f"more than {MAX_OPERATIONS} operations")

    def _take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._data):
            raise InertPickleError(f"an end at byte {len(self._data)} (truncated?)")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def _number(self, kind: str) -> int:
        return int(struct.unpack(kind, self._take(struct.calcsize(kind)))[0])

    def _line(self) -> str:
        end = self._data.find(b"\n", self._at)
        if end < 0:
            raise InertPickleError("a name without an end (truncated?)")
        return _text(self._take(end + 1 - self._at)[:-1])

    def _pop(self) -> object:
        if len(self._stack) <= (self._marks[-1] if self._marks else 0):
            raise InertPickleError(f"an operation at byte {self._at} without operands")
        return self._stack.pop()

    def _pop_mark(self) -> list[object]:
        if not self._marks:
            raise InertPickleError(f"an operation at byte {self._at} without its mark")
        mark = self._marks.pop()
        items = self._stack[mark:]
        del self._stack[mark:]
        return items

    def _top(self) -> object:
        item = self._pop()
        self._stack.append(item)
        return item

    def push(self, item: object) -> None:
        self._stack.append(item)

    def push_tuple(self, count: int) -> None:
        items = [self._pop() for _ in range(count)]
        self._stack.append(tuple(reversed(items)))

    def push_marked(self) -> None:
        self._stack.append(tuple(self._pop_mark()))

    def push_integer(self, size: int) -> None:
        if size > _MAX_INTEGER_BYTES:
            raise InertPickleError(f"an integer of {size} bytes")
        self._stack.append(int.from_bytes(self._take(size), "little", signed=True))

    def push_name(self, *, on_stack: bool) -> None:
        if on_stack:
            name, module = self._pop(), self._pop()
        else:
            module, name = self._line(), self._line()
        if not isinstance(module, str) or not isinstance(name, str):
            raise InertPickleError(f"{shown(type(name).__name__)} in place of a name")
        self._stack.append(Name(module, name))

    def push_call(self, operands: int) -> None:
        """A call of (function, arguments[, keywords]), or an empty dict for an OrderedDict."""
        arguments = [self._pop() for _ in range(operands)][::-1]
        function, *given = arguments
        empty = given == [()] and isinstance(function, Name)
        if empty and (function.module, function.name) == _ORDERED_DICT:
            self._stack.append({})
        else:
            self._stack.append(Call(function, given[0] if len(given) == 1 else tuple(given)))

    def push_outside(self) -> None:
        self._stack.append(Outside(self._pop()))

    def push_set(self, *, marked: bool) -> None:
        members = tuple(self._pop_mark()) if marked else ()
        self._stack.append(Call(Name("builtins", "frozenset" if marked else "set"), members))

    def mark(self) -> None:
        self._marks.append(len(self._stack))

    def append(self, *, marked: bool) -> None:
        items = self._pop_mark() if marked else [self._pop()]
        target = self._top()
        if isinstance(target, list):
            target.extend(items)

    def set_items(self, *, marked: bool) -> None:
        items = self._pop_mark() if marked else [self._pop(), self._pop()][::-1]
        target = self._top()
        if len(items) % 2:
            raise InertPickleError(f"a key without a value at byte {self._at}")
        if isinstance(target, dict):
            for key, value in zip(items[::2], items[1::2], strict=True):
                if isinstance(key, _KEYS):
                    target[key] = value

    def remember(self, place: int | None = None) -> None:
        self._memo[len(self._memo) if place is None else place] = self._top()

    def recall(self, place: int) -> None:
        if place not in self._memo:
            raise InertPickleError(f"a reference to {place}, which is nothing")
        self._stack.append(self._memo[place])


def _text(data: bytes) -> str:
    try:
        # As Python's unpickler: texts may hold lone surrogates.
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise InertPickleError(f"a text with byte 0x{data[error.start]:02x}") from error


_STOP = ord(".")
_Operation = Callable[[_Machine], object]
_OPERATIONS: dict[int, _Operation] = {
    # Frame of the protocol.
    0x80: lambda m: m._take(1),
    0x95: lambda m: m._take(8),
    # Stack, marks, memo.
    ord("("): _Machine.mark,
    ord("0"): lambda m: m._pop(),
    ord("1"): lambda m: m._pop_mark(),
    ord("2"): lambda m: m.push(m._top()),
    ord("q"): lambda m: m.remember(m._number("<B")),
    ord("r"): lambda m: m.remember(m._number("<I")),
    0x94: lambda m: m.remember(),
    ord("h"): lambda m: m.recall(m._number("<B")),
    ord("j"): lambda m: m.recall(m._number("<I")),
    # Plain values.
    ord("N"): lambda m: m.push(None),
    0x88: lambda m: m.push(True),
    0x89: lambda m: m.push(False),
    ord("K"): lambda m: m.push(m._number("<B")),
    ord("M"): lambda m: m.push(m._number("<H")),
    ord("J"): lambda m: m.push(m._number("<i")),
    0x8A: lambda m: m.push_integer(m._number("<B")),
    0x8B: lambda m: m.push_integer(m._number("<I")),
    ord("G"): lambda m: m.push(struct.unpack(">d", m._take(8))[0]),
    ord("X"): lambda m: m.push(_text(m._take(m._number("<I")))),
    0x8C: lambda m: m.push(_text(m._take(m._number("<B")))),
    0x8D: lambda m: m.push(_text(m._take(m._number("<Q")))),
    ord("B"): lambda m: m.push(m._take(m._number("<I"))),
    ord("C"): lambda m: m.push(m._take(m._number("<B"))),
    0x8E: lambda m: m.push(m._take(m._number("<Q"))),
    0x96: lambda m: m.push(m._take(m._number("<Q"))),
    # Containers.
    ord("]"): lambda m: m.push([]),
    ord("}"): lambda m: m.push({}),
    ord(")"): lambda m: m.push(()),
    0x85: lambda m: m.push_tuple(1),
    0x86: lambda m: m.push_tuple(2),
    0x87: lambda m: m.push_tuple(3),
    ord("t"): _Machine.push_marked,
    0x8F: lambda m: m.push_set(marked=False),
    0x91: lambda m: m.push_set(marked=True),
    ord("a"): lambda m: m.append(marked=False),
    ord("e"): lambda m: m.append(marked=True),
    0x90: lambda m: m.append(marked=True),
    ord("s"): lambda m: m.set_items(marked=False),
    ord("u"): lambda m: m.set_items(marked=True),
    # Names and what would be done with them.
    ord("c"): lambda m: m.push_name(on_stack=False),
    0x93: lambda m: m.push_name(on_stack=True),
    ord("R"): lambda m: m.push_call(2),
    0x81: lambda m: m.push_call(2),
    0x92: lambda m: m.push_call(3),
    ord("b"): lambda m: m._pop(),
    ord("Q"): _Machine.push_outside,
}
