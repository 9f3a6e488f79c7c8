# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import pytest

from test.scenes.pack import write_boxes, write_pack
from vit_perception.scenes.catalogue import CatalogueError, load_catalogue


def test_bad_entries_are_named_and_the_rest_is_kept(pack: Path) -> None:
    catalogue = load_catalogue(pack)
    assert {entry.id for entry in catalogue.skipped} == {"bad_mesh", "no_texture", "giant"}
    reasons = {entry.id: entry.reason for entry in catalogue.skipped}
    assert "mesh.obj" in reasons["bad_mesh"]
    assert "texture.jpg" in reasons["no_texture"]
    assert "90 m" in reasons["giant"]
    assert [asset.id for asset in catalogue.parts("train")] == [
        "brick_green",
        "crate_blue",
        "crate_red",
        "label.png",
        "printed",
    ]
    assert [asset.id for asset in catalogue.parts("novel")] == ["tower_red"]


def test_sizes_come_from_the_mesh(pack: Path) -> None:
    by_id = {asset.id: asset for asset in load_catalogue(pack).assets}
    assert by_id["crate_red"].size_m == pytest.approx((0.1, 0.07, 0.05))


def test_categories_of_skipped_entries_keep_their_place(pack: Path) -> None:
    names = load_catalogue(pack).categories
    assert names == tuple(sorted(names))
    assert {"giant", "ghost", "wreck", "label"} <= set(names)


def test_only_plain_colours_are_recolourable(pack: Path) -> None:
    by_id = {asset.id: asset for asset in load_catalogue(pack).assets}
    assert by_id["crate_red"].recolourable
    assert not by_id["printed"].recolourable
    assert not by_id["label.png"].recolourable


def test_a_name_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    root = write_pack(tmp_path / "assets")
    meta = root / "objects" / "meta.json"
    entries = json.loads(meta.read_text(encoding="utf-8"))
    entries[0]["id"] = "../crate_red"
    meta.write_text(json.dumps(entries), encoding="utf-8")
    assert "../crate_red" in {entry.id for entry in load_catalogue(root).skipped}


def test_folders_are_merged_and_a_second_object_of_one_id_is_skipped(
    pack: Path, tmp_path: Path
) -> None:
    """A folder of objects alone needs neither split nor cut-outs; the first of two ids stays."""
    more = write_boxes(tmp_path / "more", ["disc_red", "crate_red"])
    alone, both = load_catalogue(pack), load_catalogue(pack, more)
    assert {asset.id for asset in both.assets} - {asset.id for asset in alone.assets} == {
        "disc_red"
    }
    assert [asset.id for asset in both.assets] == sorted(asset.id for asset in both.assets)
    assert set(both.categories) == {*alone.categories, "disc"}
    (skipped,) = set(both.skipped) - set(alone.skipped)
    assert skipped.id == "crate_red"
    assert str(pack) in skipped.reason
    by_id = {asset.id: asset for asset in both.assets}
    assert by_id["crate_red"].mesh == pack / "objects" / "crate_red" / "mesh.obj"
    assert by_id["disc_red"].part == "train"
    assert both.novel_categories == {"tower"}


@pytest.mark.parametrize("text", ["", "{}", "[1"])
def test_a_broken_meta_file_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    root = write_pack(tmp_path / "assets")
    (root / "objects" / "meta.json").write_text(text, encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"meta\.json: expected") as refused:
        load_catalogue(root)
    assert "\n" not in str(refused.value)
