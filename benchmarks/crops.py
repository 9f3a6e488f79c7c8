# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Crops of rendered objects, from data sets of `vit-perception scenes`."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from vit_perception.training.annotations import load_pictures
from vit_perception.training.pictures import read

LEAST_SIDE = 40
"""Least side of an object in px; smaller ones are left out."""
MARGIN = 0.1
"""Share of a box that a crop shows around it."""


@dataclass(frozen=True)
class Crops:
    """Objects cut out of pictures, stretched to squares.

    Attributes:
        images: uint8 [N, side, side, 3] RGB.
        names: the category of each.
        pictures: int [N], number of the picture that each is from.
    """

    images: np.ndarray
    names: list[str]
    pictures: np.ndarray

    def of(self, rows: np.ndarray) -> Crops:
        """Returns some of them, by bool [N] or numbers."""
        names = np.array(self.names, object)[rows].tolist()
        return Crops(self.images[rows], names, self.pictures[rows])


def crops(folders: str, side: int) -> Crops:
    """Returns the objects of data sets, whose folders are given with commas between."""
    pictures, described = load_pictures(tuple(folders.split(",")))
    images, names, numbers = [], [], []
    for place, picture in enumerate(pictures):
        pixels = read(picture)
        labels = picture.labels
        for box, number, hidden in zip(labels.boxes, labels.objects, labels.hidden, strict=True):
            x1, y1, x2, y2 = box
            if hidden or min(x2 - x1, y2 - y1) < LEAST_SIDE:
                continue
            grow = MARGIN * max(x2 - x1, y2 - y1)
            left, top = (max(0, int(v - grow)) for v in (x1, y1))
            part = pixels[top : int(y2 + grow) + 1, left : int(x2 + grow) + 1]
            images.append(cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA))
            names.append(described[number].names[0])
            numbers.append(place)
    return Crops(np.array(images), names, np.array(numbers))


def kept(data: Crops, names: list[str]) -> tuple[Tensor, Tensor]:
    """Returns crops of the categories, uint8 [N, 3, side, side], and their numbers."""
    numbers = {name: number for number, name in enumerate(names)}
    rows = [row for row, name in enumerate(data.names) if name in numbers]
    images = torch.from_numpy(data.images[rows]).permute(0, 3, 1, 2).contiguous()
    return images, torch.tensor([numbers[data.names[row]] for row in rows])
