# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from test.scenes.pack import write_box
from vit_perception.scenes.catalogue import Asset, load_catalogue
from vit_perception.scenes.choice import RandomChoice
from vit_perception.scenes.photometry import Noise
from vit_perception.scenes.roles import Role
from vit_perception.scenes.settings import Choice, SceneSettings
from vit_perception.scenes.surfaces import load_surfaces

pytestmark = pytest.mark.usefixtures("rendering")

MIXED = SceneSettings(views=2, distractors=2.0, hard_light=0.5)


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
            "choose": RandomChoice(assets, 3, 5),
            "surfaces": load_surfaces(pack, held_out=False),
            "seed": 5,
            "noise": Noise.from_seed(5),
            "width": 128,
            "height": 96,
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


@pytest.mark.parametrize(("arrangement", "role"), [("bin", "CONTAINER"), ("shelf", "FURNITURE")])
def test_class_maps_know_what_things_are_in(pictures, arrangement: str, role: str) -> None:
    settings = replace(MIXED, arrangements={arrangement: 1.0}, class_maps=True)
    picture = pictures(settings=settings)(0)
    shares = {each: (picture.roles == each).mean() for each in Role}
    other = Role.CONTAINER if role == "FURNITURE" else Role.FURNITURE
    assert shares[Role[role]] > 0.02
    assert shares[other] == 0
    assert (picture.roles[picture.owner >= 0] == Role.THING).all()
    assert pictures()(0).roles is None


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


def test_an_object_whose_files_are_gone_ends_the_picture_in_one_line(
    pictures, assets: tuple[Asset, ...], tmp_path: Path
) -> None:
    gone = replace(assets[0], id="gone", texture=tmp_path / "texture.jpg")
    maker = pictures(choose=lambda number, rng: Choice((gone,)))
    told = r"texture\.jpg: expected a readable file, found No such file"
    with pytest.raises(ValueError, match=told):
        maker(0)


def test_arrangements_that_break_down_are_left_without_a_word(
    pictures,
    assets: tuple[Asset, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A thing as large as the solar system makes every simulation unstable."""
    monkeypatch.chdir(tmp_path)
    write_box(tmp_path / "mesh.obj", (1e12, 1e12, 1e12), (0.25, 0.75))
    vast = replace(assets[0], id="vast", mesh=tmp_path / "mesh.obj")
    maker = pictures(
        choose=lambda number, rng: Choice((vast, vast, vast)),
        settings=replace(MIXED, arrangements={"pile": 1.0}, distractors=0.0),
    )
    with pytest.raises(ValueError, match="scene 0: expected every object to be shown well"):
        maker(0)
    assert capfd.readouterr() == ("", "")
    assert not (tmp_path / "MUJOCO_LOG.TXT").exists()
