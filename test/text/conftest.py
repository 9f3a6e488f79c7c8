# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from test.text.tiny_bundle import READY_MADE, make_bundle
from vit_perception.bundle.bundle import Bundle
from vit_perception.text.encoder import (
    ENCODER_ID,
    TextEncoder,
    TextEncoderError,
    find_text_encoder,
)
from vit_perception.vocabulary import Vocabulary


@pytest.fixture(scope="session")
def encoder_directory() -> Path:
    try:
        return find_text_encoder(ENCODER_ID)
    except TextEncoderError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def encoder(encoder_directory: Path) -> TextEncoder:
    return TextEncoder(encoder_directory)


@pytest.fixture(scope="session")
def random_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Ready-made names with embeddings that no encoder gave."""
    rows = np.random.default_rng(0).normal(size=(len(READY_MADE), 384))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    vocabulary = Vocabulary(READY_MADE, rows.astype(np.float32))
    return make_bundle(tmp_path_factory.mktemp("random") / "bundle", vocabulary)


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory, encoder: TextEncoder) -> Bundle:
    """Ready-made names with the embeddings of the real encoder."""
    vocabulary = Vocabulary(READY_MADE, encoder(READY_MADE))
    return make_bundle(tmp_path_factory.mktemp("real") / "bundle", vocabulary)
