# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Compare things that lie far apart, and leave out a camera: FIT's encoder (card 43).

python examples/far_apart.py

A picture shows two marks, in different groups of patches. Are their colours the same? Layers
inside groups alone can sum up but not compare, which makes two of three answers right. With layers
between latents, a small network learns it in a quarter of a minute on a CPU. Then two cameras are
one tall picture, and one of them fails.
"""

from __future__ import annotations

import sys
import time

import torch
from torch import Tensor
from torch.nn import functional as F

from vit_perception.models.backbones.fit import FIT

SIDE, PATCH, GROUPS = 32, 8, (2, 2)
STEPS, BATCH, RATE = 500, 64, 3e-3
INK = ((2.0, -1.0, -1.0), (-1.0, 2.0, -1.0), (-1.0, -1.0, 2.0))


def marks(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Returns noisy pictures with two marks, each in a quarter of its own.

    Returns:
        float [count, 3, SIDE, SIDE], and whether the colours are the same, int64 [count].
    """
    colours = torch.randint(len(INK), (count, 2), generator=generator)
    # Half of all pairs are the same.
    same = torch.rand(count, generator=generator) < 0.5
    colours[same, 1] = colours[same, 0]
    quarters = torch.rand(count, 4, generator=generator).argsort(1)[:, :2]
    cells = torch.randint(4, (count, 2), generator=generator)
    rows = 2 * (quarters // 2) + cells // 2
    columns = 2 * (quarters % 2) + cells % 2
    pictures = torch.zeros(count, 3, 4, 4)
    for index in range(2):
        place = torch.arange(count), slice(None), rows[:, index], columns[:, index]
        pictures[place] = torch.tensor(INK)[colours[:, index]]
    pictures = F.interpolate(pictures, scale_factor=PATCH)
    pictures = pictures + 0.3 * torch.randn(pictures.shape, generator=generator)
    return pictures, (colours[:, 0] == colours[:, 1]).long()


def train(layers: str) -> float:
    """Trains a network; returns the share of right answers on other pictures."""
    torch.manual_seed(0)
    model = FIT(layers, PATCH, 32, 32, 2, 2, 2, img_size=SIDE, groups=GROUPS, num_classes=2)
    optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS)
    generator = torch.Generator().manual_seed(0)
    for _ in range(STEPS):
        pictures, same = marks(BATCH, generator)
        loss = F.cross_entropy(model(pictures), same)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    pictures, same = marks(1000, generator)
    with torch.no_grad():
        return float((model.eval()(pictures).argmax(1) == same).float().mean())


@torch.no_grad()
def cameras() -> tuple[float, tuple[int, ...]]:
    """Encodes two cameras together, and then one of them alone.

    Returns:
        How much tokens of the first depend on the second, and their shape without it.
    """
    height, width = 96, 128
    # Groups of 32 px: twelve of each camera, the first camera's before those of the second.
    model = FIT("(1)1(1)", 8, 32, 32, 2, 2, img_size=(2 * height, width), groups=(6, 4)).eval()
    first, second, other = torch.rand(3, 1, 3, height, width)
    whole = model.encode(torch.cat((first, second), 2)).tokens[:, :12]
    changed = model.encode(torch.cat((first, other), 2)).tokens[:, :12]
    failed = torch.cat((first, torch.zeros_like(second)), 2)
    alone = model.encode(failed, present=torch.arange(12)).tokens
    return float((whole - changed).abs().mean()), tuple(alone.shape)


def main() -> int:
    """Prints what both networks know, and what the cameras tell."""
    for layers in ("(4)", "(1)2(1)"):
        started = time.perf_counter()
        right = train(layers)
        print(f"{layers:<8} {right:4.0%} right  {time.perf_counter() - started:.0f} s")
    moved, shape = cameras()
    print(f"the second camera changes tokens of the first by {moved:.3f}")
    print(f"without it there are {shape[1]} groups of {shape[2]} tokens")
    return 0


if __name__ == "__main__":
    sys.exit(main())
