# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads the description in a pickle without importing or calling anything.

The standard library's Python unpickler walks the file. A name that it would import becomes a
`Name`, and a function that it would call a `Call`. State (the BUILD operation) is dropped, and so
are items of anything but plain lists and dicts.

The compiled unpickler and `torch.load(weights_only=True)` are not safe for untrusted files. Both
hash keys: a tuple in a million tuples overflows the stack and ends the process. The compiled one
allocates whatever size a file states, such as a memo of 2**32 places. torch.load calls
`bytearray` with any length, and `_codecs.encode` with "hex", which doubles its input, as often as
a file says; and it reads no file of protocol 4 or 5.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from vit_perception.wording import one_line

MAX_READS = 4_000_000
"""Bounds memory and time; a checkpoint with the optimizer of 600 tensors takes some 200,000."""
# Keys whose hash does not depend on what is inside them.
_KEYS = (str, bytes, int, float, bool, type(None))


class InertPickleError(ValueError):
    """The bytes are no pickle of these operations; the message gives the finding."""


@dataclass(frozen=True, slots=True, eq=False)
class Name:
    """An object that the unpickler would have imported."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Call:
    """A call that the unpickler would have made; `function` is a `Name`, or anything else."""

    function: object
    arguments: object


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Outside:
    """An object outside of the pickle (a persistent id)."""

    key: object


def read_pickle(data: bytes) -> object:
    """Returns the object in a pickle: dict, list, tuple, text, bytes, numbers and records.

    An OrderedDict is a dict. Records are `Name`, `Call` and `Outside`.

    Raises:
        InertPickleError: damaged, truncated, too long, or with an operation of protocol 0 or 1.
    """
    try:
        return _Inert(_Bytes(data)).load()
    except InertPickleError:
        raise
    # Damage raises any of a dozen types.
    except Exception as error:
        raise InertPickleError(f"damage ({one_line(error)})") from None


class _Bytes(io.BytesIO):
    """Returns as many bytes as asked or fails, and limits the number of reads."""

    _reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self._reads += 1
        if self._reads > MAX_READS:
            raise InertPickleError(f"more than {MAX_READS} parts")
        data = super().read(size)
        if len(data) < (size or 0):
            raise InertPickleError(f"an end at byte {self.tell()} (truncated?)")
        return data


def _call(unpickler: Any, keywords: bool = False) -> None:
    given = [unpickler.stack.pop() for _ in range(2 if keywords else 1)][::-1]
    function = unpickler.stack.pop()
    if given == [()] and isinstance(function, Name) and str(function) == "collections.OrderedDict":
        unpickler.append({})
    else:
        unpickler.append(Call(function, tuple(given) if keywords else given[0]))


def _extend(unpickler: Any, items: Sequence[object]) -> None:
    if isinstance(unpickler.stack[-1], list):
        unpickler.stack[-1].extend(items)


def _set_items(unpickler: Any, items: Sequence[object]) -> None:
    target = unpickler.stack[-1]
    for key, value in zip(items[::2], items[1::2], strict=True):
        if isinstance(target, dict) and isinstance(key, _KEYS):
            target[key] = value


def _set(unpickler: Any, kind: str, items: Sequence[object]) -> None:
    unpickler.append(Call(Name("builtins", kind), tuple(items)))


_CHANGED: dict[int, Callable[[Any], object]] = {
    pickle.APPEND[0]: lambda unpickler: _extend(unpickler, [unpickler.stack.pop()]),
    pickle.APPENDS[0]: lambda unpickler: _extend(unpickler, unpickler.pop_mark()),
    pickle.ADDITEMS[0]: lambda unpickler: _extend(unpickler, unpickler.pop_mark()),
    pickle.SETITEM[0]: lambda unpickler: _set_items(
        unpickler, [unpickler.stack.pop(), unpickler.stack.pop()][::-1]
    ),
    pickle.SETITEMS[0]: lambda unpickler: _set_items(unpickler, unpickler.pop_mark()),
    pickle.EMPTY_SET[0]: lambda unpickler: _set(unpickler, "set", []),
    pickle.FROZENSET[0]: lambda unpickler: _set(unpickler, "frozenset", unpickler.pop_mark()),
    pickle.REDUCE[0]: _call,
    pickle.NEWOBJ[0]: _call,
    pickle.NEWOBJ_EX[0]: lambda unpickler: _call(unpickler, keywords=True),
    pickle.BUILD[0]: lambda unpickler: unpickler.stack.pop(),
    # The library's operation would allocate the length that a file states.
    pickle.BYTEARRAY8[0]: pickle._Unpickler.dispatch[pickle.BINBYTES8[0]],
    # The library's operation would read the frame at once, uncounted.
    pickle.FRAME[0]: lambda unpickler: unpickler.read(8),
}
# Of protocols 0 and 1, extensions that a process registers, and buffers from elsewhere.
_REFUSED = b"ILFSTUVgpdlPio\x82\x83\x84\x97\x98"


class _Operations(dict[int, Callable[[Any], object]]):
    def __missing__(self, code: int) -> Callable[[Any], object]:
        raise InertPickleError(f"operation 0x{code:02x}")


class _Inert(pickle._Unpickler):
    """Keeps the unpickler's stack, marks, memo and plain values; records everything else."""

    dispatch: ClassVar[Any] = _Operations(
        (code, operation)
        for code, operation in (pickle._Unpickler.dispatch | _CHANGED).items()
        if code not in _REFUSED
    )

    def find_class(self, module: str, name: str, /) -> Name:
        return Name(module, name)

    def persistent_load(self, pid: object) -> Outside:
        return Outside(pid)
