# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""One training run from a recipe file: text embeddings, data, trainer, curves."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from vit_perception.text.cache import EmbeddingCache, default_directory
from vit_perception.text.encoder import ENCODER_ID, TextEncoder, find_text_encoder
from vit_perception.training.phrases import build_phrase_book
from vit_perception.training.pictures import load_pictures
from vit_perception.training.recipe import Recipe, RecipeError
from vit_perception.training.trainer import Trainer

#: Training-form weights inside a bundle, from which another run can start.
WEIGHTS_FILE = "weights.safetensors"


def cached_encoder(
    directory: str | None = None,
) -> Callable[[Sequence[str]], NDArray[np.float32]]:
    """The default text encoder behind the cache on disk: phrases to float32 [N, D]."""
    encoder = TextEncoder(find_text_encoder(ENCODER_ID, directory))
    cache = EmbeddingCache(default_directory(), encoder.sha256, encoder.dimension)

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        known = cache.get(texts)
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        if missing:
            found = encoder(missing)
            cache.put(missing, found)
            known = {**known, **dict(zip(missing, found, strict=True))}
        return np.stack([known[text] for text in texts])

    return encode


def prepare(
    recipe: Recipe,
    folder: Path,
    *,
    device: str = "cpu",
    workers: int = 1,
    threads: int = 0,
    start: Path | None = None,
    text_encoder_dir: str | None = None,
) -> Trainer:
    """A trainer ready to run or resume.

    Args:
        folder: of the run; resumed when it holds a checkpoint.
        threads: of torch; 0 leaves its choice.
        start: a bundle whose weights begin a new run.

    Raises:
        DataError, RecipeError, TextEncoderError: one line each.
    """
    if threads:
        torch.set_num_threads(threads)
    pictures, described = load_pictures(recipe.data)
    book = build_phrase_book(described, cached_encoder(text_encoder_dir))
    weights = load_weights(start) if start is not None else None
    return Trainer(recipe, pictures, book, folder, device=device, workers=workers, start=weights)


def load_weights(bundle: Path) -> dict[str, Tensor]:
    """Training-form weights of a bundle, widened to float32."""
    path = bundle / WEIGHTS_FILE
    if not path.is_file():
        raise RecipeError(f"{path}: expected training weights in the bundle, found no such file")
    return {
        key: value.float() if value.is_floating_point() else value
        for key, value in load_file(path).items()
    }


def plot_curves(folder: Path) -> Path:
    """Loss curves of a run's log as curves.png."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    figure, axes = pyplot.subplots(figsize=(8, 4.5))
    window = max(1, len(rows) // 100)
    for name in ("classes", "box", "distribution"):
        values = np.array([row[name] for row in rows])
        smooth = np.convolve(values, np.ones(window) / window, mode="valid")
        axes.plot(np.arange(len(smooth)) + window, smooth, label=name)
    axes.set(xlabel="step", ylabel="weighted loss", title=f"{folder.name}: mean of {window} steps")
    axes.legend()
    axes.grid(alpha=0.3)
    path = folder / "curves.png"
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return path
