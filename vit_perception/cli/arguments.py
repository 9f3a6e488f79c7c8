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
