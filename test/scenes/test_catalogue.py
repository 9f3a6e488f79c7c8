# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

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


def _spoil(root: Path, spoilt: Callable[[str], str]) -> None:
    mesh = root / "objects" / "crate_red" / "mesh.obj"
    mesh.write_text(spoilt(mesh.read_text(encoding="utf-8")), encoding="utf-8")


def _link(path: Path, target: str) -> None:
    path.unlink()
    path.symlink_to(target)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _vast_png() -> bytes:
    """60000 x 60000 px says the header, and no pixels follow."""
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "vertex not a number": (
        lambda root: _spoil(root, lambda text: text.replace("v -0.05000", "v nan", 1)),
        "mesh.obj: expected finite numbers after v, found others",
    ),
    "texture place not a number": (
        lambda root: _spoil(root, lambda text: text.replace("vt 0.25", "vt inf", 1)),
        "mesh.obj: expected finite numbers after vt, found others",
    ),
    "texture place cut short": (
        lambda root: _spoil(root, lambda text: text.replace("vt 0.25 0.75", "vt 0.25", 1)),
        "mesh.obj: expected 2 numbers after vt, found other words",
    ),
    "no face": (
        lambda root: _spoil(root, lambda text: text.replace("f ", "l ")),
        "mesh.obj: expected vertices and faces, found 8 vertices and no face",
    ),
    "indented vertex not a number": (
        lambda root: _spoil(root, lambda text: text.replace("v -0.05000", "  v nan", 1)),
        "mesh.obj: expected finite numbers after v, found others",
    ),
    "a corner that is not there": (
        lambda root: _spoil(root, lambda text: text + "f 1/1 2/1 99/1\n"),
        "mesh.obj: expected faces of the 8 v in the file, found 99",
    ),
    "a corner before the first": (
        lambda root: _spoil(root, lambda text: text + "\tf -9/1 2/1 3/1\n"),
        "mesh.obj: expected faces of the 8 v in the file, found -9",
    ),
    "corner 0": (
        lambda root: _spoil(root, lambda text: text + "f 0/1 2/1 3/1\n"),
        "mesh.obj: expected faces of the 8 v in the file, found 0",
    ),
    "a texture place that is not there": (
        lambda root: _spoil(root, lambda text: text + "f 1/9 2/1 3/1\n"),
        "mesh.obj: expected faces of the 4 vt in the file, found 9",
    ),
    "a normal that is not there": (
        lambda root: _spoil(root, lambda text: text + "f 1//1 2//1 3//1\n"),
        "mesh.obj: expected faces of the 0 vn in the file, found 1",
    ),
    "a number that wraps around": (
        lambda root: _spoil(root, lambda text: text + f"f 1 2 {2**32 + 1}\n"),
        "mesh.obj: expected faces of 3 to 100 corners, found 'f 1 2 4294967297'",
    ),
    "a face of two corners": (
        lambda root: _spoil(root, lambda text: text + "f 1/1 2/1\n"),
        "mesh.obj: expected faces of 3 to 100 corners, found 'f 1/1 2/1'",
    ),
    "a face of a thousand corners": (
        lambda root: _spoil(root, lambda text: text + "f" + " 1/1" * 1000 + "\n"),
        "mesh.obj: expected faces of 3 to 100 corners, found 'f 1/1 1/1",
    ),
    "more faces than a picture shows": (
        lambda root: _spoil(root, lambda text: text + "f 1 2 3\n" * 300_000),
        "mesh.obj: expected at most 300000 faces, found more",
    ),
    "more vertices than a picture shows": (
        lambda root: _spoil(root, lambda text: "v 0 0 0\n" * 300_000 + text),
        "mesh.obj: expected at most 300000 v, found 300008",
    ),
    "a pipe": (
        lambda root: _pipe(root / "objects" / "crate_red" / "texture.jpg"),
        "texture.jpg: expected a file, found a pipe",
    ),
    "a texture that a program would draw": (
        lambda root: (root / "objects" / "crate_red" / "texture.jpg").write_bytes(
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
        ),
        "texture.jpg: expected a picture, found other bytes",
    ),
    "far from its origin": (
        lambda root: _spoil(root, lambda text: re.sub(r"(?m)^v -?0", "v 7", text)),
        "mesh.obj: expected the origin in the middle of the bottom, found it 7.05 m away",
    ),
    "a device": (
        lambda root: _link(root / "objects" / "crate_red" / "mesh.obj", "/dev/zero"),
        "mesh.obj: expected a file, found a device",
    ),
    "a link to nothing": (
        lambda root: _link(root / "objects" / "crate_red" / "texture.jpg", "nowhere"),
        "texture.jpg: expected a readable file, found No such file",
    ),
    "longer than any tabletop mesh": (
        lambda root: os.truncate(root / "objects" / "crate_red" / "mesh.obj", 33 * 2**20),
        "mesh.obj: expected at most 33554432 bytes, found more",
    ),
    "a texture cut off": (
        lambda root: os.truncate(root / "objects" / "crate_red" / "texture.jpg", 400),
        "texture.jpg: expected a picture, found",
    ),
    "a texture of text": (
        lambda root: (root / "objects" / "crate_red" / "texture.jpg").write_text("red"),
        "texture.jpg: expected a picture, found other bytes",
    ),
    "a texture that fills the memory": (
        lambda root: (root / "objects" / "crate_red" / "texture.jpg").write_bytes(_vast_png()),
        "texture.jpg: expected at most 4096 px a side, found Image size (3600000000 pixels)",
    ),
    "a wide texture": (
        lambda root: Image.new("RGB", (5000, 8)).save(
            root / "objects" / "crate_red" / "texture.jpg"
        ),
        "texture.jpg: expected at most 4096 px a side, found 5000 x 8",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_files_from_anybody_are_refused_in_one_line_and_the_rest_is_kept(
    name: str, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    root = write_pack(tmp_path / "assets")
    spoil, reason = FILES[name]
    spoil(root)
    catalogue = load_catalogue(root)
    reasons = {entry.id: entry.reason for entry in catalogue.skipped}
    assert f"{root}/objects/crate_red/{reason}" in reasons["crate_red"]
    assert "\n" not in reasons["crate_red"]
    assert {"crate_blue", "printed"} <= {asset.id for asset in catalogue.assets}
    assert not recwarn.list


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": ".."}, "expected a plain name, found '..'"),
        ({"id": "../../etc"}, "expected a plain name, found '../../etc'"),
        ({"id": "\x1b[31m"}, "expected a plain name"),
        ({"names": "mug"}, "names: expected a list of texts, found 'mug'"),
        ({"names": []}, "names: expected at least one, found none"),
        ({"category": 5}, "category: expected a text, found 5"),
        ({"category": " "}, "category: expected a text, found ' '"),
        ({"attributes": None}, "attributes: expected an object, found None"),
        ({"attributes": {"colours": "red"}}, "colours: expected a list of texts, found 'red'"),
        ({"attributes": {"material": ["wood"]}}, "material: expected a text, found ['wood']"),
        ({"has_texture": "no"}, "has_texture: expected true or false, found 'no'"),
        ({"caption": 7}, "caption: expected a text, found 7"),
    ],
)
def test_entries_of_another_form_are_refused_in_one_line(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    root = write_pack(tmp_path / "assets")
    meta = root / "objects" / "meta.json"
    entries = json.loads(meta.read_text(encoding="utf-8"))
    entries[0] |= changes
    meta.write_text(json.dumps([*entries, 5, "box", {"category": "box"}]), encoding="utf-8")
    skipped = {entry.id: entry.reason for entry in load_catalogue(root).skipped}
    found = [text for text in skipped.values() if reason in text]
    assert len(found) == 1
    assert all(text.isprintable() for text in (*skipped, *skipped.values()))
    assert skipped[f"{meta} entry 10"] == "expected an object, found 5"
    assert skipped[f"{meta} entry 12"] == "expected the key 'id', found none"


def test_nested_json_is_refused_like_any_other(tmp_path: Path) -> None:
    root = write_pack(tmp_path / "assets")
    (root / "split.json").write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"split\.json: expected JSON"):
        load_catalogue(root)


