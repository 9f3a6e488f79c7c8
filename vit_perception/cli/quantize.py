# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""`vit-perception quantize`: an eight-bit graph beside the float one."""

from __future__ import annotations

import argparse
from pathlib import Path

from vit_perception.cli.arguments import at_least, output_path
from vit_perception.wording import shown_path

NAME = "quantize"
HELP = "add an eight-bit graph to a copy of a bundle"
EPILOG = """example:
  vit-perception quantize tabletop_nano --data data/train --out bundles/tabletop_nano
  vit-perception evaluate data/test --bundle bundles/tabletop_nano --precision int8

Pictures are needed, no labels: they tell how large the values inside the network become. Take
some like those of use, not those of a test. Pays on CPUs with VNNI (Intel since 2019, AMD since
Zen 4); without it the graph may be slower and less exact than float."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("bundle", metavar="BUNDLE", help="bundle folder or bundled name")
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="DIR",
        help="data set with images/, or a folder of pictures",
    )
    parser.add_argument("--out", type=output_path, required=True, metavar="BUNDLE2",
                        help="bundle folder to write; may be the same")  # fmt: skip
    parser.add_argument("--count", type=at_least(1), default=200, metavar="N",
                        help="pictures to calibrate with, at most (200)")  # fmt: skip
    parser.add_argument(
        "--method",
        choices=("minmax", "percentile", "entropy"),
        default="percentile",
        help="how a tensor's range is drawn from its values (percentile)",
    )
    parser.add_argument(
        "--precision-name", default="int8", metavar="NAME", help="name of the graph (int8)"
    )


def run(args: argparse.Namespace) -> int:
    """Quantizes and prints the result; returns 0."""
    from vit_perception.bundle.bundle import Bundle
    from vit_perception.bundle.paths import find_bundle
    from vit_perception.cli.progress import progress_bar
    from vit_perception.compression.added_graph import check_target
    from vit_perception.compression.quantization.quantize import quantize_bundle

    check_target(args.out, args.precision_name)
    bundle = Bundle.load(find_bundle(args.bundle))
    with progress_bar("calibrating", args.count) as show:
        made = quantize_bundle(
            bundle,
            args.out,
            data=args.data,
            count=args.count,
            method=args.method,
            precision=args.precision_name,
            progress=lambda done, _: show(done),
        )
    before, after = (len(made.bundle.graph(name)) for name in ("fp32", args.precision_name))
    print(
        f"{made.bundle.name} in {shown_path(args.out)}: graph {args.precision_name}, "
        f"{made.graph.quantized} of {made.graph.convolutions} convolutions in eight bits, "
        f"{after / 1e6:.1f} MB (fp32 {before / 1e6:.1f} MB), {made.pictures} pictures"
    )
    return 0
