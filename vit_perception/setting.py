# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What a parameter is, and which values it can have, whatever it is for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from vit_perception.vocabulary import VocabularyError, parse_names
from vit_perception.wording import shown

_MAX_TEXT = 4096

ParameterValue = bool | int | float | str | tuple[str, ...]


class ParameterError(ValueError):
    """One line that says which parameter cannot have which value, and what it can have."""


@dataclass(frozen=True, slots=True)
class Spec:
    """What a parameter is: taken for descriptors, validation and the manual.

    `special` is the one value outside [minimum, maximum] that has a meaning of its own,
    told by `special_meaning`. `live` parameters change while the node runs; the others are
    read when it starts.
    """

    description: str
    live: bool
    minimum: float | None = None
    maximum: float | None = None
    special: float | None = None
    special_meaning: str = ""
    choices: tuple[str, ...] = ()
    name: str = ""
    default: ParameterValue = ""

    @property
    def kind(self) -> str:
        """Return the ROS type: bool, integer, double, string or string_array."""
        kinds = {bool: "bool", int: "integer", float: "double", str: "string"}
        return kinds.get(type(self.default), "string_array")

    @property
    def allowed(self) -> str:
        """Return the allowed values in words; empty when every value of the kind is."""
        if self.choices:
            return " or ".join(repr(choice) for choice in self.choices)
        if self.minimum is None or self.maximum is None:
            return ""
        words = f"{self.minimum:g} to {self.maximum:g}"
        if self.kind == "integer":
            words = f"{self.minimum:.0f} to {self.maximum:.0f}"
        return words if self.special is None else f"{words}, or {self.special:g}"


def parameter(default: ParameterValue, description: str, **spec: Any) -> Any:
    """A field of a dataclass of parameters."""
    return field(
        default=default,
        metadata={"spec": Spec(description, live=spec.pop("live", False), **spec)},
    )


def natural(spec: Spec, value: object) -> object:
    """Return `value` as the kind of `spec` where nothing is lost by it, else `value` itself."""
    if spec.kind == "double" and isinstance(value, int) and not isinstance(value, bool):
        # Beyond that ROS has no integers, and the largest of Python have no float.
        return float(value) if abs(value) < 2**63 else value
    if spec.kind == "string_array":
        if isinstance(value, str):
            return _listed(value)
        if isinstance(value, Sequence) and all(isinstance(each, str) for each in value):
            # ROS cannot send an empty list of strings; one empty string stands for it.
            return () if tuple(value) == ("",) else tuple(value)
    return value


def checked(spec: Spec, value: object) -> ParameterValue:
    """Return `value` as a person writes it in the kind of `spec`.

    Raises:
        ParameterError: another kind, out of range, no choice, or control characters.
    """
    value = natural(spec, value)
    types = {"bool": bool, "integer": int, "double": float, "string": str, "string_array": tuple}
    if not isinstance(value, types[spec.kind]) or (
        spec.kind == "integer" and isinstance(value, bool)
    ):
        kind = "list of strings" if spec.kind == "string_array" else spec.kind
        raise ParameterError(f"{spec.name}: expected {kind}, found {shown(value)}")
    if isinstance(value, tuple):
        return value
    if isinstance(value, (int, float)) and not _in_range(spec, value):
        meaning = f" ({spec.special_meaning})" if spec.special is not None else ""
        raise ParameterError(
            f"{spec.name}: expected {spec.allowed}{meaning}, found {shown(value)}"
        )
    if spec.choices and value not in spec.choices:
        raise ParameterError(f"{spec.name}: expected {spec.allowed}, found {shown(value)}")
    if isinstance(value, str) and len(value) > _MAX_TEXT:
        raise ParameterError(
            f"{spec.name}: expected at most {_MAX_TEXT} characters, found {len(value)}"
        )
    if isinstance(value, str) and not value.isprintable():
        raise ParameterError(
            f"{spec.name}: expected text without control characters, found {shown(value)}"
        )
    assert isinstance(value, (bool, int, float, str))
    return value


def _in_range(spec: Spec, value: float) -> bool:
    if spec.minimum is None or spec.maximum is None or value == spec.special:
        return True
    # A NaN is in no range.
    return spec.minimum <= value <= spec.maximum


def _listed(text: str) -> object:
    if text.strip() in ("", "[]"):
        return ()
    try:
        return parse_names(text)
    except VocabularyError:
        return text
