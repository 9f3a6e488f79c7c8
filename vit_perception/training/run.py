# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""One training run from a recipe file: text embeddings, data, trainer, curves."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.files import read_verified
from vit_perception.bundle.paths import find_bundle
from vit_perception.output.cache_folder import cache_folder
from vit_perception.output.lock import sole_writer_in
from vit_perception.output.write import new_file, try_writing, write
from vit_perception.text.cache import EmbeddingCache
from vit_perception.text.encoder import ENCODER_ID, TextEncoder, find_text_encoder
from vit_perception.training.annotations import load_pictures
from vit_perception.training.checkpoint import CHECKPOINT, read_checkpoint
from vit_perception.training.device import default_workers, find_device
from vit_perception.training.log import LOG, read_log
from vit_perception.training.photographs import photograph_sets
from vit_perception.training.phrases import build_phrase_book
from vit_perception.training.recipe import Recipe, RecipeError
from vit_perception.training.start import read_backbone_weights, widened
from vit_perception.training.trainer import Trainer
from vit_perception.wording import one_line, shown_path

WEIGHTS_FILE = "weights.safetensors"
"""File of training-form weights in a bundle, from which another run can start."""
CURVES, CURVE_VALUES = "curves.png", "curves.json"
"""Names of the files that show the losses of a run."""


def cached_encoder(
    directory: str | None = None,
) -> Callable[[Sequence[str]], NDArray[np.float32]]:
    """Returns the default text encoder with a cache on disk: phrases to float32 [N, D]."""
    encoder = TextEncoder(find_text_encoder(ENCODER_ID, directory))
    cache = EmbeddingCache(cache_folder(), encoder.sha256, encoder.dimension)

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        known = cache.get(texts)
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        if missing:
            found = encoder(missing)
            cache.put(missing, found)
            known = {**known, **dict(zip(missing, found, strict=True))}
        return np.stack([known[text] for text in texts])

    return encode


@contextmanager
def prepared(
    recipe: Recipe,
    folder: Path,
    *,
    device: str = "auto",
    workers: int | None = None,
    threads: int = 0,
    start: str | Path | None = None,
    text_encoder_dir: str | None = None,
) -> Iterator[Trainer]:
    """Yields a trainer that is ready to run or resume; no other process trains in its folder.

    Args:
        folder: of the run; resumed if it holds a checkpoint.
        device: "auto", "cpu" or "cuda", see `find_device`.
        workers: loader processes; None: see `default_workers`.
        threads: of torch; 0 keeps its default.
        start: a bundle, or the name of a bundled one, whose weights begin a new run.

    Raises:
        BundleError, DataError, DeviceError, NotInstalledError, OutputError, RecipeError,
        TextEncoderError, TrainingError: one line each.
    """
    # Bad options are refused before minutes of reading.
    found = find_device(device)
    weights = load_weights(start) if start is not None else None
    backbone = None
    if recipe.backbone_weights:
        backbone = read_backbone_weights(Path(recipe.backbone_weights))
    if threads:
        torch.set_num_threads(threads)
    if workers is None:
        workers = default_workers(found)
    with run_folder(folder):
        if (folder / CHECKPOINT).exists():
            read_checkpoint(folder / CHECKPOINT).check(recipe, folder / CHECKPOINT)
        pictures, described = load_pictures(recipe.data, photograph_sets(recipe))
        encode = cached_encoder(text_encoder_dir)
        book = build_phrase_book(described, encode, anything=recipe.anything > 0)
        yield Trainer(
            recipe,
            pictures,
            book,
            folder,
            device=device,
            workers=workers,
            start=weights,
            backbone=backbone,
        )


@contextmanager
def run_folder(folder: Path) -> Iterator[None]:
    """Keeps other processes out of a run's folder; removes it if the block leaves it empty.

    Raises:
        OutputError: another process is there, or a file of a run cannot be written.
    """
    new = not folder.exists()
    try:
        with sole_writer_in(folder):
            for file in (CHECKPOINT, LOG, CURVES, CURVE_VALUES):
                try_writing(folder / file)
            yield
    finally:
        if new:
            with suppress(OSError):  # it is not empty
                folder.rmdir()


def load_weights(bundle: str | Path) -> dict[str, Tensor]:
    """Returns the training-form weights of a bundle, widened to float32.

    Args:
        bundle: a folder, or the name of a bundled one.

    Raises:
        BundleError, NotInstalledError: there is no bundle, or its weights changed.
        RecipeError: the bundle has no weights to train from.
    """
    loaded = Bundle.load(find_bundle(bundle))
    path = shown_path(loaded.directory / WEIGHTS_FILE)
    if WEIGHTS_FILE not in loaded.sha256:
        raise RecipeError(f"{path}: expected training weights in the bundle, found no such file")
    data = read_verified(loaded.directory, WEIGHTS_FILE, loaded.sha256[WEIGHTS_FILE])
    try:
        weights = load(data)
    except SafetensorError as error:
        raise RecipeError(f"{path}: expected training weights, found {one_line(error)}") from None
    return widened(weights)


def write_curves(folder: Path) -> Path | None:
    """Draws a run's losses, smoothed over a hundredth of it, as curves.png and curves.json.

    curves.json: "window", "step", and for every loss the mean of the `window` steps up to it.

    Returns:
        The path of curves.png; None if no step has been logged.

    Raises:
        OutputError, TrainingError: the log cannot be read, or a file cannot be written.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = read_log(folder / LOG)
    if not rows:
        return None
    window = max(1, len(rows) // 100)
    steps = [row.step for row in rows][window - 1 :]
    kernel = np.ones(window) / window
    curves = {
        name: np.convolve([row.losses[name] for row in rows], kernel, mode="valid")
        for name in rows[0].losses
        if any(row.losses[name] for row in rows)
    }
    figure, axes = pyplot.subplots(figsize=(8, 4.5))
    try:
        for name, values in curves.items():
            axes.plot(steps, values, label=name)
        axes.set(xlabel="step", ylabel="weighted loss")
        # A folder may have any name: $ begins no formula, and some letters have no glyph.
        title = f"{shown_path(folder.resolve().name)}: mean of {window} steps"
        axes.set_title(title, parse_math=False)
        axes.legend()
        axes.grid(alpha=0.3)
        with new_file(folder / CURVES) as partial, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            figure.savefig(partial, dpi=110)
    finally:
        pyplot.close(figure)
    shown = {name: [round(float(value), 6) for value in curves[name]] for name in curves}
    content = {"window": window, "step": steps, **shown}
    write(folder / CURVE_VALUES, (json.dumps(content) + "\n").encode())
    return folder / CURVES
