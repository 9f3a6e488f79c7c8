# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The contents of a picture: named objects with the boxes around their visible parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vit_perception.scenes.cameras import CameraPose
from vit_perception.scenes.catalogue import Asset

IGNORE_BELOW = 0.2
SMALLEST_PX = 40
"""Objects that are less visible, or have fewer pixels, are neither asked for nor punished."""


@dataclass(frozen=True, slots=True)
class Thing:
    """An object as it looks in one picture: colours and caption are true after recolouring."""

    asset: str
    category: str
    names: tuple[str, ...]
    colours: tuple[str, ...]
    material: str
    caption: str
    part: str


def thing_of(asset: Asset, colours: tuple[str, ...], caption: str) -> Thing:
    """Returns the asset with the colours and caption it has in this picture."""
    return Thing(
        asset=asset.id,
        category=asset.category,
        names=asset.names,
        colours=colours,
        material=asset.material,
        caption=caption,
        part=asset.part,
    )


@dataclass(frozen=True, slots=True)
class Label:
    """One visible object: box x, y, w, h around its visible pixels, and their number."""

    box: tuple[int, int, int, int]
    area: int
    visible_fraction: float
    thing: Thing

    @property
    def ignored(self) -> bool:
        return self.visible_fraction < IGNORE_BELOW or self.area < SMALLEST_PX


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """JPEG bytes with size and labels; `owner` int16 [H,W] is the label index, -1 elsewhere.

    Rendered pictures also have `depth` uint16 [H,W] (millimetres along the optical axis, 0 =
    none), the `camera`, and `poses`: float64 [4,4] of each label's object, its own frame to world.
    `roles` uint8 [H,W] is the Role of each pixel.
    """

    jpeg: bytes
    width: int
    height: int
    labels: tuple[Label, ...]
    owner: np.ndarray
    depth: np.ndarray | None = None
    camera: CameraPose | None = None
    poses: tuple[np.ndarray, ...] | None = None
    roles: np.ndarray | None = None


def visible_pixels(owner: np.ndarray, count: int) -> np.ndarray:
    """Counts pixels of `count` objects in an owner map int16 [H,W] (-1: none): int64 [count]."""
    return np.bincount(owner.reshape(-1) + 1, minlength=count + 1)[1:]


def label_things(
    owner: np.ndarray, things: Sequence[Thing], fractions: Sequence[float]
) -> tuple[tuple[Label, ...], np.ndarray]:
    """Returns labels of the visible objects and the renumbered owner map; hidden ones get none."""
    visible = visible_pixels(owner, len(things))
    labels: list[Label] = []
    renumber = np.full(len(things) + 1, -1, np.int16)
    for number, (thing, fraction) in enumerate(zip(things, fractions, strict=True)):
        if visible[number] == 0:
            continue
        x, y, width, height = cv2.boundingRect((owner == number).view(np.uint8))
        renumber[number + 1] = len(labels)
        labels.append(Label((x, y, width, height), int(visible[number]), fraction, thing))
    return tuple(labels), renumber[owner + 1]
