# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Subcommand `vocabulary`: the names a bundle knows, and their nearest ready-made names."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vit_perception.bundle.paths import DEFAULT_BUNDLE
from vit_perception.cli.arguments import output_path
from vit_perception.wording import printable, shown_name

if TYPE_CHECKING:
    from vit_perception.text.builder import Source
    from vit_perception.vocabulary import Vocabulary

NAME = "vocabulary"
HELP = "list a bundle's ready-made names, or try new ones"
EPILOG = """example:
  vit-perception vocabulary --bundle tabletop_nano
  vit-perception vocabulary --bundle tabletop_nano --names 'red mug, spork' --nearest 5
  vit-perception vocabulary --bundle tabletop_nano --names-file names.txt --check

exit status: 0; 1 where --check finds names that need the text encoder; 2 on errors"""

_FROM = {"bundle": "ready-made", "cache": "cached", "encoder": "encoded now"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument(
        "--bundle", default="", metavar="DIR", help=f"bundle folder or name ({DEFAULT_BUNDLE})"
    )
    names = parser.add_mutually_exclusive_group()
    names.add_argument("--names", metavar="NAMES", help="'red mug, spoon'")
    names.add_argument(
        "--names-file", type=Path, metavar="FILE", help="one name a line, # comments"
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="encode nothing; succeed if all names are ready-made or cached, "
        "so that a robot needs no text encoder for them",
    )
    parser.add_argument(
        "--out", type=output_path, metavar="FILE", help="write names and embeddings .npz"
    )
    parser.add_argument(
        "--nearest", type=_count, default=3, metavar="K", help="similar names to show (3)"
    )
    parser.add_argument("--text-encoder", metavar="DIR", help="folder of the text encoder")
    parser.add_argument("--cache", metavar="DIR", help="folder where embeddings are kept")


def run(args: argparse.Namespace) -> int:
    """Prints; returns 0, or 1 if --check finds names that need the text encoder."""
    from vit_perception.bundle.bundle import Bundle
    from vit_perception.bundle.paths import find_bundle
    from vit_perception.bundle.vocabulary_file import write_vocabulary
    from vit_perception.names import VocabularyError, names_from_file, parse_names
    from vit_perception.output.input_files import refuse_inputs
    from vit_perception.output.write import try_writing, write
    from vit_perception.text.builder import VocabularyBuilder

    bundle = Bundle.load(find_bundle(args.bundle))
    ready_made = bundle.ready_made()
    if args.names is None and args.names_file is None:
        if args.check or args.out is not None:
            raise VocabularyError("--check and --out: expected --names or --names-file too")
        print("\n".join(map(shown_name, ready_made.names)))
        return 0
    names = names_from_file(args.names_file) if args.names is None else parse_names(args.names)
    if args.out is not None:
        read = [] if args.names_file is None else [args.names_file]
        refuse_inputs([args.out], [*read, *bundle.directory.rglob("*")])
        try_writing(args.out)
    builder = VocabularyBuilder(bundle, text_encoder_dir=args.text_encoder, cache_dir=args.cache)
    sources = builder.sources(names)
    if args.check:
        return _print_check(names, sources)
    vocabulary = builder.build(names, version=0)
    _print_table(vocabulary, sources, nearest_names(vocabulary, ready_made, args.nearest))
    if args.out is not None:
        write(args.out, write_vocabulary(vocabulary))
    return 0


def nearest_names(
    vocabulary: Vocabulary, ready_made: Vocabulary, count: int
) -> list[list[tuple[str, float]]]:
    """Returns for each name the `count` most similar other ready-made ones, with their cosines."""
    import numpy as np

    from vit_perception.text.builder import folded

    nearest = []
    for name, cosines in zip(
        vocabulary.names, vocabulary.embeddings @ ready_made.embeddings.T, strict=True
    ):
        order = [
            int(row)
            for row in np.argsort(-cosines, kind="stable")
            if folded(ready_made.names[row]) != folded(name)
        ]
        nearest.append([(ready_made.names[row], float(cosines[row])) for row in order[:count]])
    return nearest


def _print_check(names: Sequence[str], sources: Sequence[Source]) -> int:
    new = [name for name, source in zip(names, sources, strict=True) if source == "encoder"]
    cached = sources.count("cache")
    print(f"{len(names)} names: {len(names) - len(new) - cached} ready-made, {cached} cached")
    if new:
        print(f"{len(new)} need the text encoder: {printable(', '.join(new))}")
    return 1 if new else 0


def _print_table(
    vocabulary: Vocabulary,
    sources: Sequence[Source],
    nearest: Sequence[Sequence[tuple[str, float]]],
) -> None:
    from rich.table import Table

    from vit_perception.cli.console import plain_console

    table = Table("name", "from", "nearest ready-made names (cosine)")
    for name, source, others in zip(vocabulary.names, sources, nearest, strict=True):
        similar = ", ".join(f"{other} ({cosine:.2f})" for other, cosine in others)
        table.add_row(shown_name(name), _FROM[source], printable(similar))
    plain_console().print(table)


def _count(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 50:
        raise argparse.ArgumentTypeError(f"expected 0 to 50, found {text}")
    return value
