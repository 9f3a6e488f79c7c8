# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The folder of a data set: what a run finds there, and what it may go on with."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vit_perception.input.file import InputError
from vit_perception.input.json_file import read_json, read_large_json
from vit_perception.output.failure import writing
from vit_perception.output.write import write_file
from vit_perception.scenes import coco
from vit_perception.scenes.chunks import CLASS_MAPS, DEPTH, Job, indices, labels_file
from vit_perception.scenes.recipe import Recipe
from vit_perception.scenes.roles import ROLES
from vit_perception.wording import shown_path

FORMAT = 2
RECIPE, ANNOTATIONS = "recipe.json", "annotations.json"
MOST_BYTES = 2**36
"""Of labels: a hundred times those of the largest data set made so far."""

_RESULTS = (ANNOTATIONS, "images", DEPTH, CLASS_MAPS, "labels", "parametric")


class DatasetError(ValueError):
    """The output folder or the settings cannot be used; one line gives the reason."""


def check_recipe(directory: Path, recipe: Recipe) -> None:
    """Checks that the folder has the same recipe, because another would mix data sets.

    A new folder gets its recipe, and so does one in which a run ended before it made anything.

    Raises:
        DatasetError: another recipe, or pictures of an unknown one.
        OutputError: the recipe cannot be written.
    """
    path = directory / RECIPE
    wanted = {"format": FORMAT, **asdict(recipe)}
    results = [name for name in _RESULTS if os.path.lexists(directory / name)]
    if os.path.lexists(path):
        try:
            found = read_json(path)
        except InputError as error:
            if results:
                raise DatasetError(
                    f"{error}; its pictures are of an unknown recipe: "
                    f"delete {shown_path(directory)}"
                ) from None
        else:
            _check_same(path, found, wanted)
            return
    elif results:
        raise DatasetError(
            f"{shown_path(directory)}: expected a new folder, or {RECIPE} of a data set there, "
            f"found {results[0]} alone"
        )
    write_file(path, f"{json.dumps(wanted, indent=1)}\n".encode())


def _check_same(path: Path, found: Any, wanted: dict[str, Any]) -> None:
    if found == wanted:
        return
    theirs = found if isinstance(found, dict) else {}
    same = {key for key in wanted if key in theirs and theirs[key] == wanted[key]}
    different = sorted({*wanted, *theirs} - same)
    raise DatasetError(
        f"{shown_path(path)}: expected the recipe asked for, "
        f"found another {', '.join(map(shown_path, different))}"
    )


def is_finished(directory: Path) -> bool:
    """Returns whether all pictures have been made."""
    return os.path.lexists(directory / ANNOTATIONS)


def missing_chunks(job: Job, starts: Sequence[int]) -> list[int]:
    """Returns the starts of the chunks without whole labels and pictures."""
    return [start for start in starts if _chunk(job, start) is None]


def join(job: Job, starts: Sequence[int], categories: Sequence[str]) -> dict[str, Any]:
    """Writes annotations.json from the labels of all chunks, and removes these.

    Raises:
        DatasetError: the labels of a chunk have gone.
        OutputError: the file cannot be written.
    """
    pictures: list[dict[str, Any]] = []
    for start in starts:
        records = _chunk(job, start)
        if records is None:
            raise DatasetError(
                f"{shown_path(labels_file(job.directory, start))}: expected the labels made "
                "before, found none that are whole; the same command makes them again"
            )
        pictures += records
    what = "rendered" if job.recipe.kind == "table" else "composed"
    info = {"description": f"{what} tabletop pictures", "recipe": asdict(job.recipe)}
    if job.recipe.class_maps:
        info["classes"] = list(ROLES)
    document = coco.assemble(pictures, categories, info)
    write_file(job.directory / ANNOTATIONS, coco.text(document).encode())
    remove_labels(job.directory)
    return document


def remove_labels(directory: Path) -> None:
    """Removes the labels of chunks, which annotations.json holds."""
    labels = directory / "labels"
    if labels.is_dir():
        with writing(labels):
            shutil.rmtree(labels)


def read_finished(directory: Path) -> dict[str, Any]:
    """Returns the annotations of a finished data set whose pictures are all there.

    Raises:
        DatasetError: they are damaged, or a picture is absent or empty.
    """
    path = directory / ANNOTATIONS
    again = f"; delete {shown_path(path)}, and the same command makes the pictures again"
    try:
        document = read_large_json(path, MOST_BYTES)
    except InputError as error:
        raise DatasetError(f"{error}{again}") from None
    try:
        files = [file for image in document["images"] for file in _files(directory, image)]
        for entry in document["annotations"]:
            float(entry["visible_fraction"]), str(entry["object"])
        for entry in document["info"]["unmade"]:
            str(entry["unmade"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise DatasetError(
            f"{shown_path(path)}: expected the annotations of a data set, found others{again}"
        ) from None
    for file in files:
        if not _has_content(file):
            raise DatasetError(f"{shown_path(file)}: expected a picture, found none{again}")
    found: dict[str, Any] = document
    return found


def _chunk(job: Job, start: int) -> list[dict[str, Any]] | None:
    """Returns the records of a chunk; None if labels or pictures are absent or damaged."""
    path = labels_file(job.directory, start)
    try:
        records = read_large_json(path, MOST_BYTES)
        if [record["index"] for record in records] != list(indices(job.recipe, start)):
            return None
        made = [record for record in records if "unmade" not in record]
        files = [file for record in made for file in _files(job.directory, record)]
        whole = all(isinstance(record["annotations"], list) for record in made)
    except (InputError, KeyError, TypeError):
        return None
    found: list[dict[str, Any]] = records
    return found if whole and all(map(_has_content, files)) else None


def _files(directory: Path, image: dict[str, Any]) -> list[Path]:
    files = [directory / "images" / image["file_name"]]
    for folder, key in ((DEPTH, "depth"), (CLASS_MAPS, "class_map")):
        if key in image:
            files.append(directory / folder / image[key])
    return files


def _has_content(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False
