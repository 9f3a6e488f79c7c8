# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Crops that the networks of `quantizers.py` are trained, calibrated and judged with."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import torch
from crop_learning import middle
from crops import crops, kept
from safetensors.torch import load_file, save_file
from torch import Tensor

SHARE = 10
"""One in so many pictures is judged and not trained, unless others are given to judge."""


@dataclass(frozen=True)
class Data:
    """Crops and their categories.

    Attributes:
        names: of the categories.
        images, labels: for training, uint8 [N, 3, stored, stored] and int64 [N].
        judged_images, judged_labels: of other pictures.
        side: what networks see of a crop, px; less than what is stored.
    """

    names: list[str]
    images: Tensor
    labels: Tensor
    judged_images: Tensor
    judged_labels: Tensor
    side: int

    def calibration(self, count: int, seed: int) -> Tensor:
        """Returns random crops for training, float [count, 3, side, side]."""
        generator = torch.Generator().manual_seed(seed)
        rows = torch.randperm(len(self.images), generator=generator)[:count]
        return middle(self.images[rows], self.side)

    def sample(self, count: int) -> tuple[Tensor, Tensor]:
        """Returns crops to judge, always the same: float [count, 3, side, side] and labels."""
        generator = torch.Generator().manual_seed(0)
        rows = torch.randperm(len(self.judged_images), generator=generator)[:count]
        return middle(self.judged_images[rows], self.side), self.judged_labels[rows]


def read_data(folder: Path) -> Data:
    """Reads what `write_data` wrote."""
    notes = json.loads((folder / "data.json").read_text())
    stored = load_file(folder / "crops.safetensors")
    return Data(notes["names"], side=notes["side"], **stored)


def write_data(folder: Path, train: str, test: str, categories: int, side: int) -> Data:
    """Cuts crops and writes them into a folder, or reads them if they are there.

    Args:
        folder: created where absent.
        train, test: folders of data sets, with commas; an empty `test` judges every tenth
            picture of `train`.
        categories: the commonest.
        side: see :class:`Data`; a sixth more is stored.
    """
    asked = {"train": train, "test": test, "categories": categories, "side": side}
    if (folder / "data.json").is_file():
        notes = json.loads((folder / "data.json").read_text())
        if any(notes[key] != value for key, value in asked.items()):
            raise SystemExit(f"{folder}: expected crops of {asked}, found those of others")
        return read_data(folder)
    cut = crops(train, side * 7 // 6)
    names = [name for name, _ in Counter(cut.names).most_common(categories)]
    if test:
        judged = crops(test, side * 7 // 6)
    else:
        apart = cut.pictures % SHARE == 0
        cut, judged = cut.of(~apart), cut.of(apart)
    parts = (*kept(cut, names), *kept(judged, names))
    keys = ("images", "labels", "judged_images", "judged_labels")
    folder.mkdir(parents=True, exist_ok=True)
    save_file(dict(zip(keys, parts, strict=True)), folder / "crops.safetensors")
    (folder / "data.json").write_text(json.dumps({**asked, "names": names}, indent=1) + "\n")
    return read_data(folder)
