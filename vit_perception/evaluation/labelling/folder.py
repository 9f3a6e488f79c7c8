# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The folders of a labelling: proposals out, a data set back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from vit_perception.evaluation.coco_file import ANNOTATIONS
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.labelling import coco, cvat, label_studio
from vit_perception.evaluation.labelling.corrections import Corrections
from vit_perception.evaluation.labelling.labelled import LabelledPicture, last_part
from vit_perception.evaluation.places import PlaceError, find_picture
from vit_perception.output.failure import OutputError, copying
from vit_perception.output.write import new_folder, write_file
from vit_perception.wording import one_line, shown_path

IMAGES = "images"
CVAT, CVAT_LABELS = "cvat.xml", "cvat_labels.json"
LABEL_STUDIO, LABEL_STUDIO_INTERFACE = "label_studio.json", "label_studio.xml"


@contextmanager
def empty_folder(path: Path) -> Iterator[Path]:
    """Yields a folder to fill, which becomes `path` if the block does not raise.

    Raises:
        OutputError: there is something already, or it cannot be written.
    """
    refuse_filled(path)
    with new_folder(path) as new:
        yield new


def refuse_filled(path: Path) -> None:
    """Refuses a folder that is there: it may hold the work of people.

    Raises:
        OutputError: it is there and not empty, or no folder.
    """
    if path.is_dir() and not any(path.iterdir()):
        return
    if path.exists() or path.is_symlink():
        raise OutputError(f"{shown_path(path)}: expected a new folder, found one that is there")


def write_files(
    folder: Path,
    pictures: Sequence[LabelledPicture],
    names: Sequence[str],
    formats: Sequence[str],
    *,
    model: str,
    address: str = label_studio.LOCAL_FILES,
    as_polygons: bool = False,
) -> None:
    """Writes proposals for annotation tools beside the folder of their pictures.

    annotations.json is always written: by it, corrections are read again.

    Args:
        folder: of the proposals.
        pictures: with what was proposed.
        names: that were looked for.
        formats: "label-studio", "cvat"; others add no file.
        model: name of what proposed them.
        address: of the pictures in Label Studio, before the file's name.
        as_polygons: masks of annotations.json as outlines.

    Raises:
        OutputError: a file cannot be written.
        EvaluationError: a name cannot be written.
    """
    description = f"proposals of {model}"
    found = coco.document(pictures, names, description, as_polygons=as_polygons)
    write_file(folder / ANNOTATIONS, coco.text(found))
    if "label-studio" in formats:
        tasks = label_studio.tasks(pictures, model, address)
        masks = any(thing.mask is not None for picture in pictures for thing in picture.things)
        write_file(folder / LABEL_STUDIO, label_studio.text(tasks))
        interface = label_studio.interface(names, masks=masks)
        write_file(folder / LABEL_STUDIO_INTERFACE, interface)
    if "cvat" in formats:
        write_file(folder / CVAT, cvat.text(pictures, names, description))
        write_file(folder / CVAT_LABELS, cvat.labels_text(names))


def write_dataset(folder: Path, source: Path, corrections: Corrections, names: set[str]) -> None:
    """Writes a data set of corrected pictures: `images/` and annotations.json.

    Args:
        folder: of the data set.
        source: of the proposals, with the pictures.
        corrections: of people.
        names: categories beside those that occur, where the tool did not tell them.

    Raises:
        OutputError: a file cannot be written.
        EvaluationError: a picture has gone.
    """
    (folder / IMAGES).mkdir(parents=True)
    pictures = []
    for picture in corrections.pictures:
        name = last_part(picture.file_name)
        try:
            place = find_picture(source / IMAGES, (picture.file_name, name))
            with copying(folder):
                shutil.copyfile(place, folder / IMAGES / name)
        except (PlaceError, FileNotFoundError) as error:
            raise EvaluationError(
                f"{shown_path(source)}: expected the picture {shown_path(picture.file_name)}, "
                f"found none: {one_line(error)}"
            ) from None
        pictures.append(replace(picture, file_name=name))
    known = names if corrections.labels is None else corrections.labels
    found = coco.document(pictures, known, "corrected proposals")
    write_file(folder / ANNOTATIONS, coco.text(found))
