# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Options that choose a model and what it looks for, shared by the commands that detect."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from vit_perception.cli.arguments import add_setting
from vit_perception.names import names_from_file, parse_names
from vit_perception.perceiver.settings import EngineSettings, Settings

if TYPE_CHECKING:
    from vit_perception.perceiver.perceiver import Perceiver


def add_bundle_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options for the bundle and the engine that runs it."""
    group = parser.add_argument_group("model")
    group.add_argument(
        "--bundle", default="", metavar="DIR", help="bundle folder or name (tabletop_nano)"
    )
    for name in ("precision", "provider", "threads"):
        add_setting(group, EngineSettings, name, metavar=name[0].upper())
    group.add_argument(
        "--text-encoder",
        metavar="DIR",
        help="folder of the text encoder, for names that the bundle does not know",
    )


def add_detection_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options for the names and for which detections are kept."""
    group = parser.add_argument_group("detection")
    group.add_argument(
        "--vocabulary",
        metavar="NAMES",
        help="what to look for: 'red mug, spoon' or a text file, one name a line "
        "(the bundle's default names)",
    )
    for name in ("score_threshold", "iou_threshold", "max_detections"):
        add_setting(group, Settings, name, metavar=name[0].upper())


def add_mask_argument(parser: argparse.ArgumentParser) -> None:
    """Declares the option to leave out masks, for commands that use masks."""
    parser.add_argument(
        "--no-masks", action="store_true", help="boxes only, from a bundle with masks as well"
    )


def load_perceiver(args: argparse.Namespace, *, masks: bool = False) -> Perceiver:
    """Returns a perceiver for both groups of options, which decodes masks if `masks` is set.

    Raises: as `api.load` does.
    """
    from vit_perception.api import load

    return load(
        args.bundle,
        None if args.vocabulary is None else _names(args.vocabulary),
        settings=Settings(
            score_threshold=args.score_threshold,
            iou_threshold=args.iou_threshold,
            max_detections=args.max_detections,
            masks=masks,
        ),
        precision=args.precision,
        provider=args.provider,
        threads=args.threads,
        text_encoder_dir=args.text_encoder,
    )


def _names(text: str) -> tuple[str, ...]:
    """Returns the names in a text, or in a file of names."""
    is_file = "," not in text and (Path(text).is_file() or text.endswith(".txt"))
    return names_from_file(Path(text)) if is_file else parse_names(text)
