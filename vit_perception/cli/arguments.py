# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Options shared by several commands."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from vit_perception.setting import Setting, SettingError, SettingValue, checked, settings_of

_READERS: dict[str, Callable[[str], object]] = {"integer": int, "double": float, "string": str}


def add_setting(
    options: argparse._ActionsContainer,
    owner: type,
    name: str,
    *,
    metavar: str | None = None,
    optional: bool = False,
    note: str = "",
) -> None:
    """Adds the option of a setting, with the type, range, default and help of its declaration.

    Args:
        options: a parser or a group of its options, which gets the option `--the-name`.
        owner, name: the dataclass that declares the setting, and its field.
        metavar: placeholder of the value.
        optional: whether the option has no default and is None if it is not given.
        note: on the default of this command, in place of the declared one.
    """
    declared = settings_of(owner)[name]
    default = declared.special_meaning if declared.default == declared.special else ""
    words = f"{declared.description} ({note or default or declared.default})"
    options.add_argument(
        f"--{name.replace('_', '-')}",
        type=_reader(declared),
        default=None if optional else declared.default,
        metavar=metavar,
        help=words.replace("%", "%%"),
    )


def _reader(declared: Setting) -> Callable[[str], SettingValue]:
    def read(text: str) -> SettingValue:
        try:
            return checked(declared, _READERS[declared.kind](text))
        except SettingError as error:
            line = str(error).removeprefix(f"{declared.name}: ")
            raise argparse.ArgumentTypeError(line) from None

    # argparse names this type in its error for a text that is no number.
    read.__name__ = declared.kind
    return read


def at_least(low: int) -> Callable[[str], int]:
    """Returns the type of an option: an integer of at least `low`."""

    def integer(text: str) -> int:
        value = int(text)
        if value < low:
            raise argparse.ArgumentTypeError(f"expected {low} or more, found {text}")
        return value

    return integer


def input_size(step: int) -> Callable[[str], tuple[int, int]]:
    """Returns the type of an option: a network input HEIGHTxWIDTH, 32 px + multiples of `step`."""
    sides = range(32, 8192 + 1, step)

    def size(text: str) -> tuple[int, int]:
        height, _, width = text.lower().partition("x")
        if not (
            height.isdecimal() and width.isdecimal() and {int(height), int(width)} <= {*sides}
        ):
            raise argparse.ArgumentTypeError(
                f"expected HEIGHTxWIDTH of 32 to {sides[-1]} in steps of {step}, found {text!r}"
            )
        return int(height), int(width)

    return size
