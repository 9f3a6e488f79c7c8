# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
r"""What the papers' quantizers cost small trained networks, by bits and by calibration pictures.

`train` cuts crops out of data sets of `vit-perception scenes` and trains each network for some
minutes; `measure` quantizes them by each method and writes tables. Both continue where they were
stopped. The folder lies outside the repository. One picture in ten is judged unless `--test` has
others.

    python benchmarks/quantizers.py train FOLDER --train data/tables,data/more --minutes 12
    python benchmarks/quantizers.py measure FOLDER --bits 8/8,6/6,4/4 --seeds 3

`outliers` compares networks that were trained with the options of card 55:

    python benchmarks/quantizers.py train FOLDER --train data/tables --networks deit \
        --variants vanilla,clipped,gated,embed_norm --seeds 2
    python benchmarks/quantizers.py outliers FOLDER
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import torch
from crop_learning import Recipe
from quantizers_bed import NETWORKS, VARIANTS, file_name, read_bed, train_network
from quantizers_data import write_data
from quantizers_rows import ROWS
from quantizers_tables import measure, outliers


def main() -> int:
    """Trains or measures."""
    options = parsed()
    torch.set_num_threads(options.threads)
    options.run(options)
    return 0


def train(options: argparse.Namespace) -> None:
    """Trains the networks that the folder lacks."""
    data = write_data(
        options.folder, options.train, options.test, options.categories, options.side
    )
    print(
        f"{len(data.images)} crops, {len(data.names)} categories, judged by "
        f"{len(data.judged_images)}, {_commonest(data.judged_labels):.1%} of one category",
        flush=True,
    )
    for seed in range(options.seeds):
        for network in options.networks:
            for variant in options.variants:
                there = {each.name for each in read_bed(options.folder)}
                if file_name(network, variant, seed) in there:
                    continue
                recipe = Recipe(
                    options.steps,
                    options.minutes,
                    options.batch,
                    options.rate,
                    bfloat16=options.bfloat16,
                    seed=seed,
                )
                made = train_network(
                    options.folder, data, network, variant, recipe, options.weights
                )
                print(
                    f"{made.name:<34}{made.accuracy:8.1%}  loss {made.loss:.2f}  "
                    f"{made.parameters / 1e6:.2f} M  {made.steps} steps, {made.minutes:.1f} min",
                    flush=True,
                )


def parsed() -> argparse.Namespace:
    """Returns the options of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    commands = parser.add_subparsers(required=True)

    command = commands.add_parser("train", help="train networks")
    command.set_defaults(run=train)
    command.add_argument("folder", type=Path, help="of the networks")
    command.add_argument("--train", required=True, help="data set folders, with commas")
    command.add_argument("--test", default="", help="data set folders to judge by")
    command.add_argument("--networks", type=_some(NETWORKS), default=list(NETWORKS))
    command.add_argument("--variants", type=_some(VARIANTS), default=["vanilla"])
    command.add_argument("--seeds", type=int, default=1, help="of training, so many")
    command.add_argument("--categories", type=int, default=120, help="the commonest")
    command.add_argument("--side", type=int, default=96, help="of pictures, px")
    command.add_argument("--minutes", type=float, default=12.0, help="for each network")
    command.add_argument("--steps", type=int, help="in place of minutes")
    command.add_argument("--batch", type=int, default=64)
    command.add_argument("--rate", type=float, default=1e-3, help="peak learning rate")
    command.add_argument("--bfloat16", action="store_true", help="slow on CPUs without it")
    command.add_argument("--weights", type=Path, help="folder of safetensors to begin with")

    for run, about in ((measure, "compare quantizers"), (outliers, "compare training options")):
        command = commands.add_parser(run.__name__, help=about)
        command.set_defaults(run=run)
        command.add_argument("folder", type=Path, help="of the networks")
        command.add_argument("--networks", type=_some(NETWORKS), default=list(NETWORKS))
        command.add_argument("--seeds", type=int, default=3, help="of calibration, so many")
        command.add_argument("--judged", type=int, default=1000, help="crops")
        if run is measure:
            command.add_argument("--rows", type=_some(ROWS), default=list(ROWS))
            command.add_argument("--bits", default="8/8,6/6,4/4", help="weights/operands")
            command.add_argument("--calibration", type=int, default=32, help="crops")
    return parser.parse_args()


def _some(known: dict[str, object]):  # noqa: ANN202
    """Returns a type of options: keys with commas between."""

    def keys(text: str) -> list[str]:
        found = re.split(r",(?! )", text)  # a row's name may have a comma and a space
        unknown = [each for each in found if each not in known]
        if unknown:
            raise argparse.ArgumentTypeError(
                f"expected some of {', '.join(known)}, found {', '.join(unknown)}"
            )
        return found

    return keys


def _commonest(labels: torch.Tensor) -> float:
    return labels.bincount().max().item() / len(labels)


if __name__ == "__main__":
    raise SystemExit(main())
