# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The objects that scenes can hold, read from an asset folder.

A folder has `objects/meta.json` with one `objects/<id>/{mesh.obj,texture.jpg}` per entry,
optionally `cutouts/meta.json` with RGBA pictures of real objects, and `split.json`. Several
folders make one catalogue.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from vit_perception.input.file import InputError
from vit_perception.input.json_file import read_json
from vit_perception.scenes.asset_files import check_mesh, read_rgb, read_rgba
from vit_perception.wording import one_line, shown, shown_path

Part = Literal["train", "val_instances", "novel"]

NATURAL_MATERIALS = frozenset(
    {"food", "fruit", "vegetable", "plastic fruit", "plant", "cardboard"}
)
"""Materials whose colour belongs to the object, so that recolouring makes the name false."""
NATURAL_NAMES = frozenset(
    {"ketchup", "mustard", "honey", "wooden", "soup", "cereal", "salad", "tea", "coffee"}
    | {"fries", "banana", "egg", "peanut"}
)


MOST_JSON_BYTES = 64 * 2**20
"""Room for some 100,000 assets."""
MOST_ID_LENGTH = 200


class CatalogueError(ValueError):
    """The folder itself cannot be used; one line gives the file and the reason."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One object: a mesh with a texture, or (`mesh` None) a cut-out photograph.

    `size_m` is the x, y, z extent in metres, z up. `texture` is the texture of a mesh, the RGBA
    picture of a cut-out. `recolourable` means plain colour patches and a name that does not
    depend on them.
    """

    id: str
    category: str
    names: tuple[str, ...]
    colours: tuple[str, ...]
    material: str
    caption: str
    size_m: tuple[float, float, float]
    has_texture: bool
    recolourable: bool
    part: Part
    mesh: Path | None
    texture: Path


@dataclass(frozen=True, slots=True)
class Skipped:
    """An entry that was left out, with the reason in one line."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All usable assets, ordered by id, and those left out."""

    assets: tuple[Asset, ...]
    skipped: tuple[Skipped, ...]
    categories: tuple[str, ...]
    """Sorted categories of the whole folders, skipped entries included: ids stay the same."""
    novel_categories: frozenset[str] = frozenset()
    """Categories that the folders' split.json keep out of training."""

    def parts(self, *parts: Part) -> tuple[Asset, ...]:
        return tuple(asset for asset in self.assets if asset.part in parts)


def load_catalogue(*roots: Path) -> Catalogue:
    """Reads the asset folders; skips entries that cannot be used, by name.

    Also skips ids that an earlier folder has. Raises CatalogueError if a meta.json is missing or
    a json file malformed.
    """
    assets: dict[str, Asset] = {}
    skipped: list[Skipped] = []
    categories: set[str] = set()
    novel: set[str] = set()
    for root in roots:
        part_of, novel_here = _split(root)
        novel |= novel_here
        for label, entry in _entries(root):
            key = _key(entry, label)
            try:
                asset = _asset(root, entry, part_of.get(key, "train"))
                if key in assets:
                    where = assets[key].texture.parent
                    raise ValueError(f"expected an id of its own, found it in {where} already")
            except KeyError as error:
                skipped.append(Skipped(shown_path(key), f"expected the key {error}, found none"))
            except (OSError, ValueError) as error:
                skipped.append(Skipped(shown_path(key), one_line(error)))
            else:
                assets[key] = asset
            if isinstance(entry, dict) and _is_text(entry.get("category")):
                categories.add(entry["category"])
    return Catalogue(
        assets=tuple(assets[key] for key in sorted(assets)),
        skipped=tuple(skipped),
        categories=tuple(sorted(categories)),
        novel_categories=frozenset(novel),
    )


def _entries(root: Path) -> list[tuple[str, Any]]:
    """Returns the entries of a folder, each with words for its place."""
    listed = []
    for folder in ("objects", "cutouts"):
        path = root / folder / "meta.json"
        if folder == "objects" or path.exists():
            entries = _read_json(path, list)
            listed += [
                (f"{shown_path(path)} entry {n}", e) for n, e in enumerate(entries, start=1)
            ]
    return listed


def _key(entry: Any, label: str) -> str:
    """Returns the id, or the cut-out's file, of an entry; its place if it has none."""
    if isinstance(entry, dict):
        for name in ("id", "file"):
            if name in entry:
                return _id(entry[name]) or shown(entry[name])
    return label


