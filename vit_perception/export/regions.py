# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What a bundle knows of region embeddings, of a model and of pictures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from vit_perception.bundle.regions_file import Regions
from vit_perception.evaluation.dataset import Dataset
from vit_perception.export.anything import fit_anything
from vit_perception.images.inputs import letterboxed
from vit_perception.models.detectors.dosod import DOSOD
from vit_perception.perceiver.region_mean import region_mean


def said_regions(model: DOSOD, anything: NDArray[np.float32]) -> Regions:
    """Returns regions without a mean, from the text embedding [D] of a name for anything."""
    with torch.no_grad():
        return Regions(model.embed(torch.tensor(anything[None]))[0].numpy())


def fitted_regions(
    model: DOSOD,
    data: Dataset,
    size: tuple[int, int],
    start: Regions,
    graph: bytes,
    *,
    progress: Callable[[int], object] = lambda done: None,
) -> Regions:
    """Returns an embedding for anything that was fitted to pictures, and the mean over them.

    Args:
        model: with a live vocabulary.
        data: pictures in which all objects are labelled.
        size: height and width of the network's input.
        start: where the fit begins.
        graph: of the model, contract version 2.
        progress: called with the number of pictures looked at.

    Raises:
        EvaluationError: a picture cannot be read.
    """
    anything = fit_anything(model, data, *size, start.anything, progress=progress)
    paths = [picture.path for picture in data.pictures]
    return Regions(anything, {"fp32": region_mean(graph, anything, letterboxed(paths, *size))})
