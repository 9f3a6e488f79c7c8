# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""One entry of the diagnostics, as plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

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


class NamedCamera(Protocol):
    """A camera at one instant; its name is empty for a node's only camera."""

    @property
    def name(self) -> str: ...


C = TypeVar("C", bound=NamedCamera)


def of_cameras(
    now: Sequence[C], before: Sequence[C], entries: Mapping[str, Callable[[str, C, C], Status]]
) -> list[Status]:
    """Returns the entries of each camera, which come after its name.

    Args:
        now, before: the cameras now, and at the message before.
        entries: what makes each from its whole name and the camera now and before.
    """
    return [
        make(f"{camera.name} {name}".lstrip(), camera, earlier)
        for camera, earlier in zip(now, before, strict=True)
        for name, make in entries.items()
    ]
