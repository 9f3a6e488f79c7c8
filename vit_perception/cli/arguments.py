# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Types of options that several commands have."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def at_least(low: int) -> Callable[[str], int]:
    """Type of an option: an integer from `low` on."""

    def integer(text: str) -> int:
        value = int(text)
        if value < low:
            raise argparse.ArgumentTypeError(f"expected {low} or more, found {text}")
        return value

    return integer


def input_size(step: int) -> Callable[[str], tuple[int, int]]:
    """Type of an option: a network input HEIGHTxWIDTH, 32 px and more in steps of so many."""
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
