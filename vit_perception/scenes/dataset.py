# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Data sets on disk: DIR/images/*.jpg, DIR/annotations.json (COCO), DIR/recipe.json.

Pictures are made in chunks by parallel workers. A finished chunk leaves its labels in
DIR/labels/, so that an interrupted run goes on where it stopped; the chunks are joined and
removed at the end.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

import cv2

from vit_perception.scenes import coco
from vit_perception.scenes.catalogue import Asset, Catalogue, Skipped, load_catalogue
from vit_perception.scenes.compose import Composer, Composition
from vit_perception.scenes.labels import Picture
from vit_perception.scenes.layout import Shelf
from vit_perception.scenes.photometry import Noise
from vit_perception.scenes.sprites import SpriteSet, build_sprites
from vit_perception.scenes.surfaces import load_surfaces

CHUNK = 120
"""Pictures a job; a multiple of the views a rendered scene has."""
FORMAT = 1

Progress = Callable[[str, int, int], None]


class DatasetError(ValueError):
    """The output folder or the settings cannot be used; one line says why."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides the bytes of a data set, besides the asset folder.

    Part `train`: training objects, recoloured where they may be, on training surfaces. Part
    `test`: every object of the folder as it is, on surfaces that training never uses.
    """

    count: int
    seed: int
    part: Literal["train", "test"] = "train"
    width: int = 416
    height: int = 416
    fewest: int = 1
    most: int = 25
    views: int = 120
    sprite_seed: int = 0
    kind: Literal["composed", "table"] = "composed"
    """Cut-outs on backgrounds, or whole tables rendered in 3-D."""
    first: int = 0
    """Index of the first picture, so that a second folder can go on where the first ended."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a run left on disk."""

    pictures: int
    annotations: int
    skipped: tuple[Skipped, ...]


def write_dataset(
    assets: Path,
    directory: Path,
    recipe: Recipe,
    *,
    sprites: Path | None = None,
    workers: int = 1,
    on_progress: Progress | None = None,
) -> Written:
    """Make the data set in `directory`, or finish an interrupted one with the same recipe.

    `sprites` is where rendered objects are kept (default DIR/sprites); several data sets may
    share it. Raises DatasetError, CatalogueError or SurfaceError.
    """
    _check_recipe(directory, recipe)
    catalogue = load_catalogue(assets)
    chosen = _assets_of(catalogue, recipe)
    if not chosen:
        raise DatasetError(f"{assets}: expected objects for part {recipe.part}, found none")
    sprite_folder = sprites if sprites is not None else directory / "sprites"
    unrendered: tuple[Skipped, ...] = ()
    if recipe.kind == "composed":
        unrendered = build_sprites(
            chosen,
            sprite_folder,
            views=recipe.views,
            seed=recipe.sprite_seed + (0 if recipe.part == "train" else 1_000_003),
            recolour=recipe.part == "train",
            workers=workers,
            on_progress=_named(on_progress, "objects"),
        )
    (directory / "images").mkdir(parents=True, exist_ok=True)
    (directory / "labels").mkdir(exist_ok=True)
    _compose(assets, directory, recipe, sprite_folder, workers, on_progress)
    pictures, annotations = _join(directory, recipe, catalogue)
    return Written(pictures, annotations, (*catalogue.skipped, *unrendered))


def _check_recipe(directory: Path, recipe: Recipe) -> None:
    """A folder holds one recipe: going on with another would mix data sets."""
    path = directory / "recipe.json"
    wanted = {"format": FORMAT, **asdict(recipe)}
    if path.exists():
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise DatasetError(f"{path}: expected JSON, found {error}") from None
        if found != wanted:
            different = sorted(
                key
                for key in wanted
                if not isinstance(found, dict) or found.get(key) != wanted[key]
            )
            raise DatasetError(
                f"{path}: expected the recipe asked for, found another {', '.join(different)}"
            )
        return
    directory.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")


def _assets_of(catalogue: Catalogue, recipe: Recipe) -> tuple[Asset, ...]:
    if recipe.part == "train":
        return catalogue.parts("train")
    # Cut-outs have one view only, the one training has seen.
    return tuple(
        asset for asset in catalogue.assets if asset.mesh is not None or asset.part != "train"
    )


def _named(on_progress: Progress | None, what: str) -> Callable[[int, int], None] | None:
    if on_progress is None:
        return None
    return lambda done, total: on_progress(what, done, total)


def _compose(
    assets: Path,
    directory: Path,
    recipe: Recipe,
    sprites: Path,
    workers: int,
    on_progress: Progress | None,
) -> None:
    starts = range(recipe.first, recipe.first + recipe.count, CHUNK)
    missing = [start for start in starts if not _labels_file(directory, start).exists()]
    if (directory / "annotations.json").exists():
        missing = []
    done = recipe.count - sum(min(CHUNK, recipe.first + recipe.count - s) for s in missing)
    for pictures in _chunks(missing, (assets, directory, recipe, sprites), workers):
        done += pictures
        if on_progress:
            on_progress("pictures", done, recipe.count)


