# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What one frame is looked at for, as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.perceiver.settings import Settings
from vit_perception.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """Names and settings, ready for the network; `Perceiver.prepare` makes one.

    It never changes: a change of names or settings makes another one, so that a frame sees all
    of a change or nothing of it.

    Attributes:
        vocabulary: the names.
        settings: with the bundle's own thresholds filled in.
        class_embeddings: float32 [C, E], see the graph contract; None for a fixed vocabulary.
        inputs: of the network, beside the image.
    """

    vocabulary: Vocabulary
    settings: Settings
    class_embeddings: NDArray[np.float32] | None
    inputs: Mapping[str, NDArray[Any]]

    @classmethod
    def of(
        cls,
        vocabulary: Vocabulary,
        settings: Settings,
        class_embeddings: NDArray[np.float32] | None,
    ) -> Query:
        """Returns the query of a vocabulary, its embeddings and settings with thresholds."""
        thresholds = [
            settings.class_thresholds.get(name, settings.score_threshold)
            for name in vocabulary.names
        ]
        inputs: dict[str, NDArray[Any]] = {"class_thresholds": np.array(thresholds, np.float32)}
        if class_embeddings is not None:
            inputs["class_embeddings"] = class_embeddings
        return cls(vocabulary, settings, class_embeddings, inputs)

    def of_version(self, version: int, settings: Settings) -> Query:
        """Returns the query of the same names as another version, with settings of a query."""
        vocabulary = replace(self.vocabulary, version=version)
        return Query.of(vocabulary, settings, self.class_embeddings)
