# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""From text embeddings to the joint space of a detector."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vit_perception.bundle.bundle import Bundle
from vit_perception.engine.factory import open_session
from vit_perception.engine.session import Session
from vit_perception.perceiver.contract import GraphContractError, check_adaptor, check_embeddings
from vit_perception.perceiver.settings import PerceiverError
from vit_perception.vocabulary import Vocabulary
from vit_perception.wording import shown, shown_path


class TextAdaptor:
    """The text adaptor of a bundle (card 01); passes embeddings on where there is none.

    Args:
        bundle: with an adaptor, without one, or with a fixed vocabulary.
        detector: what its embeddings are for.
        threads: of the engine.

    Raises:
        PerceiverError: a graph that breaks the contract.
        SessionError: the engine refuses the graph.
    """

    def __init__(self, bundle: Bundle, detector: Session, *, threads: int) -> None:
        self._bundle = bundle
        self._session: Session | None = None
        model = None if bundle.fixed_vocabulary else bundle.text_adaptor()
        if model is None:
            return
        name = f"{shown_path(bundle.directory)}/{bundle.text_adaptor_file}"
        self._session = open_session(model, threads=threads, name=name)
        try:
            check_adaptor(self._session, detector, bundle)
        except GraphContractError as error:
            raise PerceiverError(f"{name}: {error}") from error

    def __call__(self, vocabulary: Vocabulary) -> NDArray[np.float32] | None:
        """Returns class embeddings float32 [C, E]; None for a fixed vocabulary.

        Raises:
            PerceiverError: the vocabulary does not fit the bundle.
            SessionError: the engine failed.
        """
        bundle, session = self._bundle, self._session
        where = shown_path(bundle.directory)
        if bundle.fixed_vocabulary:
            if vocabulary.said != bundle.default_names:
                raise PerceiverError(
                    f"{where}: expected its fixed vocabulary {shown(list(bundle.default_names))}, "
                    f"found {shown(list(vocabulary.said))}"
                )
            return None
        if vocabulary.dimension != bundle.text_dimension:
            raise PerceiverError(
                f"{where}: expected embeddings of dimension {bundle.text_dimension} "
                f"({bundle.text_encoder_id}), found {vocabulary.dimension}"
            )
        if session is None:
            return vocabulary.embeddings
        embeddings = session.run({"text_embeddings": vocabulary.embeddings})["class_embeddings"]
        try:
            check_embeddings(embeddings, vocabulary)
        except GraphContractError as error:
            raise PerceiverError(f"{session.name}: {error}") from error
        return np.ascontiguousarray(embeddings, np.float32)
