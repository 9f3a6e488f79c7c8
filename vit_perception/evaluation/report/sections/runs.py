# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What the runs of a measurement are called in its report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from vit_perception.evaluation.report.values import label

Metrics = Mapping[str, Any]
"""The content of metrics.json."""
Timing = Mapping[str, Any]
"""The content of timing.json; it may be empty."""


def run_titles(metrics: Metrics) -> dict[str, str]:
    """Returns what each run is called, by its key: bundle and precision, where that tells."""
    spoken = {run["key"]: f"{run['bundle']} {run['precision']}" for run in metrics["runs"]}
    uses = Counter(spoken.values())
    return {key: label(title if uses[title] == 1 else key) for key, title in spoken.items()}
