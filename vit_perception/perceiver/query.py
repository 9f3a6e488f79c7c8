# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What one frame is looked at for, as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.perceiver.settings import Settings
from vit_perception.perceiver.taught import Prototypes, Taught
from vit_perception.vocabulary import Vocabulary

WEAKER = 0.2
"""Share of its threshold that the score of a next best name has to reach."""


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """Names and settings, ready for the network; `Perceiver.prepare` makes one.

    It never changes: a change of names or settings makes another one, so that a frame sees all
    of a change or nothing of it.

    Attributes:
        vocabulary: the names.
        settings: with the bundle's own thresholds filled in.
        class_embeddings: float32 [C, E] of the said names, see the graph contract; None for a
            fixed vocabulary.
        inputs: of the network, beside the image.
        thresholds: float32 [names], the score from which on a detection of each name is sure.
        least: float32 [names], the least score of what is returned, see `weak_score`.
        taught: the shown names; None if there are none.
    """

    vocabulary: Vocabulary
    settings: Settings
    class_embeddings: NDArray[np.float32] | None
    inputs: Mapping[str, NDArray[Any]]
    thresholds: NDArray[np.float32]
    least: NDArray[np.float32]
    taught: Taught | None = None

    @classmethod
    def of(
        cls,
        vocabulary: Vocabulary,
        settings: Settings,
        class_embeddings: NDArray[np.float32] | None,
        prototypes: Prototypes | None = None,
    ) -> Query:
        """Returns the query of a vocabulary, its embeddings and settings with thresholds.

        Args:
            class_embeddings: of the said names; of anything if all names were only shown.
            prototypes: of the shown names.
        """
        # A name that nobody asked for has a threshold that no score reaches.
        said = _least(vocabulary.said, settings) if vocabulary.said else np.ones(1)
        # Rows are ordered by score: more of the weak ones displace none of the strong ones.
        share = WEAKER if settings.name_scores else 1.0
        inputs: dict[str, NDArray[Any]] = {"class_thresholds": (said * share).astype(np.float32)}
        if class_embeddings is not None:
            inputs["class_embeddings"] = class_embeddings
        taught = None
        if prototypes is not None:
            labels = np.array(
                [vocabulary.names.index(name) for name in prototypes.names], np.int64
            )
            taught = Taught(prototypes, labels, _least(prototypes.names, settings))
        return cls(
            vocabulary,
            settings,
            class_embeddings,
            inputs,
            thresholds=_thresholds(vocabulary.names, settings),
            least=_least(vocabulary.names, settings),
            taught=taught,
        )

    def of_version(self, version: int, settings: Settings) -> Query:
        """Returns the query of the same names as another version, with settings of a query."""
        vocabulary = replace(self.vocabulary, version=version)
        return Query.of(vocabulary, settings, self.class_embeddings, self.prototypes)

    @property
    def prototypes(self) -> Prototypes | None:
        """Those of the shown names; None if there are none."""
        return None if self.taught is None else self.taught.prototypes


def _thresholds(names: Sequence[str], settings: Settings) -> NDArray[np.float32]:
    own, common = settings.class_thresholds, settings.score_threshold
    return np.array([own.get(name, common) for name in names], np.float32)


def _least(names: Sequence[str], settings: Settings) -> NDArray[np.float32]:
    thresholds, weak = _thresholds(names, settings), settings.weak_score
    return thresholds if weak is None else np.minimum(thresholds, np.float32(weak))
