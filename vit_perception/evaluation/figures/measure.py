# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The figures of a measurement, as metrics.json holds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from vit_perception.evaluation.figures.blocks import blocks_of, draw
from vit_perception.evaluation.figures.differences import differences
from vit_perception.evaluation.figures.gather import Gathered, gather
from vit_perception.evaluation.figures.matches import OVERLAP
from vit_perception.evaluation.figures.rounded import rounded
from vit_perception.evaluation.figures.run_figures import run_figures
from vit_perception.evaluation.rows.looked_at import LookedAt
from vit_perception.evaluation.rows.run import LEAST_SCORE, PER_PICTURE, Run

LIMITS = {"per_picture": PER_PICTURE, "least_score": LEAST_SCORE, "overlap": OVERLAP}
"""Detections of a picture that are kept, their least score, and from where on one is true."""


def measure(
    names: Sequence[str],
    runs: Sequence[Run],
    frames: Iterable[LookedAt],
    spaces: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Returns the figures of all runs; see `figures`.

    Args:
        names: that were asked for.
        runs: what took part.
        frames: all pictures of all sequences, in order; they are read once.
        spaces: key of a run → its figures of places in space, which are measured elsewhere.

    Raises:
        EvaluationError: the rows of a picture do not belong to these names and runs.
    """
    return figures(gather(names, runs, frames), spaces)


def figures(
    gathered: Gathered, spaces: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, Any]:
    """Returns `names`, `objects`, `pictures`, `limits`, `runs` and `differences`.

    The same pictures give the same figures to the last digit. A figure of which there is nothing
    to measure is None.

    Args:
        gathered: all pictures.
        spaces: see `measure`.
    """
    draws = draw(blocks_of(gathered.pictures))
    measured = [
        run_figures(gathered, index, draws, (spaces or {}).get(run.key))
        for index, run in enumerate(gathered.runs)
    ]
    table: dict[str, Any] = rounded(
        {
            "names": gathered.names,
            "objects": int(np.count_nonzero(gathered.things.judged())),
            "pictures": len(gathered.pictures),
            "limits": LIMITS,
            "runs": [one.table for one in measured],
            "differences": differences(gathered.pictures, draws.blocks, measured),
        }
    )
    return table
