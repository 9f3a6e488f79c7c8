# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""`vit-perception train`: train a detector or a segmenter from a recipe."""

from __future__ import annotations

import argparse
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vit_perception.cli.arguments import MAX_PROCESSES, MAX_THREADS, at_least, output_path
from vit_perception.wording import shown, shown_path

if TYPE_CHECKING:
    from vit_perception.training.loop import Loop

NAME = "train"
HELP = "train a detector or a segmenter from a recipe, or resume a run"
EPILOG = """example:
  vit-perception scenes --assets assets --out data/train --count 15000 --part train
  vit-perception train recipes/tabletop_nano.yaml --out runs/nano"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("recipe", type=Path, help="YAML; data folders are relative to it")
    parser.add_argument(
        "--out", type=output_path, required=True, help="run folder; resumed if begun"
    )
    parser.add_argument(
        "--from", dest="start", metavar="BUNDLE", help="bundle to start from, folder or name"
    )
    parser.add_argument(
        "--device", default="auto", help="cpu, cuda, or auto: a GPU where there is one (auto)"
    )
    parser.add_argument(
        "--workers",
        type=at_least(0, MAX_PROCESSES),
        metavar="N",
        help="data loader processes (1; on a GPU more)",
    )
    parser.add_argument(
        "--threads",
        type=at_least(0, MAX_THREADS),
        default=0,
        help="torch threads, 0 for all cores",
    )
    parser.add_argument("--text-encoder-dir", help="folder with model.safetensors, tokenizer.json")


def run(args: argparse.Namespace) -> int:
    """Trains; returns 0 when the last step is done."""
    from vit_perception.output.input_files import refuse_inside
    from vit_perception.training.recipe import load_recipe
    from vit_perception.training.run import prepared
    from vit_perception.training.segmenter_recipe import is_of_segmenter

    if is_of_segmenter(args.recipe):
        return _run_segmenter(args)
    recipe = load_recipe(args.recipe)
    for folder in recipe.data + recipe.all_photographs:
        refuse_inside(args.out, Path(folder))
    with prepared(
        recipe,
        args.out,
        device=args.device,
        workers=args.workers,
        threads=args.threads,
        start=args.start,
        text_encoder_dir=args.text_encoder_dir,
    ) as trainer:
        book = trainer.source.book
        print(
            f"{len(trainer.source.pictures)} pictures, {len(book.descriptions)} kinds of objects, "
            f"{len(book.texts)} phrases; step {trainer.step} of {recipe.steps} "
            f"on {trainer.device}",
            flush=True,
        )
        photographs = len(trainer.source.photographs)
        if photographs:
            print(f"{photographs} of the pictures are photographs", flush=True)
        if trainer.unused:
            print(
                f"backbone weights: {len(trainer.unused)} entries left out that the maps do not "
                f"need ({', '.join(map(shown, trainer.unused[:3]))} …)",
                flush=True,
            )
        return _trained(trainer, recipe.steps)


def _run_segmenter(args: argparse.Namespace) -> int:
    from vit_perception.output.input_files import refuse_inside
    from vit_perception.training.recipe import RecipeError
    from vit_perception.training.segmenter_recipe import load_segmenter_recipe
    from vit_perception.training.segmenter_trainer import prepared_segmenter

    recipe = load_segmenter_recipe(args.recipe)
    if args.start:
        raise RecipeError("--from: expected none with a segmenter, found a bundle")
    for folder in recipe.data:
        refuse_inside(args.out, Path(folder))
    with prepared_segmenter(
        recipe, args.out, device=args.device, workers=args.workers, threads=args.threads
    ) as trainer:
        classes = ", ".join(trainer.recipe.classes)
        print(
            f"{len(trainer.source.pictures)} pictures, classes {classes}; "
            f"step {trainer.step} of {recipe.steps} on {trainer.device}",
            flush=True,
        )
        return _trained(trainer, recipe.steps)


def _trained(trainer: Loop[Any], steps: int) -> int:
    """Runs a trainer, and draws its curves; returns 0."""
    from vit_perception.cli.progress import progress_bar
    from vit_perception.training.run import write_curves

    try:
        with progress_bar("steps", steps) as show:
            trainer.run(lambda step, losses: show(step))
    except Exception:
        # The curves show what led to the error; why they fail matters less.
        with suppress(OSError, RuntimeError, ValueError):
            write_curves(trainer.folder)
        raise
    curves = write_curves(trainer.folder)
    where = shown_path(curves) if curves else "no file"
    print(f"run in {shown_path(trainer.folder)}, curves in {where}")
    return 0
