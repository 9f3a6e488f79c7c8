# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Options shared by several commands."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path

from vit_perception.setting import Setting, SettingError, SettingValue, checked, settings_of
from vit_perception.wording import shown

MAX_COUNT = 2**31 - 1
"""The largest number of anything that is counted; engines take 32 bits."""
MAX_THREADS = 256
MAX_PROCESSES = 1024

_READERS: dict[str, Callable[[str], object]] = {"integer": int, "double": float, "string": str}


def output_path(text: str) -> Path:
    """Reads the name of a file or folder to write; an empty one, as of an unset variable, is none.

    Raises:
        argparse.ArgumentTypeError: the text is empty.
    """
    if not text:
        raise argparse.ArgumentTypeError("expected a path, found an empty text")
    return Path(text)


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
            value = checked(declared, _READERS[declared.kind](text))
        except SettingError as error:
            line = str(error).removeprefix(f"{declared.name}: ")
            raise argparse.ArgumentTypeError(line) from None
        if isinstance(value, float) and not math.isfinite(value):  # a range may be open
            raise argparse.ArgumentTypeError(f"expected a finite number, found {shown(text)}")
        return value

    # argparse names this type in its error for a text that is no number.
    read.__name__ = declared.kind
    return read


def at_least(low: int, high: int = MAX_COUNT) -> Callable[[str], int]:
    """Returns the type of an option: an integer of at least `low` and at most `high`."""
    allowed = f"{low} or more" if high == MAX_COUNT else f"{low} to {high}"

    def integer(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected an integer, found {shown(text)}") from None
        if not low <= value <= high:
            most = f"at most {high}" if value > high else allowed
            raise argparse.ArgumentTypeError(f"expected {most}, found {shown(text)}")
        return value

    return integer


def number(low: float, high: float) -> Callable[[str], float]:
    """Returns the type of an option: a number from `low` to `high`, both included."""

    def double(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected a number, found {shown(text)}") from None
        # Written so that NaN fails.
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"expected {low:g} to {high:g}, found {shown(text)}")
        return value

    return double


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
