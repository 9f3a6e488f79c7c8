# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Options that choose a model and what it looks for, shared by the commands that detect."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from vit_perception.bundle.paths import DEFAULT_BUNDLE
from vit_perception.cli.arguments import add_setting
from vit_perception.cli.streams import say
from vit_perception.names import VocabularyError, names_from_file, parse_names
from vit_perception.perceiver.settings import AUTO, EngineSettings, PerceiverError, Settings
from vit_perception.setting import SettingError
from vit_perception.tracking.settings import TrackingSettings

if TYPE_CHECKING:
    from vit_perception.perceiver.perceiver import Perceiver

_TRACKING = {
    "track_memory": "SECONDS",
    "track_min_hits": "N",
    "track_low_score": "S",
    "label_evidence": "NAME",
    "label_certainty": "P",
}


def add_bundle_arguments(parser: argparse.ArgumentParser, *, encodes: bool = True) -> None:
    """Declares the options for the bundle and the engine that runs it.

    Args:
        parser: gets the options.
        encodes: whether the command may meet names that the bundle does not know.
    """
    group = parser.add_argument_group("model")
    group.add_argument(
        "--bundle", default="", metavar="DIR", help=f"bundle folder or name ({DEFAULT_BUNDLE})"
    )
    for name in ("precision", "provider", "threads"):
        add_setting(group, EngineSettings, name, metavar=name[0].upper())
    if encodes:
        group.add_argument(
            "--text-encoder",
            metavar="DIR",
            help="folder of the text encoder, for names that the bundle does not know",
        )


def refuse_auto(args: argparse.Namespace) -> None:
    """Refuses the fastest graph or engine here: figures hold for one that is named.

    Raises:
        PerceiverError: an option is "auto".
    """
    for option in ("precision", "provider"):
        given = getattr(args, option)
        if AUTO in (given if isinstance(given, tuple) else (given,)):
            raise PerceiverError(
                f"--{option}: expected the one that the figures hold for, found '{AUTO}'"
            )


def tell_choice(args: argparse.Namespace, perceiver: Perceiver) -> None:
    """Says on stderr what was taken for "auto", and why."""
    if perceiver.choice.words:
        say(args.command, perceiver.choice.line)


def add_detection_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options for the names and for which detections are kept."""
    group = parser.add_argument_group("detection")
    names = group.add_mutually_exclusive_group()
    names.add_argument(
        "--vocabulary",
        metavar="NAMES",
        help="what to look for: 'red mug, spoon' or a text file, one name a line "
        "(the bundle's default names)",
    )
    add_taught_argument(group, "look for what 'vit-perception teach' was shown as well")
    names.add_argument(
        "--taught-only", action="store_true", help="look for the names of --taught alone"
    )
    for name in ("score_threshold", "iou_threshold", "max_detections"):
        add_setting(group, Settings, name, metavar=name[0].upper())


def add_taught_argument(options: argparse._ActionsContainer, meaning: str) -> None:
    """Declares the option for a file of examples."""
    options.add_argument("--taught", type=Path, metavar="FILE", help=meaning)


def add_mask_argument(parser: argparse.ArgumentParser) -> None:
    """Declares the option to leave out masks, for commands that use masks."""
    parser.add_argument(
        "--no-masks", action="store_true", help="boxes only, from a bundle with masks as well"
    )


def add_tracking_arguments(parser: argparse.ArgumentParser, of_what: str) -> None:
    """Declares the options to follow things from frame to frame.

    Args:
        parser: gets the options.
        of_what: the command sees frames of, in words.
    """
    group = parser.add_argument_group("tracking")
    group.add_argument(
        "--track", action="store_true", help=f"follow things from frame to frame of {of_what}"
    )
    for name, metavar in _TRACKING.items():
        add_setting(group, TrackingSettings, name, metavar=metavar, optional=True)


def tracking_settings(args: argparse.Namespace) -> TrackingSettings:
    """Returns what `add_tracking_arguments` was given.

    Raises:
        SettingError: an option of tracking without --track.
    """
    given = {name: getattr(args, name) for name in _TRACKING if getattr(args, name) is not None}
    if given and not args.track:
        option = next(iter(given)).replace("_", "-")
        raise SettingError(f"--{option}: expected --track beside it, found none")
    return TrackingSettings(tracking=args.track, **given)


def load_perceiver(args: argparse.Namespace, *, masks: bool = False) -> Perceiver:
    """Returns a perceiver for both groups of options, which decodes masks if `masks` is set.

    Raises: as `api.load` does; VocabularyError: --taught-only without --taught.
    """
    from vit_perception.api import load

    if args.taught_only and args.taught is None:
        raise VocabularyError("--taught-only: expected --taught too, found none")
    names = None if args.vocabulary is None else _names(args.vocabulary)
    perceiver = load(
        args.bundle,
        () if args.taught_only else names,
        taught=args.taught,
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
    tell_choice(args, perceiver)
    return perceiver


def _names(text: str) -> tuple[str, ...]:
    """Returns the names in a text, or in a file of names."""
    is_file = "," not in text and (Path(text).is_file() or text.endswith(".txt"))
    return names_from_file(Path(text)) if is_file else parse_names(text)
