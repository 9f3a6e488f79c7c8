# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vit_perception.scenes.catalogue import load_catalogue
from vit_perception.scenes.colours import WORD_RANGES, nearest_word, sample_rgb
from vit_perception.scenes.recolour import recoloured


@pytest.mark.parametrize("word", sorted(WORD_RANGES))
def test_a_sampled_colour_is_nearest_to_its_own_word(word: str) -> None:
    # Metals are told from paint by their shine, not by their colour.
    others = tuple(w for w in WORD_RANGES if w == word or w not in ("silver", "gold"))
    rng = np.random.default_rng(0)
    right = [nearest_word(sample_rgb(word, rng), others) == word for _ in range(200)]
    assert np.mean(right) > 0.97


def test_recolouring_changes_the_used_patch_and_the_words(pack: Path) -> None:
    asset = {a.id: a for a in load_catalogue(pack).assets}["crate_red"]
    texture = np.asarray(Image.open(asset.texture).convert("RGB"))
    rng = np.random.default_rng(3)
    looks = [recoloured(asset, texture, rng) for _ in range(40)]
    changed = [look for look in looks if look.colours != ("red",)]
    assert 15 < len(changed) < 40
    for look in changed:
        rgb = tuple(int(value) for value in look.texture[8, 8])
        assert nearest_word(rgb, tuple(WORD_RANGES)) in (look.colours[0], "silver", "gold")
        assert look.caption == f"{look.colours[0]} crate"


def test_picture_textures_keep_their_colours(pack: Path) -> None:
    asset = {a.id: a for a in load_catalogue(pack).assets}["printed"]
    texture = np.asarray(Image.open(asset.texture).convert("RGB"))
    for seed in range(20):
        look = recoloured(asset, texture, np.random.default_rng(seed))
        assert look.texture is texture
        assert look.colours == asset.colours
