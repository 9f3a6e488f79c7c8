# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The mean region embedding of a graph, which is subtracted before embeddings are compared."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from vit_perception.engine.factory import open_session
from vit_perception.perceiver.candidates import rows_of_anything
from vit_perception.perceiver.settings import PerceiverError


def region_mean(
    graph: bytes, anything: NDArray[np.float32], images: Iterable[NDArray[np.uint8]]
) -> NDArray[np.float32]:
    """Returns the mean embedding [E] of rows of anything, weighted by their scores.

    Args:
        graph: of contract version 2.
        anything: float32 [E], the embedding that asks for anything.
        images: uint8 [1, H, W, 3] network inputs; each may be overwritten by the next.

    Raises:
        PerceiverError: there is no image, or a number is not finite.
        SessionError: the engine refuses the graph.
    """
    session = open_session(graph)
    asked = anything[None]
    # One name that no score reaches.
    constant = {
        "class_embeddings": asked,
        "class_thresholds": np.ones(1, np.float32),
        "anything_embedding": asked,
    }
    total, weight = np.zeros(len(anything), np.float64), 0.0
    for image in images:
        found = rows_of_anything(session.run({**constant, "image": image}))
        scores = found["scores"][0].astype(np.float64)
        total += scores @ found["embeddings"][0]
        weight += float(scores.sum())
    if not (weight > 0 and np.isfinite(total).all()):
        raise PerceiverError(
            "regions: expected pictures with rows of anything and finite embeddings, found none"
        )
    return np.asarray(total / weight, np.float32)
