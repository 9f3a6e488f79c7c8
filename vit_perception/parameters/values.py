# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A node's parameters from values that came from outside."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, TypeVar

from vit_perception.setting import SettingError, SettingValue, checked, settings_of
from vit_perception.wording import shown

P = TypeVar("P")


def taken(kind: type[P], values: Mapping[str, object], current: P | None = None) -> P:
    """Returns parameters with `values` in place of those of `current` (or of the defaults).

    Values are taken as a person writes them: 1 for 1.0, 'red mug, spoon' for a list of names.

    Args:
        kind: the dataclass of the node's parameters.
        values: by name.
        current: of that kind.

    Raises:
        SettingError: one of the values cannot be; then none is taken.
    """
    known = settings_of(kind)
    chosen: dict[str, SettingValue] = {}
    if current is not None:
        now: Any = current
        chosen = asdict(now)
    for name, value in values.items():
        if name not in known:
            raise SettingError(unknown_name(kind, name))
        chosen[name] = checked(known[name], value)
    return kind(**chosen)


def configure_reads(before: P, after: P) -> list[str]:
    """Returns the names of parameters that differ and are read by `configure`."""
    return [
        name
        for name, declared in settings_of(type(before)).items()
        if declared.at_configure and getattr(before, name) != getattr(after, name)
    ]


def unknown_name(kind: type, name: str) -> str:
    """Returns a line that says that no parameter has this name, and which one comes near."""
    known = settings_of(kind)
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
    return f"no parameter is called {shown(name)}: {hint}"


def camera_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Returns names of cameras as they came.

    Raises:
        ValueError: one cannot be part of a topic, or is there twice.
    """
    for name in names:
        # Names of topics in ROS; one that begins with an underscore would be hidden.
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,63}", name) or "__" in name:
            raise ValueError(
                "expected names of letters, digits and single underscores that begin with a "
                f"letter, found {shown(name)}"
            )
    if len(set(names)) < len(names):
        raise ValueError(f"expected each name once, found {shown(list(names))}")
    return names
