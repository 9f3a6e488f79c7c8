# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A YAML file from outside, read with the types that are expected of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml

from vit_perception.wording import one_line, shown, shown_path

MAX_BYTES = 4 * 2**20

T = TypeVar("T")


class DocumentError(ValueError):
    """A YAML file is not what was expected; one line naming file, expected and found."""


class _Loader(yaml.SafeLoader):
    """Safe YAML without aliases: a few of them expand to gigabytes when walked."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias (*name), which is not allowed")
        return super().compose_node(parent, index)


class Document:
    """Typed look-ups in one YAML mapping; keys are dotted, as in "input.height".

    Every look-up raises DocumentError when the key is missing or has another type.
    """

    def __init__(self, values: Mapping[str, Any], file: str) -> None:
        self._values = values
        self.file = file

    @classmethod
    def load(cls, path: Path) -> Document:
        """Reads a file of at most MAX_BYTES.

        Raises:
            DocumentError: unreadable, too large, not safe YAML, or not a mapping.
        """
        file = shown_path(path)
        try:
            with path.open("rb") as stream:
                data = stream.read(MAX_BYTES + 1)
        except OSError as error:
            raise DocumentError(
                f"{file}: expected a readable file, found {error.strerror or one_line(error)}"
            ) from error
        if len(data) > MAX_BYTES:
            raise DocumentError(f"{file}: expected at most {MAX_BYTES} bytes, found more")
        try:
            values = yaml.load(data, Loader=_Loader)
        # Deep nesting exhausts the parser's stack; impossible dates raise ValueError.
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            raise DocumentError(f"{file}: expected safe YAML, found {_cause(error)}") from error
        if not isinstance(values, dict):
            raise DocumentError(f"{file}: expected a mapping, found {shown(values)}")
        return cls(values, file)

    def top_keys(self) -> tuple[str, ...]:
        """The keys of the mapping, which have to be texts.

        Raises:
            DocumentError: another one is there.
        """
        for key in self._values:
            if not isinstance(key, str):
                raise DocumentError(f"{self.file}: expected texts as keys, found {shown(key)}")
        return tuple(self._values)

    def error(self, key: str, expected: str, found: str) -> DocumentError:
        """The error to raise for a value that the caller refuses."""
        return DocumentError(f"{self.file}: {key}: expected {expected}, found {found}")

    def text(self, key: str, choices: tuple[str, ...] = ()) -> str:
        """A non-empty text, one of `choices` when there are any."""
        value = self._value(key, str, "a text")
        if choices and value not in choices:
            raise self.error(key, " or ".join(choices), shown(value))
        if not value.strip():
            raise self.error(key, "a text", shown(value))
        return value

    def optional_text(self, key: str) -> str | None:
        """A text, or None where the file says null."""
        value = self._value(key, (str, type(None)), "a text or null")
        return None if value is None else self.text(key)

    def boolean(self, key: str) -> bool:
        """True or False."""
        return self._value(key, bool, "true or false")

    def integer(self, key: str, low: int, high: int) -> int:
        """An integer from `low` to `high`."""
        value = self._value(key, int, "an integer")
        if isinstance(value, bool) or not low <= value <= high:
            raise self.error(key, f"an integer {low}..{high}", shown(value))
        return value

    def number(self, key: str, low: float, high: float) -> float:
        """A finite number from `low` to `high`."""
        value = self._value(key, (int, float), "a number")
        if isinstance(value, bool) or not math.isfinite(value) or not low <= value <= high:
            raise self.error(key, f"a number {low:g}..{high:g}", shown(value))
        return float(value)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        value = self._value(key, list, "a list of texts")
        if not all(isinstance(item, str) for item in value):
            raise self.error(key, "a list of texts", shown(value))
        return tuple(value)

    def texts_by_text(self, key: str) -> dict[str, str]:
        """A mapping from texts to texts."""
        value = self._value(key, dict, "a mapping of texts")
        if not all(isinstance(item, str) for pair in value.items() for item in pair):
            raise self.error(key, "a mapping of texts", shown(value))
        return dict(value)

    def mappings(self, key: str) -> list[dict[str, Any]]:
        """A list of mappings with text keys; their values are not checked."""
        value = self._value(key, list, "a list of mappings")
        if not all(
            isinstance(item, dict) and all(isinstance(k, str) for k in item) for item in value
        ):
            raise self.error(key, "a list of mappings", shown(value))
        return list(value)

    def _value(self, key: str, kind: type[T] | tuple[type, ...], expected: str) -> T | Any:
        value: Any = self._values
        for part in key.split("."):
            if not isinstance(value, dict) or part not in value:
                raise self.error(key, expected, "nothing")
            value = value[part]
        if not isinstance(value, kind):
            raise self.error(key, expected, shown(value))
        return value


def _cause(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nesting that is too deep"
    if isinstance(error, yaml.MarkedYAMLError) and error.problem:
        line = f" at line {error.problem_mark.line + 1}" if error.problem_mark else ""
        return " ".join(error.problem.split()) + line
    return one_line(error)
