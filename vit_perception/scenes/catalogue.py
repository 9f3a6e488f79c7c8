# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The objects a scene can hold, read from an asset folder.

A folder has `objects/meta.json` with one `objects/<id>/{mesh.obj,texture.jpg}` an entry,
optionally `cutouts/meta.json` with RGBA pictures of real objects, and `split.json`. Several
folders make one catalogue.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

Part = Literal["train", "val_instances", "novel"]

# A tabletop thing is neither smaller than a seed nor larger than a table: outside of this a mesh
# is in the wrong unit.
SMALLEST_M, LARGEST_M = 0.002, 3.0

# Things whose colour is part of what they are, so that recolouring would make the name false.
NATURAL_MATERIALS = frozenset(
    {"food", "fruit", "vegetable", "plastic fruit", "plant", "cardboard"}
)
NATURAL_NAMES = frozenset(
    {"ketchup", "mustard", "honey", "wooden", "soup", "cereal", "salad", "tea", "coffee"}
    | {"fries", "banana", "egg", "peanut"}
)


class CatalogueError(ValueError):
    """The folder itself cannot be used; one line says which file and why."""


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
    """Every usable asset, ordered by id, and what was left out."""

    assets: tuple[Asset, ...]
    skipped: tuple[Skipped, ...]
    categories: tuple[str, ...]
    """Sorted categories of the whole folders, skipped entries included: ids stay the same."""
    novel_categories: frozenset[str] = frozenset()
    """Categories that the folders' split.json keep out of training."""

    def parts(self, *parts: Part) -> tuple[Asset, ...]:
        return tuple(asset for asset in self.assets if asset.part in parts)


def load_catalogue(*roots: Path) -> Catalogue:
    """Read the asset folders; entries that cannot be used are skipped by name.

    An id that an earlier folder has already is skipped too. Raises CatalogueError when a meta.json
    is missing or a json file malformed.
    """
    assets: dict[str, Asset] = {}
    skipped: list[Skipped] = []
    categories: set[str] = set()
    novel: set[str] = set()
    for root in roots:
        part_of, novel_here = _split(root)
        novel |= novel_here
        for entry in _entries(root):
            key = str(entry.get("id", entry.get("file", "?"))) if isinstance(entry, dict) else "?"
            try:
                asset = _asset(root, entry, part_of.get(key, "train"))
                if key in assets:
                    where = assets[key].texture.parent
                    raise ValueError(f"expected an id of its own, found it in {where} already")
            except (OSError, ValueError, KeyError, TypeError) as error:
                reason = f"missing key {error}" if isinstance(error, KeyError) else str(error)
                skipped.append(Skipped(key, reason))
            else:
                assets[key] = asset
            if isinstance(entry, dict) and isinstance(entry.get("category"), str):
                categories.add(entry["category"])
    return Catalogue(
        assets=tuple(assets[key] for key in sorted(assets)),
        skipped=tuple(skipped),
        categories=tuple(sorted(categories)),
        novel_categories=frozenset(novel),
    )


def _entries(root: Path) -> list[Any]:
    entries: list[Any] = _read_json(root / "objects" / "meta.json", list)
    cutouts = root / "cutouts" / "meta.json"
    return [*entries, *(_read_json(cutouts, list) if cutouts.exists() else ())]


def _read_json(path: Path, kind: type) -> Any:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CatalogueError(f"{path}: expected the asset folder's file, found none") from None
    except (ValueError, OSError) as error:
        raise CatalogueError(f"{path}: expected JSON, found {error}") from None
    if not isinstance(value, kind):
        raise CatalogueError(f"{path}: expected a {kind.__name__}, found {type(value).__name__}")
    return value


def _split(root: Path) -> tuple[Mapping[str, Part], set[str]]:
    """Object id or cut-out file -> part, and the novel categories.

    Without split.json everything is for training.
    """
    path = root / "split.json"
    if not path.exists():
        return {}, set()
    split = _read_json(path, dict)
    parts: dict[str, Part] = {}
    try:
        parts.update(dict.fromkeys(split["train"], "train"))
        parts.update(dict.fromkeys(split["val_instances"], "val_instances"))
        parts.update(dict.fromkeys(split["novel_categories"]["objects"], "novel"))
        parts.update(dict.fromkeys(split.get("cutouts", {}).get("novel", ()), "novel"))
        novel = {str(name) for name in split["novel_categories"]["categories"]}
    except (KeyError, TypeError) as error:
        raise CatalogueError(
            f"{path}: expected train, val_instances and novel_categories, found {error!r}"
        ) from None
    return parts, novel


def _asset(root: Path, entry: Mapping[str, Any], part: Part) -> Asset:
    is_cutout = "file" in entry
    key = str(entry["file"] if is_cutout else entry["id"])
    if not key or Path(key).name != key:
        raise ValueError(f"expected a plain name, found {key!r}")
    attributes = entry.get("attributes", {})
    material = str(attributes.get("material", ""))
    names = tuple(str(name) for name in entry["names"])
    if not names:
        raise ValueError("expected at least one name, found none")
    if is_cutout:
        mesh, texture = None, root / "cutouts" / key
        size_m, has_texture = (0.15, 0.15, 0.05), True
    else:
        mesh, texture = root / "objects" / key / "mesh.obj", root / "objects" / key / "texture.jpg"
        size_m, has_texture = _mesh_extent(mesh), bool(entry["has_texture"])
    with Image.open(texture) as picture:
        picture.verify()
    natural = material in NATURAL_MATERIALS or any(
        word in NATURAL_NAMES for word in names[0].split()
    )
    return Asset(
        id=key,
        category=str(entry["category"]),
        names=names,
        colours=tuple(str(colour) for colour in attributes.get("colours", ())),
        material=material,
        caption=str(entry.get("caption", "")),
        size_m=size_m,
        has_texture=has_texture,
        recolourable=not has_texture and not natural,
        part=part,
        mesh=mesh,
        texture=texture,
    )


def _mesh_extent(path: Path) -> tuple[float, float, float]:
    """Extent of the vertices in metres; ValueError names what is wrong with the mesh."""
    lines = path.read_bytes().splitlines()
    rows = [line.split()[1:4] for line in lines if line.startswith(b"v ")]
    try:
        vertices = np.array(rows, dtype=np.float64)
    except ValueError:
        raise ValueError(f"{path.name}: expected three numbers a vertex") from None
    if vertices.ndim != 2 or len(vertices) < 4 or not any(x.startswith(b"f ") for x in lines):
        raise ValueError(f"{path.name}: expected vertices and faces, found {len(rows)} vertices")
    if not np.isfinite(vertices).all():
        raise ValueError(f"{path.name}: expected finite vertices")
    extent = np.ptp(vertices, axis=0)
    longest = float(extent.max())
    if not SMALLEST_M <= longest <= LARGEST_M:
        raise ValueError(
            f"{path.name}: expected a longest side of {SMALLEST_M} to {LARGEST_M} m, "
            f"found {longest:.4g} m"
        )
    return float(extent[0]), float(extent[1]), float(extent[2])
