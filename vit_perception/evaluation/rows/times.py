# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How long pictures took, in files beside what was found: no two runs take the same time."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vit_perception.evaluation.errors import EvaluationError
from vit_perception.output.write import write
from vit_perception.wording import one_line, shown_path

SESSION = "inference"
"""The stage of a run in which the network runs."""

Stages = Mapping[str, float]
"""Seconds by stage."""


@dataclass(frozen=True, slots=True)
class FrameTimes:
    """Of one picture.

    Attributes:
        shared: until the picture is there, whatever looks at it.
        runs: of each run, in the order of the plan.
    """

    shared: Stages
    runs: tuple[Stages, ...]


def write_times(path: Path, frames: Sequence[FrameTimes]) -> None:
    """Writes the times of pictures as JSON: milliseconds by stage, one number a picture.

    Raises:
        OutputError: it cannot be written.
    """
    document = {
        "shared": _columns([frame.shared for frame in frames]),
        "runs": [_columns(run) for run in zip(*(frame.runs for frame in frames), strict=True)],
    }
    write(path, json.dumps(document, separators=(",", ":")).encode() + b"\n")


def summarised(paths: Iterable[Path], runs: Sequence[str]) -> dict[str, Any]:
    """Returns what timing.json says of the files of a measurement.

    Args:
        paths: of `write_times`; absent ones are left out, as times are no result.
        runs: keys, in the order of the plan.

    Returns:
        `frames`, `session_s` (of all runs together), `shared_ms` and `runs`: by key, `stages_ms`
        (median, 95th percentile and highest of each stage), `session_ms` (the same) and `hz`
        (pictures a second, one after the other).

    Raises:
        EvaluationError: a file holds something else.
    """
    # Arrays: a cluster looks at millions of pictures.
    shared: dict[str, array[float]] = {}
    by_run: list[dict[str, array[float]]] = [{} for _ in runs]
    for path in paths:
        document = _read(path, len(runs))
        if document is None:
            continue
        found_by_run = zip(by_run, document["runs"], strict=True)
        for kept, found in ((shared, document["shared"]), *found_by_run):
            for stage, values in found.items():
                kept.setdefault(stage, array("f")).extend(values)
    sessions = [kept.get(SESSION, array("f")) for kept in by_run]
    return {
        "frames": len(sessions[0]) if sessions else 0,
        "session_s": round(sum(map(sum, sessions)) / 1e3, 3),
        "shared_ms": {stage: _spread(values) for stage, values in shared.items()},
        "runs": {
            key: {
                "stages_ms": {stage: _spread(values) for stage, values in kept.items()},
                "session_ms": _spread(session),
                "hz": _rate(kept),
            }
            for key, kept, session in zip(runs, by_run, sessions, strict=True)
        },
    }


def _columns(frames: Sequence[Stages]) -> dict[str, list[float]]:
    stages = dict.fromkeys(stage for frame in frames for stage in frame)
    return {stage: [round(1e3 * frame.get(stage, 0.0), 3) for frame in frames] for stage in stages}


def _read(path: Path, runs: int) -> dict[str, Any] | None:
    try:
        document = json.loads(path.read_bytes())
        found = [document["shared"], *document["runs"]]
        for values in (values for stages in found for values in stages.values()):
            if not all(type(value) in (int, float) and np.isfinite(value) for value in values):
                raise ValueError("other values than numbers")
    except FileNotFoundError:
        return None
    except Exception as error:  # a file from anywhere
        raise EvaluationError(
            f"{shown_path(path)}: expected times of a measurement, found: {one_line(error)}"
        ) from error
    if len(document["runs"]) != runs:
        raise EvaluationError(
            f"{shown_path(path)}: expected times of {runs} runs, found {len(document['runs'])}"
        )
    return dict(document)


def _spread(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    p50, p95 = np.percentile(values, [50, 95]).tolist()
    return {"p50": round(p50, 3), "p95": round(p95, 3), "max": round(max(values), 3)}


def _rate(stages: Mapping[str, Sequence[float]]) -> float:
    """Returns pictures a second, from the median of what one takes."""
    totals = [sum(each) for each in zip(*stages.values(), strict=True)]
    median = float(np.median(totals)) if totals else 0.0
    return round(1e3 / median, 2) if median else 0.0
