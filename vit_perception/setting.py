# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What one setting is: type, default, range, whether it is live, and its help.

A setting is declared once, as a field of a frozen dataclass. The Perceiver, the nodes' parameters,
the options of the command line and the manual read that declaration. Needs no numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from numbers import Integral, Real
from typing import Any

from vit_perception.names import VocabularyError, parse_names
from vit_perception.wording import shown

_MAX_TEXT = 4096

SettingValue = bool | int | float | str | tuple[str, ...]

_KINDS: dict[type, str] = {
    bool: "bool",
    int: "integer",
    float: "double",
    str: "string",
    tuple: "string_array",
}


class SettingError(ValueError):
    """One line that says which setting cannot have which value, and what it can have."""


@dataclass(frozen=True, slots=True)
class Setting:
    """The declaration of one setting; `settings_of` reads those of a dataclass.

    Attributes:
        description: help, one or two sentences.
        live: whether it may change while a node is active.
        at_configure: whether a node reads it in `configure`, and it may change while it is not
            active. What is neither is read when the node starts.
        minimum, maximum: the range, ends included; None where it is open.
        special: the one value outside the range that has a meaning of its own.
        special_meaning: that meaning.
        choices: the only values of a text; empty where every text is allowed.
        check: returns a value of the right type as it is kept, or raises ValueError with the
            reason in one line; None where every value is kept as it is.
        name: of the field.
        default: of the field; its type is the type of the setting.
    """

    description: str
    live: bool = False
    at_configure: bool = False
    minimum: float | None = None
    maximum: float | None = None
    special: float | None = None
    special_meaning: str = ""
    choices: tuple[str, ...] = ()
    check: Callable[[Any], SettingValue] | None = None
    name: str = ""
    default: SettingValue = ""

    @property
    def kind(self) -> str:
        """The ROS type: bool, integer, double, string or string_array."""
        return _KINDS[type(self.default)]

    @property
    def allowed(self) -> str:
        """The allowed values in words; empty when every value of the type is allowed."""
        if self.choices:
            return " or ".join(repr(choice) for choice in self.choices)
        if self.minimum is None and self.maximum is None:
            return ""
        if self.maximum is None:
            words = f"{_number(self.minimum)} or more"
        elif self.minimum is None:
            words = f"{_number(self.maximum)} or less"
        else:
            words = f"{_number(self.minimum)} to {_number(self.maximum)}"
        return words if self.special is None else f"{words}, or {_number(self.special)}"


def setting(default: SettingValue, description: str, **declared: Any) -> Any:
    """Declares a field of a dataclass; keywords as for `Setting`."""
    return field(
        default=default, metadata={"setting": Setting(description, default=default, **declared)}
    )


def shared_setting(owner: type, name: str) -> Any:
    """Declares a field that is the setting `name` of another dataclass."""
    found = settings_of(owner)[name]
    return field(default=found.default, metadata={"setting": found})


def settings_of(owner: type) -> dict[str, Setting]:
    """Returns the settings that a dataclass declares, by name, in its order."""
    return {
        each.name: replace(each.metadata["setting"], name=each.name)
        for each in fields(owner)
        if "setting" in each.metadata
    }


def natural(declared: Setting, value: object) -> object:
    """Returns `value` in the type of the setting where nothing is lost by it, else `value`.

    A person writes 1 for 1.0 and 5.0 for 5, and 'red mug, spoon', [] or null for a list of texts.
    """
    if isinstance(value, bool):
        return value
    # numpy's scalars are numbers too.
    if declared.kind in ("integer", "double") and isinstance(value, Integral):
        whole = int(value)
        # Beyond that ROS has no integers, and the largest of Python have no float.
        return float(whole) if declared.kind == "double" and abs(whole) < 2**63 else whole
    if declared.kind == "double" and isinstance(value, Real):
        return float(value)
    if declared.kind == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    if declared.kind == "string_array":
        if isinstance(value, str):
            return _listed(value)
        if isinstance(value, Sequence) and all(isinstance(each, str) for each in value):
            # ROS cannot send an empty list of strings; one empty string stands for it.
            return () if tuple(value) == ("",) else tuple(value)
    return value


def checked(declared: Setting, value: object) -> SettingValue:
    """Returns `value`, as a person writes it, in the type of the setting.

    Raises:
        SettingError: another type, out of range, none of the choices, control characters, or
            what `check` refuses.
    """
    value = natural(declared, value)
    name, kind = declared.name, declared.kind
    if kind == "string_array" and isinstance(value, str):
        # `natural` left it alone: this says why.
        try:
            value = parse_names(value)
        except VocabularyError as error:
            raise SettingError(f"{name}: {error}") from None
    if not _has_kind(value, kind):
        words = "list of strings" if kind == "string_array" else kind
        if isinstance(value, Sequence) and any(isinstance(each, bool) for each in value):
            words += " (in YAML, on, off, yes and no are names only in quotes)"
        raise SettingError(f"{name}: expected {words}, found {shown(value)}")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        _check_range(declared, value)
    if isinstance(value, str):
        _check_text(declared, value)
    assert isinstance(value, (bool, int, float, str, tuple))
    if declared.check is None:
        return value
    try:
        return declared.check(value)
    except ValueError as error:
        raise SettingError(f"{name}: {str(error).removeprefix(f'{name}: ')}") from None


def keep_checked(settings: object) -> None:
    """Checks the declared settings of a frozen dataclass, and keeps them as `checked` does.

    Raises:
        SettingError: a value of another type or outside its range.
    """
    for name, declared in settings_of(type(settings)).items():
        object.__setattr__(settings, name, checked(declared, getattr(settings, name)))


def _has_kind(value: object, kind: str) -> bool:
    # In Python a bool is an int as well.
    return next((k for t, k in _KINDS.items() if isinstance(value, t)), None) == kind


def _check_range(declared: Setting, value: float) -> None:
    low = -float("inf") if declared.minimum is None else declared.minimum
    high = float("inf") if declared.maximum is None else declared.maximum
    # A NaN is in no range.
    if not (low <= value <= high or value == declared.special):
        meaning = f" ({declared.special_meaning})" if declared.special is not None else ""
        expected = declared.allowed or "a number"
        raise SettingError(f"{declared.name}: expected {expected}{meaning}, found {shown(value)}")


def _check_text(declared: Setting, value: str) -> None:
    name = declared.name
    if declared.choices and value not in declared.choices:
        raise SettingError(f"{name}: expected {declared.allowed}, found {shown(value)}")
    if len(value) > _MAX_TEXT:
        raise SettingError(f"{name}: expected at most {_MAX_TEXT} characters, found {len(value)}")
    if not value.isprintable():
        raise SettingError(
            f"{name}: expected text without control characters, found {shown(value)}"
        )


def _number(value: float | None) -> str:
    """Returns a bound in words, without an exponent: 268435456, 0.1."""
    assert value is not None
    return f"{value:.0f}" if value == int(value) else f"{value:g}"


def _listed(text: str) -> object:
    # ROS reads YAML's null as a text.
    if text.strip() in ("", "[]", "null", "~"):
        return ()
    try:
        return parse_names(text)
    except VocabularyError:
        return text
