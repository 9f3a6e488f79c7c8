# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What a COCO file says is true of the images of bags."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from vit_perception.bags.image import BagImage
from vit_perception.evaluation.coco_entries import (
    Picture,
    check_orphans,
    check_pixels,
    read_annotation,
    read_categories,
    read_id,
    read_size,
)
from vit_perception.evaluation.coco_file import check_once, entries, read_document, reading
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.samples.coco_truth import truth_from
from vit_perception.evaluation.samples.keys import plain_name, shown_source
from vit_perception.evaluation.samples.sample import FrameTruth
from vit_perception.evaluation.samples.table import UNKNOWN_SIZE, TruthTable
from vit_perception.wording import shown, shown_path

_SECONDS = re.compile(r"([0-9]{1,11})\.([0-9]{9})")
_STEM = re.compile(r"(?:(?P<topic>.+)_)?(?P<stamp>[0-9]{1,19})")


@dataclass(frozen=True, slots=True)
class Place:
    """Which image of which recording an entry means; what is None is not said.

    Attributes:
        recording: name of the bag.
        topic: of the images; `is_plain` says that it is as names of files have it.
        stamp: of the header, ns.
        index: place in the topic, from 0.
    """

    recording: str | None
    topic: str | None
    is_plain: bool
    stamp: int | None
    index: int | None


@dataclass(frozen=True, slots=True, eq=False)
class TruthFile:
    """A COCO file whose pictures are images of bags.

    Attributes:
        path: of the file.
        table: the truth of each entry of `images`, in their order.
        places: which image each entry means.
        names: of the categories, in the order of their ids.
        notes: what was left out, one line each.
    """

    path: Path
    table: TruthTable
    places: tuple[Place, ...]
    names: tuple[str, ...]
    notes: tuple[str, ...]


def read_truth_file(path: Path) -> TruthFile:
    """Reads a COCO file whose entries of `images` say which images of a bag they mean.

    An entry has a `stamp` (nanoseconds, or a text "seconds.nanoseconds" with nine digits behind
    the point), an `index` (its place among the images of its topic, from 0), or both, and then
    both have to fit; else a `file_name` whose stem is the stamp in nanoseconds, or `TOPIC_STAMP`
    with the topic as `plain_name` gives it. It may have a `topic`, without which it is of any,
    and a `recording`, the name of the bag.

    Raises:
        EvaluationError: the file cannot be read or is not in COCO's form, or an entry names no
            image.
    """
    document = read_document(path)
    with reading(path):
        return _read(path, document)


class FileTruth:
    """What a file says is true of the images of one bag; see `BagTruth`.

    Args:
        file: read.
        recording: names of the bag, with and without suffix.
        topics: of all images in the bag.
    """

    def __init__(
        self, file: TruthFile, recording: Collection[str], topics: Collection[str]
    ) -> None:
        self.table = file.table
        self.contradicted: set[int] = set()
        self._file = file
        self._where = shown_source(file.path)
        self._rows = [
            row
            for row, place in enumerate(file.places)
            if place.recording is None or place.recording in recording
        ]
        self._by_stamp: defaultdict[int, list[int]] = defaultdict(list)
        self._by_index: defaultdict[int, list[int]] = defaultdict(list)
        for row in self._rows:
            place = file.places[row]
            if place.stamp is not None:
                self._by_stamp[place.stamp].append(row)
            elif place.index is not None:
                self._by_index[place.index].append(row)
        self.notes = (*file.notes, *self._about_topics(topics))
        if not self._rows:
            there = ", ".join(sorted({str(place.recording) for place in file.places}))
            self.notes = (
                *self.notes,
                f"{self._where}: expected entries of the recording {shown_path(min(recording))}, "
                f"found {f'those of {shown(there)}' if there else 'none'}",
            )

    def names(self) -> tuple[str, ...]:
        """Returns the names of the categories, in the order of their ids."""
        return self._file.names

    def find(self, topic: str, image: BagImage) -> int | None:
        """Returns the row of an image of a topic, or None.

        Raises:
            EvaluationError: there are several.
        """
        stamp = -1 if image.stamp is None else image.stamp
        rows = [
            row
            for row in (*self._by_stamp.get(stamp, ()), *self._by_index.get(image.index, ()))
            if self._is_of(row, topic) and self._file.places[row].index in (None, image.index)
        ]
        if len(rows) > 1:
            raise EvaluationError(
                f"{self._where}: expected one entry of frame {image.index} of "
                f"{shown_path(topic)}, found {len(rows)}"
            )
        return rows[0] if rows else None

    def rows_of(self, topic: str) -> Iterable[int]:
        """Yields the rows that are meant for a topic of images."""
        return (row for row in self._rows if self._is_of(row, topic))

    def masks_of(self, row: int) -> tuple[str, int] | None:
        """Returns None: the masks are in the table."""
        return None

    def _is_of(self, row: int, topic: str) -> bool:
        place = self._file.places[row]
        return place.topic in (None, plain_name(topic) if place.is_plain else topic)

    def _about_topics(self, topics: Collection[str]) -> Iterator[str]:
        plain = [plain_name(topic) for topic in topics]
        foreign = 0
        for row in self._rows:
            place = self._file.places[row]
            if place.is_plain and plain.count(str(place.topic)) > 1:
                raise EvaluationError(
                    f"{self._where}: expected a topic, as several are written "
                    f"{shown(place.topic)} in names of files, found none"
                )
            known: Collection[str] = plain if place.is_plain else topics
            foreign += place.topic is not None and place.topic not in known
        if foreign:
            yield f"{self._where}: entries of topics without images in the bag: {foreign}"


