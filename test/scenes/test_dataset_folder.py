# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What a data set's folder may hold when a run begins."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from test.refusals import refusal_of as refusal
from test.scenes.folders import contents
from vit_perception.output import lock
from vit_perception.output.failure import OutputError
from vit_perception.output.lock import sole_writer_in
from vit_perception.scenes import dataset
from vit_perception.scenes.chunks import labels_file
from vit_perception.scenes.dataset import DatasetError, write_dataset
from vit_perception.scenes.recipe import Recipe

pytestmark = pytest.mark.usefixtures("rendering")

SMALL = Recipe(count=65, seed=1, width=64, height=64, most=4, views=2)


@pytest.fixture(scope="module")
def whole(pack: Path, tmp_path_factory: pytest.TempPathFactory, rendering: None) -> Path:
    directory = tmp_path_factory.mktemp("whole")
    write_dataset(pack, directory, SMALL)
    return directory


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "out"))


@pytest.fixture(scope="module")
def chunks(pack: Path, tmp_path_factory: pytest.TempPathFactory, rendering: None) -> Path:
    """A folder whose run ended before it joined the chunks."""
    directory = tmp_path_factory.mktemp("chunks")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(InterruptedError):
        patch.setattr(dataset, "join", _interrupted)
        write_dataset(pack, directory, SMALL)
    assert sorted(path.name for path in (directory / "labels").iterdir()) == [
        "0000000.json", "0000060.json",
    ]  # fmt: skip
    return directory


def _interrupted(*_: object) -> None:
    raise InterruptedError


@pytest.mark.parametrize("content", [b"", b'{"format": 2, "cou', b"\xff\x00", b"[" * 100_000])
def test_a_damaged_recipe_of_a_run_that_made_nothing_is_written_anew(
    pack: Path, whole: Path, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "recipe.json").write_bytes(content)
    write_dataset(pack, tmp_path, SMALL)
    assert contents(tmp_path) == contents(whole)


@pytest.mark.parametrize("content", [b"", b'{"format": 2, "cou'])
def test_a_damaged_recipe_beside_pictures_is_told(pack: Path, copy: Path, content: bytes) -> None:
    (copy / "recipe.json").write_bytes(content)
    before = contents(copy)
    line = refusal(DatasetError, lambda: write_dataset(pack, copy, SMALL))
    assert line.startswith(f"{copy}/recipe.json: expected JSON, found ")
    assert line.endswith(f"; its pictures are of an unknown recipe: delete {copy}")
    assert contents(copy) == before


@pytest.mark.parametrize("name", ["recipe.json", "labels/0000000.json", "images/0000003.jpg"])
def test_a_pipe_in_the_place_of_a_file_is_told(
    pack: Path, chunks: Path, tmp_path: Path, name: str
) -> None:
    out = Path(shutil.copytree(chunks, tmp_path / "out"))
    if name == "recipe.json":
        out = tmp_path / "new"
        out.mkdir()
    (out / name).unlink(missing_ok=True)
    os.mkfifo(out / name)
    assert refusal(OutputError, lambda: write_dataset(pack, out, SMALL)) == (
        f"{out / name}: expected a file, found something else"
    )


