# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""`vit-perception scenes`: make labelled pictures of tabletop objects."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from vit_perception.cli.arguments import MAX_PROCESSES, at_least, output_path
from vit_perception.wording import printable, shown_path

if TYPE_CHECKING:
    from vit_perception.scenes.dataset import Written
    from vit_perception.scenes.recipe import Recipe

NAME = "scenes"
HELP = "make labelled pictures of tabletop objects from folders of meshes, textures and photos"
EPILOG = """example:
  vit-perception scenes --assets assets --out data/train --count 20000 --seed 1 --workers 4
  vit-perception scenes --assets assets --assets mine --out data/tables --kind table
  vit-perception scenes --assets assets --out data/test_v1 --recipe recipes/test_v1.yaml

writes to the folder --out:
  images/           JPEG pictures
  depth/            16-bit PNG, millimetres along the optical axis (kind table)
  class_maps/       8-bit PNG, the class of each pixel (kind table, --class-maps): background,
                    support (the table), furniture, container or thing, as numbers from 0
  annotations.json  COCO: boxes, masks, visible fraction, names, colours, material and caption of
                    every object; kind table: camera and poses too
  parametric/       objects made in code, in the form of an asset folder (--parametric)
  sprites/          rendered objects (kind composed); not needed once the pictures are made
  recipe.json       what was asked for; the same command finishes an interrupted run

an asset folder holds (one given after the first may be just objects/):
  objects/meta.json        list of {"id", "category", "names": [...], "has_texture": true/false,
                           "attributes": {"colours": [...], "material"}, "caption"}
  objects/ID/mesh.obj      metres, z up, origin in the middle of the bottom
  objects/ID/texture.jpg   a picture, or (has_texture false) plain patches that may be recoloured
  textures/, backgrounds/  pictures and licences.json: list of {"file", ...}; of the first folder
  cutouts/, split.json     optional: RGBA photographs; what is kept out of training
What cannot be used there is named, left out and counted.

python -m vit_perception.scenes.sample_bag --help: a recording of a moving camera instead."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options; those without a default leave a setting to the recipe file."""
    parser.add_argument(
        "--assets",
        type=Path,
        required=True,
        action="append",
        metavar="DIR",
        help="asset folder; may be given again to add objects (surfaces: of the first)",
    )
    parser.add_argument(
        "--out", type=output_path, required=True, metavar="DIR", help="data set folder"
    )
    parser.add_argument(
        "--recipe", type=Path, metavar="FILE", help="YAML with settings; options come before it"
    )
    parser.add_argument("--count", type=int, help="pictures (1000)")
    parser.add_argument("--seed", type=int, help="same seed, same bytes (1)")
    parser.add_argument(
        "--part",
        choices=("train", "test"),
        help="train (the default): training objects and surfaces; "
        "test: all objects on held-out surfaces",
    )
    parser.add_argument(
        "--kind",
        choices=("composed", "table"),
        help="cut-outs on backgrounds (the default), or whole tables rendered in 3-D",
    )
    parser.add_argument("--size", metavar="WxH", help="pixels (416x416)")
    parser.add_argument(
        "--objects", metavar="A-B", help="fewest and most named objects (train 1-25, test 3-15)"
    )
    parser.add_argument(
        "--views",
        type=int,
        help="views of an object (train 120, test 16), or with --kind table pictures a scene (20)",
    )
    parser.add_argument(
        "--parametric", type=int, metavar="N", help="add N objects made in code to training (0)"
    )
    parser.add_argument(
        "--no-depth", dest="depth", action="store_const", const=False, help="leave depth/ out"
    )
    parser.add_argument(
        "--class-maps", action="store_const", const=True, help="write class_maps/ (kind table)"
    )
    parser.add_argument(
        "--sprites",
        type=output_path,
        metavar="DIR",
        help="where rendered objects are kept; commands may share it (OUT/sprites)",
    )
    parser.add_argument(
        "--workers", type=at_least(1, MAX_PROCESSES), default=1, help="processes (1)"
    )


def run(args: argparse.Namespace) -> int:
    """Makes the data set; returns 0."""
    from vit_perception.scenes.dataset import write_dataset

    recipe = _recipe(args)
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
        print(printable(f"skipped {entry.id}: {entry.reason}"), file=sys.stderr)
    print("\n".join(map(printable, _summary(args.out, written))))
    return 0


def _recipe(args: argparse.Namespace) -> Recipe:
    """Returns the settings of the recipe file, if any, overridden by the options given."""
    from vit_perception.scenes.recipe import KEYS, load_recipe, recipe_from

    options = {key: getattr(args, key, None) for key in KEYS}
    given = {key: value for key, value in options.items() if value is not None}
    listed = load_recipe(args.recipe) if args.recipe else {}
    return recipe_from(
        {**listed, **given},
        lambda key: (
            f"--{key}"
            if key in given or args.recipe is None
            else f"{shown_path(args.recipe)}: {key}"
        ),
    )


def _summary(directory: Path, written: Written) -> Iterator[str]:
    yield (
        f"{shown_path(directory)}: {written.pictures} pictures, {written.annotations} objects "
        f"({written.hidden:.0%} partly hidden), {len(written.skipped)} assets skipped"
    )
    if written.left_out:
        yield f"{written.left_out} parametric objects left out: they bear a novel category's name"
    if written.asks or written.unasked:
        yield f"{written.asks} questions, {written.unasked} pairs nobody could ask for"
    if written.unmade:
        yield f"{len(written.unmade)} pictures could not be made: {written.unmade[0]}"
    if written.absent:
        yield f"{len(written.absent)} objects in no picture: {', '.join(written.absent[:10])}"
    if written.outdated:
        yield (
            f"{len(written.outdated)} files of an older version in "
            f"{shown_path(written.outdated[0].parent)} are not used any more: *.bin and *.json"
        )
    if written.made:
        rate = written.made / max(written.seconds, 1e-3)
        yield f"{written.made} pictures made in {written.seconds:.0f} s: {rate:.1f} a second"


@contextmanager
def _bars() -> Iterator[Callable[[str, int, int], None]]:
    """Yields a callback that shows one progress bar after the other: rendering, composing."""
    from vit_perception.cli.progress import progress_bar

    with ExitStack() as stack:
        bars: dict[str, Callable[[int], None]] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in bars:
                stack.close()
                bars[what] = stack.enter_context(progress_bar(what, total))
            bars[what](done)

        yield show
