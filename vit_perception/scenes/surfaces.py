# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Textures and photographs of an asset folder, split into those for training and for tests."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from vit_perception.images.media import MediaError, read_picture
from vit_perception.input.file import InputError
from vit_perception.input.json_file import read_json
from vit_perception.scenes.catalogue import MOST_JSON_BYTES, Skipped
from vit_perception.wording import one_line, shown_path

HELD_OUT_SHARE = 0.15
# Chosen among several draws: it holds out wood, stone, cloth and prints, a studio, a square, a
# shelf and a white table. A test on three views of one city square would tell little.
HELD_OUT_DRAW = 269
TEXTURE_PX, ROOM_PX = 512, 800
"""Longest sides that are kept: as much as pictures of 416 to 640 px show of a tile or a room."""
SMALLEST_PX = 32
"""With a shorter side below, it is no surface, and cuts of it would be empty."""
PRINTED_WEIGHT = 0.35
PRINTED_KINDS = frozenset({"printed pattern", "other"})
NOT_EMPTY = frozenset({"apc_134_149053624471.jpg"})
"""Labelled as an empty bin, but a towel, soap, crayons and a dumbbell lie in it."""


class SurfaceError(ValueError):
    """The folders textures/ or backgrounds/ cannot be used; one line gives the reason."""


@dataclass(frozen=True, slots=True, eq=False)
class Texture:
    """uint8 [H,W,3] RGB, with half and quarter size, so that far tiles do not alias."""

    levels: tuple[np.ndarray, ...]
    tileable: bool
    weight: float
    """Weight of the draw: printed patterns are many in asset folders and few on tables."""


@dataclass(frozen=True, slots=True, eq=False)
class Surfaces:
    """The textures and photographs that one part of the data may use."""

    textures: tuple[Texture, ...]
    rooms: tuple[np.ndarray, ...]
    """Pictures without small objects."""
    crowded: tuple[np.ndarray, ...]
    """Pictures with unlabelled objects: only for use far out of focus."""
    skipped: tuple[Skipped, ...]

    def draw_texture(self, rng: np.random.Generator) -> Texture:
        weights = np.array([texture.weight for texture in self.textures])
        return self.textures[int(rng.choice(len(weights), p=weights / weights.sum()))]


def is_held_out(file: str) -> bool:
    """Returns whether training never uses this texture or photograph; depends on its name only."""
    digest = hashlib.sha256(f"surface {HELD_OUT_DRAW} {_place(file)}".encode()).digest()
    return int.from_bytes(digest[:4], "little") / 2**32 < HELD_OUT_SHARE


def _place(file: str) -> str:
    """Returns a name's panorama: its views (name_00.jpg, name_01.jpg) are kept together."""
    stem = Path(file).stem
    head, _, tail = stem.rpartition("_")
    return head if head and tail.isdigit() and len(tail) == 2 else stem


def load_surfaces(root: Path, *, held_out: bool) -> Surfaces:
    """Reads textures/ and backgrounds/ of the asset folder: the held-out part or the rest.

    Pictures that cannot be used are named in the result's `skipped`. Raises SurfaceError if lists
    are missing or malformed, or too little is left.
    """
    textures: list[Texture] = []
    rooms: list[np.ndarray] = []
    crowded: list[np.ndarray] = []
    skipped: list[Skipped] = []
    for entry, picture in _pictures(root / "textures", TEXTURE_PX, held_out, skipped):
        half = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        quarter = cv2.resize(half, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        weight = PRINTED_WEIGHT if entry.get("kind") in PRINTED_KINDS else 1.0
        tileable = bool(entry.get("tileable", False))
        textures.append(Texture((picture, half, quarter), tileable, weight))
    for entry, picture in _pictures(root / "backgrounds", ROOM_PX, held_out, skipped):
        objects = entry.get("contains_small_objects") or entry["file"] in NOT_EMPTY
        (crowded if objects else rooms).append(picture)
    if not textures or not rooms:
        raise SurfaceError(
            f"{shown_path(root)}: expected usable textures and backgrounds, "
            f"found {len(textures)} and {len(rooms)} "
            f"({'held out' if held_out else 'for training'})"
        )
    return Surfaces(tuple(textures), tuple(rooms), tuple(crowded), tuple(skipped))


def _pictures(
    folder: Path, longest: int, held_out: bool, skipped: list[Skipped]
) -> Iterator[tuple[dict[str, object], np.ndarray]]:
    """Yields entries of the part with their pictures; those that cannot be used join `skipped`."""
    for entry in _entries(folder / "licences.json"):
        file = str(entry["file"])
        if is_held_out(file) != held_out:
            continue
        try:
            yield entry, _read(folder, file, longest)
        except (OSError, ValueError) as error:
            skipped.append(Skipped(shown_path(f"{folder.name}/{file}"), one_line(error)))


def _entries(path: Path) -> list[dict[str, object]]:
    if not os.path.lexists(path):
        raise SurfaceError(f"{shown_path(path)}: expected the list of pictures, found none")
    try:
        value = read_json(path, MOST_JSON_BYTES)
    except InputError as error:
        raise SurfaceError(str(error)) from None
    if not isinstance(value, list) or not all(isinstance(e, dict) and "file" in e for e in value):
        raise SurfaceError(
            f"{shown_path(path)}: expected a list of objects with the key file, found others"
        )
    return value


def _read(folder: Path, file: str, longest: int) -> np.ndarray:
    """Reads a picture uint8 [H,W,3], scaled to at most `longest` px; ValueError if it is none."""
    path = folder / file
    if Path(file).is_absolute() or ".." in Path(file).parts:
        raise ValueError(f"{shown_path(path)}: expected a file of the folder, found one outside")
    try:
        picture: np.ndarray = read_picture(path).image
    except MediaError as error:
        raise ValueError(str(error)) from None
    scale = longest / max(picture.shape[:2])
    if scale < 1:
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    height, width = picture.shape[:2]
    if min(height, width) < SMALLEST_PX:
        raise ValueError(
            f"{shown_path(path)}: expected {SMALLEST_PX} px a side, found {width} x {height}"
        )
    return picture
