# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Tell textures apart after 200 pictures: attention between low frequencies (card 02).

python examples/texture_classes.py

Trains three small networks of the family on eight kinds of noisy stripes, for half a minute on a
CPU: with all frequencies of a map, with half of them on each axis, and without attention.
"""

from __future__ import annotations

import math
import sys
import time

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vit_perception.models.backbones.dct_histotransformer import (
    DctHistoTransformer,
    FrequencyAttention,
)
from vit_perception.models.macs import multiply_adds

SIDE, CLASSES = 64, 8
TRAINING, TEST, EPOCHS = 200, 400, 10
NOISE = 2.5


class NoAttention(nn.Module):
    """Stands for the branch; says nothing."""

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """Returns 0 in the shape of `x`."""
        return torch.zeros_like(x)


def textures(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Returns noise of four orientations and two scales.

    Returns:
        float [count, 3, SIDE, SIDE] and classes int64 [count].
    """
    generator = torch.Generator().manual_seed(seed)
    kinds = torch.randint(CLASSES, (count,), generator=generator)
    angle = (kinds % 4)[:, None, None] * math.pi / 4
    radius = torch.tensor([0.08, 0.11])[kinds // 4][:, None, None]
    frequency = torch.fft.fftfreq(SIDE)
    down, across = frequency[:, None], frequency[None]
    along = across * angle.cos() + down * angle.sin()
    beside = -across * angle.sin() + down * angle.cos()
    band = torch.exp(-((along.abs() - radius) ** 2 + beside**2) / (2 * 0.03**2))
    noise = torch.randn(count, SIDE, SIDE, generator=generator)
    pictures = torch.fft.ifft2(torch.fft.fft2(noise) * band).real
    pictures = pictures / pictures.std((1, 2), keepdim=True)
    pictures = pictures + NOISE * torch.randn(pictures.shape, generator=generator)
    return pictures[:, None].repeat(1, 3, 1, 1), kinds


def without_attention(model: nn.Module) -> nn.Module:
    """Removes the branch of each block, in place."""
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, FrequencyAttention):
                setattr(module, name, NoAttention())
    return model


def train(model: nn.Module, epochs: int) -> float:
    """Trains; returns the share of right answers on other pictures."""
    images, kinds = textures(TRAINING, 0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    steps = epochs * math.ceil(TRAINING / 20)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for epoch in range(epochs):
        order = torch.randperm(TRAINING, generator=torch.Generator().manual_seed(epoch))
        for some in order.split(20):
            loss = F.cross_entropy(model(images[some]), kinds[some], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return right_of(model)


def right_of(model: nn.Module) -> float:
    """Returns the share of right answers on other pictures."""
    others, wanted = textures(TEST, 1)
    with torch.no_grad():
        found = model.eval()(others).argmax(1)
    return float((found == wanted).float().mean())


def network(kept: tuple[int, int]) -> nn.Module:
    """Returns two stages, on maps of 16 and 8 cells a side, that keep some frequencies of each."""
    torch.manual_seed(0)
    return DctHistoTransformer((32, 64), (1, 1), kept, num_classes=CLASSES)


def main() -> int:
    """Prints the cost and the accuracy of the three."""
    networks = {
        "all frequencies": network((16, 8)),
        "half of them": network((8, 4)),
        "no attention": without_attention(network((8, 4))),
    }
    for name, model in networks.items():
        cost = multiply_adds(model.eval(), torch.zeros(1, 3, SIDE, SIDE))
        started = time.perf_counter()
        right = train(model.train(), EPOCHS)
        spent = time.perf_counter() - started
        print(f"{name:<16} {cost / 1e6:5.1f} M multiply-adds  {right:4.0%} right  {spent:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
