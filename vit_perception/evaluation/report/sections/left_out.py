# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What was not measured, in a line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vit_perception.evaluation.report.sections.runs import Metrics
from vit_perception.evaluation.report.values import count, line
from vit_perception.wording import counted


def left_out_lines(metrics: Metrics) -> list[str]:
    """Returns what each source lacks: damage first, then pictures and truth; [] if nothing."""
    sources = metrics["sources"]
    lines = [line(source["damage"]) for source in sources if source["damage"]]
    for source in sources:
        where, there = line(source["title"]), source["left_out"]
        if there:
            number = sum(there.values())
            lines.append(
                f"{where}: {count(number)} of {counted(source['pictures'], 'picture')} left out "
                f"({causes(there)})"
            )
    for source in sources:
        unused = source["unused_truth"]
        if unused:
            lines.append(
                f"{line(source['title'])}: {counted(sum(unused.values()), 'entry', 'entries')} "
                f"of the truth not used ({causes(unused)})"
            )
    return lines


def causes(counts: Mapping[str, Any]) -> str:
    """Returns counts by cause in words: "3 size, 1 message"."""
    return ", ".join(f"{count(number)} {line(cause)}" for cause, number in counts.items())
