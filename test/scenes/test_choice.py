# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from test.scenes.pack import add_split_pairs
from vit_perception.scenes.catalogue import Asset, CatalogueError, load_catalogue
from vit_perception.scenes.choice import (
    CoveringChoice,
    PairChoice,
    RandomChoice,
    load_pairs,
)


def meshes(root: Path) -> tuple[Asset, ...]:
    return tuple(asset for asset in load_catalogue(root).assets if asset.mesh is not None)


@pytest.fixture(scope="module")
def assets(pack: Path) -> tuple[Asset, ...]:
    return meshes(pack)


def copies(asset: Asset, count: int, **changes: object) -> tuple[Asset, ...]:
    return tuple(
        replace(asset, id=f"{asset.id}_{number}", **changes)  # type: ignore[arg-type]
        for number in range(count)
    )


def test_every_object_has_its_turn(assets: tuple[Asset, ...]) -> None:
    """40 objects, 3 to 9 a scene: two passes take at least 9 and at most 27 scenes."""
    many = copies(assets[0], 40)
    choose = CoveringChoice(many, 3, 9, seed=7)
    drawn: list[str] = []
    number = 0
    while len(drawn) < 80:
        scene = choose(number, np.random.default_rng(0)).assets
        assert 3 <= len(scene) <= 9
        drawn += [asset.id for asset in scene]
        number += 1
    assert set(Counter(drawn[:40]).values()) == {1}
    assert set(Counter(drawn[:80]).values()) == {2}
    assert drawn[:40] != drawn[40:80]
    # Scene 5 is the same whether or not the earlier ones were asked for.
    again = CoveringChoice(many, 3, 9, seed=7)
    assert again(5, np.random.default_rng(1)) == choose(5, np.random.default_rng(2))


def test_rare_categories_are_drawn_and_packaging_is_drawn_more(assets: tuple[Asset, ...]) -> None:
    crowd = (
        *copies(assets[0], 16, category="cereal box"),
        *copies(assets[1], 16, category="toy"),
        *copies(assets[2], 1, category="whisk", recolourable=False),
    )
    rng = np.random.default_rng(0)
    choose = RandomChoice(crowd, 1, 5)
    scenes = [choose(number, rng).assets for number in range(2000)]
    assert {len(scene) for scene in scenes} == {1, 2, 3, 4, 5}
    counts = Counter(asset.category for scene in scenes for asset in scene)
    share = {name: count / counts.total() for name, count in counts.items()}
    # 8 : 4 : 1 by weight; scenes with several of a kind lift the two others evenly.
    assert share["cereal box"] == pytest.approx(0.61, abs=0.06)
    assert 0.04 < share["whisk"] < 0.1
    several = sum(
        len(scene) >= 2 and len({a.category for a in scene[:2]}) == 1 for scene in scenes
    )
    assert several / len(scenes) > 0.3


def test_favoured_words_are_drawn_more(assets: tuple[Asset, ...]) -> None:
    crowd = (
        *copies(assets[0], 4, category="toy", recolourable=False),
        *copies(assets[1], 1, category="wooden spoon", recolourable=False),
        *copies(assets[2], 1, category="spoon", recolourable=False),
    )
    shares = []
    for favoured in ({}, {"spoon": 4.0}, {"toy": 0.001}):
        rng = np.random.default_rng(0)
        choose = RandomChoice(crowd, 1, 1, favoured)
        counts = Counter(choose(n, rng).assets[0].category for n in range(2000))
        shares.append([counts[name] / 2000 for name in ("toy", "wooden spoon", "spoon")])
    # By weight 2 : 1 : 1, then 2 : 4 : 4, then nearly 0 : 1 : 1.
    expected = [[0.5, 0.25, 0.25], [0.2, 0.4, 0.4], [0, 0.5, 0.5]]
    np.testing.assert_allclose(shares, expected, atol=0.04)
    with pytest.raises(CatalogueError, match="favoured: expected last words .* found 'wooden'"):
        RandomChoice(crowd, 1, 1, {"spoon": 1.0, "wooden": 2.0})


def test_pairs_come_from_the_split_with_what_tells_them_apart(pack: Path, tmp_path: Path) -> None:
    listed = [
        ("crate_red", "crate_green"),
        ("crate_blue", "crate_red"),
        ("tower_red", "ghost"),
        ("printed", "twin"),
        ("printed", "paper"),
    ]
    root = add_split_pairs(pack, tmp_path / "assets", listed)
    by_id = {asset.id: asset for asset in load_catalogue(root).assets}
    by_id["twin"] = replace(by_id["printed"], id="twin")
    by_id["paper"] = replace(by_id["printed"], id="paper", material="paper")
    pairs, unasked = load_pairs([root], by_id)
    # ghost cannot be read, twin differs in nothing.
    assert unasked == 2
    assert [pair.phrases for pair in pairs] == [
        ("blue crate", "red crate"),
        ("red crate", "green crate"),
        ("plastic carton", "paper carton"),
    ]
    assert [pair.part for pair in pairs] == ["train", "unseen", "train"]


def test_the_company_of_a_pair_shares_no_name_with_it(pack: Path, tmp_path: Path) -> None:
    listed = [("crate_blue", "crate_red"), ("crate_green", "crate_red")]
    root = add_split_pairs(pack, tmp_path / "assets", listed)
    assets = meshes(root)
    pairs, _ = load_pairs([root], {asset.id: asset for asset in assets})
    choose = PairChoice(assets, pairs)
    rng = np.random.default_rng(0)
    sizes = set()
    for number in range(40):
        choice = choose(number, rng)
        assert choice.shown == 2
        assert tuple(asset.id for asset in choice.assets[:2]) == listed[number % 2]
        company = choice.assets[2:]
        assert {asset.category for asset in company} <= {"brick", "carton", "tower"}
        assert len({asset.id for asset in company}) == len(company)
        sizes.add(len(company))
    assert sizes == {0, 1, 2, 3}


def test_a_folder_without_pairs_is_refused(pack: Path, tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"split\.json: expected attribute_pairs, found"):
        load_pairs([pack], {})
    with pytest.raises(CatalogueError, match=r"expected split\.json"):
        load_pairs([tmp_path], {})
