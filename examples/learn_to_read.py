# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Teach an encoder to read and let it keep what it knows: UNIT's recipe (card 63).

python examples/learn_to_read.py

A small encoder first learns shapes. Then it learns to read signs of one digit, once with nothing
but the signs, and once with its features of shapes held. It takes less than a minute on a CPU.
"""

from __future__ import annotations

import copy
import sys

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from vit_perception.models.text.characters import Characters
from vit_perception.training.signs import Signs
from vit_perception.training.unit import (
    ReadingEncoder,
    character_error_rate,
    forgetting,
    lessons,
    teach,
)

# After our package, which makes it importable beside any build of torch.
# isort: split
import timm

DIGITS = Characters("0147")
WIDTH, SMALL, LARGE, BATCH = 48, 32, 48, 32
LOOKING, READING, RATE = 200, 300, 1e-3
KINDS = 4


class Shapes:
    """Draws shapes, each time others.

    Args:
        seed: of the first ones.
        count: pictures of a batch.
    """

    def __init__(self, seed: int, count: int = BATCH) -> None:
        self.rng, self.count = np.random.default_rng(seed), count

    def __call__(self, side: int) -> tuple[Tensor, Tensor]:
        """Returns float [count, 3, side, side] and kinds, int64 [count]."""
        kinds = self.rng.integers(KINDS, size=self.count)
        drawn = np.stack([self._drawn(int(kind), side) for kind in kinds])
        return torch.from_numpy(drawn).permute(0, 3, 1, 2).float(), torch.from_numpy(kinds)

    def scenes(self, side: int) -> Tensor:
        """Returns the same without kinds."""
        return self(side)[0]

    def _drawn(self, kind: int, side: int) -> NDArray[np.float64]:
        ground, ink = self.rng.uniform(0, 90, 3), self.rng.uniform(170, 255, 3)
        picture = np.full((64, 64, 3), ground).astype(np.uint8)
        left, top = (int(each) for each in self.rng.integers(0, 6, 2))
        if kind == 0:
            cv2.circle(picture, (left + 29, top + 29), 20, ink, -1)
        elif kind == 1:
            cv2.rectangle(picture, (left + 11, top + 11), (left + 47, top + 47), ink, -1)
        elif kind == 2:
            corners = np.array([[left + 29, top + 8], [left + 8, top + 48], [left + 50, top + 48]])
            cv2.fillPoly(picture, [corners], ink)
        else:
            cv2.circle(picture, (left + 29, top + 29), 18, ink, 7)
        small = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
        return (small + self.rng.normal(0, 8, small.shape)).clip(0, 255) / 255


def signs(seed: int, count: int = BATCH) -> Signs:
    """Draws one digit a picture, nearly upright."""
    font = (cv2.FONT_HERSHEY_DUPLEX,)
    return Signs(seed, count, DIGITS.alphabet, (1, 1), fonts=font, tilt=0.03)


def looking() -> tuple[nn.Module, nn.Module]:
    """Returns an encoder that has learned shapes, and the layer that names them."""
    torch.manual_seed(0)
    encoder = timm.create_model(
        "vit_tiny_patch16_224", img_size=LARGE, dynamic_img_size=True, patch_size=8,
        embed_dim=WIDTH, depth=3, num_heads=4, features_only=True, out_indices=(2,),
    )  # fmt: skip
    names = nn.Linear(WIDTH, KINDS)
    optimizer = torch.optim.AdamW([*encoder.parameters(), *names.parameters()], 2 * RATE)
    pictures = Shapes(0)
    for _ in range(LOOKING):
        images, kinds = pictures(SMALL)
        loss = F.cross_entropy(names(encoder(images)[-1].mean((2, 3))), kinds)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return encoder.eval(), names


def reader(encoder: nn.Module, anchor: float, swapped: int = 0) -> ReadingEncoder:
    """Teaches a copy of the encoder to read.

    Args:
        encoder: as `looking` returns it.
        anchor: weight of the features' loss.
        swapped: how many of READING steps are of stage B.
    """
    torch.manual_seed(1)
    reading = ReadingEncoder(
        copy.deepcopy(encoder), WIDTH, DIGITS, WIDTH, heads=4, depth=1, longest=1, queries=8
    )
    for steps, swap in ((READING - swapped, False), (swapped, True)):
        if steps:
            course = lessons(signs(1), Shapes(1).scenes, SMALL, LARGE, swapped=swap)
            teach(reading, course, steps, rate=RATE, anchor=anchor, known=SMALL)
    return reading


@torch.no_grad()
def known(encoder: nn.Module, names: nn.Module) -> float:
    """Returns the share of shapes that the old layer still names."""
    images, kinds = Shapes(2, 400)(SMALL)
    return float((names(encoder(images)[-1].mean((2, 3))).argmax(1) == kinds).float().mean())


def errors(reading: ReadingEncoder, side: int) -> float:
    """Returns the share of characters of other signs that are read wrongly."""
    images, texts = signs(3, 200)(side)
    return character_error_rate(reading.read(images), texts)


def main() -> int:
    """Prints what is read and what is forgotten."""
    encoder, names = looking()
    print(f"before: names {known(encoder, names):.0%} of shapes")
    for title, anchor in (("signs alone", 0.0), ("features held", 1.0)):
        reading = reader(encoder, anchor)
        lost = forgetting(reading, Shapes(2, 200).scenes(SMALL))
        print(
            f"{title}: {errors(reading, LARGE):.0%} of characters wrong, names "
            f"{known(reading.encoder, names):.0%} of shapes, features are off by {lost:.2f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
