# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A few minutes of training a classifier on crops, and its accuracy."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Recipe:
    """How a classifier is trained: AdamW, cosine schedule, smoothed labels, flips.

    Attributes:
        steps: number of batches; None if `minutes` are given.
        minutes: how long, if `steps` is None. What is left of them sets the rate.
        batch: crops a step.
        rate: peak learning rate.
        side: of what the network sees, px; None is all of a crop. A smaller part lies anywhere in
            it for training, in the middle for judging.
        bfloat16: whether products are computed in it.
        seed: of the order of crops.
    """

    steps: int | None = None
    minutes: float = 12.0
    batch: int = 64
    rate: float = 1e-3
    side: int | None = None
    bfloat16: bool = True
    seed: int = 0


@dataclass(frozen=True)
class Learned:
    """What a training came to.

    Attributes:
        loss: mean of the last twentieth of the steps.
        steps, minutes: that it took.
    """

    loss: float
    steps: int
    minutes: float


def learn(model: nn.Module, images: Tensor, labels: Tensor, recipe: Recipe) -> Learned:
    """Trains in place.

    Args:
        model: logits [B, classes] from [B, 3, H, W] around 0.
        images: uint8 [N, 3, side, side].
        labels: int64 [N].
        recipe: see :class:`Recipe`.
    """
    model = model.train().to(memory_format=torch.channels_last)
    decayed = [p for p in model.parameters() if p.requires_grad and p.ndim > 1]
    plain = [p for p in model.parameters() if p.requires_grad and p.ndim <= 1]
    groups = [{"params": decayed}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=recipe.rate, weight_decay=0.05)
    generator = torch.Generator().manual_seed(recipe.seed)
    losses: list[float] = []
    begin = time.perf_counter()
    while (done := _done(recipe, len(losses), begin)) < 1:
        warm = min(1.0, (len(losses) + 1) / (0.1 * recipe.steps) if recipe.steps else 10 * done)
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate * warm * (1 + math.cos(math.pi * done)) / 2
        rows = torch.randint(len(images), (recipe.batch,), generator=generator)
        batch = _shown(images[rows], recipe.side, generator)
        flips = torch.rand(recipe.batch, generator=generator) < 0.5
        batch[flips] = batch[flips].flip(3)
        batch = batch.to(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bfloat16):
            logits = model(batch)
        loss = F.cross_entropy(logits.float(), labels[rows], label_smoothing=0.1)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        losses.append(float(loss.detach()))
    last = losses[-max(1, len(losses) // 20) :]
    return Learned(sum(last) / len(last), len(losses), (time.perf_counter() - begin) / 60)


@torch.no_grad()
def logits_of(model: nn.Module, images: Tensor, batch: int = 128) -> Tensor:
    """Returns logits [N, classes] of floats [N, 3, H, W] in eval mode."""
    model.eval()
    parts = images.split(batch)
    return torch.cat([model(part.to(memory_format=torch.channels_last)) for part in parts])


def accuracy(model: nn.Module, images: Tensor, labels: Tensor, side: int | None = None) -> float:
    """Returns the share of uint8 crops [N, 3, H, W] that get their category."""
    parts = zip(images.split(128), labels.split(128), strict=True)
    right = [logits_of(model, middle(x, side)).argmax(1) == y for x, y in parts]
    return float(torch.cat(right).float().mean())


def middle(images: Tensor, side: int | None = None) -> Tensor:
    """Returns the middle of uint8 crops [N, 3, H, W] as floats around 0."""
    if side is not None:
        edge = (images.shape[-1] - side) // 2
        images = images[..., edge : edge + side, edge : edge + side]
    return _centred(images)


def _centred(images: Tensor) -> Tensor:
    """Returns floats whose mean is near 0 and whose deviation is near 1."""
    return images.float().sub_(96).div_(62)


def _done(recipe: Recipe, steps: int, begin: float) -> float:
    if recipe.steps is not None:
        return steps / recipe.steps
    return (time.perf_counter() - begin) / 60 / recipe.minutes


def _shown(images: Tensor, side: int | None, generator: torch.Generator) -> Tensor:
    """Returns a part of each crop, anywhere in it, as floats around 0."""
    if side is not None:
        room = images.shape[-1] - side + 1
        edges = torch.randint(room, (len(images), 2), generator=generator).tolist()
        images = torch.stack(
            [x[:, y : y + side, z : z + side] for x, (y, z) in zip(images, edges, strict=True)]
        )
    return _centred(images)
