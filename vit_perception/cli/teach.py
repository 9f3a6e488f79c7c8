# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Subcommand `teach`: boxes with names in, a file of examples out."""

from __future__ import annotations

import argparse
from pathlib import Path

from vit_perception.cli.arguments import number, output_path
from vit_perception.cli.model import add_bundle_arguments
from vit_perception.wording import shown

NAME = "teach"
HELP = "show a thing once and name it, to find it from then on"
EPILOG = """example:
  vit-perception teach photo.jpg --box 120,80,64,90 --name 'my mug' --out mine
  vit-perception teach recording/ --at 12.4 --box 300,40,50,50 --name 'my mug' --not --out mine
  vit-perception teach --from my_examples --names 'mug, plate' --out mine
  vit-perception teach --renew mine --bundle new_bundle --out mine_of_new_bundle
  vit-perception teach --forget 'my mug' --out mine
  vit-perception detect photo2.jpg --taught mine

A box is x,y,width,height in pixels of the upright picture, with x and y of its upper left corner;
several --box take as many --name, in their order. --at counts seconds from the first image of the
recording's topic; without it that image is taken.

The file --out is written under exactly this name. If it is there, what is shown is added to it:
show a thing from several sides, and things that are mistaken for it with --not. It belongs to the
bundle (in any of its precisions); --renew makes a file for another bundle, from the parts of the
pictures that it keeps. 'vit-perception info mine' lists what a file holds.

--from takes a folder with images/ and annotations.json (COCO), or such a json with images/ beside
it: every box, or those of --names, is shown under the name of its category. Boxes in which the
bundle sees nothing are left out, named and counted.

exit status: 0; 2 if nothing was learned, and on other errors"""

_MAX_SIDE = 1e6


class TeachError(ValueError):
    """Options that do not go together; one line."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument(
        "source", nargs="?", type=Path, metavar="PICTURE|BAG", help="where the thing is seen"
    )
    parser.add_argument(
        "--out",
        type=output_path,
        required=True,
        metavar="FILE",
        help="file of what was shown; added to if it is there",
    )
    shown_group = parser.add_argument_group("one picture")
    shown_group.add_argument(
        "--box",
        type=_box,
        action="append",
        default=[],
        metavar="X,Y,W,H",
        help="around the thing, in pixels",
    )
    shown_group.add_argument(
        "--name", action="append", default=[], metavar="NAME", help="of what is in the box"
    )
    shown_group.add_argument(
        "--not",
        dest="negative",
        action="store_true",
        help="what is in the box is not to be called so",
    )
    shown_group.add_argument(
        "--at",
        type=number(0, 1e9),
        metavar="S",
        help="seconds in the bag, from its first image (0)",
    )
    shown_group.add_argument("--topic", metavar="TOPIC", help="of the bag's images (the only one)")
    more = parser.add_argument_group("many at once")
    more.add_argument(
        "--from",
        dest="data",
        type=Path,
        metavar="DATASET",
        help="folder with images/, annotations.json (COCO); or such a json",
    )
    more.add_argument("--names", metavar="NAMES", help="only 'can, box' of --from (all)")
    more.add_argument(
        "--renew",
        type=Path,
        metavar="FILE",
        help="show what is kept in this file, of another bundle, to --bundle",
    )
    more.add_argument(
        "--forget", action="append", default=[], metavar="NAME", help="take a name out of --out"
    )
    add_bundle_arguments(parser, encodes=False)


def run(args: argparse.Namespace) -> int:
    """Writes the file of examples; returns 0."""
    from vit_perception.cli.teach_ways import forget, renew, teach_data, teach_picture
    from vit_perception.output.lock import sole_writer_of
    from vit_perception.output.write import try_writing

    _check(args)
    try_writing(args.out)
    # What is added by two at once must not get lost.
    with sole_writer_of(args.out):
        if args.forget:
            forget(args)
        elif args.renew is not None:
            renew(args)
        elif args.data is not None:
            teach_data(args)
        else:
            teach_picture(args)
    return 0


def _check(args: argparse.Namespace) -> None:
    """Refuses options that do not go together."""
    ways = {
        "PICTURE|BAG": args.source is not None,
        "--from": args.data is not None,
        "--renew": args.renew is not None,
        "--forget": bool(args.forget),
    }
    given = [way for way, is_given in ways.items() if is_given]
    if len(given) != 1:
        raise TeachError(
            f"expected one of {', '.join(ways)}, found {' and '.join(given) or 'none'}"
        )
    if args.source is None:
        for option in ("box", "name", "negative", "at", "topic"):
            if getattr(args, option) not in (None, [], False):
                name = "not" if option == "negative" else option
                raise TeachError(f"--{name}: expected a PICTURE|BAG, found {given[0]}")
    elif not args.box or len(args.box) != len(args.name):
        raise TeachError(
            f"expected a --name for each --box, found {len(args.box)} boxes and "
            f"{len(args.name)} names"
        )
    if args.names is not None and args.data is None:
        raise TeachError(f"--names: expected --from, found {given[0]}")


def _box(text: str) -> tuple[float, float, float, float]:
    """Reads x,y,width,height; whether it lies in the picture is known later.

    Raises:
        argparse.ArgumentTypeError: it is something else.
    """
    try:
        x, y, width, height = (float(part) for part in text.split(","))
    except ValueError:
        x = y = width = height = 0.0
    # A NaN fails too.
    if not (width > 0 and height > 0 and max(map(abs, (x, y, width, height))) <= _MAX_SIDE):
        raise argparse.ArgumentTypeError(
            f"expected x,y,width,height in px, as in 120,80,64,90, found {shown(text)}"
        )
    return x, y, width, height
