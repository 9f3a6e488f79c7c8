# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Data sets on disk: a folder with images/, annotations.json (COCO), recipe.json, PNG maps."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vit_perception.output.failure import writing
from vit_perception.output.lock import sole_writer_in
from vit_perception.scenes import coco
from vit_perception.scenes.catalogue import Asset, Catalogue, Skipped, load_catalogue
from vit_perception.scenes.choice import Pair, load_pairs
from vit_perception.scenes.chunks import CHUNK, CLASS_MAPS, DEPTH, Job, indices, make_chunks
from vit_perception.scenes.dataset_folder import (
    DatasetError,
    check_recipe,
    is_finished,
    join,
    missing_chunks,
    read_finished,
    remove_labels,
)
from vit_perception.scenes.recipe import Recipe
from vit_perception.scenes.sprites import Rendered, build_sprites, of_older_versions
from vit_perception.scenes.surfaces import Surfaces, load_surfaces
from vit_perception.wording import shown_path

PARTLY_HIDDEN = 0.95
"""Objects with a smaller visible fraction count as partly hidden."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Written:
    """The result of a run on disk.

    `skipped` are objects, textures and photographs that cannot be used; `hidden` is the share of
    objects that are partly hidden or cut off; `absent` the ids of objects that were due (recipe:
    covering) but are in no picture; `left_out` the number of objects made in code that have a
    novel category's name; `unasked` the number of pairs that cannot be asked for; `unmade` the
    reasons of pictures that could not be made. `made` pictures took `seconds`, without objects and
    meshes. `outdated` are sprite files of older versions, which may be deleted.
    """

    pictures: int
    annotations: int
    skipped: tuple[Skipped, ...]
    hidden: float
    absent: tuple[str, ...]
    left_out: int
    asks: int
    unasked: int
    unmade: tuple[str, ...]
    made: int
    seconds: float
    outdated: tuple[Path, ...]


def write_dataset(
    assets: Path | Sequence[Path],
    directory: Path,
    recipe: Recipe,
    *,
    sprites: Path | None = None,
    workers: int = 1,
    on_progress: Progress | None = None,
) -> Written:
    """Makes the data set in `directory`, or finishes an interrupted one with the same recipe.

    `assets` are asset folders; surfaces and pairs come from the first. `sprites` is the folder of
    rendered objects (default DIR/sprites); several data sets may share it, also at the same time.

    Raises:
        DatasetError, CatalogueError, SurfaceError: the folders or the recipe cannot be used.
        OutputError: another process makes a data set there, or it cannot be written.
        SpriteError, WorkerError: files went, or a worker was killed, during the work.
    """
    roots = (assets,) if isinstance(assets, Path) else tuple(assets)
    # Unusable folders are reported before anything is written.
    catalogue = load_catalogue(*roots)
    surfaces = load_surfaces(roots[0], held_out=recipe.part == "test")
    with sole_writer_in(directory):
        check_recipe(directory, recipe)
        folder = sprites if sprites is not None else directory / "sprites"
        return _write(roots, directory, recipe, catalogue, surfaces, folder, workers, on_progress)


def _write(
    roots: tuple[Path, ...],
    directory: Path,
    recipe: Recipe,
    catalogue: Catalogue,
    surfaces: Surfaces,
    sprite_folder: Path,
    workers: int,
    on_progress: Progress | None,
) -> Written:
    left_out, finished = 0, is_finished(directory)
    if recipe.parametric:
        catalogue, left_out = _with_parametric(roots, directory, recipe)
    chosen = _assets_of(catalogue, recipe)
    rendered = Rendered({}, ())
    if recipe.kind == "table":
        # Imported late: composing from finished sprites needs no MuJoCo.
        from vit_perception.scenes.vetting import unfit

        chosen = tuple(asset for asset in chosen if asset.mesh is not None)
        refused = unfit(chosen, _named(on_progress, "meshes"))
    elif not finished:
        rendered = _build_sprites(chosen, sprite_folder, directory, recipe, workers, on_progress)
        refused = rendered.skipped
    else:
        refused = ()
    unusable = {entry.id for entry in refused}
    chosen = tuple(asset for asset in chosen if asset.id not in unusable)
    if not chosen:
        raise DatasetError(
            f"{shown_path(roots[0])}: expected objects for part {recipe.part}, found none"
        )
    pairs, unasked = _pairs_of(roots, chosen, recipe)
    job = Job(
        recipe=recipe,
        assets=chosen,
        category_ids={e["name"]: e["id"] for e in coco.categories(catalogue.categories)},
        pairs=pairs,
        surfaces=roots[0],
        sprites=rendered.files,
        directory=directory,
    )
    began = time.monotonic()
    if finished:
        made, document = 0, read_finished(directory)
        remove_labels(directory)
    else:
        made, document = _make_pictures(job, catalogue.categories, workers, on_progress)
    seconds = time.monotonic() - began
    annotations = document["annotations"]
    covered = chosen if recipe.kind == "table" and recipe.choose == "covering" else ()
    shown = {entry["object"] for entry in annotations}
    hidden = sum(entry["visible_fraction"] < PARTLY_HIDDEN for entry in annotations)
    return Written(
        pictures=len(document["images"]),
        annotations=len(annotations),
        skipped=(*catalogue.skipped, *surfaces.skipped, *refused),
        hidden=hidden / max(len(annotations), 1),
        absent=tuple(asset.id for asset in covered if asset.id not in shown),
        left_out=left_out,
        asks=sum(len(image.get("asks", ())) for image in document["images"]),
        unasked=unasked,
        unmade=tuple(entry["unmade"] for entry in document["info"]["unmade"]),
        made=made,
        seconds=seconds,
        outdated=of_older_versions(chosen, sprite_folder) if recipe.kind == "composed" else (),
    )


def _with_parametric(
    roots: tuple[Path, ...], directory: Path, recipe: Recipe
) -> tuple[Catalogue, int]:
    """Returns the catalogue with objects made in code, and how many of these were left out.

    Those with the name of a novel category are left out, so that it stays new in the test.
    """
    folder = directory / "parametric"
    if not (folder / "objects").exists():
        # Imported late: the import takes time, and few runs need such objects.
        from vit_perception.scenes.parametric import write_parametric

        write_parametric(folder, count=recipe.parametric, seed=recipe.seed)
    catalogue = load_catalogue(*roots, folder)
    novel = catalogue.novel_categories
    kept = tuple(
        asset
        for asset in catalogue.assets
        if not (_made_in_code(asset, directory) and novel.intersection(asset.names))
    )
    return replace(catalogue, assets=kept), len(catalogue.assets) - len(kept)


def _made_in_code(asset: Asset, directory: Path) -> bool:
    return asset.texture.is_relative_to(directory / "parametric")


def _assets_of(catalogue: Catalogue, recipe: Recipe) -> tuple[Asset, ...]:
    if recipe.part == "train":
        return catalogue.parts("train")
    # Cut-outs have only one view, which training has seen.
    return tuple(
        asset for asset in catalogue.assets if asset.mesh is not None or asset.part != "train"
    )


def _build_sprites(
    assets: Sequence[Asset],
    folder: Path,
    directory: Path,
    recipe: Recipe,
    workers: int,
    on_progress: Progress | None,
) -> Rendered:
    """Renders views of every object; a quarter of them for the many objects made in code."""
    files: dict[str, Path] = {}
    skipped: list[Skipped] = []
    for made_in_code in (False, True):
        group = [a for a in assets if _made_in_code(a, directory) == made_in_code]
        rendered = build_sprites(
            group,
            folder,
            views=max(recipe.views // 4, 1) if made_in_code else recipe.views,
            seed=recipe.sprite_seed + (0 if recipe.part == "train" else 1_000_003),
            recolour=recipe.part == "train",
            workers=workers,
            on_progress=_named(on_progress, "made objects" if made_in_code else "objects"),
        )
        files.update(rendered.files)
        skipped += rendered.skipped
    return Rendered(files, tuple(skipped))


def _pairs_of(
    roots: tuple[Path, ...], assets: Sequence[Asset], recipe: Recipe
) -> tuple[tuple[Pair, ...], int]:
    if recipe.choose != "pairs":
        return (), 0
    pairs, unasked = load_pairs(roots, {asset.id: asset for asset in assets})
    if not pairs:
        raise DatasetError(
            f"{shown_path(roots[0])}: expected attribute_pairs to ask for, found none"
        )
    return pairs, unasked


def _named(on_progress: Progress | None, what: str) -> Callable[[int, int], None] | None:
    if on_progress is None:
        return None
    return lambda done, total: on_progress(what, done, total)


def _make_pictures(
    job: Job, categories: Sequence[str], workers: int, on_progress: Progress | None
) -> tuple[int, dict[str, Any]]:
    """Makes the missing chunks; returns the number of pictures made, and all annotations."""
    table = job.recipe.kind == "table"
    maps = {DEPTH: table and job.recipe.depth, CLASS_MAPS: table and job.recipe.class_maps}
    with writing(job.directory):
        for folder in ("images", "labels", *(name for name, wanted in maps.items() if wanted)):
            (job.directory / folder).mkdir(exist_ok=True)
    first, count = job.recipe.first, job.recipe.count
    starts = range(first, first + count, CHUNK)
    missing = missing_chunks(job, starts)
    total = sum(len(indices(job.recipe, start)) for start in missing)
    made = 0
    for pictures in make_chunks(job, missing, workers):
        made += pictures
        if on_progress:
            on_progress("pictures", count - total + made, count)
    return made, join(job, starts, categories)
