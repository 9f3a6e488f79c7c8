# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Makes the pictures of a data set in chunks by parallel workers.

A finished chunk leaves its labels in DIR/labels/, so that an interrupted run continues where it
stopped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2

from vit_perception.output.write import write_file
from vit_perception.processes.pool import in_processes
from vit_perception.scenes import coco
from vit_perception.scenes.catalogue import Asset
from vit_perception.scenes.choice import (
    CoveringChoice,
    Pair,
    PairChoice,
    RandomChoice,
    pair_of,
)
from vit_perception.scenes.compose import Composer, Composition
from vit_perception.scenes.labels import Picture
from vit_perception.scenes.layout import Shelf
from vit_perception.scenes.photometry import Noise
from vit_perception.scenes.recipe import Recipe
from vit_perception.scenes.sprites import SpriteSet
from vit_perception.scenes.surfaces import load_surfaces
from vit_perception.wording import one_line

DEPTH, CLASS_MAPS = "depth", "class_maps"
"""Folders of PNG files beside the pictures, where the recipe asks for them."""
CHUNK = 60
"""Pictures per job; a multiple of most numbers of views that a rendered scene may have."""
SPARE = 6
"""Views tried for a picture of a table until one shows enough."""


@dataclass(frozen=True, slots=True)
class Job:
    """The inputs of every picture of a data set.

    `surfaces` is the asset folder with textures/ and backgrounds/; `pairs` are the pairs that the
    pictures ask for, empty unless the recipe says so. `sprites` are the files of rendered objects
    by asset id, empty for kind table.
    """

    recipe: Recipe
    assets: tuple[Asset, ...]
    category_ids: dict[str, int]
    pairs: tuple[Pair, ...]
    surfaces: Path
    sprites: Mapping[str, Path]
    directory: Path


def make_chunks(job: Job, starts: Sequence[int], workers: int) -> Iterator[int]:
    """Makes the chunks that begin at `starts`; yields each one's number of pictures when done."""
    if not starts:
        return
    if workers <= 1:
        _start_worker(job)
        try:
            yield from map(_make_chunk, starts)
        finally:
            # An OpenGL context cannot be freed any more at the end of the interpreter.
            _worker.clear()
        return
    done = in_processes(_make_chunk, starts, workers, start=_start_worker, start_arguments=(job,))
    yield from (pictures for _, pictures in done)


def indices(recipe: Recipe, start: int) -> range:
    """Returns the numbers of the pictures of the chunk that begins with picture `start`."""
    return range(start, min(start + CHUNK, recipe.first + recipe.count))


def labels_file(directory: Path, start: int) -> Path:
    """Returns the file with the labels of the chunk that begins with picture `start`."""
    return directory / "labels" / f"{start:07d}.json"


_worker: list[tuple[Job, Callable[[int], Picture]]] = []


def _start_worker(job: Job) -> None:
    """Loads what every picture needs, once per process."""
    cv2.setNumThreads(1)
    _worker[:] = [(job, _table(job) if job.recipe.kind == "table" else _composer(job))]


def _composer(job: Job) -> Composer:
    recipe = job.recipe
    return Composer(
        shelf=Shelf(SpriteSet(job.assets, job.sprites).sprites),
        surfaces=load_surfaces(job.surfaces, held_out=recipe.part == "test"),
        settings=Composition(recipe.width, recipe.height, recipe.fewest, recipe.most),
        seed=recipe.seed,
        noise=Noise.from_seed(recipe.seed),
    )


def _table(job: Job) -> Callable[[int], Picture]:
    # Imported late: composing from finished sprites needs no MuJoCo.
    from vit_perception.scenes.table_pictures import TablePictures

    recipe = job.recipe
    draw = TablePictures(
        choose=_chooser(job),
        settings=replace(recipe.scene_settings(), views=recipe.views * SPARE),
        surfaces=load_surfaces(job.surfaces, held_out=recipe.part == "test"),
        seed=recipe.seed,
        noise=Noise.from_seed(recipe.seed),
        width=recipe.width,
        height=recipe.height,
        recolour=recipe.part == "train",
    )
    least = 1 if recipe.choose == "pairs" else recipe.fewest
    return lambda index: _enough_in_sight(draw, *divmod(index, recipe.views), recipe.views, least)


def _enough_in_sight(
    draw: Callable[[int], Picture], scene: int, view: int, views: int, least: int
) -> Picture:
    """Returns the first of a picture's spare views with `least` things to ask for, or the best.

    Raises ValueError if no view can be made.
    """
    best, most, reason = None, -1, ""
    for spare in range(SPARE):
        try:
            picture = draw((scene * SPARE + spare) * views + view)
        except ValueError as error:
            reason = str(error)
            continue
        asked = sum(not label.ignored for label in picture.labels)
        if asked > most:
            best, most = picture, asked
        if asked >= least:
            break
    if best is None:
        raise ValueError(reason)
    return best


def _chooser(job: Job) -> RandomChoice | CoveringChoice | PairChoice:
    recipe, assets = job.recipe, job.assets
    if recipe.choose == "pairs":
        return PairChoice(assets, job.pairs)
    if recipe.choose == "covering":
        return CoveringChoice(assets, recipe.fewest, recipe.most, recipe.seed)
    return RandomChoice(assets, recipe.fewest, recipe.most, recipe.favoured)


def _make_chunk(start: int) -> int:
    job, draw = _worker[0]
    records: list[dict[str, Any]] = []
    for index in indices(job.recipe, start):
        try:
            picture = draw(index)
        except ValueError as error:
            # A scene that cannot be made must not end a run of hours.
            records.append({"index": index, "unmade": one_line(error)})
            continue
        pair = pair_of(index // job.recipe.views, job.pairs) if job.pairs else None
        record = coco.record(picture, index, job.category_ids, pair)
        write_file(job.directory / "images" / record["file_name"], picture.jpeg)
        for folder, key, values in (
            (DEPTH, "depth", picture.depth),
            (CLASS_MAPS, "class_map", picture.roles),
        ):
            if values is not None:
                # imwrite would not report a full disk.
                png = cv2.imencode(".png", values)[1]
                write_file(job.directory / folder / record[key], png.tobytes())
        records.append(record)
    # Last: labels mean that the pictures are there.
    write_file(labels_file(job.directory, start), json.dumps(records).encode())
    return len(records)
