# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Trains T2-track: is a candidate name of a thing right, judged by all that was seen of it?

    python -m vit_perception.training.evidence data/tracks.npz --out runs/evidence.safetensors

takes minutes on a CPU; `vit_perception.export.evidence` makes the graph that robots run. Same
arguments, same weights. The recipe is card 17's, the augmentation and its numbers our own.
"""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from scipy.optimize import minimize
from torch import Tensor

from vit_perception.evaluation.naming import Named
from vit_perception.models.evidence.t2 import T2, TRACK, balanced_log_loss
from vit_perception.output.write import write_file
from vit_perception.tracking.evidence_window import (
    CHANNELS,
    FEATURES,
    STEPS,
    candidates,
    series,
)
from vit_perception.training.evidence_samples import Samples, draw_samples, split, window_of
from vit_perception.training.evidence_tracks import LabelTrack, read_tracks, weakened


@dataclass(frozen=True)
class EvidenceRecipe:
    """What decides the outcome of a training.

    Attributes:
        windows: drawn from the tracks, once; each is one sample for each of its candidates.
        learning_rate, clip, batch: of Adam, the gradient norm and the samples of a step.
        epochs: at most; `patience` epochs without a better validation loss end it.
        plateau, plateau_factor: epochs without a better loss after which the rate falls, and to
            which share.
        held_out: share of the recordings that validate.
        seed: of windows, weights and order.
    """

    windows: int = 20_000
    learning_rate: float = 0.01733
    clip: float = 1.0
    batch: int = 2048
    epochs: int = 60
    patience: int = 15
    plateau: int = 5
    plateau_factor: float = 0.1
    held_out: float = 0.15
    seed: int = 0


class Scaling(NamedTuple):
    """Robust scaling: medians and interquartile ranges, [CHANNELS] and [FEATURES]."""

    series_middle: Tensor
    series_range: Tensor
    features_middle: Tensor
    features_range: Tensor

    @classmethod
    def of(cls, samples: Samples) -> Scaling:
        """Returns that of samples; a range of almost nothing becomes 1."""
        found = []
        for values in (samples.series.flatten(0, 1), samples.features):
            low, middle, high = torch.from_numpy(
                np.percentile(values.numpy(), [25, 50, 75], axis=0).astype(np.float32)
            )
            spread = high - low
            found += [middle, torch.where(spread > 1e-3, spread, torch.ones_like(spread))]
        return cls(*found)

    def scaled(self, series: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """Returns channels and features, scaled; far outliers are cut."""
        return (
            ((series - self.series_middle) / self.series_range).clamp(-5, 5),
            ((features - self.features_middle) / self.features_range).clamp(-5, 5),
        )


class EvidenceModel(torch.nn.Module):
    """T2-track behind its scaling: from channels as they are to logits [N, 2], wrong and right.

    `calibration` [2]: factor and offset that make of the difference of the logits the log odds of
    a thing's best candidate.
    """

    calibration: Tensor

    def __init__(self, scaling: Scaling) -> None:
        super().__init__()
        self.network = T2(TRACK)
        self.register_buffer("calibration", torch.tensor([1.0, 0.0]))
        for name, value in scaling._asdict().items():
            self.register_buffer(name, value)

    @property
    def scaling(self) -> Scaling:
        """That of its inputs."""
        return Scaling(*(getattr(self, name) for name in Scaling._fields))

    def forward(self, series: Tensor, features: Tensor) -> Tensor:
        """Returns logits [N, 2]."""
        logits: Tensor = self.network(*self.scaling.scaled(series, features))
        return logits


def empty_scaling() -> Scaling:
    """Returns one to load weights into."""
    return Scaling(
        torch.zeros(CHANNELS), torch.ones(CHANNELS), torch.zeros(FEATURES), torch.ones(FEATURES)
    )


def train(
    samples: Samples,
    validation: Samples,
    recipe: EvidenceRecipe,
    progress: Callable[[int, float, float], object] = lambda epoch, loss, valid: None,
) -> EvidenceModel:
    """Returns the model of the epoch with the least validation loss, in eval mode."""
    torch.manual_seed(recipe.seed)
    model = EvidenceModel(Scaling.of(samples))
    optimiser = torch.optim.Adam(model.parameters(), recipe.learning_rate)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimiser, factor=recipe.plateau_factor, patience=recipe.plateau, cooldown=recipe.plateau
    )
    best, best_loss, since = copy.deepcopy(model.state_dict()), float("inf"), 0
    for epoch in range(recipe.epochs):
        model.train()
        total = 0.0
        batches = torch.randperm(len(samples.right)).split(recipe.batch)
        for rows in batches:
            loss = balanced_log_loss(
                model(samples.series[rows], samples.features[rows]), samples.right[rows]
            )
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
            optimiser.step()
            total += float(loss.detach()) / len(batches)
        valid = float(balanced_log_loss(predicted(model, validation), validation.right))
        schedule.step(valid)
        progress(epoch, total, valid)
        since += 1
        if valid < best_loss:
            best, best_loss, since = copy.deepcopy(model.state_dict()), valid, 0
        if since > recipe.patience:
            break
    model.load_state_dict(best)
    return model.eval()


def calibrate(model: EvidenceModel, tracks: Sequence[LabelTrack]) -> None:
    """Fits the calibration to how often the best candidate is right (Platt, 1999).

    The balanced loss makes right names look as frequent as wrong ones.
    """
    odds, right = [], []
    for track, named in zip(tracks, named_by(model, tracks, whole=False), strict=True):
        best = named.probabilities.argmax(axis=1)
        chance = named.probabilities.max(axis=1).clip(1e-3, 1 - 1e-3)
        odds.append(np.log(chance / (1 - chance)))
        right.append(np.isin(best, track.right))
    x, y = np.concatenate(odds), np.where(np.concatenate(right), 1.0, -1.0)

    def loss(fitted: NDArray[np.float64]) -> float:
        return float(np.logaddexp(0, -y * (fitted[0] * x + fitted[1])).mean())

    model.calibration = torch.tensor(minimize(loss, [1.0, 0.0]).x, dtype=torch.float32)


@torch.no_grad()
def predicted(model: EvidenceModel, samples: Samples) -> Tensor:
    """Returns the logits [N, 2] of samples; leaves the model in eval mode."""
    model.eval()
    parts = [
        model(one, two)
        for one, two in zip(samples.series.split(8192), samples.features.split(8192), strict=True)
    ]
    return torch.cat(parts)


def score_table(track: LabelTrack) -> NDArray[np.float64]:
    """Returns the scores of all names of the vocabulary in each observation, float64 [N, C]."""
    table = np.zeros((len(track.stamps), len(track.names)))
    row, column = np.nonzero(track.labels >= 0)
    table[row, track.labels[row, column]] = track.scores[row, column]
    return table


def named_by(
    model: EvidenceModel, tracks: Sequence[LabelTrack], *, whole: bool = True
) -> list[Named]:
    """Returns how a model names things at each of their observations, by what was seen so far.

    whole: the probabilities of candidates, each judged by itself, are divided by their sum.
    """
    channels, features, places = [], [], []
    for number, track in enumerate(tracks):
        for row, now in enumerate(track.stamps.tolist()):
            seen = window_of(track, now)
            assert seen is not None
            window, names = seen
            chosen = candidates(window.scores)
            one, its = series(window, chosen)
            channels.append(one)
            features.append(np.repeat(its[None], len(chosen), axis=0))
            places += [(number, row, int(name)) for name in names[chosen]]
    count = len(places)
    samples = Samples(
        torch.from_numpy(np.concatenate(channels)),
        torch.from_numpy(np.concatenate(features)),
        torch.zeros(count, dtype=torch.int64),
    )
    right = predicted(model, samples).softmax(dim=1)[:, 1].double().numpy()
    tables = [np.full((len(each.stamps), len(each.names)), 1e-3) for each in tracks]
    for (number, row, name), probability in zip(places, right, strict=True):
        tables[number][row, name] = probability
    return [
        Named(
            track.stamps,
            table / table.sum(axis=1, keepdims=True) if whole else table,
            np.tile(np.isin(np.arange(len(track.names)), track.right), (len(track.stamps), 1)),
        )
        for track, table in zip(tracks, tables, strict=True)
    ]


def _followed(tracks: Sequence[LabelTrack]) -> list[LabelTrack]:
    """Returns tracks as a robot sees them, whose detector's path knows no depth."""
    weak = (weakened(track, 0.1, 0.02) for track in tracks)
    return [replace(track, ranges=track.ranges * 0) for track in weak if len(track.stamps)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains on tracks and writes the weights; returns 0."""
    recipe = EvidenceRecipe()
    parser = argparse.ArgumentParser(prog="evidence", description="Train T2-track on tracks.")
    parser.add_argument("tracks", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument("--windows", type=int, default=recipe.windows)
    parser.add_argument("--epochs", type=int, default=recipe.epochs)
    parser.add_argument("--seed", type=int, default=recipe.seed)
    args = parser.parse_args(arguments)
    recipe = replace(recipe, windows=args.windows, epochs=args.epochs, seed=args.seed)
    tracks = [track for file in args.tracks for track in read_tracks(file)]
    trained, held_out = split(tracks, recipe.held_out)
    samples = draw_samples(trained, recipe.windows, recipe.seed)
    validation = draw_samples(held_out, recipe.windows // 8, recipe.seed + 1)

    def tell(epoch: int, loss: float, valid: float) -> None:
        print(f"{epoch} {loss:.4f} {valid:.4f}", file=sys.stderr, flush=True)

    model = train(samples, validation, recipe, tell)
    calibrate(model, _followed(held_out))
    write_file(args.out, save(model.state_dict()))
    print(f"{len(samples.right)} samples, {STEPS} steps; written to {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
