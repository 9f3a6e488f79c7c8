# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes an asset folder of generated objects, in the schema that `load_catalogue` reads."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vit_perception.output.failure import OutputError, writing
from vit_perception.output.write import new_folder
from vit_perception.scenes.parametric.bottles import BOTTLES
from vit_perception.scenes.parametric.boxes import BOXES
from vit_perception.scenes.parametric.cans import CANS
from vit_perception.scenes.parametric.cartons import CARTONS
from vit_perception.scenes.parametric.cookware import COOKWARE
from vit_perception.scenes.parametric.crockery import CROCKERY
from vit_perception.scenes.parametric.cutlery import CUTLERY
from vit_perception.scenes.parametric.devices import DEVICES
from vit_perception.scenes.parametric.household import HOUSEHOLD
from vit_perception.scenes.parametric.jars import JARS
from vit_perception.scenes.parametric.moulded import MOULDED
from vit_perception.scenes.parametric.obj import write_obj
from vit_perception.scenes.parametric.pouches import POUCHES
from vit_perception.scenes.parametric.stationery import STATIONERY
from vit_perception.scenes.parametric.things import Kind, Thing, seen_colours, textured
from vit_perception.scenes.parametric.tools import TOOLS
from vit_perception.scenes.parametric.toys import TOYS
from vit_perception.wording import shown_path

CATEGORIES: Mapping[str, Kind] = {
    **BOXES,
    **CARTONS,
    **CANS,
    **JARS,
    **BOTTLES,
    **POUCHES,
    **CROCKERY,
    **COOKWARE,
    **CUTLERY,
    **HOUSEHOLD,
    **MOULDED,
    **TOYS,
    **STATIONERY,
    **DEVICES,
    **TOOLS,
}
"""Category -> its `Kind`; packaging first."""

JPEG_QUALITY = 92
_MATERIAL_FILE = "newmtl m\nKa 1 1 1\nKd 1 1 1\nKs 0 0 0\nmap_Kd texture.jpg\n"


def write_parametric(
    directory: Path, *, count: int, seed: int, categories: Sequence[str] | None = None
) -> int:
    """Writes `count` generated objects to `directory/objects`; same seed, same bytes.

    Categories (None: all of CATEGORIES) alternate, those with a greater weight more often; ids are
    `p_<category>_<number>`. The folder appears when it is complete. Returns how many objects were
    written.

    Raises:
        ValueError: a category that is not in CATEGORIES.
        OutputError: the folder cannot be written, or holds other objects than generated ones.
    """
    chosen = list(CATEGORIES) if categories is None else list(categories)
    unknown = [name for name in chosen if name not in CATEGORIES]
    if unknown or not chosen:
        raise ValueError(f"categories: expected names of CATEGORIES, found {unknown or 'none'}")
    objects = directory / "objects"
    _check_replaceable(objects)
    entries = []
    with new_folder(objects) as folder:
        for number, category in enumerate(_in_turn(chosen, count)):
            # Seeded by its number only, so that a longer run begins with the same objects.
            rng = np.random.default_rng([seed, number])
            key = f"p_{category.replace(' ', '_')}_{number:05d}"
            entries.append(_write_object(folder / key, category, rng))
        text = json.dumps(entries, indent=1, ensure_ascii=False)
        (folder / "meta.json").write_text(text + "\n", encoding="utf-8")
    return len(entries)


def _check_replaceable(objects: Path) -> None:
    """Refuses to replace objects that this module has not made."""
    if not objects.is_dir():
        return
    with writing(objects):
        names = sorted(path.name for path in objects.iterdir())
    others = [name for name in names if not name.startswith("p_") and name != "meta.json"]
    if others:
        raise OutputError(
            f"{shown_path(objects)}: expected generated objects to replace, "
            f"found {shown_path(others[0])}"
        )


def _in_turn(categories: Sequence[str], count: int) -> list[str]:
    """Returns the categories in turn by weight: always the one furthest behind its share."""
    weights = np.array([CATEGORIES[name].weight for name in categories])
    shares = weights / weights.sum()
    owed = np.zeros(len(shares))
    turns = []
    for _ in range(count):
        owed += shares
        first = int(owed.argmax())
        owed[first] -= 1
        turns.append(categories[first])
    return turns


def _write_object(folder: Path, category: str, rng: np.random.Generator) -> dict[str, Any]:
    kind = CATEGORIES[category]
    thing = kind.make(rng)
    mesh, texture = textured(thing)
    mesh = mesh.standing()
    folder.mkdir(exist_ok=True)
    write_obj(folder / "mesh.obj", mesh)
    (folder / "mesh.mtl").write_text(_MATERIAL_FILE, encoding="utf-8")
    buffer = io.BytesIO()
    Image.fromarray(texture).save(buffer, "JPEG", quality=JPEG_QUALITY)
    (folder / "texture.jpg").write_bytes(buffer.getvalue())
    colours = seen_colours(thing)
    has_texture = any(isinstance(surface, np.ndarray) for surface in thing.paints.surfaces)
    names = list(dict.fromkeys([category, *thing.names, *kind.names]))[:5]
    return {
        "id": folder.name,
        "category": category,
        "names": names,
        "attributes": {"colours": list(colours), "material": thing.material, "brand": None},
        "caption": _caption(category, colours, thing, rng),
        "size_m": [round(extent, 4) for extent in mesh.size()],
        "size_rule": "drawn within the usual sizes of the category",
        "faces": len(mesh.corners),
        "has_texture": has_texture,
        "texture_px": [texture.shape[1], texture.shape[0]],
        "kind": "parametric",
        "source": "vit_perception",
        "source_item": category,
        "licence": "Apache-2.0",
    }


def _caption(category: str, colours: Sequence[str], thing: Thing, rng: np.random.Generator) -> str:
    words = f"{colours[0]} {category}"
    if thing.note and rng.random() < 0.6:
        # "hammer with a red handle", not "red hammer with a red handle".
        said = f" {colours[0]} " in f" {thing.note} "
        words = f"{category if said else words} {thing.note}"
    elif len(colours) > 1 and rng.random() < 0.35:
        words = f"{colours[0]} and {colours[1]} {category}"
    words = words.replace(" a orange ", " an orange ")
    return " ".join(words.split()[:10])
