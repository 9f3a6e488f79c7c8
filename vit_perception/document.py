# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads YAML from outside strictly, with the types that are expected."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    NamedTuple,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

from vit_perception.input.file import InputError, is_encodable
from vit_perception.input.yaml_file import read_yaml
from vit_perception.wording import shown, shown_path

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

MAX_LINE = 200
"""Characters of a text that fits into one line of a log."""

T = TypeVar("T")


class DocumentError(ValueError):
    """A YAML file is not what was expected; one line naming file, expected and found."""


class Range(NamedTuple):
    """The numbers a dataclass field allows, as in `count: Annotated[int, Range(1, 9)] = 3`."""

    low: float
    high: float


class Document:
    """Typed look-ups in one YAML mapping; keys are dotted, as in "input.height".

    Every look-up raises DocumentError when the key is missing or has another type.

    Args:
        values: a mapping, from YAML or JSON.
        file: the file the values come from, for messages.

    Raises:
        DocumentError: the values are no mapping.
    """

    def __init__(self, values: object, file: str) -> None:
        if not isinstance(values, dict):
            raise DocumentError(f"{file}: expected a mapping, found {shown(values)}")
        self.values: dict[Any, Any] = values
        self.file = file

    @classmethod
    def load(cls, path: Path) -> Document:
        """Reads a file, see `vit_perception.input.yaml_file.read_yaml`.

        Raises:
            DocumentError: unreadable, too large, not safe YAML, or not a mapping.
        """
        try:
            values = read_yaml(path)
        except InputError as error:
            raise DocumentError(str(error)) from error
        return cls(values, shown_path(path))

    def top_keys(self) -> tuple[str, ...]:
        """Returns the keys of the mapping, which must be texts.

        Raises:
            DocumentError: a key is no text.
        """
        for key in self.values:
            if not isinstance(key, str):
                raise self.error("", "texts as keys", shown(key))
        return tuple(self.values)

    def only(self, known: Sequence[str], key: str = "") -> None:
        """Refuses unknown keys of the document, or of the mapping at `key`.

        Raises:
            DocumentError: names the nearest known key, or all of them if none is near.
        """
        mapping = self._value(key, dict, "a mapping") if key else self.values
        for name in mapping:
            if name not in known:
                near = difflib.get_close_matches(str(name), known, n=1)
                expected = repr(near[0]) if near else f"one of {', '.join(known)}"
                raise self.error(key, expected, shown(name))

    def fields(self, record: type[DataclassInstance]) -> dict[str, Any]:
        """Returns values for the fields of a dataclass; fields with a default may be left out.

        A field is a bool, a str (one line; empty only if that is the default), a Literal of
        texts, a tuple[str, ...], or, annotated with a Range, an int, a float or a
        Mapping[str, float].

        Raises:
            DocumentError: a key is unknown, a field without default is missing, or a value has
                another type or range.
        """
        hints = get_type_hints(record, include_extras=True)
        self.only(tuple(field.name for field in dataclasses.fields(record)))
        return {
            field.name: self._of_type(field.name, hints[field.name])
            for field in dataclasses.fields(record)
            if not self._is_left_out(field)
        }

    def error(self, key: str, expected: str, found: str) -> DocumentError:
        """Returns the error for a value that the caller refuses; key "" is the document."""
        where = f"{self.file}: {key}" if key else self.file
        return DocumentError(f"{where}: expected {expected}, found {found}")

    def has(self, key: str) -> bool:
        """Returns whether there is a value, of any type, for an optional key."""
        value: Any = self.values
        for part in key.split("."):
            if not isinstance(value, dict) or part not in value:
                return False
            value = value[part]
        return True

    def text(self, key: str, choices: tuple[str, ...] = ()) -> str:
        """Returns a non-empty text, valid in UTF-8, that is one of `choices` if there are any."""
        value = self._value(key, str, "a text")
        if choices and value not in choices:
            raise self.error(key, " or ".join(choices), shown(value))
        if not value.strip():
            raise self.error(key, "a text", shown(value))
        if not is_encodable(value):
            raise self.error(key, "a text in UTF-8", shown(value))
        return value

    def line(self, key: str, choices: tuple[str, ...] = ()) -> str:
        """Returns a text for one line of a log: at most MAX_LINE printable characters."""
        value = self.text(key, choices)
        if len(value) > MAX_LINE or not value.isprintable():
            expected = f"a line of at most {MAX_LINE} printable characters"
            raise self.error(key, expected, shown(value))
        return value

    def optional_line(self, key: str) -> str | None:
        """Returns a line, or None for null."""
        value = self._value(key, (str, type(None)), "a text or null")
        return None if value is None else self.line(key)

    def boolean(self, key: str) -> bool:
        """Returns True or False."""
        return self._value(key, bool, "true or false")

    def integer(self, key: str, low: int, high: int) -> int:
        """Returns an integer from `low` to `high`."""
        value = self._value(key, int, "an integer")
        if isinstance(value, bool) or not low <= value <= high:
            raise self.error(key, f"an integer {low}..{high}", shown(value))
        return value

    def number(self, key: str, low: float, high: float) -> float:
        """Returns a finite number from `low` to `high`."""
        return self._number(key, self._value(key, object, "a number"), low, high)

    def texts(self, key: str) -> tuple[str, ...]:
        """Returns a list of texts."""
        value = self._value(key, list, "a list of texts")
        if not all(isinstance(item, str) for item in value):
            raise self.error(key, "a list of texts", shown(value))
        return tuple(value)

    def texts_by_text(self, key: str) -> dict[str, str]:
        """Returns a mapping from texts to texts."""
        value = self._value(key, dict, "a mapping of texts")
        if not all(isinstance(item, str) for pair in value.items() for item in pair):
            raise self.error(key, "a mapping of texts", shown(value))
        return dict(value)

    def numbers_by_text(self, key: str, low: float, high: float) -> dict[str, float]:
        """Returns a mapping from texts to finite numbers from `low` to `high`."""
        value = self._value(key, dict, "a mapping of numbers")
        if not all(isinstance(name, str) for name in value):
            raise self.error(key, "a mapping of numbers", shown(value))
        return {
            name: self._number(f"{key}.{name}", item, low, high) for name, item in value.items()
        }

    def mappings(self, key: str) -> list[dict[str, Any]]:
        """Returns a list of mappings with text keys; their values are not checked."""
        value = self._value(key, list, "a list of mappings")
        if not all(
            isinstance(item, dict) and all(isinstance(k, str) for k in item) for item in value
        ):
            raise self.error(key, "a list of mappings", shown(value))
        return list(value)

    def _value(self, key: str, kind: type[T] | tuple[type, ...], expected: str) -> T | Any:
        value: Any = self.values
        for part in key.split("."):
            if not isinstance(value, dict) or part not in value:
                raise self.error(key, expected, "nothing")
            value = value[part]
        if not isinstance(value, kind):
            raise self.error(key, expected, shown(value))
        return value

    def _number(self, key: str, value: object, low: float, high: float) -> float:
        # A NaN is in no range.
        if (
            isinstance(value, (int, float))
            and not isinstance(value, bool)
            and low <= value <= high
        ):
            return float(value)
        raise self.error(key, f"a number {low:g}..{high:g}", shown(value))

    def _is_left_out(self, field: dataclasses.Field[Any]) -> bool:
        """Returns whether a field keeps its default."""
        if field.name in self.values:
            return bool(field.default == "" == self.values[field.name])
        missing = dataclasses.MISSING
        return field.default is not missing or field.default_factory is not missing

    def _of_type(self, key: str, hint: Any) -> Any:
        kind, *ranges = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        if kind is bool:
            return self.boolean(key)
        if kind is str:
            return self.line(key)
        if get_origin(kind) is Literal:
            return self.line(key, get_args(kind))
        if kind == tuple[str, ...]:
            return self.texts(key)
        (allowed,) = ranges
        if kind is int:
            return self.integer(key, int(allowed.low), int(allowed.high))
        if kind is float:
            return self.number(key, *allowed)
        return self.numbers_by_text(key, *allowed)
