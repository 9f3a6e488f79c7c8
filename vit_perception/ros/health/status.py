# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""One entry of the diagnostics, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

OK, WARN, FAULT = 0, 1, 2
FAILURE = "failure"
"""The kind of a failed transition, which is logged by itself."""
STUCK = 5.0
"""Seconds with one frame after which a node counts as stuck."""


@dataclass(frozen=True, slots=True)
class Status:
    """One entry of the diagnostics.

    Attributes:
        name: of the entry.
        level: OK, WARN or FAULT.
        message: one line.
        values: by key.
        kind: of the fault, in a word that stays while its numbers change; empty for none.
    """

    name: str
    level: int
    message: str
    values: Mapping[str, str]
    kind: str = ""