def _id(value: Any) -> str:
    """Returns an id or a file's name as text; empty for another value or a very long one."""
    key = str(value) if isinstance(value, (str, int)) else ""
    return key if len(key) <= MOST_ID_LENGTH else ""


def _read_json(path: Path, kind: type) -> Any:
    if not os.path.lexists(path):
        raise CatalogueError(f"{shown_path(path)}: expected the asset folder's file, found none")
    try:
        value = read_json(path, MOST_JSON_BYTES)
    except InputError as error:
        raise CatalogueError(str(error)) from None
    if not isinstance(value, kind):
        raise CatalogueError(
            f"{shown_path(path)}: expected a {kind.__name__}, found {type(value).__name__}"
        )
    return value


def _split(root: Path) -> tuple[Mapping[str, Part], set[str]]:
    """Returns object id or cut-out file -> part, and the novel categories.

    Without split.json, everything is for training.
    """
    path = root / "split.json"
    if not path.exists():
        return {}, set()
    split = _read_json(path, dict)
    parts: dict[str, Part] = {}
    try:
        parts.update(dict.fromkeys(_ids(split["train"]), "train"))
        parts.update(dict.fromkeys(_ids(split["val_instances"]), "val_instances"))
        parts.update(dict.fromkeys(_ids(split["novel_categories"]["objects"]), "novel"))
        cutouts = split.get("cutouts") or {"novel": []}
        parts.update(dict.fromkeys(_ids(cutouts["novel"]), "novel"))
        novel = set(_ids(split["novel_categories"]["categories"]))
    except (KeyError, TypeError) as error:
        raise CatalogueError(
            f"{shown_path(path)}: expected train, val_instances and novel_categories, "
            f"found {shown(error)}"
        ) from None
    return parts, novel


def _ids(values: Any) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TypeError(shown(values))
    return values


def _asset(root: Path, entry: Any, part: Part) -> Asset:
    """Reads one entry with its files; KeyError, OSError or ValueError give the problem."""
    if not isinstance(entry, dict):
        raise ValueError(f"expected an object, found {shown(entry)}")
    is_cutout = "file" in entry
    stated = entry["file"] if is_cutout else entry["id"]
    key = _id(stated)
    if not (key and Path(key).name == key != ".." and key.isprintable()):
        raise ValueError(f"expected a plain name, found {shown(stated)}")
    names, attributes = _texts(entry, "names"), entry.get("attributes", {})
    if not names:
        raise ValueError("names: expected at least one, found none")
    if not isinstance(attributes, dict):
        raise ValueError(f"attributes: expected an object, found {shown(attributes)}")
    colours = _texts(attributes, "colours") if "colours" in attributes else ()
    material = _text({"material": "", **attributes}, "material", may_be_empty=True)
    if is_cutout:
        mesh, texture = None, root / "cutouts" / key
        size_m, has_texture = (0.15, 0.15, 0.05), True
        read_rgba(texture)
    else:
        mesh, texture = root / "objects" / key / "mesh.obj", root / "objects" / key / "texture.jpg"
        size_m, has_texture = check_mesh(mesh), entry["has_texture"]
        read_rgb(texture)
        if not isinstance(has_texture, bool):
            raise ValueError(f"has_texture: expected true or false, found {shown(has_texture)}")
    natural = material in NATURAL_MATERIALS or any(
        word in NATURAL_NAMES for word in names[0].split()
    )
    return Asset(
        id=key,
        category=_text(entry, "category"),
        names=names,
        colours=colours,
        material=material,
        caption=_text({"caption": "", **entry}, "caption", may_be_empty=True),
        size_m=size_m,
        has_texture=has_texture,
        recolourable=not has_texture and not natural,
        part=part,
        mesh=mesh,
        texture=texture,
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _text(entry: Mapping[str, Any], key: str, *, may_be_empty: bool = False) -> str:
    value = entry[key]
    if not (_is_text(value) or (may_be_empty and value == "")):
        raise ValueError(f"{key}: expected a text, found {shown(value)}")
    return str(value)


def _texts(entry: Mapping[str, Any], key: str) -> tuple[str, ...]:
    values = entry[key]
    if not isinstance(values, list) or not all(map(_is_text, values)):
        raise ValueError(f"{key}: expected a list of texts, found {shown(values)}")
    return tuple(values)