@pytest.mark.parametrize("name", ["images", "labels", "annotations.json"])
def test_a_folder_of_another_origin_is_left_alone(pack: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    assert refusal(DatasetError, lambda: write_dataset(pack, tmp_path, SMALL)) == (
        f"{tmp_path}: expected a new folder, or recipe.json of a data set there, "
        f"found {name} alone"
    )
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_keys_that_only_the_folder_has_are_named(pack: Path, copy: Path) -> None:
    recipe = json.loads((copy / "recipe.json").read_text(encoding="utf-8"))
    (copy / "recipe.json").write_text(json.dumps({**recipe, "later": 1}), encoding="utf-8")
    line = refusal(DatasetError, lambda: write_dataset(pack, copy, SMALL))
    assert line == f"{copy}/recipe.json: expected the recipe asked for, found another later"


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _of_another_chunk(path: Path) -> None:
    path.write_bytes(labels_file(path.parents[1], 60).read_bytes())


def _without_a_picture(path: Path) -> None:
    (path.parents[1] / "images" / "0000007.jpg").unlink()


def _with_an_empty_picture(path: Path) -> None:
    (path.parents[1] / "images" / "0000007.jpg").write_bytes(b"")


def _other_values(path: Path) -> None:
    path.write_text('[1, {"index": 2}]', encoding="utf-8")


@pytest.mark.parametrize(
    "damage",
    [
        _cut, _empty, _of_another_chunk, _without_a_picture, _with_an_empty_picture, _other_values,
    ],
)  # fmt: skip
def test_a_damaged_chunk_is_made_again(
    pack: Path, whole: Path, chunks: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    out = Path(shutil.copytree(chunks, tmp_path / "out"))
    damage(labels_file(out, 0))
    (out / "labels" / "0000120.json.part").write_text("[{", encoding="utf-8")
    result = write_dataset(pack, out, SMALL)
    assert (result.pictures, result.made) == (65, 60)
    assert contents(out) == contents(whole)


def test_labels_that_a_finished_run_left_are_removed(
    pack: Path, whole: Path, copy: Path, chunks: Path
) -> None:
    shutil.copytree(chunks / "labels", copy / "labels")
    (copy / "labels" / ".0000000.json.0123abcd.partial.json").write_text("[", encoding="utf-8")
    assert write_dataset(pack, copy, SMALL).made == 0
    assert contents(copy) == contents(whole)


@pytest.mark.parametrize("content", [None, b"", b"[]", b'{"images": [{}]}'])
def test_damaged_annotations_are_told_and_can_be_made_again(
    pack: Path, whole: Path, copy: Path, content: bytes | None
) -> None:
    path = copy / "annotations.json"
    path.write_bytes(path.read_bytes()[:-100] if content is None else content)
    line = refusal(DatasetError, lambda: write_dataset(pack, copy, SMALL))
    assert line.startswith(f"{path}: expected ")
    assert line.endswith(f"; delete {path}, and the same command makes the pictures again")
    path.unlink()
    assert write_dataset(pack, copy, SMALL).made == 65
    assert contents(copy) == contents(whole)


def test_a_finished_data_set_without_a_picture_is_told(pack: Path, copy: Path) -> None:
    (copy / "images" / "0000007.jpg").unlink()
    line = refusal(DatasetError, lambda: write_dataset(pack, copy, SMALL))
    assert line.startswith(f"{copy}/images/0000007.jpg: expected a picture, found none; delete ")


def test_a_finished_data_set_needs_no_sprites(pack: Path, copy: Path) -> None:
    shutil.rmtree(copy / "sprites")
    result = write_dataset(pack, copy, SMALL)
    assert (result.pictures, result.made) == (65, 0)
    assert not (copy / "sprites").exists()


def test_a_second_run_in_the_folder_is_refused(
    pack: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "PATIENCE", 0.0)
    with sole_writer_in(copy):
        line = refusal(OutputError, lambda: write_dataset(pack, copy, SMALL))
    assert line.startswith(f"{copy}: expected one writer, found process ")


def test_train_and_test_share_sprites(pack: Path, whole: Path, tmp_path: Path) -> None:
    """In turn: each has the pictures that it would have alone, in every order."""
    sprites = tmp_path / "sprites"
    test = replace(SMALL, part="test", count=5)
    write_dataset(pack, tmp_path / "alone", test)
    for name in ("first", "again"):
        write_dataset(pack, tmp_path / name / "test", test, sprites=sprites)
        write_dataset(pack, tmp_path / name / "train", SMALL, sprites=sprites)
        for part, alone in (("train", whole), ("test", tmp_path / "alone")):
            expected = {k: v for k, v in contents(alone).items() if not k.startswith("sprites/")}
            assert contents(tmp_path / name / part) == expected
