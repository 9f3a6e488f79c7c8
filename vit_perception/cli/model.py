# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Options that choose a model and what it looks for, shared by the commands that detect."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vit_perception.bundle.bundle import Bundle
    from vit_perception.perceiver.perceiver import Perceiver
    from vit_perception.vocabulary import Vocabulary


def add_bundle_arguments(parser: argparse.ArgumentParser) -> None:
    """Options for the bundle and the engine that runs it."""
    group = parser.add_argument_group("model")
    group.add_argument(
        "--bundle", default="", metavar="DIR", help="bundle folder or name (tabletop_nano)"
    )
    group.add_argument("--precision", default="fp32", help="graph of the bundle (fp32)")
    group.add_argument(
        "--provider", default="cpu", help="cpu, cuda, tensorrt, openvino or an ONNX Runtime name"
    )
    group.add_argument(
        "--threads", type=int, default=0, metavar="N", help="engine threads (0: its choice)"
    )
    group.add_argument(
        "--text-encoder",
        metavar="DIR",
        help="folder of the text encoder, for names that the bundle does not know",
    )


def add_detection_arguments(parser: argparse.ArgumentParser) -> None:
    """Options for the names and for which detections are kept."""
    group = parser.add_argument_group("detection")
    group.add_argument(
        "--vocabulary",
        metavar="NAMES",
        help="what to look for: 'red mug, spoon' or a text file, one name a line "
        "(the bundle's default names)",
    )
    group.add_argument("--score-threshold", type=_share, metavar="S", help="0..1 (the bundle's)")
    group.add_argument("--iou-threshold", type=_share, metavar="I", help="0..1 (the bundle's)")
    group.add_argument(
        "--max-detections", type=_count, default=100, metavar="N", help="per picture, 1..300 (100)"
    )


def add_mask_argument(parser: argparse.ArgumentParser) -> None:
    """Option to leave the masks out, for commands that have a use for them."""
    parser.add_argument(
        "--no-masks", action="store_true", help="boxes only, from a bundle with masks as well"
    )


def load_perceiver(args: argparse.Namespace, *, masks: bool = False) -> Perceiver:
    """Perceiver for the options of both groups, which decodes masks where they are wanted."""
    from vit_perception.bundle.bundle import Bundle
    from vit_perception.bundle.paths import find_bundle
    from vit_perception.perceiver.perceiver import Perceiver, Settings

    bundle = Bundle.load(find_bundle(args.bundle))
    return Perceiver(
        bundle,
        vocabulary=load_vocabulary(bundle, args.vocabulary, args.text_encoder),
        settings=Settings(
            score_threshold=_or(args.score_threshold, bundle.score_threshold),
            iou_threshold=_or(args.iou_threshold, bundle.iou_threshold),
            max_detections=args.max_detections,
            masks=masks,
        ),
        precision=args.precision,
        provider=args.provider,
        threads=args.threads,
    )


def load_vocabulary(bundle: Bundle, text: str | None, text_encoder: str | None) -> Vocabulary:
    """Vocabulary of a text of names or a file of names; None: the bundle's default names.

    Raises:
        VocabularyError: a name is not possible.
        TextEncoderError: names the bundle does not know, and no encoder for them.

    """
    from vit_perception.vocabulary import names_from_file, parse_names

    if text is None:
        return bundle.default_vocabulary()
    is_file = "," not in text and (Path(text).is_file() or text.endswith(".txt"))
    names = names_from_file(Path(text)) if is_file else parse_names(text)
    return build_vocabulary(bundle, names, text_encoder)


def build_vocabulary(
    bundle: Bundle, names: Sequence[str], text_encoder: str | None, version: int = 1
) -> Vocabulary:
    """Vocabulary of names: ready-made ones from the bundle, others through its encoder."""
    from vit_perception.text.builder import VocabularyBuilder

    directory = None if text_encoder is None else Path(text_encoder)
    return VocabularyBuilder(bundle, text_encoder_dir=directory).build(tuple(names), version)


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"expected 0 to 1, found {text}")
    return value


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 300:
        raise argparse.ArgumentTypeError(f"expected 1 to 300, found {text}")
    return value
