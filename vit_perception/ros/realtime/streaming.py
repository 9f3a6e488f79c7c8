# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Streaming accuracy beside that of the same pictures looked at offline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from vit_perception.evaluation.figures.measure import measure
from vit_perception.evaluation.rows.run import Run
from vit_perception.ros.realtime.result import Figures, Realtime


def realtime_entry(realtime: Realtime, run: Run, names: Sequence[str]) -> dict[str, Any]:
    """Returns a measurement as timing.json has it, with AP50 and f1 of what is published.

    Args:
        realtime: a recording that was played to the live node.
        run: that the node was given.
        names: that it looked for.
    """
    return realtime.entry(*_figures(realtime, run, names))


def _figures(realtime: Realtime, run: Run, names: Sequence[str]) -> tuple[Figures, Figures]:
    if not realtime.offline:
        nothing: Figures = {"AP50": None, "f1": None}
        return nothing, nothing
    # As two runs, so that both are measured on the same pictures.
    frames = [
        replace(alone, rows=(*alone.rows, *live.rows))
        for alone, live in zip(realtime.offline, realtime.streaming, strict=True)
    ]
    table = measure(names, (run, replace(run, key=f"{run.key}.live")), frames)
    offline, streaming = (
        {"AP50": each["boxes"]["AP50"], "f1": each["published"]["f1"]} for each in table["runs"]
    )
    return offline, streaming
