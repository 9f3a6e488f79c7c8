# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Options for labelled recordings and pictures, shared by the commands that measure on them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vit_perception.bundle.samples import GROUND_TRUTH_TOPIC

if TYPE_CHECKING:
    from vit_perception.evaluation.samples.sources import Sources
    from vit_perception.evaluation.samples.topic_truth import TruthTopics
    from vit_perception.evaluation.samples.truth_file import TruthFile


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options that choose images and labels of bags."""
    group = parser.add_argument_group("recordings")
    group.add_argument(
        "--topic",
        action="append",
        metavar="TOPIC",
        help="images of a bag, may be repeated (all of colour)",
    )
    group.add_argument(
        "--truth-topic",
        action="append",
        default=[],
        metavar="TOPIC",
        help=f"labels of a bag, Detection2DArray, may be repeated ({GROUND_TRUTH_TOPIC})",
    )
    group.add_argument(
        "--masks-topic",
        action="append",
        default=[],
        metavar="TOPIC",
        help="masks of the labels, images with n at the pixels of label n - 1 "
        "('instances' below or beside the labels)",
    )
    group.add_argument(
        "--truth-file",
        type=Path,
        metavar="FILE",
        help="labels of bags as a COCO file, whose images have a 'stamp' or an 'index'",
    )


def add_name_arguments(
    parser: argparse._ActionsContainer, otherwise: str = "all that are labelled"
) -> None:
    """Declares the options for the names that are asked for, `otherwise` without them."""
    names = parser.add_mutually_exclusive_group()
    names.add_argument("--names", metavar="NAMES", help=f"ask for 'can, box' ({otherwise})")
    names.add_argument("--names-file", metavar="FILE", help="the same, one name a line")


def opened_sources(args: argparse.Namespace, *, keep_going: bool = False) -> Sources:
    """Opens the sources of `args.sources`; see `open_sequences`.

    Their paths become absolute, so that what is written of them does not depend on the folder
    that the command runs in.

    Raises:
        EvaluationError: two kinds of labels are named, or a source twice.
        BagError, EvaluationError, OutputError: see `open_sequences`.
    """
    from vit_perception.evaluation.errors import EvaluationError
    from vit_perception.evaluation.samples.topic_truth import TruthTopics
    from vit_perception.evaluation.samples.truth_file import read_truth_file

    truth: TruthTopics | TruthFile = TruthTopics(tuple(args.truth_topic), tuple(args.masks_topic))
    if args.truth_file is not None:
        if args.truth_topic or args.masks_topic:
            raise EvaluationError("--truth-file: expected no topics of labels beside it")
        truth = read_truth_file(Path(os.path.abspath(args.truth_file)))
    return _opened(args, truth, keep_going)


def opened_without_truth(args: argparse.Namespace, *, keep_going: bool = False) -> Sources:
    """Opens the sources of `args.sources` as `opened_sources` does, whatever is true of them.

    Raises:
        EvaluationError: a source is named twice.
        BagError, EvaluationError, OutputError: see `open_sequences`.
    """
    return _opened(args, None, keep_going)


def _opened(
    args: argparse.Namespace, truth: TruthTopics | TruthFile | None, keep_going: bool
) -> Sources:
    from vit_perception.evaluation.samples.sources import open_sequences

    paths = [Path(os.path.abspath(each)) for each in args.sources]
    _refuse_twice(paths)
    return open_sequences(paths, topics=args.topic, truth=truth, keep_going=keep_going)


def _refuse_twice(paths: Sequence[Path]) -> None:
    """Refuses a source that is there twice, which would make figures look surer than they are.

    Raises:
        EvaluationError: names the first one.
    """
    from vit_perception.bags.recording import holds_bag
    from vit_perception.evaluation.errors import EvaluationError
    from vit_perception.wording import shown_path

    seen: set[Path] = set()
    for path in paths:
        place = path.resolve()
        if place in seen:
            raise EvaluationError(f"{shown_path(path)}: expected each source once, found it again")
        seen.add(place)
    for path in paths:
        folder = path.resolve().parent
        if folder in seen and holds_bag(folder):
            raise EvaluationError(
                f"{shown_path(path)}: expected each source once, found its bag "
                f"{shown_path(folder)} as well"
            )


def source_notes(sources: Sources) -> list[str]:
    """Returns what was left out of the sources before any picture was read, each line once."""
    return list(dict.fromkeys(note for each in sources.sequences for note in each.notes))


def given_names(args: argparse.Namespace) -> tuple[str, ...] | None:
    """Returns the names of the options, None without.

    Raises:
        VocabularyError: names that cannot be asked for.
    """
    from vit_perception.names import names_from_file, parse_names

    if args.names is not None:
        return parse_names(args.names)
    if args.names_file is not None:
        return names_from_file(Path(args.names_file))
    return None


def source_files(args: argparse.Namespace, bundles: Iterable[Path]) -> list[Path]:
    """Returns all files that are read, which must not be written over."""
    read: Sequence[Path] = [*(Path(each) for each in args.sources), *bundles]
    files = [file for each in read if each.is_dir() for file in each.rglob("*")]
    given = (args.names_file, getattr(args, "truth_file", None))
    return [*read, *files, *(Path(each) for each in given if each is not None)]
