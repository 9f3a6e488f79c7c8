# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The package's face for Python; `vit_perception` hands out what stands here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.paths import find_bundle
from vit_perception.detections import Detections
from vit_perception.examples import Examples
from vit_perception.frame import Frame
from vit_perception.names import checked_names
from vit_perception.perceiver.call_names import Encode
from vit_perception.perceiver.examples_file import read_examples_of
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.settings import EngineSettings, Settings
from vit_perception.text.builder import VocabularyBuilder
from vit_perception.vocabulary import Vocabulary, vocabulary_of

__all__ = ["Detections", "Frame", "Vocabulary", "load"]


def load(
    bundle: str | Path = "",
    names: Sequence[str] | None = None,
    *,
    taught: str | Path | None = None,
    settings: Settings | None = None,
    precision: str = EngineSettings.precision,
    provider: str = EngineSettings.provider,
    threads: int = EngineSettings.threads,
    text_encoder_dir: str | Path | None = None,
) -> Perceiver:
    """Opens a bundle, ready to find names in images.

    ``perceiver = vit_perception.load("tabletop_small")``, then
    ``perceiver(image, names=["red mug"])``.

    Args:
        bundle: its folder, or the name of a bundled one; empty: the default bundle.
        names: what to look for where a call names nothing; None: the bundle's default names.
            Empty, with `taught`: what was shown alone.
        taught: file of examples (of ``vit-perception teach`` or
            `perceiver.examples_file.write_examples`), whose names are looked for as well.
        settings: thresholds, limits, region; None for the defaults.
        precision, provider, threads: see EngineSettings.
        text_encoder_dir: folder of the text encoder, for names that the bundle does not know;
            None: the installed package of the encoder that the bundle names.

    Raises:
        NotInstalledError, BundleError: no such bundle, or a folder that is none.
        VocabularyError, TextEncoderError: names that cannot be encoded.
        ExamplesError: a file that holds no examples, or some of another bundle.
        PerceiverError, SessionError: a graph that cannot be served here.
    """
    found = Bundle.load(find_bundle(str(bundle)))
    directory = None if text_encoder_dir is None else Path(text_encoder_dir)
    builder = VocabularyBuilder(found, text_encoder_dir=directory)

    def encode(names: tuple[str, ...]) -> Vocabulary:
        return builder.build(names, version=1)

    examples = None if taught is None else read_examples_of(found, Path(taught))
    return Perceiver(
        found,
        vocabulary=_vocabulary(found, encode, names, examples),
        settings=settings,
        precision=precision,
        provider=provider,
        threads=threads,
        encode=encode,
    )


def _vocabulary(
    bundle: Bundle, encode: Encode, names: Sequence[str] | None, examples: Examples | None
) -> Vocabulary | None:
    """Returns the names to begin with; None for the bundle's own."""
    if examples is not None and names is not None and not len(names):
        return vocabulary_of(examples)
    said = None if names is None else encode(checked_names(names))
    if examples is None:
        return said
    return (bundle.default_vocabulary() if said is None else said).showing(examples)
