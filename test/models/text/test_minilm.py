# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The text encoder of robots against transformers' BertModel."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from vit_perception.models.text.minilm import MiniLM
from vit_perception.text.encoder import (
    ENCODER_ID,
    TextEncoder,
    TextEncoderError,
    find_text_encoder,
)

pytestmark = pytest.mark.torch

COLOURS = ("red", "dark blue", "pale green", "black", "wooden", "stainless steel")
THINGS = (
    "mug",
    "spoon",
    "adjustable wrench",
    "teddy bear",
    "C-clamp",
    "box of sugar",
    "Rubik's cube",
)
PHRASES = (
    *(f"{colour} {thing}" for colour in COLOURS for thing in THINGS),
    "a",
    "TOOL",
    "crème brûlée",
    "ложка",
    "日本",
    "a mug, upside down; next to (another) mug",
    "electroencephalographically",
)
LONG_PHRASES = ("word " * 253, "word " * 400, " ".join(f"thing {index}" for index in range(90)))


def test_the_robots_encoder_equals_transformers():
    try:
        directory = find_text_encoder(ENCODER_ID)
    except TextEncoderError as error:
        pytest.skip(str(error))
    reference, phrases = MiniLM(directory), (*PHRASES, *LONG_PHRASES)
    # Apart, since the reference pads every phrase to the longest.
    expected = np.concatenate([reference(PHRASES), reference(LONG_PHRASES)])
    found = TextEncoder(directory)(phrases)
    assert len(phrases) >= 50
    assert found.shape == expected.shape == (len(phrases), 384)
    assert np.abs(found - expected).max() <= 1e-5
    # Far below what tells two different phrases apart.
    assert np.einsum("nd,nd->n", found, expected).min() >= 1 - 1e-5
