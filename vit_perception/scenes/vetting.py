# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Tries each object alone, before it stands in a scene with others and spoils it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vit_perception.scenes.catalogue import Asset, Skipped
from vit_perception.scenes.settle import check_hull
from vit_perception.scenes.shapes import hull_of
from vit_perception.wording import one_line

LONGEST_M = 0.55
"""Longer objects leave no room on the table for others."""


def unfit(
    assets: Sequence[Asset], on_progress: Callable[[int, int], None] | None = None
) -> tuple[Skipped, ...]:
    """Returns the assets whose mesh cannot stand on a table, each with the reason in one line."""
    skipped = []
    for number, asset in enumerate(assets, start=1):
        reason = _refusal(asset) if asset.mesh is not None else ""
        if reason:
            skipped.append(Skipped(asset.id, reason))
        if on_progress:
            on_progress(number, len(assets))
    return tuple(skipped)


def _refusal(asset: Asset) -> str:
    longest = max(asset.size_m)
    if longest > LONGEST_M:
        return f"{asset.mesh}: expected at most {LONGEST_M} m on a table, found {longest:.3g} m"
    try:
        hull = hull_of(asset)
    except ValueError as error:
        return one_line(error)
    try:
        check_hull(hull)
    except ValueError as error:
        return f"{asset.mesh}: {one_line(error)}"
    return ""
