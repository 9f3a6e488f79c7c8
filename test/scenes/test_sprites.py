# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vit_perception.scenes.catalogue import Asset, load_catalogue
from vit_perception.scenes.sprites import SpriteSet, build_sprites

pytestmark = pytest.mark.usefixtures("rendering")


def train_assets(pack: Path) -> tuple[Asset, ...]:
    return load_catalogue(pack).parts("train")


def test_sprites_are_cut_tight_and_premultiplied(pack: Path, tmp_path: Path) -> None:
    assets = train_assets(pack)
    assert build_sprites(assets, tmp_path, views=5, seed=0, recolour=True) == ()
    sprites = SpriteSet(tmp_path, assets).sprites
    # Five views of four meshes and the one picture of the cut-out.
    assert len(sprites) == 21
    for sprite in sprites:
        alpha = sprite.pixels[..., 3]
        assert sprite.pixels[..., :3].max(axis=2)[alpha == 0].max(initial=0) == 0
        assert (sprite.pixels[..., :3] <= alpha[..., None].astype(int) + 1).all()
        for side in (alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]):
            assert side.any()


def test_a_box_has_the_size_it_is_seen_at(pack: Path, tmp_path: Path) -> None:
    """Seen from anywhere the longest side in metres lies between the box's least and diagonal."""
    (asset,) = [a for a in train_assets(pack) if a.id == "crate_red"]
    build_sprites([asset], tmp_path, views=30, seed=0, recolour=False)
    for sprite in SpriteSet(tmp_path, [asset]).sprites:
        metres = max(sprite.pixels.shape[:2]) * sprite.metres
        assert 0.07 < metres < 1.35 * float(np.linalg.norm(asset.size_m))


def test_finished_assets_are_kept_and_other_settings_are_not(pack: Path, tmp_path: Path) -> None:
    assets = train_assets(pack)[:2]
    build_sprites(assets, tmp_path, views=2, seed=0, recolour=True)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    build_sprites(assets, tmp_path, views=2, seed=0, recolour=True)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    build_sprites(assets, tmp_path, views=2, seed=1, recolour=True)
    after = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert all(after[name] != before[name] for name in before)


def test_what_cannot_be_rendered_is_named(pack: Path, tmp_path: Path) -> None:
    good = train_assets(pack)[0]
    torn = tmp_path / "mesh.obj"
    torn.write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 2 99\n", encoding="utf-8")
    broken = replace(good, id="torn", mesh=torn)
    skipped = build_sprites([good, broken], tmp_path / "out", views=1, seed=0, recolour=False)
    assert [entry.id for entry in skipped] == ["torn"]
    assert skipped[0].reason
    assert len(SpriteSet(tmp_path / "out", [good, broken]).sprites) == 1
