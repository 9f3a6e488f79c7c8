# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vit_perception.scenes.catalogue import Asset, Skipped, load_catalogue
from vit_perception.scenes.photometry import Noise
from vit_perception.scenes.settings import Choice, SceneSettings
from vit_perception.scenes.surfaces import load_surfaces

pytestmark = pytest.mark.usefixtures("rendering")

MIXED = SceneSettings(views=2, distractors=2.0, hard_light=0.5)
FLAT = "v 0 0 0\nv 0.1 0 0\nv 0.1 0.1 0\nv 0 0.1 0\nvt 0 0\nf 1/1 2/1 3/1\nf 1/1 3/1 4/1\n"


@pytest.fixture(scope="module")
def assets(pack: Path) -> tuple[Asset, ...]:
    return tuple(a for a in load_catalogue(pack).parts("train") if a.mesh is not None)


@pytest.fixture
def pictures(pack: Path, assets: tuple[Asset, ...]) -> Iterator:
    """Makes TablePictures of 128 x 96 and closes them."""
    from vit_perception.scenes.table_pictures import TablePictures

    made = []

    def make(**changes: object) -> TablePictures:
        keys = {
            "assets": assets,
            "surfaces": load_surfaces(pack, held_out=False),
            "seed": 5,
            "noise": Noise.from_seed(5),
            "width": 128,
            "height": 96,
            "fewest": 3,
            "most": 5,
            "settings": MIXED,
        }
        made.append(TablePictures(**{**keys, **changes}))
        return made[-1]

    yield make
    for maker in made:
        maker.close()


def test_the_same_seed_gives_the_same_bytes_in_any_order(pictures) -> None:
    one, two = pictures(), pictures()
    forward = {index: one(index) for index in (0, 1, 2, 5)}
    for index in (5, 1, 0, 2):
        again = two(index)
        assert again.jpeg == forward[index].jpeg
        assert np.array_equal(again.owner, forward[index].owner)
        assert np.array_equal(again.depth, forward[index].depth)
    assert pictures(seed=6)(0).jpeg != forward[0].jpeg


def test_pictures_carry_depth_camera_and_poses(pictures) -> None:
    maker = pictures()
    for index in range(6):
        picture = maker(index)
        assert picture.depth.dtype == np.uint16
        assert picture.depth.shape == picture.owner.shape == (96, 128)
        assert picture.camera.name in MIXED.cameras
        assert len(picture.poses) == len(picture.labels) > 0
        for number, (label, pose) in enumerate(zip(picture.labels, picture.poses, strict=True)):
            # The middle of the box's hull, 2.5 cm over its own bottom, lies near its pixels.
            local = np.linalg.inv(picture.camera.pose) @ pose @ [0.0, 0.0, 0.025, 1.0]
            column, row = (picture.camera.intrinsics @ (local[:3] / local[2]))[:2]
            if label.visible_fraction < 0.97 or label.area < 100:
                continue
            assert picture.owner[round(row), round(column)] == number
            behind = picture.depth[round(row), round(column)] / 1000
            assert local[2] - 0.07 < behind < local[2]


def test_depth_can_be_left_out(pictures) -> None:
    assert pictures(settings=replace(MIXED, depth=False))(0).depth is None


@pytest.mark.parametrize("arrangement", ["pile", "bin", "shelf"])
def test_what_must_be_shown_is_seen_well_in_every_view(
    pictures, assets: tuple[Asset, ...], arrangement: str
) -> None:
    def choose(number: int, rng: np.random.Generator) -> Choice:
        others = tuple(assets[int(n)] for n in rng.integers(len(assets), size=4))
        return Choice((assets[0], assets[1], *others), shown=2)

    settings = replace(MIXED, arrangements={arrangement: 1.0}, views=3)
    maker = pictures(choose=choose, settings=settings)
    wanted = {assets[0].id, assets[1].id}
    for index in range(6):
        picture = maker(index)
        well = set()
        for label in picture.labels:
            x, y, width, height = label.box
            whole = x > 0 and y > 0 and x + width < 128 and y + height < 96
            if label.visible_fraction >= 0.7 and whole:
                well.add(label.thing.asset)
        assert wanted <= well


def test_a_mesh_that_mujoco_refuses_is_skipped_by_name(
    pictures, assets: tuple[Asset, ...], tmp_path: Path
) -> None:
    mesh = tmp_path / "mesh.obj"
    mesh.write_text(FLAT, encoding="utf-8")
    flat = replace(assets[0], id="flat_thing", mesh=mesh)
    giant = replace(assets[0], id="giant", size_m=(1.5, 0.1, 0.1))
    gone = replace(assets[0], id="gone", texture=tmp_path / "texture.jpg")
    told: list[Skipped] = []

    def choose(number: int, rng: np.random.Generator) -> Choice:
        return Choice((flat, giant, gone, *assets[1:]))

    maker = pictures(choose=choose, on_skip=told.append)
    for index in range(4):
        assert {label.thing.asset for label in maker(index).labels} <= {a.id for a in assets[1:]}
    assert {entry.id for entry in told} == {"flat_thing", "giant", "gone"} == set(maker.skipped)
    assert len(told) == 3
    assert maker.skipped["flat_thing"].startswith("flat_thing: expected a mesh MuJoCo takes")
    assert "\n" not in maker.skipped["flat_thing"]


def test_a_chooser_of_nothing_usable_is_told_so(pictures, assets: tuple[Asset, ...]) -> None:
    giant = replace(assets[0], id="giant", size_m=(1.5, 0.1, 0.1))
    maker = pictures(choose=lambda number, rng: Choice((giant,), shown=1))
    with pytest.raises(ValueError, match="scene 0: expected objects that can be used"):
        maker(0)
