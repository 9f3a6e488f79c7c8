# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""`vit-perception benchmark`: time and memory of bundles and backbones on this machine."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from importlib import import_module

from vit_perception.cli.arguments import MAX_THREADS, at_least, input_size, number, output_path
from vit_perception.wording import shown_path

NAME = "benchmark"
HELP = "time bundles and backbones on this machine"
EPILOG = """example:
  vit-perception benchmark --bundle tabletop_nano --precision fp32 --precision int8
  vit-perception benchmark --backbones all --size 480x640 --budget-ms 30 --out shelf
  vit-perception benchmark --backbones shvit,mobilemamba_t2 --size 224x224 --threads 1

Candidates take turns, so that all meet the same machine; ratios are of the same round. Backbones
have random weights: their speed is real, their accuracy is what the paper says. Bundles need no
torch."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("--bundle", action="append", default=[], metavar="BUNDLE",
                        help="folder or name; may be given again")  # fmt: skip
    parser.add_argument("--backbones", default="", metavar="NAME,…",
                        help="names or families of the shelf, or all")  # fmt: skip
    parser.add_argument("--size", type=input_size(1), default=(480, 640), metavar="HxW",
                        help="input of the backbones in pixels (480x640)")  # fmt: skip
    parser.add_argument("--precision", action="append", default=[], metavar="NAME",
                        help="graph: fp32, int8; may be given again (fp32)")  # fmt: skip
    parser.add_argument("--budget-ms", type=number(0.001, 1e9), default=None, metavar="MS",
                        help="mark what stays within so many milliseconds")  # fmt: skip
    parser.add_argument("--provider", default="cpu", metavar="NAME", help="what runs it (cpu)")
    parser.add_argument("--threads", type=at_least(0, MAX_THREADS), default=0, metavar="N",
                        help="threads of the engine; 0: one a physical core (0)")  # fmt: skip
    parser.add_argument("--rounds", type=at_least(1), default=20, metavar="N",
                        help="turns of each candidate (20)")  # fmt: skip
    parser.add_argument("--out", type=output_path, default=None, metavar="DIR",
                        help="write benchmark.json and benchmark.png there")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Measures, prints and writes; returns 0."""
    from vit_perception.cli import benchmark_report as report
    from vit_perception.cli.benchmark_candidates import (
        BenchmarkError,
        backbone_candidates,
        bundle_candidates,
        measured,
    )
    from vit_perception.cli.progress import progress_bar
    from vit_perception.output.lock import sole_writer_in

    if args.out is not None:
        import_module("matplotlib")  # an absent package is told before the work, not after it
        report.check_place(args.out)
    if not args.bundle and not args.backbones:
        raise BenchmarkError("expected --bundle or --backbones, found neither")
    precisions = tuple(dict.fromkeys(args.precision)) or ("fp32",)
    candidates = bundle_candidates(args.bundle, precisions)
    if args.backbones:
        candidates += backbone_candidates(args.backbones, args.size, precisions, print)
    with ExitStack() as stack:
        if args.out is not None:
            stack.enter_context(sole_writer_in(args.out))
            # Again: others may have written there before this was the only writer.
            report.check_place(args.out)
        with progress_bar("measuring", 3 + args.rounds) as show:
            rows = measured(
                candidates,
                provider=args.provider,
                threads=args.threads,
                rounds=args.rounds,
                progress=show,
            )
        print(report.heading(args.threads))
        report.print_table(rows, args.budget_ms)
        if args.out is not None:
            report.write(rows, args.out, threads=args.threads, rounds=args.rounds)
    if args.out is not None:
        print(f"written: {', '.join(shown_path(args.out / name) for name in report.FILES)}")
    return 0