def _read(path: Path, document: dict[str, Any]) -> TruthFile:
    images = entries(document, "images")
    ids = [read_id(entry, "id", "image") for entry in images]
    check_once("picture id", ids)
    categories = read_categories(document)
    listed = entries(document, "annotations")
    check_orphans(listed, frozenset(ids))
    of_picture: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for each in listed:
        of_picture[read_id(each, "image_id", "annotation")].append(each)
    table, places, unsized = TruthTable(), [], 0
    boxes: list[dict[str, Any]] = []
    for number, entry in zip(ids, images, strict=True):
        places.append(_place(entry, number))
        picture = Picture(number, "", path, read_size(entry, number))
        found = [read_annotation(each, categories, picture) for each in of_picture[number]]
        boxes += ({"id": each["id"], "bbox": each["bbox"]} for each in found)
        truth = truth_from(found, categories)
        table.add(truth, picture.size or _size_of_masks(truth, number))
        unsized += picture.size is None
    check_once("image of a recording", [_spoken(each) for each in places])
    check_once("annotation id", [each["id"] for each in boxes])
    check_pixels(boxes)
    notes = (
        (
            f"{shown_source(path)}: entries without height and width, so that outlines are no "
            f"masks: {unsized}",
        )
        if unsized
        else ()
    )
    names = tuple(categories[key] for key in sorted(categories))
    return TruthFile(path, table, tuple(places), names, notes)


def _size_of_masks(truth: FrameTruth, number: int) -> tuple[int, int]:
    sizes = {(rle["size"][0], rle["size"][1]) for rle in truth.masks or ()}
    if len(sizes) > 1:
        raise EvaluationError(
            f"image {number}: expected masks of one size, found {shown(sorted(sizes))}"
        )
    return sizes.pop() if sizes else UNKNOWN_SIZE


def _place(entry: Mapping[str, Any], number: int) -> Place:
    """Returns which image an entry means.

    Raises:
        EvaluationError: it does not say that.
    """
    recording, topic = (_text(entry, key, number) for key in ("recording", "topic"))
    index = entry.get("index")
    if index is not None and not (type(index) is int and 0 <= index < 2**63):
        raise EvaluationError(f"image {number}: index: expected 0 or more, found {shown(index)}")
    stamp = _stamp(entry.get("stamp"), number)
    if stamp == 0 and index is not None:  # as tools write the stamp of a camera without a clock
        stamp = None
    if stamp is not None or index is not None:
        return Place(recording, topic, False, stamp, index)
    name = entry.get("file_name")
    stem = PurePosixPath(name.replace("\\", "/")).stem if isinstance(name, str) else ""
    found = _STEM.fullmatch(stem)
    if found is None:
        raise EvaluationError(
            f"image {number}: expected a stamp, an index, or the stamp in nanoseconds as the "
            f"file_name, found {shown(name)}"
        )
    if topic is None and found["topic"] is not None:
        return Place(recording, found["topic"], True, int(found["stamp"]), None)
    return Place(recording, topic, False, int(found["stamp"]), None)


def _spoken(place: Place) -> str:
    """Returns which image an entry means, in words; the same ones for the same image."""
    words = (
        ("recording", place.recording),
        ("topic", place.topic and f"{place.topic}{' in names of files' * place.is_plain}"),
        ("stamp", place.stamp),
        ("index", place.index),
    )
    return ", ".join(f"{what} {value}" for what, value in words if value is not None)


def _text(entry: Mapping[str, Any], key: str, number: int) -> str | None:
    value = entry.get(key)
    if value is not None and not isinstance(value, str):
        raise EvaluationError(f"image {number}: {key}: expected a name, found {shown(value)}")
    return value


def _stamp(value: object, number: int) -> int | None:
    if value is None:
        return None
    if type(value) is int and 0 <= value < 2**63:
        return value
    if isinstance(value, str):
        if re.fullmatch("[0-9]{1,19}", value):
            return int(value)
        found = _SECONDS.fullmatch(value)
        if found:
            return int(found[1]) * 1_000_000_000 + int(found[2])
    raise EvaluationError(
        f"image {number}: stamp: expected nanoseconds as an integer, or 'seconds.nanoseconds' "
        f"with nine digits behind the point, found {shown(value)}"
    )
