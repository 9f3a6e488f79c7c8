# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""`vit-perception scenes`: make labelled pictures of tabletop objects."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vit_perception.scenes.dataset import Recipe

NAME = "scenes"
HELP = "make labelled pictures of tabletop objects from a folder of meshes, textures and photos"
EPILOG = """example:
  vit-perception scenes --assets assets --out data/train --count 20000 --seed 1 --workers 4
  vit-perception scenes --assets assets --out data/test --count 200 --seed 7 --part test

writes to the folder --out:
  images/           JPEG pictures
  annotations.json  COCO, with names, colours, material and caption of every object
  recipe.json       what was asked for; the same command finishes an interrupted run"""


class OptionError(ValueError):
    """An option cannot be used; one line says which and why."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--assets", type=Path, required=True, metavar="DIR", help="asset folder")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="data set folder")
    parser.add_argument("--count", type=int, default=1000, help="pictures (1000)")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same bytes (1)")
    parser.add_argument(
        "--part",
        choices=("train", "test"),
        default="train",
        help="train: training objects and surfaces; test: all objects on held-out surfaces",
    )
    parser.add_argument(
        "--kind",
        choices=("composed", "table"),
        default="composed",
        help="cut-outs on backgrounds, or whole tables rendered in 3-D",
    )
    parser.add_argument("--size", default="416x416", metavar="WxH", help="pixels (416x416)")
    parser.add_argument(
        "--objects", metavar="A-B", help="fewest and most named objects (train 1-25, test 3-15)"
    )
    parser.add_argument("--views", type=int, help="views of an object (train 120, test 16)")
    parser.add_argument(
        "--sprites", type=Path, metavar="DIR", help="where rendered objects are kept (OUT/sprites)"
    )
    parser.add_argument("--workers", type=int, default=1, help="processes (1)")


def run(args: argparse.Namespace) -> int:
    """Make the data set; return 0."""
    from vit_perception.scenes.dataset import write_dataset

    recipe = _recipe(args)
    began = time.monotonic()
    with _bars() as show:
        written = write_dataset(
            args.assets,
            args.out,
            recipe,
            sprites=args.sprites,
            workers=args.workers,
            on_progress=show,
        )
    for entry in written.skipped:
        print(f"skipped {entry.id}: {entry.reason}", file=sys.stderr)
    seconds = time.monotonic() - began
    print(
        f"{args.out}: {written.pictures} pictures, {written.annotations} objects, "
        f"{len(written.skipped)} assets skipped, {seconds:.0f} s"
    )
    return 0


def _recipe(args: argparse.Namespace) -> Recipe:
    from vit_perception.scenes.dataset import Recipe

    test = args.part == "test"
    views = args.views if args.views is not None else (16 if test else 120)
    for option, value in (("count", args.count), ("workers", args.workers), ("views", views)):
        if value < 1:
            raise OptionError(f"--{option}: expected at least 1, found {value}")
    if args.seed < 0:
        raise OptionError(f"--seed: expected at least 0, found {args.seed}")
    width, height = _pair(args.size, "x", "--size", 64, 4096)
    fewest, most = _pair(args.objects or ("3-15" if test else "1-25"), "-", "--objects", 1, 100)
    if fewest > most:
        raise OptionError(f"--objects: expected A-B with A <= B, found {args.objects!r}")
    return Recipe(
        count=args.count,
        seed=args.seed,
        part=args.part,
        kind=args.kind,
        width=width,
        height=height,
        fewest=fewest,
        most=most,
        views=views,
    )


def _pair(text: str, separator: str, option: str, low: int, high: int) -> tuple[int, int]:
    parts = text.split(separator)
    if len(parts) == 2 and all(part.isascii() and part.isdigit() for part in parts):
        first, second = int(parts[0]), int(parts[1])
        if low <= first <= high and low <= second <= high:
            return first, second
    raise OptionError(f"{option}: expected A{separator}B of {low} to {high}, found {text!r}")


@contextmanager
def _bars() -> Iterator[Callable[[str, int, int], None]]:
    """One progress bar after the other: objects rendered, pictures made."""
    from vit_perception.cli.progress import progress_bar

    with ExitStack() as stack:
        bars: dict[str, Callable[[int], None]] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in bars:
                stack.close()
                bars[what] = stack.enter_context(progress_bar(what, total))
            bars[what](done)

        yield show
