# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""JSON from outside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vit_perception.input.file import InputError, decoded, is_encodable, read_file, read_text
from vit_perception.wording import one_line, shown, shown_path

MAX_BYTES = 16 * 2**20
MAX_DEPTH = 32
"""Lists and mappings inside each other."""
MAX_MEMORY = 16 * 10**9
"""Bytes that the values of a file may take; LVIS v1's file for training takes 7 GB."""

# CPython's objects: a number with its place in a list, half a text, a list, a mapping.
_COSTS = {",": 40, '"': 25, "[": 70, "{": 240}


def read_json(path: Path, most: int = MAX_BYTES) -> Any:
    """Returns the value in a JSON file; see `parse_json`.

    Raises:
        InputError: the file cannot be read, has more than `most` bytes, or see `parse_json`.
    """
    return parse_json(read_file(path, most), shown_path(path))


def parse_json(data: bytes, file: str) -> Any:
    """Returns the value of a JSON text in UTF-8, with or without a byte order mark.

    NaN and infinities are read, as most writers write them: ranges are the caller's to check.

    Args:
        data: the text.
        file: the file's name as errors show it.

    Raises:
        InputError: no UTF-8 or no JSON, a key twice, a text with half a character (a lone
            surrogate), or values more than MAX_DEPTH deep.
    """
    value = _value(decoded(data, file), file)
    _check_values(value, file)
    return value


def read_large_json(path: Path, most: int) -> Any:
    """Returns the value of a JSON file of millions of values, which the caller checks one by one.

    Raises:
        InputError: the file cannot be read or has more than `most` bytes; no UTF-8 or no JSON, a
            key twice, nested too deeply for Python, or values for more than MAX_MEMORY bytes.
    """
    return _value(read_text(path, most), shown_path(path))


def _value(text: str, file: str) -> Any:
    memory = sum(cost * text.count(sign) for sign, cost in _COSTS.items())
    if memory > MAX_MEMORY:
        raise InputError(
            f"{file}: expected values for at most {MAX_MEMORY / 1e9:g} GB of memory, "
            f"found some for {memory / 1e9:.0f} GB"
        )
    try:
        return json.loads(text, object_pairs_hook=_mapping)
    except json.JSONDecodeError as error:
        found = f"{error.msg.removesuffix(' at')} at line {error.lineno}"
    except RecursionError:
        found = "nesting that is too deep"
    except _TwiceError as error:
        found = f"the key {error} twice"
    except ValueError as error:
        # Python refuses to convert numbers of thousands of digits.
        found = "a number that is too long" if "digits" in str(error) else one_line(error)
    raise InputError(f"{file}: expected JSON, found {found}")


class _TwiceError(ValueError):
    """A key is repeated: some readers take its first value, some its last."""


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _TwiceError(shown(key))
            seen.add(key)
    return found


def _check_values(value: Any, file: str) -> None:
    level, depth = [value], 0
    while level:
        below: list[Any] = []
        for each in level:
            if depth == MAX_DEPTH and isinstance(each, (dict, list)):
                raise InputError(f"{file}: expected JSON, found nesting that is too deep")
            if isinstance(each, str) and not is_encodable(each):
                raise InputError(f"{file}: expected texts in UTF-8, found {shown(each)}")
            if isinstance(each, dict):
                below += each
                below += each.values()
            elif isinstance(each, list):
                below += each
        level, depth = below, depth + 1
