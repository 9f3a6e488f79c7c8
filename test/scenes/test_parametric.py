# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Generated objects: the folder's schema, same bytes, sizes, colours that are true."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vit_perception.scenes.catalogue import Catalogue, load_catalogue
from vit_perception.scenes.colours import METAL_WORDS, WORD_RANGES, nearest_word
from vit_perception.scenes.parametric import CATEGORIES, write_parametric
from vit_perception.scenes.recolour import PATCH_PX, recoloured

EVERYDAY = ("box", "can", "bottle", "cup", "jar", "carton", "bag", "tube")
COUNT = 210
"""Enough for the rarest category to have its turn."""
KEYS = {"id", "category", "names", "attributes", "caption", "size_m", "faces", "has_texture"}
KEYS |= {"kind", "source", "source_item", "licence", "texture_px", "size_rule"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """At least one object of every category, more of the packaging."""
    root = tmp_path_factory.mktemp("parametric")
    assert write_parametric(root, count=COUNT, seed=3) == COUNT
    return root


@pytest.fixture(scope="module")
def entries(folder: Path) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads((folder / "objects" / "meta.json").read_text())
    return loaded


@pytest.fixture(scope="module")
def catalogue(folder: Path) -> Catalogue:
    return load_catalogue(folder)


def test_there_are_many_categories_and_packaging_comes_more_often(
    entries: list[dict[str, Any]],
) -> None:
    assert len(CATEGORIES) >= 45
    assert {entry["category"] for entry in entries} == set(CATEGORIES)
    counts = {name: sum(e["category"] == name for e in entries) for name in CATEGORIES}
    assert counts["soda can"] > counts["washer"]
    for word in EVERYDAY:
        assert any(word in entry["names"] for entry in entries), word


def test_entries_have_the_schema_of_the_asset_folder(entries: list[dict[str, Any]]) -> None:
    assert len({entry["id"] for entry in entries}) == len(entries)
    for entry in entries:
        assert set(entry) >= KEYS
        assert entry["kind"] == "parametric" and entry["licence"] == "Apache-2.0"
        assert entry["source"] == "vit_perception" and entry["attributes"]["brand"] is None
        assert entry["names"][0] == entry["category"]
        assert 3 <= len(entry["names"]) <= 5 or len(CATEGORIES[entry["category"]].names) == 1
        assert entry["id"].startswith(f"p_{entry['category'].replace(' ', '_')}_")
        assert len(entry["caption"].split()) <= 10
        assert set(entry["attributes"]["colours"]) <= set(WORD_RANGES)
        assert entry["attributes"]["colours"][0] in entry["caption"]
        assert entry["faces"] <= 2500 and max(entry["texture_px"]) <= 512


def test_everything_loads_with_the_size_that_is_stated(
    catalogue: Catalogue, entries: list[dict[str, Any]]
) -> None:
    assert not catalogue.skipped and len(catalogue.assets) == len(entries)
    stated = {entry["id"]: entry["size_m"] for entry in entries}
    for asset in catalogue.assets:
        assert asset.size_m == pytest.approx(stated[asset.id], abs=1e-4)
        low, high = CATEGORIES[asset.category].longest_m
        assert low <= max(asset.size_m) <= high, asset.id
        with Image.open(asset.texture) as picture:
            assert max(picture.size) <= 512


def test_printed_things_have_pictures_and_plain_ones_patches(catalogue: Catalogue) -> None:
    printed = [asset for asset in catalogue.assets if asset.has_texture]
    assert len(printed) > 0.5 * len(catalogue.assets)
    rng = np.random.default_rng(0)
    changed = 0
    for asset in catalogue.assets:
        texture = np.asarray(Image.open(asset.texture))
        if asset.has_texture:
            assert len(np.unique(texture @ np.array([1, 256, 65536]))) > 50, asset.id
            continue
        assert texture.shape[0] % PATCH_PX == 0 and texture.shape[1] % PATCH_PX == 0
        changed += recoloured(asset, texture, rng).colours != asset.colours
    assert changed > 20


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    def digest(name: str, count: int, seed: int) -> dict[str, str]:
        write_parametric(tmp_path / name, count=count, seed=seed)
        root = tmp_path / name / "objects"
        return {
            str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(root.rglob("*"))
            if path.is_file()
        }

    first = digest("a", 30, 11)
    assert first == digest("b", 30, 11)
    assert first != digest("c", 30, 12)
    # A longer run begins with the same objects.
    longer = digest("d", 35, 11)
    assert {k: v for k, v in first.items() if k != "meta.json"}.items() <= longer.items()


def test_chosen_categories_only(tmp_path: Path) -> None:
    assert write_parametric(tmp_path, count=5, seed=0, categories=["mug", "soda can"]) == 5
    assert {asset.category for asset in load_catalogue(tmp_path).assets} == {"mug", "soda can"}
    with pytest.raises(ValueError, match="categories: expected names of CATEGORIES, found"):
        write_parametric(tmp_path, count=1, seed=0, categories=["unicorn"])


def test_the_main_colour_is_the_one_that_most_of_the_outside_shows(catalogue: Catalogue) -> None:
    """Of plain things in one colour: their texture is that colour and nothing else."""
    words = tuple(word for word in WORD_RANGES if word not in METAL_WORDS)
    plain = [a for a in catalogue.assets if not a.has_texture and len(a.colours) == 1]
    tried = 0
    for asset in plain:
        texture = np.asarray(Image.open(asset.texture)).astype(float)
        if texture.shape[:2] != (PATCH_PX, PATCH_PX) or asset.colours[0] in METAL_WORDS:
            continue
        r, g, b = texture.reshape(-1, 3).mean(axis=0)
        assert nearest_word((r, g, b), words) == asset.colours[0], asset.id
        tried += 1
    assert tried > 10


def test_texture_places_lie_inside_the_picture(catalogue: Catalogue) -> None:
    for asset in catalogue.assets:
        assert asset.mesh is not None
        lines = asset.mesh.read_text(encoding="utf-8").splitlines()
        places = np.array([line.split()[1:] for line in lines if line.startswith("vt ")], float)
        assert places.min() >= 0.0 and places.max() <= 1.0, asset.id
