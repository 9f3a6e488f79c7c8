# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A bundle of a few names, for tests that never run its graph."""

from __future__ import annotations

from pathlib import Path

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.files import TextEncoderFiles
from vit_perception.bundle.writer import write_bundle
from vit_perception.text.encoder import ENCODER_ID
from vit_perception.vocabulary import Vocabulary

# An ONNX file with an empty graph: nothing here runs it.
EMPTY_MODEL = b"\x3a\x00"

READY_MADE = ("red mug", "spoon", "Wooden Spoon", "mouse", "mouse pad")


def make_bundle(
    directory: Path,
    vocabulary: Vocabulary,
    encoder_id: str = ENCODER_ID,
    text_encoder: TextEncoderFiles | None = None,
) -> Bundle:
    return write_bundle(
        directory,
        name="text_test",
        task="detection",
        architecture="none",
        input_height=32,
        input_width=32,
        graphs={"fp32": EMPTY_MODEL},
        text_adaptor=None,
        text_encoder_id=encoder_id,
        text_dimension=vocabulary.dimension,
        vocabulary=vocabulary,
        default_names=vocabulary.names[:2],
        fixed_vocabulary=False,
        score_threshold=0.3,
        iou_threshold=0.5,
        metrics=[],
        licence="Apache-2.0",
        source="test",
        model_card="",
        text_encoder=text_encoder,
    )
