# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads corrections, whichever tool wrote them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vit_perception.evaluation.coco_file import MAX_BYTES
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.labelling.coco import read_pictures
from vit_perception.evaluation.labelling.corrections import Corrections
from vit_perception.evaluation.labelling.cvat_export import read_images
from vit_perception.evaluation.labelling.label_studio_export import is_label_studio, read_tasks
from vit_perception.evaluation.labelling.labelled import LabelledPicture
from vit_perception.input.file import InputError, open_file
from vit_perception.input.json_file import read_large_json
from vit_perception.wording import shown, shown_path

_EXPECTED = "COCO's json, Label Studio's JSON export or 'CVAT for images 1.1' XML"
_ZIP = b"PK\x03\x04"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_corrections(path: Path, known: Sequence[LabelledPicture]) -> Corrections:
    """Returns what people made of proposals.

    Args:
        path: COCO's json, Label Studio's JSON export or CVAT's XML, told apart by what is inside.
        known: the pictures that were given to them.

    Raises:
        EvaluationError: the file is none of these, or tells of other pictures; names it.
    """
    corrections = Corrections(known)
    kind = _kind(path)
    if kind == "xml":
        try:
            with open_file(path) as file:
                read_images(file, corrections)
        except InputError as error:
            raise EvaluationError(str(error)) from None
        except EvaluationError as error:
            raise EvaluationError(f"{shown_path(path)}: {error}") from None
    elif kind == "list":
        try:
            document = read_large_json(path, MAX_BYTES)
        except InputError as error:
            raise EvaluationError(str(error)) from None
        if not is_label_studio(document):
            raise EvaluationError(
                f"{shown_path(path)}: expected {_EXPECTED}, found another list (of Label Studio "
                "the export 'JSON' is read, not 'JSON-MIN')"
            )
        try:
            read_tasks(document, corrections)
        except EvaluationError as error:
            raise EvaluationError(f"{shown_path(path)}: {error}") from None
    else:
        _take_coco(path, corrections)
    if not corrections.done:
        why = "; ".join(f"{count} {cause}" for cause, count in sorted(corrections.notes.items()))
        raise EvaluationError(
            f"{shown_path(path)}: expected pictures that were gone through, found {why or 'none'}"
        )
    return corrections


def _take_coco(path: Path, corrections: Corrections) -> None:
    pictures, names = read_pictures(path, stored=False)
    corrections.labels = set(names)
    try:
        for found in pictures:
            picture = corrections.find(found.file_name)
            if (found.height, found.width) != (picture.height, picture.width):
                raise EvaluationError(
                    f"{shown(found.file_name)}: expected {picture.width}x{picture.height} px, "
                    f"found {found.width}x{found.height}"
                )
            things = (
                corrections.box(thing.name, thing.box, picture, thing.mask)
                for thing in found.things
            )
            corrections.add(picture, [thing for thing in things if thing is not None])
    except EvaluationError as error:
        raise EvaluationError(f"{shown_path(path)}: {error}") from None


def _kind(path: Path) -> str:
    try:
        with open_file(path) as file:
            start = file.read(1024)
            size = file.seek(0, 2)
    except InputError as error:
        raise EvaluationError(str(error)) from None
    where = shown_path(path)
    if size > MAX_BYTES:
        raise EvaluationError(f"{where}: expected at most {MAX_BYTES} bytes, found {size}")
    if start.startswith(_ZIP):
        raise EvaluationError(f"{where}: expected {_EXPECTED}, found a zip file: unpack it")
    first = start.removeprefix(_BYTE_ORDER_MARK).lstrip()[:1]
    kind = {b"<": "xml", b"[": "list", b"{": "coco"}.get(first)
    if kind is None:
        found = "nothing" if size == 0 else f"data beginning with {start[:8]!r}"
        raise EvaluationError(f"{where}: expected {_EXPECTED}, found {found}")
    return kind
