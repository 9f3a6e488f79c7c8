# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Consoles for tables of names from outside."""

from __future__ import annotations

from rich.console import Console


def plain_console(width: int | None = None) -> Console:
    """Returns a console on stdout that takes no text for rich's markup or the code of an emoji."""
    return Console(markup=False, emoji=False, width=width)
