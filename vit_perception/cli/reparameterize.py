# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""`vit-perception reparameterize`: bake one vocabulary into a bundle."""

from __future__ import annotations

import argparse
import os

from vit_perception.bundle.paths import DEFAULT_BUNDLE
from vit_perception.cli.arguments import output_path
from vit_perception.wording import shown_path

NAME = "reparameterize"
HELP = "bake one fixed vocabulary into a copy of a bundle"
EPILOG = """example:
  vit-perception reparameterize --bundle tabletop_nano --vocabulary 'red mug, spoon' --out fixed"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("--bundle", default=DEFAULT_BUNDLE, help="bundle folder or bundled name")
    parser.add_argument("--vocabulary", required=True, help="'red mug, spoon' or a file of names")
    parser.add_argument("--out", type=output_path, required=True, help="bundle folder to write")
    parser.add_argument("--text-encoder-dir", help="folder with model.safetensors, tokenizer.json")


def run(args: argparse.Namespace) -> int:
    """Reparameterizes and checks; returns 0."""
    from vit_perception.bundle.bundle import Bundle
    from vit_perception.bundle.files import check_destination
    from vit_perception.bundle.paths import find_bundle
    from vit_perception.export.detector import reparameterize_bundle
    from vit_perception.names import names_from_file, parse_names
    from vit_perception.text.builder import VocabularyBuilder

    check_destination(args.out)
    bundle = Bundle.load(find_bundle(args.bundle))
    is_file = os.path.isfile(args.vocabulary)
    names = names_from_file(args.vocabulary) if is_file else parse_names(args.vocabulary)
    builder = VocabularyBuilder(bundle, text_encoder_dir=args.text_encoder_dir)
    fixed = reparameterize_bundle(bundle, builder.build(names, version=0), args.out)
    print(f"{fixed.name} in {shown_path(args.out)}: {len(fixed.default_names)} names for good")
    return 0
