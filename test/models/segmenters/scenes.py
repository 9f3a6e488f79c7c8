# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of plain shapes that cover each other, with the class of every pixel."""

from __future__ import annotations

import torch
from torch import Tensor

COLOURS = torch.tensor(
    [[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1], [1, 0, 1], [1, 1, 1]]
)
FORMS = 3
"""Discs, squares and crosses."""
CLASSES = 1 + FORMS * len(COLOURS)
"""The ground is class 0."""


def scenes(count: int, side: int, seed: int, things: int = 5) -> tuple[Tensor, Tensor]:
    """Returns float pictures [count, 3, side, side], about 0 to 1, and int64 classes of pixels."""
    generator = torch.Generator().manual_seed(seed)
    grid = torch.linspace(0, 1, side)
    pictures = 0.3 + 0.2 * torch.rand(count, 3, 1, 1, generator=generator)
    pictures = pictures.repeat(1, 1, side, side)
    labels = torch.zeros(count, side, side, dtype=torch.long)
    for _ in range(things):
        place = torch.rand(count, 2, generator=generator)
        radius = 0.08 + 0.12 * torch.rand(count, 1, 1, generator=generator)
        x = (grid[None, None, :] - place[:, 0, None, None]) / radius
        y = (grid[None, :, None] - place[:, 1, None, None]) / radius
        forms = torch.stack(
            [
                (x.square() + y.square() < 1),
                torch.maximum(x.abs(), y.abs()) < 0.85,
                (torch.maximum(x.abs(), y.abs()) < 1.1) & (torch.minimum(x.abs(), y.abs()) < 0.4),
            ]
        )
        form = torch.randint(FORMS, (count,), generator=generator)
        colour = torch.randint(len(COLOURS), (count,), generator=generator)
        inside = forms[form, torch.arange(count)]
        shade = COLOURS[colour] * (0.7 + 0.3 * torch.rand(count, 1, generator=generator))
        pictures = torch.where(inside[:, None], shade[:, :, None, None], pictures)
        labels[inside] = (1 + form * len(COLOURS) + colour)[:, None, None].expand_as(labels)[
            inside
        ]
    return pictures + 0.03 * torch.randn(pictures.shape, generator=generator), labels


def mean_iou(found: Tensor, wanted: Tensor, classes: int = CLASSES) -> float:
    """Returns the mean over the classes that occur in either."""
    pairs = torch.bincount((wanted * classes + found).flatten(), minlength=classes**2)
    matrix = pairs.reshape(classes, classes).double()
    union = matrix.sum(0) + matrix.sum(1) - matrix.diagonal()
    return float((matrix.diagonal() / union)[union > 0].mean())
