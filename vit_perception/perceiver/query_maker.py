# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Makes queries of vocabularies and settings: what costs time is done here, once a change."""

from __future__ import annotations

from vit_perception.bundle.bundle import Bundle
from vit_perception.engine.session import Session
from vit_perception.perceiver.query import Query
from vit_perception.perceiver.settings import PerceiverError, Settings
from vit_perception.perceiver.taught import Prototypes
from vit_perception.perceiver.text_adaptor import TextAdaptor
from vit_perception.vocabulary import Vocabulary
from vit_perception.wording import shown, shown_path

NOT_TAUGHT = "expected a bundle of format 2, which can be taught, found one of format 1"


class QueryMaker:
    """Makes the queries of one bundle.

    Args:
        bundle: of the detector.
        detector: what the queries are for.
        threads: of the engine that runs the text adaptor.

    Raises:
        PerceiverError, SessionError: see TextAdaptor.
    """

    def __init__(self, bundle: Bundle, detector: Session, threads: int) -> None:
        self._bundle = bundle
        self._adaptor = TextAdaptor(bundle, detector, threads=threads)

    def __call__(
        self, vocabulary: Vocabulary, settings: Settings, before: Query | None = None
    ) -> Query:
        """Returns the query of a vocabulary and settings.

        Args:
            vocabulary: said and shown names.
            settings: the bundle's thresholds are filled in.
            before: what it shares with the new one is not made again.

        Raises:
            PerceiverError: the vocabulary does not fit the bundle.
            SessionError: the text adaptor failed.
        """
        prototypes = self._prototypes(vocabulary, before)
        if before is not None and _same_said(vocabulary, before.vocabulary):
            embeddings = before.class_embeddings
        elif vocabulary.said or self._bundle.regions is None:
            embeddings = self._adaptor(vocabulary)
        else:
            embeddings = self._bundle.regions.anything[None]
        return Query.of(vocabulary, settings.resolved(self._bundle), embeddings, prototypes)

    def _prototypes(self, vocabulary: Vocabulary, before: Query | None) -> Prototypes | None:
        """Returns the shown names of a vocabulary; None if there are none.

        Raises:
            PerceiverError: they were shown to another detector.
        """
        examples = vocabulary.examples
        if examples is None or not examples.names:
            return None
        if before is not None and examples is before.vocabulary.examples:
            return before.prototypes
        regions, where = self._bundle.regions, shown_path(self._bundle.directory)
        if regions is None:
            raise PerceiverError(f"{where}: {NOT_TAUGHT}")
        if examples.space != self._bundle.embedding_id:
            raise PerceiverError(
                f"{where}: expected examples shown to this bundle "
                f"({self._bundle.embedding_id[:12]}), found some of another "
                f"({shown(examples.space[:12])}); renew them with 'vit-perception teach --renew'"
            )
        size = len(examples.shown[0].embedding)
        if size != len(regions.anything):
            raise PerceiverError(
                f"{where}: expected examples of {len(regions.anything)} values, found {size}"
            )
        return Prototypes.of(examples, power=self._bundle.shown_power)


def _same_said(vocabulary: Vocabulary, before: Vocabulary) -> bool:
    return vocabulary is before or (
        vocabulary.embeddings is before.embeddings and vocabulary.said == before.said
    )
