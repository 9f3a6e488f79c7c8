# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What was shown to a detector, as one .npz file that can be kept and given to others.

Arrays: `embeddings` float32 [N, E] and `others` float32 [M, E], one example behind the other;
`crops` uint8, the JPEG files behind each other; `index` uint8, JSON in UTF-8: the format, the
space of the embeddings, and for each example its name, whether it is negative, how many rows of
`others` and bytes of `crops` it has, and where the crop lay in its picture.
"""

from __future__ import annotations

import io
import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.bundle.bundle import Bundle
from vit_perception.document import Document, DocumentError
from vit_perception.examples import (
    MAX_CROP_BYTES,
    MAX_DIMENSION,
    MAX_EXAMPLES,
    MAX_OTHERS,
    Crop,
    Example,
    Examples,
    ExamplesError,
)
from vit_perception.input.file import InputError, read_file
from vit_perception.input.json_file import parse_json
from vit_perception.input.npz_file import Header, NpzError, read_arrays
from vit_perception.names import VocabularyError
from vit_perception.output.write import write_file
from vit_perception.perceiver.query_maker import NOT_TAUGHT
from vit_perception.wording import shown_path

FORMAT = 1
MAX_BYTES = 256 * 2**20
"""Of a file, and of its arrays: room for MAX_EXAMPLES with crops of 60 kB."""
_MAX_INDEX_BYTES = 2**11 * MAX_EXAMPLES
_ARRAYS = ("embeddings", "others", "crops", "index")
_KEYS = ("name", "negative", "others", "crop")
_PLACE = ("bytes", "x1", "y1", "x2", "y2", "left", "top", "width", "height", "scale")
_MOST_PIXELS = 10**8


def write_examples(path: Path, examples: Examples) -> None:
    """Writes a file as a whole; equal examples give equal bytes. Missing folders are made.

    Raises:
        ExamplesError: they take more than MAX_BYTES.
        OutputError: the file cannot be written.
    """
    data = _packed(examples)
    if len(data) > MAX_BYTES:
        raise ExamplesError(
            f"{shown_path(path)}: expected examples of at most {MAX_BYTES} bytes, "
            f"found {len(data)}"
        )
    write_file(path, data)


def read_examples(path: Path) -> Examples:
    """Reads a file of `write_examples`, of unknown origin.

    Headers are checked before arrays are allocated, and nothing is unpickled. JPEG files are
    not looked at: `crops.frame_of` refuses what is none.

    Raises:
        ExamplesError: names the file; it cannot be read, is too large, or is no such file.
    """
    try:
        data = read_file(path, MAX_BYTES)
    except InputError as error:
        raise ExamplesError(str(error)) from error
    file = shown_path(path)
    try:
        arrays = read_arrays(data, "examples that were shown", _check, _ARRAYS)
        return _unpacked(arrays)
    except (NpzError, InputError, DocumentError, VocabularyError, ExamplesError) as error:
        raise ExamplesError(f"{file}: {error}") from error


def read_examples_of(bundle: Bundle, path: Path) -> Examples:
    """Reads a file of examples that were shown to this bundle, in any of its precisions.

    Raises:
        ExamplesError: see `read_examples`; or they were shown to another bundle, or the bundle
            cannot be taught.
    """
    if bundle.regions is None:
        raise ExamplesError(f"{shown_path(bundle.directory)}: {NOT_TAUGHT}")
    examples = read_examples(path)
    file = shown_path(path)
    if examples.space != bundle.embedding_id:
        bundle_words = f"--bundle {shlex.quote(shown_path(bundle.directory))}"
        raise ExamplesError(
            f"{file}: expected examples shown to {bundle.name} ({bundle.embedding_id[:12]}), "
            f"found some shown to another bundle ({examples.space[:12]}); renew them: "
            f"vit-perception teach --renew {shlex.quote(file)} {bundle_words} --out NEW"
        )
    size = len(bundle.regions.anything)
    if examples.shown and len(examples.shown[0].embedding) != size:
        raise ExamplesError(
            f"{file}: expected embeddings of {size} values, "
            f"found {len(examples.shown[0].embedding)}"
        )
    return examples


def _packed(examples: Examples) -> bytes:
    size = len(examples.shown[0].embedding) if examples.shown else 1
    none = np.zeros((0, size), np.float32)
    jpegs = b"".join(each.crop.jpeg for each in examples.shown if each.crop is not None)
    index = {
        "format": FORMAT,
        "space": examples.space,
        "examples": [_entry(each) for each in examples.shown],
    }
    file = io.BytesIO()
    np.savez(
        file,
        embeddings=np.concatenate([none, *(each.embedding[None] for each in examples.shown)]),
        others=np.concatenate([none, *(each.others for each in examples.shown)]),
        crops=np.frombuffer(jpegs, np.uint8),
        index=np.frombuffer(json.dumps(index, ensure_ascii=False).encode(), np.uint8),
    )
    return file.getvalue()


def _entry(example: Example) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": example.name,
        "negative": bool(example.negative),
        "others": len(example.others),
    }
    crop = example.crop
    if crop is not None:
        numbers = (*map(float, crop.box), *map(int, (*crop.corner, *crop.size)))
        place = (len(crop.jpeg), *numbers, float(crop.scale))
        entry["crop"] = dict(zip(_PLACE, place, strict=True))
    return entry


def _check(headers: Mapping[str, Header]) -> None:
    embeddings, others = headers["embeddings"], headers["others"]
    count, size = embeddings.shape if len(embeddings.shape) == 2 else (-1, 0)
    if embeddings.dtype != np.float32 or not (
        0 <= count <= MAX_EXAMPLES and 1 <= size <= MAX_DIMENSION
    ):
        raise NpzError(
            f"embeddings: expected float32 [0..{MAX_EXAMPLES}, 1..{MAX_DIMENSION}], "
            f"found {embeddings}"
        )
    if others.dtype != np.float32 or not (
        len(others.shape) == 2
        and 0 <= others.shape[0] <= count * MAX_OTHERS
        and others.shape[1] == size
    ):
        raise NpzError(
            f"others: expected float32 [0..{count * MAX_OTHERS}, {size}], found {others}"
        )
    for name, most in (("crops", MAX_BYTES), ("index", _MAX_INDEX_BYTES)):
        header = headers[name]
        if header.dtype != np.uint8 or len(header.shape) != 1 or not 0 <= header.shape[0] <= most:
            raise NpzError(f"{name}: expected uint8 [0..{most}], found {header}")
    # A compressed file may be far smaller than its arrays.
    total = 4 * size * (count + others.shape[0]) + headers["crops"].shape[0]
    if total > MAX_BYTES:
        raise NpzError(f"expected arrays of at most {MAX_BYTES} bytes, found {total}")


def _unpacked(arrays: Mapping[str, NDArray[Any]]) -> Examples:
    index = Document(parse_json(arrays["index"].tobytes(), "index"), "index")
    index.integer("format", FORMAT, FORMAT)
    index.only(("format", "space", "examples"))
    entries = index.mappings("examples")
    if len(entries) != len(arrays["embeddings"]):
        raise index.error("examples", str(len(arrays["embeddings"])), str(len(entries)))
    others, crops = _Cut("others", arrays["others"]), _Cut("crops", arrays["crops"])
    found = tuple(_examples(entries, arrays["embeddings"], others, crops))
    others.check_end()
    crops.check_end()
    return Examples(index.line("space"), found)


def _examples(
    entries: list[dict[str, Any]], embeddings: NDArray[np.float32], others: _Cut, crops: _Cut
) -> Iterator[Example]:
    for number, (values, embedding) in enumerate(zip(entries, embeddings, strict=True)):
        entry = Document(values, f"index: examples.{number}")
        entry.only(_KEYS)
        name, negative = entry.text("name"), entry.boolean("negative")
        rows = others.next(entry.integer("others", 0, MAX_OTHERS))
        crop = _crop(entry, crops) if entry.has("crop") else None
        try:
            yield Example(name, embedding, rows, negative, crop)
        except (ExamplesError, VocabularyError) as error:
            raise ExamplesError(f"{entry.file}: {error}") from error


def _crop(entry: Document, crops: _Cut) -> Crop:
    entry.only(_PLACE, "crop")
    jpeg = crops.next(entry.integer("crop.bytes", 1, MAX_CROP_BYTES)).tobytes()
    x1, y1, x2, y2 = (
        entry.number(f"crop.{side}", 0, _MOST_PIXELS) for side in ("x1", "y1", "x2", "y2")
    )
    left, top, width, height = (
        entry.integer(f"crop.{side}", 0, _MOST_PIXELS)
        for side in ("left", "top", "width", "height")
    )
    scale = entry.number("crop.scale", 0, 1)
    try:
        return Crop(jpeg, (x1, y1, x2, y2), (left, top), (width, height), scale)
    except ExamplesError as error:
        raise ExamplesError(f"{entry.file}: {error}") from error


class _Cut:
    """Cuts an array into parts, one behind the other."""

    def __init__(self, name: str, array: NDArray[Any]) -> None:
        self._name, self._array, self._at = name, array, 0

    def next(self, count: int) -> NDArray[Any]:
        self._at += count
        if self._at > len(self._array):
            self._refuse("or more")
        return self._array[self._at - count : self._at]

    def check_end(self) -> None:
        if self._at < len(self._array):
            self._refuse("")

    def _refuse(self, more: str) -> None:
        expected = f"{self._at} {more}".strip()
        raise ExamplesError(
            f"{self._name}: expected {expected}, as the index says, found {len(self._array)}"
        )