def _chunks(
    starts: list[int], setting: tuple[Path, Path, Recipe, Path], workers: int
) -> Iterator[int]:
    """Make the chunks; yields the number of pictures of each as it is done."""
    if not starts:
        return
    if workers <= 1:
        _start_worker(*setting)
        try:
            yield from map(_compose_chunk, starts)
        finally:
            # An OpenGL context left to the interpreter's end cannot be freed any more.
            _worker.clear()
        return
    with ProcessPoolExecutor(
        workers,
        mp_context=get_context("spawn"),
        initializer=_start_worker,
        initargs=setting,
    ) as pool:
        for job in as_completed([pool.submit(_compose_chunk, start) for start in starts]):
            yield job.result()


def _labels_file(directory: Path, start: int) -> Path:
    return directory / "labels" / f"{start:07d}.json"


@dataclass(frozen=True, slots=True)
class _Worker:
    directory: Path
    recipe: Recipe
    draw: Callable[[int], Picture]
    category_ids: dict[str, int]


_worker: list[_Worker] = []


def _start_worker(assets: Path, directory: Path, recipe: Recipe, sprites: Path) -> None:
    """Load what every picture needs, once a process."""
    cv2.setNumThreads(1)
    catalogue = load_catalogue(assets)
    draw = _table(assets, recipe) if recipe.kind == "table" else _composer(assets, recipe, sprites)
    ids = {entry["name"]: entry["id"] for entry in coco.categories(catalogue.categories)}
    _worker[:] = [_Worker(directory, recipe, draw, ids)]


def _composer(assets: Path, recipe: Recipe, sprites: Path) -> Composer:
    chosen = _assets_of(load_catalogue(assets), recipe)
    return Composer(
        shelf=Shelf(SpriteSet(sprites, chosen).sprites),
        surfaces=load_surfaces(assets, held_out=recipe.part == "test"),
        settings=Composition(recipe.width, recipe.height, recipe.fewest, recipe.most),
        seed=recipe.seed,
        noise=Noise.from_seed(recipe.seed),
    )


def _table(assets: Path, recipe: Recipe) -> Callable[[int], Picture]:
    # Not at the top: composing from finished sprites needs no MuJoCo.
    from vit_perception.scenes.table_pictures import TablePictures

    return TablePictures(
        assets=_assets_of(load_catalogue(assets), recipe),
        surfaces=load_surfaces(assets, held_out=recipe.part == "test"),
        seed=recipe.seed,
        noise=Noise.from_seed(recipe.seed),
        width=recipe.width,
        height=recipe.height,
        fewest=recipe.fewest,
        most=recipe.most,
        recolour=recipe.part == "train",
    )


def _compose_chunk(start: int) -> int:
    worker = _worker[0]
    end = min(start + CHUNK, worker.recipe.first + worker.recipe.count)
    records = []
    for index in range(start, end):
        picture = worker.draw(index)
        name = f"{index:07d}.jpg"
        (worker.directory / "images" / name).write_bytes(picture.jpeg)
        annotations = [
            coco.annotation(label, worker.category_ids[label.thing.category])
            for label in picture.labels
        ]
        records.append(
            {
                "index": index,
                "file_name": name,
                "width": picture.width,
                "height": picture.height,
                "annotations": annotations,
            }
        )
    path = _labels_file(worker.directory, start)
    partial = path.with_suffix(".json.part")
    partial.write_text(json.dumps(records), encoding="utf-8")
    partial.replace(path)
    return len(records)


def _join(directory: Path, recipe: Recipe, catalogue: Catalogue) -> tuple[int, int]:
    """Write annotations.json from the chunks; returns pictures and annotations."""
    path = directory / "annotations.json"
    if not path.exists():
        pictures: list[dict[str, Any]] = []
        for chunk in sorted((directory / "labels").glob("*.json")):
            pictures.extend(json.loads(chunk.read_text(encoding="utf-8")))
        document = coco.assemble(
            pictures, catalogue.categories, {"description": "composed tabletop pictures"}
        )
        document["info"]["recipe"] = asdict(recipe)
        partial = path.with_suffix(".json.part")
        partial.write_text(json.dumps(document), encoding="utf-8")
        partial.replace(path)
    document = json.loads(path.read_text(encoding="utf-8"))
    for chunk in (directory / "labels").glob("*.json"):
        chunk.unlink()
    if (directory / "labels").exists():
        (directory / "labels").rmdir()
    return len(document["images"]), len(document["annotations"])
