# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""`vit-perception train`: train a detector from a recipe."""

from __future__ import annotations

import argparse
from pathlib import Path

NAME = "train"
HELP = "train a detector from a recipe, or resume a run"
EPILOG = """example:
  vit-perception scenes --assets assets --out data/train --count 15000 --part train
  vit-perception train recipes/tabletop_nano.yaml --out runs/nano"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("recipe", type=Path, help="YAML; data folders are relative to it")
    parser.add_argument("--out", type=Path, required=True, help="run folder; resumed if begun")
    parser.add_argument("--from", dest="start", type=Path, help="bundle to start from")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="data loader processes")
    parser.add_argument("--threads", type=int, default=0, help="torch threads, 0 for all cores")
    parser.add_argument("--text-encoder-dir", help="folder with model.safetensors, tokenizer.json")


def run(args: argparse.Namespace) -> int:
    """Train; 0 when the last step is done."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from vit_perception.training.recipe import load_recipe
    from vit_perception.training.run import plot_curves, prepare

    recipe = load_recipe(args.recipe)
    trainer = prepare(
        recipe,
        args.out,
        device=args.device,
        workers=args.workers,
        threads=args.threads,
        start=args.start,
        text_encoder_dir=args.text_encoder_dir,
    )
    book = trainer.source.book
    print(
        f"{len(trainer.source.pictures)} pictures, {len(book.descriptions)} kinds of objects, "
        f"{len(book.texts)} phrases; step {trainer.step} of {recipe.steps}"
    )
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as progress:
        task = progress.add_task("steps", total=recipe.steps, completed=trainer.step)

        def report(step: int, losses: dict[str, float]) -> None:
            text = " ".join(f"{name} {value:.2f}" for name, value in losses.items())
            progress.update(task, completed=step, description=text)

        trainer.run(report)
    print(f"run in {args.out}, curves in {plot_curves(args.out)}")
    return 0
