# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The ways of `teach`: each reads what is shown, and writes the file of examples."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.paths import find_bundle
from vit_perception.cli.model import tell_choice
from vit_perception.cli.progress import progress_bar
from vit_perception.cli.teach import NAME, TeachError
from vit_perception.cli.teach_lessons import (
    Lesson,
    Shown,
    annotated,
    lessons_of,
    read_moment,
)
from vit_perception.cli.teach_report import summary, told
from vit_perception.evaluation.coco_file import ANNOTATIONS, read_document
from vit_perception.evaluation.dataset import dataset_from
from vit_perception.examples import MAX_EXAMPLES, Example, Examples, ExamplesError
from vit_perception.names import checked_names, parse_names
from vit_perception.perceiver.examples_file import (
    read_examples,
    read_examples_of,
    write_examples,
)
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.renewal import seen_again
from vit_perception.perceiver.settings import PerceiverError
from vit_perception.wording import printable, shown, shown_name, shown_path

_LINES = 10
"""Boxes that are told one by one, of those that were left out."""


def teach_picture(args: argparse.Namespace) -> None:
    """Shows boxes of one picture."""
    for name in args.name:
        checked_names((name,))
    perceiver, before = _opened(args)
    frame = read_moment(args.source, args.at, args.topic)
    boxes = [
        Shown((x, y, x + width, y + height), name, args.negative, shown_path(args.source))
        for (x, y, width, height), name in zip(args.box, args.name, strict=True)
    ]
    found, failed = _learned(perceiver, [(frame, boxes)])
    if failed:
        raise TeachError(failed[0])
    examples = before.adding(found)
    write_examples(args.out, examples)
    print("\n".join([*told(perceiver, frame, boxes, examples), summary(args.out, examples)]))


def teach_data(args: argparse.Namespace) -> None:
    """Shows the boxes of a data set."""
    is_file = args.data.suffix == ".json" and not args.data.is_dir()
    source = args.data if is_file else args.data / ANNOTATIONS
    data = dataset_from(read_document(source), source.parent, file=source.name)
    names = data.names if args.names is None else parse_names(args.names)
    boxes = annotated(data, names)
    perceiver, before = _opened(args)
    count = sum(map(len, boxes.values()))
    if len(before) + count > MAX_EXAMPLES:
        raise TeachError(
            f"{shown_path(source)}: expected at most {MAX_EXAMPLES} examples in "
            f"{shown_path(args.out)}, found {count} boxes for {len(before)} that are there"
        )
    with progress_bar("teaching", len(boxes)) as show:
        found, failed = _learned(perceiver, _counted(lessons_of(data, boxes), show))
    _tell_left_out(failed, found)
    examples = before.adding(found)
    write_examples(args.out, examples)
    print(f"{shown_path(source)}: learned {len(found)} of {count} boxes")
    print(summary(args.out, examples))


def renew(args: argparse.Namespace) -> None:
    """Shows a bundle what was shown to another one."""
    old = read_examples(args.renew)
    if args.out.exists():
        read_examples(args.out)  # nothing but a file of examples is replaced
    bundle = Bundle.load(find_bundle(args.bundle))
    perceiver = _perceiver(bundle, args)
    if old.space == bundle.embedding_id:
        print(f"{shown_path(args.renew)}: shown to {shown_name(bundle.name)} already, copied")
        write_examples(args.out, old)
        return
    found: list[Example] = []
    failed: list[str] = []
    with progress_bar("renewing", len(old)) as show:
        for number, each in enumerate(old.shown, start=1):
            where = f"example {number} ({shown(each.name)})"
            if each.crop is None:
                failed.append(f"{where}: expected the picture it came from, found none kept")
                continue
            try:
                found.append(seen_again(perceiver, each, each.crop))
            except PerceiverError as error:
                failed.append(f"{where}: {error}")
            except ExamplesError as error:
                raise ExamplesError(f"{shown_path(args.renew)}: {where}: {error}") from error
            show(number)
    _tell_left_out(failed, found)
    examples = Examples(bundle.embedding_id, tuple(found))
    write_examples(args.out, examples)
    print(f"{shown_path(args.renew)}: renewed {len(found)} of {len(old)} examples")
    print(summary(args.out, examples))


def forget(args: argparse.Namespace) -> None:
    """Takes names out of a file."""
    before = examples = read_examples(args.out)
    for name in args.forget:
        try:
            examples = examples.without(name)
        except ExamplesError as error:
            raise ExamplesError(f"{shown_path(args.out)}: {error}") from error
    write_examples(args.out, examples)
    print(f"{shown_path(args.out)}: forgot {len(before) - len(examples)} examples")
    print(summary(args.out, examples))


def _perceiver(bundle: Bundle, args: argparse.Namespace) -> Perceiver:
    perceiver = Perceiver(
        bundle, precision=args.precision, provider=args.provider, threads=args.threads
    )
    tell_choice(args, perceiver)
    return perceiver


def _opened(args: argparse.Namespace) -> tuple[Perceiver, Examples]:
    """Returns a perceiver of the bundle, and what was shown to it before.

    Raises:
        ExamplesError: the file is of another bundle, or none of examples.
    """
    bundle = Bundle.load(find_bundle(args.bundle))
    before = Examples(bundle.embedding_id)
    if args.out.exists():
        before = read_examples_of(bundle, args.out)
    return _perceiver(bundle, args), before


def _learned(perceiver: Perceiver, lessons: Iterable[Lesson]) -> tuple[list[Example], list[str]]:
    """Returns examples of what is shown, and a line for each box in which nothing is seen."""
    found: list[Example] = []
    failed: list[str] = []
    for frame, boxes in lessons:
        _, rows = perceiver.rows(frame)
        for each in boxes:
            try:
                example = perceiver.example(
                    frame, each.box, each.name, negative=each.negative, rows=rows
                )
            except PerceiverError as error:
                failed.append(f"{each.where}: {error}")
            else:
                found.append(example)
    return found, failed


def _counted(lessons: Iterable[Lesson], show: Callable[[int], None]) -> Iterator[Lesson]:
    for done, lesson in enumerate(lessons):
        show(done)
        yield lesson


def _tell_left_out(failed: list[str], found: list[Example]) -> None:
    """Names boxes that were left out.

    Raises:
        TeachError: nothing was learned.
    """
    if failed and not found:
        raise TeachError(failed[0])
    for line in failed[:_LINES]:
        print(f"vit-perception {NAME}: left out {printable(line)}", file=sys.stderr)
    if len(failed) > _LINES:
        more = len(failed) - _LINES
        print(f"vit-perception {NAME}: left out {more} more", file=sys.stderr)
