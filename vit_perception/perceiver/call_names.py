# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The names of a single call: what of them was shown, and what has to be encoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from vit_perception.names import checked_names
from vit_perception.perceiver.query import Query
from vit_perception.perceiver.settings import PerceiverError, Settings
from vit_perception.vocabulary import Vocabulary, vocabulary_of

Encode: TypeAlias = Callable[[tuple[str, ...]], Vocabulary]
"""Makes a vocabulary of names."""
Made: TypeAlias = Callable[[Vocabulary, Settings, Query], Query]
"""Makes a query of a vocabulary and settings, and of what it shares with the query before."""


class CallNames:
    """Makes queries of names, and keeps the last one.

    Args:
        encode: None: names are refused.
        made: see Made.
    """

    def __init__(self, encode: Encode | None, made: Made) -> None:
        self._encode = encode
        self._made = made
        # One reference, swapped whole: calls may come from several threads.
        self._last: tuple[Sequence[str], Query, Query] | None = None

    def encoded(self, names: Sequence[str]) -> Vocabulary:
        """Returns the vocabulary of said names.

        Raises:
            PerceiverError: there is no encoder.
            VocabularyError, TextEncoderError: names that cannot be encoded.
        """
        if self._encode is None:
            raise PerceiverError("names: this perceiver was made without an encoder of names")
        if isinstance(names, str):
            names = checked_names(names)  # refuses a text
        return self._encode(tuple(names))

    def query(self, names: Sequence[str], now: Query) -> Query:
        """Returns what looks for names alone, with the settings and examples of a query.

        A name that was shown is looked for as shown.

        Args:
            names: of one call.
            now: the query in force.

        Raises:
            PerceiverError, VocabularyError, TextEncoderError: as `encoded`.
            SessionError: the text adaptor failed.
        """
        if not isinstance(names, str):
            names = tuple(names)
        last = self._last
        # Settings and examples in force are the same objects until they change.
        if (
            last is None
            or last[0] != names
            or last[1].vocabulary.examples is not now.vocabulary.examples
        ):
            made = self._made(self._vocabulary(names, now), now.settings, now)
        elif last[1].settings is not now.settings:
            made = self._made(last[2].vocabulary, now.settings, last[2])
        else:
            return last[2]
        self._last = names, now, made
        return made

    def _vocabulary(self, names: Sequence[str], now: Query) -> Vocabulary:
        examples = now.vocabulary.examples
        if examples is None or isinstance(names, str):
            return self.encoded(names)
        known = [name for name in examples.names if name in names]
        if not known:
            return self.encoded(names)
        said = [name for name in checked_names(names) if name not in known]
        wanted = examples.of(known)
        return self.encoded(said).showing(wanted) if said else vocabulary_of(wanted)
