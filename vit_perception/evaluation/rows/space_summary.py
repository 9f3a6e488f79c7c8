# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The errors in space of a whole measurement, summed up from its blocks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.rows.places_told import EVERY
from vit_perception.wording import one_line, shown_path


@dataclass(slots=True)
class _OfName:
    things: int = 0
    mm: list[float] = field(default_factory=list)

    def entry(self) -> dict[str, Any]:
        p50, p95 = np.percentile(self.mm, [50, 95]).tolist() if self.mm else (None, None)
        return {
            "things": self.things,
            "found": len(self.mm),
            "centre_median_mm": None if p50 is None else round(p50, 3),
            "centre_p95_mm": None if p95 is None else round(p95, 3),
        }


def spaces(paths: Iterable[Path], runs: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Returns `space` of each run in metrics.json; nothing where nothing was placed.

    Args:
        paths: of the blocks, as `InSpace.taken` gives their content.
        runs: keys, in the order of the plan.

    Returns:
        By key: `things` (true things of the names asked for, once a moment), `found` (those
        with a published box of their name near enough, see `space_errors.NEAR`),
        `centre_median_mm`, `centre_p95_mm`, `per_name` with the same, `pictures` that were placed,
        one of `every` so many, and `unplaced`, those that could not be, by cause.

    Raises:
        EvaluationError: a file holds something else.
    """
    placed = 0
    unplaced: dict[str, int] = {}
    by_run: list[dict[str, _OfName]] = [{} for _ in runs]
    for path in paths:
        document = _read(path, len(runs))
        placed += document["placed"]
        for cause, count in document["unplaced"].items():
            unplaced[cause] = unplaced.get(cause, 0) + count
        for kept, names in zip(by_run, document["runs"], strict=True):
            for name, found in names.items():
                one = kept.setdefault(name, _OfName())
                one.things += found["things"]
                one.mm += found["mm"]
    if not placed:
        return {}
    return {
        key: {
            **_OfName(
                sum(one.things for one in kept.values()),
                [error for one in kept.values() for error in one.mm],
            ).entry(),
            "per_name": {name: kept[name].entry() for name in sorted(kept)},
            "every": EVERY,
            "pictures": placed,
            "unplaced": dict(sorted(unplaced.items())),
        }
        for key, kept in zip(runs, by_run, strict=True)
    }


def _read(path: Path, runs: int) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(path.read_bytes())
        counts = [document["placed"], *document["unplaced"].values()]
        for found in (found for run in document["runs"] for found in run.values()):
            counts.append(found["things"])
            if not all(np.isfinite(error) for error in found["mm"]):
                raise ValueError("errors that are no numbers")
        if len(document["runs"]) != runs or not all(type(each) is int for each in counts):
            raise ValueError("another number of runs, or counts that are none")
    except Exception as error:  # a file from anywhere
        raise EvaluationError(
            f"{shown_path(path)}: expected errors in space of {runs} runs, found: "
            f"{one_line(error)}"
        ) from error
    return document
