# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""COCO metrics of a predictor on a dataset, in one call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vit_perception.evaluation.coco import summarize
from vit_perception.evaluation.dataset import Dataset, load_dataset
from vit_perception.evaluation.results import Predict, predict_all


def measured(
    dataset: Path | Dataset, predict: Predict, predict_masks: Predict | None = None
) -> dict[str, Any]:
    """See `summarize`; `predict` is asked for all names of the dataset at once."""
    data = dataset if isinstance(dataset, Dataset) else load_dataset(dataset)
    return summarize(data, predict_all(data, predict, predict_masks))
