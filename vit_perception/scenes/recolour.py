# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""New colours for objects with plain colour patches, with words that stay true."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from vit_perception.scenes.asset_files import texture_points
from vit_perception.scenes.catalogue import Asset
from vit_perception.scenes.colours import WORD_RANGES, nearest_word, sample_rgb, words_for

PATCH_PX = 16
KEEP_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Look:
    """A texture uint8 [H,W,3] with the words that are true for it."""

    texture: np.ndarray
    colours: tuple[str, ...]
    caption: str


def recoloured(asset: Asset, texture: np.ndarray, rng: np.random.Generator) -> Look:
    """Returns the asset in its own colours or, more often, with one of its colours replaced.

    The texture is a grid of plain patches of PATCH_PX (as in the asset folder); patches whose
    nearest word is the replaced one change together and keep their differences in lightness.
    """
    own = Look(texture, asset.colours, asset.caption)
    if not asset.recolourable or not asset.colours or rng.random() < KEEP_SHARE:
        return own
    words = tuple(colour for colour in asset.colours if colour in WORD_RANGES)
    if not words or words[0] != asset.colours[0]:
        return own
    old = words[0] if len(words) == 1 or rng.random() < 0.8 else words[1]
    choices = [word for word in words_for(asset.material, rng) if word not in asset.colours]
    if not choices:
        return own
    new = choices[int(rng.integers(len(choices)))]
    target = np.array(sample_rgb(new, rng), dtype=np.float64)
    patches = _patches(texture, _texture_points(asset.mesh))
    chosen = [rgb for rgb in patches.values() if nearest_word(tuple(rgb), words) == old]
    if not chosen:
        return own
    reference = np.mean([rgb.mean() for rgb in chosen])
    out = texture.copy()
    for (row, column), rgb in patches.items():
        if nearest_word(tuple(rgb), words) == old:
            shade = np.clip(rgb.mean() / max(reference, 1.0), 0.75, 1.25)
            out[row : row + PATCH_PX, column : column + PATCH_PX] = np.clip(target * shade, 4, 255)
    colours = tuple(new if colour == old else colour for colour in asset.colours)
    return Look(out, colours, f"{colours[0]} {asset.category}")


def _patches(texture: np.ndarray, points: np.ndarray) -> dict[tuple[int, int], np.ndarray]:
    """Returns top left corner -> RGB in the middle of each patch that the mesh uses.

    JPEG bleeds least in the middle.
    """
    height, width = texture.shape[:2]
    columns = np.clip(points[:, 0] * width, 0, width - 1).astype(int) // PATCH_PX * PATCH_PX
    rows = np.clip((1 - points[:, 1]) * height, 0, height - 1).astype(int) // PATCH_PX * PATCH_PX
    middle = PATCH_PX // 2
    # A patch that the picture's edge cuts still has its middle inside.
    return {
        (row, column): texture[
            min(row + middle, height - 1), min(column + middle, width - 1)
        ].astype(np.float64)
        for row, column in sorted(set(zip(rows.tolist(), columns.tolist(), strict=True)))
    }


@lru_cache(maxsize=4)
def _texture_points(mesh: Path | None) -> np.ndarray:
    """Returns the texture coordinates of a mesh file, float64 [N,2]; none without one."""
    return np.empty((0, 2)) if mesh is None else texture_points(mesh)
