# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Figures as a file holds them: of few digits, so that the last bits of a sum do not show."""

from __future__ import annotations

import math
from typing import Any

DIGITS = 6


def rounded(value: Any) -> Any:
    """Returns dictionaries and lists with all floats rounded; None for one that is no number."""
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(each) for each in value]
    if isinstance(value, float):
        # Adding 0 turns -0.0 into 0.0.
        return round(float(value), DIGITS) + 0.0 if math.isfinite(value) else None
    return value
