# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vit_perception.output.failure import OutputError
from vit_perception.scenes.catalogue import Asset, load_catalogue
from vit_perception.scenes.sprite_file import SpriteError, read_sprites, write_sprites
from vit_perception.scenes.sprites import SpriteSet, build_sprites, of_older_versions

from ..small_disk import on_small_disk

pytestmark = pytest.mark.usefixtures("rendering")


def train_assets(pack: Path) -> tuple[Asset, ...]:
    return load_catalogue(pack).parts("train")


def test_sprites_are_cut_tight_and_premultiplied(pack: Path, tmp_path: Path) -> None:
    assets = train_assets(pack)
    rendered = build_sprites(assets, tmp_path, views=5, seed=0, recolour=True)
    assert rendered.skipped == ()
    sprites = SpriteSet(assets, rendered.files).sprites
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
    rendered = build_sprites([asset], tmp_path, views=30, seed=0, recolour=False)
    for sprite in SpriteSet([asset], rendered.files).sprites:
        metres = max(sprite.pixels.shape[:2]) * sprite.metres
        assert 0.07 < metres < 1.35 * float(np.linalg.norm(asset.size_m))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_finished_assets_are_kept(pack: Path, tmp_path: Path) -> None:
    assets = train_assets(pack)[:2]
    build_sprites(assets, tmp_path, views=2, seed=0, recolour=True)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    build_sprites(assets, tmp_path, views=2, seed=0, recolour=True)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_settings_share_a_folder(pack: Path, tmp_path: Path) -> None:
    """Each finds the bytes that it would make alone, also after the other."""
    assets = train_assets(pack)[:2]
    shared, alone = tmp_path / "shared", tmp_path / "alone"
    for seed, recolour in ((0, True), (1, True), (0, False)):
        mine = build_sprites(assets, shared, views=2, seed=seed, recolour=recolour)
        build_sprites(assets, alone / f"{seed}{recolour}", views=2, seed=seed, recolour=recolour)
        found = {path.name: path.read_bytes() for path in mine.files.values()}
        assert found == contents(alone / f"{seed}{recolour}")
    assert len(contents(shared)) == 6


def test_an_asset_that_changed_gets_new_sprites(pack: Path, tmp_path: Path) -> None:
    asset = train_assets(pack)[0]
    first = build_sprites([asset], tmp_path, views=1, seed=0, recolour=False)
    changed = replace(asset, caption="another one")
    second = build_sprites([changed], tmp_path, views=1, seed=0, recolour=False)
    assert first.files != second.files
    (sprite,) = SpriteSet([changed], second.files).sprites
    assert sprite.thing.caption == "another one"


@pytest.mark.parametrize("damage", ["empty", "cut", "longer", "other", "index"])
def test_a_damaged_file_is_made_again(pack: Path, tmp_path: Path, damage: str) -> None:
    asset = train_assets(pack)[0]
    (path,) = build_sprites([asset], tmp_path, views=2, seed=0, recolour=False).files.values()
    whole = path.read_bytes()
    damaged = {
        "empty": b"",
        "cut": whole[:-1],
        "longer": whole + b"x",
        "other": b"x" * len(whole),
        "index": whole[:16] + b"?" + whole[17:],
    }[damage]
    path.write_bytes(damaged)
    with pytest.raises(SpriteError, match=f"^{path}: expected sprites, found "):
        SpriteSet([asset], {asset.id: path})
    build_sprites([asset], tmp_path, views=2, seed=0, recolour=False)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("place", ["pipe", "nothing"])
def test_what_is_no_file_is_told(pack: Path, tmp_path: Path, place: str) -> None:
    asset = train_assets(pack)[0]
    (path,) = build_sprites([asset], tmp_path, views=1, seed=0, recolour=False).files.values()
    path.unlink()
    if place == "pipe":
        os.mkfifo(path)
        with pytest.raises(OutputError, match=f"^{path}: expected a file, found something else$"):
            build_sprites([asset], tmp_path, views=1, seed=0, recolour=False)
    found = "No such file or directory" if place == "nothing" else "a pipe"
    with pytest.raises(SpriteError, match=f"^{path}: expected a (readable )?file, found {found}$"):
        SpriteSet([asset], {asset.id: path})


def test_sprites_in_use_outlive_their_file(pack: Path, tmp_path: Path) -> None:
    """Another command may put the same file there, or its user may delete it."""
    asset = train_assets(pack)[0]
    rendered = build_sprites([asset], tmp_path, views=2, seed=0, recolour=False)
    sprites = SpriteSet([asset], rendered.files).sprites
    (path,) = rendered.files.values()
    whole = read_sprites(path)
    path.unlink()
    write_sprites(path, [(np.zeros((2, 2, 4), np.uint8), whole[0][1])])
    for sprite, (pixels, _) in zip(sprites, whole, strict=True):
        np.testing.assert_array_equal(sprite.pixels, pixels)
        assert sprite.pixels.any()


def test_files_of_older_versions_are_named_and_not_used(pack: Path, tmp_path: Path) -> None:
    asset = train_assets(pack)[0]
    old = tuple(tmp_path / f"{asset.id}{ending}" for ending in (".bin", ".json"))
    for path in old:
        path.write_bytes(b"older")
    rendered = build_sprites([asset], tmp_path, views=2, seed=0, recolour=False)
    assert len(SpriteSet([asset], rendered.files).sprites) == 2
    assert of_older_versions([asset], tmp_path) == old
    assert [path.read_bytes() for path in old] == [b"older"] * 2


def test_a_long_id_has_a_file(pack: Path, tmp_path: Path) -> None:
    asset = replace(train_assets(pack)[0], id="ü" * 120)
    other = replace(asset, id="ü" * 119 + "u")
    rendered = build_sprites([asset, other], tmp_path, views=1, seed=0, recolour=False)
    assert len(set(rendered.files.values())) == 2


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    script = f"""
from pathlib import Path
import numpy as np
from vit_perception.output.failure import OutputError
from vit_perception.scenes.sprite_file import write_sprites
try:
    write_sprites(Path({str(disk)!r}) / "a.sprites", [(np.zeros((256, 256, 4), np.uint8), {{}})])
except OutputError as error:
    print(error)
"""
    outcome = on_small_disk(disk, "64k", "-c", script)
    full = "expected to write here, found No space left on device"
    assert outcome.stdout == f"{disk}/a.sprites: {full}\n"
    assert outcome.left == ()


def test_what_cannot_be_rendered_is_named(pack: Path, tmp_path: Path) -> None:
    good = train_assets(pack)[0]
    torn = tmp_path / "mesh.obj"
    torn.write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 2 99\n", encoding="utf-8")
    broken = replace(good, id="torn", mesh=torn)
    gone = replace(good, id="gone", texture=tmp_path / "absent.jpg")
    assets = [good, broken, gone]
    rendered = build_sprites(assets, tmp_path / "out", views=1, seed=0, recolour=False)
    assert [entry.id for entry in rendered.skipped] == ["gone", "torn"]
    assert all(entry.reason for entry in rendered.skipped)
    assert len(SpriteSet(assets, rendered.files).sprites) == 1
