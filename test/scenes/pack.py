# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A tiny asset folder, written by the tests themselves."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vit_perception.scenes.surfaces import is_held_out

PALETTE = {"red": (200, 20, 20), "blue": (30, 60, 190), "green": (30, 130, 40)}


def write_box(
    path: Path, size: tuple[float, float, float], corner_uv: tuple[float, float] | None
) -> None:
    """A closed box standing on z = 0; one texture point for all faces, or the whole picture."""
    x, y, z = (extent / 2 for extent in size)
    corners = [(sx * x, sy * y, z + sz * z) for sx in (-1, 1) for sy in (-1, 1) for sz in (-1, 1)]
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    uvs = [corner_uv] * 4 if corner_uv else [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
    lines = [f"v {a:.5f} {b:.5f} {c:.5f}" for a, b, c in corners]
    lines += [f"vt {u} {v}" for u, v in uvs]
    for quad in quads:
        a, b, c, d = (f"{corner + 1}/{number + 1}" for number, corner in enumerate(quad))
        lines += [f"f {a} {b} {c}", f"f {a} {c} {d}"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _entry(name: str, category: str, colour: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": name,
        "category": category,
        "names": [category, f"{category} thing"],
        "attributes": {"colours": [colour], "material": "plastic"},
        "caption": f"{colour} {category}",
        "has_texture": False,
        **changes,
    }


def write_pack(root: Path) -> Path:
    """Three boxes to train on, one new instance, one new category, and three broken entries."""
    rng = np.random.default_rng(0)
    entries = [
        _entry("crate_red", "crate", "red"),
        _entry("crate_blue", "crate", "blue"),
        _entry("brick_green", "brick", "green"),
        _entry("printed", "carton", "red", has_texture=True),
        _entry("crate_green", "crate", "green"),
        _entry("tower_red", "tower", "red"),
        _entry("bad_mesh", "wreck", "red"),
        _entry("no_texture", "ghost", "red"),
        _entry("giant", "giant", "red"),
    ]
    for entry in entries:
        folder = root / "objects" / entry["id"]
        folder.mkdir(parents=True)
        size = (0.06, 0.05, 0.3) if entry["category"] == "tower" else (0.1, 0.07, 0.05)
        if entry["id"] == "giant":
            size = (90.0, 70.0, 50.0)
        write_box(folder / "mesh.obj", size, None if entry["has_texture"] else (0.25, 0.75))
        texture = np.full((32, 32, 3), 255, np.uint8)
        texture[:16, :16] = PALETTE[entry["attributes"]["colours"][0]]
        if entry["has_texture"]:
            texture = rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)
        if entry["id"] != "no_texture":
            Image.fromarray(texture).save(folder / "texture.jpg", quality=95)
    (root / "objects" / "bad_mesh" / "mesh.obj").write_text("v 0 0\nf 1 2 3\n", encoding="utf-8")
    _write_json(root / "objects" / "meta.json", entries)
    _write_json(
        root / "split.json",
        {
            "train": ["crate_red", "crate_blue", "brick_green", "printed", "bad_mesh"],
            "val_instances": ["crate_green"],
            "novel_categories": {"categories": ["tower"], "objects": ["tower_red"]},
        },
    )
    _write_cutout(root)
    _write_pictures(root / "textures", "wood", 96, {"kind": "wood", "tileable": True})
    _write_pictures(root / "backgrounds", "room", 128, {"contains_small_objects": False})
    return root


def write_boxes(root: Path, names: Sequence[str]) -> Path:
    """A second folder with nothing but objects: boxes called `<category>_<colour>`."""
    entries = []
    for name in names:
        category, colour = name.split("_")
        folder = root / "objects" / name
        folder.mkdir(parents=True)
        write_box(folder / "mesh.obj", (0.08, 0.08, 0.08), (0.25, 0.75))
        texture = np.full((32, 32, 3), PALETTE[colour], np.uint8)
        Image.fromarray(texture).save(folder / "texture.jpg", quality=95)
        entries.append(_entry(name, category, colour))
    _write_json(root / "objects" / "meta.json", entries)
    return root


def add_split_pairs(
    pack: Path, root: Path, pairs: Sequence[tuple[str, str]], novel: Sequence[str] = ()
) -> Path:
    """A copy of the pack whose split.json lists attribute pairs and more novel categories."""
    shutil.copytree(pack, root)
    split = json.loads((root / "split.json").read_text(encoding="utf-8"))
    split["attribute_pairs"] = [{"category": "?", "a": a, "b": b} for a, b in pairs]
    split["novel_categories"]["categories"] += novel
    _write_json(root / "split.json", split)
    return root


def _write_cutout(root: Path) -> None:
    (root / "cutouts").mkdir()
    rgba = np.zeros((60, 40, 4), np.uint8)
    rgba[10:50, 5:35] = (230, 200, 20, 255)
    Image.fromarray(rgba).save(root / "cutouts" / "label.png")
    entry = {
        "file": "label.png",
        "category": "label",
        "names": ["label"],
        "attributes": {"colours": ["yellow"]},
        "caption": "yellow label",
    }
    _write_json(root / "cutouts" / "meta.json", [entry])


def _write_pictures(folder: Path, stem: str, side: int, keys: dict[str, Any]) -> None:
    """Two pictures that training may use and one it may not, whatever the names hash to."""
    folder.mkdir()
    rng = np.random.default_rng(1)
    wanted = {False: 2, True: 1}
    entries = []
    for number in range(1000):
        name = f"{stem}{number}.jpg"
        if wanted[is_held_out(name)] == 0:
            continue
        wanted[is_held_out(name)] -= 1
        picture = rng.integers(60, 200, (side, side, 3), dtype=np.uint8)
        Image.fromarray(picture).save(folder / name)
        entries.append({"file": name, **keys})
        if not any(wanted.values()):
            break
    _write_json(folder / "licences.json", entries)


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")
