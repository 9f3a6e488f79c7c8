# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""`vit-perception import`: a released DOSOD checkpoint to a bundle."""

from __future__ import annotations

import argparse
from pathlib import Path

from vit_perception.cli.arguments import at_least, input_size, output_path
from vit_perception.perceiver.settings import GRAPH_ROWS
from vit_perception.wording import shown_path

NAME = "import"
HELP = "make a bundle of a released DOSOD checkpoint (S, M or L)"
EPILOG = """example:
  vit-perception import dosod_mlp3x_s.pth --clip clip-vit-base-patch32 --out bundles/dosod_s
  vit-perception import dosod_s_rep.pth --names-file classes.txt --out bundles/dosod_s_fixed

The first keeps the vocabulary open. It needs CLIP's text tower and tokenizer, a local copy of
openai/clip-vit-base-patch32 (config.json, model.safetensors, tokenizer.json), which travel in the
bundle so that a robot takes new names without torch. The second file has its names folded in.
Nothing is downloaded. torch's weights-only loader reads the checkpoint in a process with limits;
other classes and functions that it names are neither imported nor called.
The released weights are under GPL-3.0, and so is what is made of them."""

_PICTURES = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("checkpoint", type=Path, metavar="FILE", help="checkpoint of torch.save")
    parser.add_argument("--out", type=output_path, required=True, help="bundle folder to write")
    parser.add_argument("--name", help="name of the bundle (default: the folder's)")
    parser.add_argument(
        "--clip",
        type=Path,
        metavar="DIR",
        help="local copy of openai/clip-vit-base-patch32; not needed where names are folded in",
    )
    parser.add_argument(
        "--names-file",
        type=Path,
        help="names, one a line: those folded in, in their order, or else ready-made ones "
        "(the 80 of COCO)",
    )
    parser.add_argument(
        "--size",
        type=input_size(32),
        default=(640, 640),
        metavar="HxW",
        help="network input, HEIGHTxWIDTH (640x640)",
    )
    parser.add_argument(
        "--top-k", type=at_least(1), default=GRAPH_ROWS, help=f"rows of the outputs ({GRAPH_ROWS})"
    )
    parser.add_argument(
        "--pictures",
        type=Path,
        metavar="DIR",
        help="over which the mean region embedding is taken, for names that are shown (the "
        "package's photographs)",
    )


def run(args: argparse.Namespace) -> int:
    """Imports, and prints what it is and its licence; returns 0."""
    from vit_perception.bundle.files import check_destination
    from vit_perception.bundle.manifest import bundle_name
    from vit_perception.bundle.samples import sample_photographs
    from vit_perception.export.released import find_clip, import_fixed, import_live
    from vit_perception.export.released_card import COCO_NAMES, LICENCE, NOTICE
    from vit_perception.images.inputs import chosen_pictures
    from vit_perception.models.detectors.released import ReleasedError, read_released
    from vit_perception.names import names_from_file

    # Bad options are refused before a network is loaded.
    check_destination(args.out)
    options = {
        "name": bundle_name(args.name, args.out),
        "size": args.size,
        "top_k": args.top_k,
    }
    names = None if args.names_file is None else names_from_file(args.names_file)
    released = read_released(args.checkpoint)
    if released.classes:
        if names is None or len(names) != released.classes:
            where = "--names-file" if names is None else shown_path(args.names_file)
            raise ReleasedError(
                f"{where}: expected the {released.classes} names that are folded into "
                f"{shown_path(args.checkpoint)}, found {'none' if names is None else len(names)}"
            )
        bundle = import_fixed(released, args.out, names=names, **options)
    else:
        clip = find_clip(released, args.clip)
        pictures = chosen_pictures(args.pictures or sample_photographs(), _PICTURES)
        bundle = import_live(
            released,
            args.out,
            names=names or COCO_NAMES,
            clip=clip,
            pictures=pictures,
            **options,
        )
    vocabulary = "folded in" if bundle.fixed_vocabulary else "ready-made, any others encoded"
    print(
        f"{bundle.name} in {shown_path(args.out)}: {released.architecture}, "
        f"{len(bundle.default_names)} names {vocabulary}"
    )
    print(f"licence {LICENCE}: {NOTICE}")
    return 0
