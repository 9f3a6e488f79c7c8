# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Data sets on disk: a folder with images/, depth/, annotations.json (COCO) and recipe.json."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from vit_perception.scenes import coco
from vit_perception.scenes.catalogue import Asset, Catalogue, Skipped, load_catalogue
from vit_perception.scenes.choice import Pair, load_pairs
from vit_perception.scenes.chunks import CHUNK, Job, labels_file, make_chunks
from vit_perception.scenes.recipe import Recipe
from vit_perception.scenes.sprites import build_sprites
from vit_perception.scenes.surfaces import load_surfaces
from vit_perception.wording import shown_path

FORMAT = 2
PARTLY_HIDDEN = 0.95
"""Objects with a smaller visible fraction count as partly hidden."""

Progress = Callable[[str, int, int], None]


class DatasetError(ValueError):
    """The output folder or the settings cannot be used; one line gives the reason."""


@dataclass(frozen=True, slots=True)
class Written:
    """The result of a run on disk.

    `skipped` are objects, textures and photographs that cannot be used; `hidden` is the share of
    objects that are partly hidden or cut off; `absent` the ids of objects that were due (recipe:
    covering) but are in no picture; `left_out` the number of objects made in code that have a
    novel category's name; `unasked` the number of pairs that cannot be asked for; `unmade` the
    reasons of pictures that could not be made. `made` pictures took `seconds`, without objects and
    meshes.
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
    rendered objects (default DIR/sprites); several data sets may share it. Raises DatasetError,
    CatalogueError, SurfaceError or WorkerError.
    """
    roots = (assets,) if isinstance(assets, Path) else tuple(assets)
    # Unusable folders are reported before anything is written.
    catalogue, left_out = load_catalogue(*roots), 0
    surfaces = load_surfaces(roots[0], held_out=recipe.part == "test")
    _check_recipe(directory, recipe)
    if recipe.parametric:
        catalogue, left_out = _with_parametric(roots, directory, recipe)
    chosen = _assets_of(catalogue, recipe)
    sprite_folder = sprites if sprites is not None else directory / "sprites"
    if recipe.kind == "composed":
        refused = _build_sprites(chosen, sprite_folder, directory, recipe, workers, on_progress)
    else:
        # Imported late: composing from finished sprites needs no MuJoCo.
        from vit_perception.scenes.vetting import unfit

        chosen = tuple(asset for asset in chosen if asset.mesh is not None)
        refused = unfit(chosen, _named(on_progress, "meshes"))
    unusable = {entry.id for entry in refused}
    chosen = tuple(asset for asset in chosen if asset.id not in unusable)
    if not chosen:
        raise DatasetError(f"{roots[0]}: expected objects for part {recipe.part}, found none")
    pairs, unasked = _pairs_of(roots, chosen, recipe)
    job = Job(
        recipe=recipe,
        assets=chosen,
        category_ids={e["name"]: e["id"] for e in coco.categories(catalogue.categories)},
        pairs=pairs,
        surfaces=roots[0],
        sprites=sprite_folder,
        directory=directory,
    )
    began = time.monotonic()
    made = _make_pictures(job, workers, on_progress)
    seconds = time.monotonic() - began
    document = _join(directory, recipe, catalogue)
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
    )


def _check_recipe(directory: Path, recipe: Recipe) -> None:
    """Checks that the folder has the same recipe, because another would mix data sets."""
    path = directory / "recipe.json"
    wanted = {"format": FORMAT, **asdict(recipe)}
    if path.exists():
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise DatasetError(f"{shown_path(path)}: expected JSON, found {error}") from None
        if found != wanted:
            different = sorted(
                key
                for key in wanted
                if not isinstance(found, dict) or found.get(key) != wanted[key]
            )
            raise DatasetError(
                f"{shown_path(path)}: expected the recipe asked for, "
                f"found another {', '.join(different)}"
            )
        return
    directory.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")


def _with_parametric(
    roots: tuple[Path, ...], directory: Path, recipe: Recipe
) -> tuple[Catalogue, int]:
    """Returns the catalogue with objects made in code, and how many of these were left out.

    Those with the name of a novel category are left out, so that it stays new in the test.
    """
    folder = directory / "parametric"
    if not folder.exists():
        # Imported late: the import takes time, and few runs need such objects.
        from vit_perception.scenes.parametric import write_parametric

        partial = directory / "parametric.part"
        shutil.rmtree(partial, ignore_errors=True)
        write_parametric(partial, count=recipe.parametric, seed=recipe.seed)
        partial.rename(folder)
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
) -> tuple[Skipped, ...]:
    """Renders views of every object; a quarter of them for the many objects made in code."""
    skipped: list[Skipped] = []
    for made_in_code in (False, True):
        group = [a for a in assets if _made_in_code(a, directory) == made_in_code]
        skipped += build_sprites(
            group,
            folder,
            views=max(recipe.views // 4, 1) if made_in_code else recipe.views,
            seed=recipe.sprite_seed + (0 if recipe.part == "train" else 1_000_003),
            recolour=recipe.part == "train",
            workers=workers,
            on_progress=_named(on_progress, "made objects" if made_in_code else "objects"),
        )
    return tuple(skipped)


def _pairs_of(
    roots: tuple[Path, ...], assets: Sequence[Asset], recipe: Recipe
) -> tuple[tuple[Pair, ...], int]:
    if recipe.choose != "pairs":
        return (), 0
    pairs, unasked = load_pairs(roots, {asset.id: asset for asset in assets})
    if not pairs:
        raise DatasetError(f"{roots[0]}: expected attribute_pairs to ask for, found none")
    return pairs, unasked


def _named(on_progress: Progress | None, what: str) -> Callable[[int, int], None] | None:
    if on_progress is None:
        return None
    return lambda done, total: on_progress(what, done, total)


def _make_pictures(job: Job, workers: int, on_progress: Progress | None) -> int:
    """Makes the missing chunks; returns the number of pictures made."""
    with_depth = job.recipe.kind == "table" and job.recipe.depth
    for folder in ("images", "labels", *(["depth"] if with_depth else [])):
        (job.directory / folder).mkdir(exist_ok=True)
    first, count = job.recipe.first, job.recipe.count
    starts = range(first, first + count, CHUNK)
    missing = [start for start in starts if not labels_file(job.directory, start).exists()]
    if (job.directory / "annotations.json").exists():
        missing = []
    total = sum(min(CHUNK, first + count - start) for start in missing)
    made = 0
    for pictures in make_chunks(job, missing, workers):
        made += pictures
        if on_progress:
            on_progress("pictures", count - total + made, count)
    return made


def _join(directory: Path, recipe: Recipe, catalogue: Catalogue) -> dict[str, Any]:
    """Writes annotations.json from the chunks, or reads the finished one."""
    path = directory / "annotations.json"
    if not path.exists():
        pictures: list[dict[str, Any]] = []
        for chunk in sorted((directory / "labels").glob("*.json")):
            pictures.extend(json.loads(chunk.read_text(encoding="utf-8")))
        what = "rendered" if recipe.kind == "table" else "composed"
        info = {"description": f"{what} tabletop pictures", "recipe": asdict(recipe)}
        document = coco.assemble(pictures, catalogue.categories, info)
        partial = path.with_suffix(".json.part")
        partial.write_text(coco.text(document), encoding="utf-8")
        partial.replace(path)
    for chunk in (directory / "labels").glob("*.json"):
        chunk.unlink()
    if (directory / "labels").exists():
        (directory / "labels").rmdir()
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
