# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The names a detector looks for: said ones with text embeddings, shown ones with examples."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vit_perception.examples import Examples
from vit_perception.names import VocabularyError, checked_names
from vit_perception.wording import shown

_UNIT_LENGTH_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """Names: C said ones, and those that were only shown behind them.

    Attributes:
        names: unique, see `names.checked_names`.
        embeddings: float32 [C, D], of the first C names, as the text encoder gives them: rows of
            unit length (within 1e-3); taken as a read-only view, so that a vocabulary in use
            cannot change. C is 0 if all names were only shown.
        version: number of vocabulary changes of a node; 0 for a bundle's own.
        examples: what was shown; None or empty if nothing was. Its names are among `names`; one
            that is among the first C as well was both said and shown.

    Raises:
        VocabularyError: a name is refused, other names than said and shown, or the embeddings
            have another shape, type or length.
    """

    names: tuple[str, ...]
    embeddings: NDArray[np.float32]
    version: int = 0
    examples: Examples | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", checked_names(self.names))
        if type(self.version) is not int or self.version < 0:
            raise VocabularyError(
                f"version: expected an integer >= 0, found {shown(self.version)}"
            )
        if self.examples is not None and not isinstance(self.examples, Examples):
            raise VocabularyError(f"examples: expected Examples, found {shown(self.examples)}")
        embeddings = self.embeddings
        if (
            not isinstance(embeddings, np.ndarray)
            or embeddings.dtype != np.float32
            or embeddings.ndim != 2
            or self.names != _joined(self.names[: len(embeddings)], self.examples)
            or embeddings.shape[1] == 0
        ):
            found = (
                f"{embeddings.dtype} {list(embeddings.shape)}"
                if isinstance(embeddings, np.ndarray)
                else type(embeddings).__name__
            )
            only_shown = len(self.names) - len(_joined((), self.examples))
            least = f"{max(only_shown, 0)}.." if self.examples else ""
            raise VocabularyError(
                f"embeddings: expected float32 [{least}{len(self.names)}, D], found {found}"
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
        # One that is read-only already stays the same object, by which users know it again.
        if embeddings.flags.writeable:
            view = embeddings.view()
            view.flags.writeable = False
            object.__setattr__(self, "embeddings", view)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def said(self) -> tuple[str, ...]:
        """The names with text embeddings, C of them."""
        return self.names[: len(self.embeddings)]

    @property
    def shown(self) -> tuple[str, ...]:
        """The names with examples, in the order of their first ones."""
        return () if self.examples is None else self.examples.names

    def showing(self, examples: Examples | None) -> Vocabulary:
        """Returns the same said names with other examples.

        Raises:
            VocabularyError: too many names, or none are left.
        """
        names = _joined(self.said, examples)
        return replace(self, names=names, examples=examples if examples else None)

    @property
    def dimension(self) -> int:
        """D, the length of one embedding."""
        return int(self.embeddings.shape[1])


def vocabulary_of(examples: Examples, version: int = 0) -> Vocabulary:
    """Returns the vocabulary of names that were only shown.

    Raises:
        VocabularyError: there are none.
    """
    return Vocabulary(examples.names, np.zeros((0, 1), np.float32), version, examples)


def _joined(said: tuple[str, ...], examples: Examples | None) -> tuple[str, ...]:
    """Returns all names: those that were said, then the others that were shown."""
    return tuple(dict.fromkeys((*said, *(examples.names if examples else ()))))
