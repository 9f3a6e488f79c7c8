# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""`vit-perception quantize`: a graph of fewer bits beside the float one."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from vit_perception.cli.arguments import at_least, number, output_path
from vit_perception.wording import shown_path

if TYPE_CHECKING:
    from vit_perception.bundle.bundle import Bundle
    from vit_perception.compression.gate.gated import Gated
    from vit_perception.compression.quantization.methods.graphs import GraphSource

NAME = "quantize"
HELP = "add a smaller graph to a copy of a bundle, if it finds what the float graph finds"
EPILOG = """example:
  vit-perception quantize tabletop_nano --calibration my_bag --out my_nano
  vit-perception quantize tabletop_nano --calibration photos --check data/test --out my_nano

The pictures tell how large the values inside the network become, and what the graph has to find:
with labels (a bag with ground truth, a folder with annotations.json) AP, without them what the
float graph finds. Take some like those of use. Layers that cost too much stay in float; if the
limit cannot be held, nothing is written. Interrupted, the same command goes on where it was.
Eight bits pay on CPUs, most with VNNI (Intel since 2019, AMD since Zen 4), half precision on
GPUs."""

_REPORT, _FIGURES = "report.html", "quantization.json"


def _method(name: str) -> str:
    from vit_perception.compression.quantization.method_names import checked_method

    try:
        return checked_method(name)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("bundle", metavar="BUNDLE", help="bundle folder or bundled name")
    parser.add_argument(
        "--calibration",
        "--data",
        dest="calibration",
        type=Path,
        required=True,
        metavar="BAG|DIR",
        help="a recording, a data set, or a folder of pictures",
    )
    parser.add_argument(
        "--check",
        type=Path,
        metavar="BAG|DIR",
        help="the same, to compare on (default: that of --calibration)",
    )
    parser.add_argument("--out", type=output_path, required=True, metavar="BUNDLE2",
                        help="bundle folder to write; may be the same")  # fmt: skip
    parser.add_argument("--count", type=at_least(1), default=200, metavar="N",
                        help="pictures of each, at most (200)")  # fmt: skip
    parser.add_argument(
        "--method",
        type=_method,
        default="percentile",
        metavar="NAME",
        help="how ranges are drawn from values: minmax, percentile (the default) or entropy; "
        "by searching, which takes minutes and PyTorch: mse, output-error, repq or q-hyvit "
        "(doc/quantizers.md); fp16: half precision instead, for GPUs; bf16: the float graph in "
        "bfloat16, for CPUs that have it, by OpenVINO",
    )
    parser.add_argument(
        "--max-drop",
        type=number(0, 1),
        metavar="X",
        help="by how much AP (0.01) or, without labels, agreement (0.05) may fall",
    )
    parser.add_argument(
        "--budget", type=at_least(1), default=60, metavar="N",
        help="graphs that may be compared on the way (60)",
    )  # fmt: skip
    parser.add_argument(
        "--sensitivity",
        action="store_true",
        help="measure each layer alone too, as far as the budget allows",
    )
    parser.add_argument(
        "--baselines",
        action="store_true",
        help="compare with minmax, percentile and entropy, and with NNCF where it is installed",
    )
    parser.add_argument(
        "--report",
        type=output_path,
        metavar="DIR",
        help="folder for report.html, quantization.json and evaluations (default: BUNDLE2-report)",
    )
    parser.add_argument("--threads", type=at_least(0), default=0, help="of the engine (its own)")
    parser.add_argument(
        "--precision-name", metavar="NAME", help="name of the graph (int8, fp16 or bf16)"
    )


def run(args: argparse.Namespace) -> int:
    """Quantizes, compares and prints the result; returns 0."""
    from vit_perception.bundle.bundle import Bundle
    from vit_perception.bundle.paths import find_bundle
    from vit_perception.cli.runs import write_figures
    from vit_perception.compression.added_graph import check_target
    from vit_perception.compression.gate.report import figures_of, report_page, report_text
    from vit_perception.compression.quantization.method_names import FP16
    from vit_perception.output.write import write
    from vit_perception.perceiver.settings import BF16

    import_module("hotcoco")  # an absent one is told before the work
    usual = args.method if args.method in (FP16, BF16) else "int8"
    precision = args.precision_name or usual
    check_target(args.out, precision, args.method)
    bundle = Bundle.load(find_bundle(args.bundle))
    out = args.out if args.out.name else args.out.resolve()  # of "."
    folder = args.report or out.with_name(f"{out.name}-report")
    made = _made(args, bundle, folder, precision)
    figures = figures_of(made, precision=precision, method=args.method)
    write_figures(folder / _FIGURES, figures)
    write(folder / _REPORT, report_page(figures).encode())
    print(report_text(figures))
    for line in made.notes:
        print(line)
    print(f"-> {shown_path(args.out)}, {shown_path(folder / _REPORT)}")
    return 0


def _made(args: argparse.Namespace, bundle: Bundle, folder: Path, precision: str) -> Gated:
    """Returns the bundle with its new precision, and what was measured of it."""
    from vit_perception.cli.progress import progress_bar
    from vit_perception.compression.gate.bfloat16 import bfloat16_bundle
    from vit_perception.compression.gate.gate import GateSettings
    from vit_perception.compression.gate.gated import gated_bundle
    from vit_perception.compression.quantization.float_graph import QuantizationError
    from vit_perception.perceiver.settings import BF16

    settings = GateSettings(args.max_drop, args.budget, args.sensitivity)
    if args.method == BF16:
        for option in ("sensitivity", "baselines"):
            if getattr(args, option):
                raise QuantizationError(
                    f"--{option}: expected a method that changes single layers, found {BF16}"
                )
        return bfloat16_bundle(
            bundle,
            args.out,
            check=args.check or args.calibration,
            count=args.count,
            settings=settings,
            threads=args.threads,
            bar=progress_bar,
        )
    return gated_bundle(
        bundle,
        args.out,
        folder,
        calibration=args.calibration,
        check=args.check,
        count=args.count,
        method=args.method,
        source=graph_source,
        precision=precision,
        settings=settings,
        threads=args.threads,
        others=args.baselines,
        bar=progress_bar,
    )


def graph_source(bundle: Bundle) -> GraphSource:
    """Returns what the graph of a bundle is written from.

    Raises:
        ExportError, RecipeError: see `of_bundle`.
    """
    from vit_perception.compression.quantization.methods.graphs import GraphSource
    from vit_perception.export.asked import Asked, of_bundle

    def write(network: object) -> bytes:
        assert isinstance(network, Asked)
        return network.written()

    return GraphSource(of_bundle(bundle), write)
