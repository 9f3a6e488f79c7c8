# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The names a detector looks for, with their text embeddings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vit_perception.names import VocabularyError, checked_names
from vit_perception.wording import shown

_UNIT_LENGTH_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """C names and their text embeddings, as the text encoder gives them.

    Attributes:
        names: unique, see `names.checked_names`.
        embeddings: float32 [C, D], rows of unit length (within 1e-3); taken as a
            read-only view, so that a vocabulary in use cannot change.
        version: number of vocabulary changes of a node; 0 for a bundle's own.

    Raises:
        VocabularyError: a name is refused, or the embeddings have another shape, type
            or length.
    """

    names: tuple[str, ...]
    embeddings: NDArray[np.float32]
    version: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", checked_names(self.names))
        if type(self.version) is not int or self.version < 0:
            raise VocabularyError(
                f"version: expected an integer >= 0, found {shown(self.version)}"
            )
        embeddings = self.embeddings
        if (
            not isinstance(embeddings, np.ndarray)
            or embeddings.dtype != np.float32
            or embeddings.ndim != 2
            or embeddings.shape[0] != len(self.names)
            or embeddings.shape[1] == 0
        ):
            found = (
                f"{embeddings.dtype} {list(embeddings.shape)}"
                if isinstance(embeddings, np.ndarray)
                else type(embeddings).__name__
            )
            raise VocabularyError(
                f"embeddings: expected float32 [{len(self.names)}, D], found {found}"
            )
        lengths = np.linalg.norm(embeddings, axis=1)
        # A NaN is refused too.
        wrong = ~(np.abs(lengths - 1) <= _UNIT_LENGTH_TOLERANCE)
        if wrong.any():
            first = int(np.argmax(wrong))
            raise VocabularyError(
                f"embeddings: expected unit length, found {lengths[first]:.4g} "
                f"for {shown(self.names[first])}"
            )
        view = embeddings.view()
        view.flags.writeable = False
        object.__setattr__(self, "embeddings", view)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def dimension(self) -> int:
        """D, the length of one embedding."""
        return int(self.embeddings.shape[1])