@pytest.mark.parametrize(
    "changes",
    [
        {"cutouts": ["a.png"]},
        {"train": "crate_red"},
        {"val_instances": [["crate_red"]]},
        {"novel_categories": {"categories": [3], "objects": []}},
        {"novel_categories": None},
    ],
)
def test_a_split_of_another_form_is_refused_in_one_line(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    root = write_pack(tmp_path / "assets")
    split = json.loads((root / "split.json").read_text(encoding="utf-8"))
    (root / "split.json").write_text(json.dumps(split | changes), encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"split\.json: expected train, ") as refused:
        load_catalogue(root)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("key", ["x" * 10**6, "../crate_red", "/etc", "a\0b", {"a": 1}, "..", ""])
def test_an_id_that_is_no_plain_name_is_refused_in_a_short_line(
    tmp_path: Path, key: object
) -> None:
    root = write_pack(tmp_path / "assets")
    meta = root / "objects" / "meta.json"
    entries = json.loads(meta.read_text(encoding="utf-8"))
    meta.write_text(json.dumps([entries[0] | {"id": key}]), encoding="utf-8")
    (skipped,) = load_catalogue(root).skipped[:1]
    assert skipped.reason.startswith("expected a plain name, found")
    assert max(len(skipped.id), len(skipped.reason)) < 300
