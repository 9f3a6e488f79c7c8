# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Files of examples come from anybody: they are read back, or refused in one line."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vit_perception.examples import Crop, Example, Examples, ExamplesError
from vit_perception.frame import Frame
from vit_perception.output.failure import OutputError
from vit_perception.perceiver import examples_file
from vit_perception.perceiver.crops import crop_of, frame_of
from vit_perception.perceiver.examples_file import read_examples, write_examples

from ..fuzzed_bytes import Change, changed, changes, fuzz
from ..input.places import NO_FILES
from ..refusals import refusal_of
from ..toy_bundle import SQUARES, toy_picture

SIZE = 8


def _examples() -> Examples:
    image, _ = toy_picture(48, 64, SQUARES)
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(7, SIZE)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    crop = crop_of(Frame(image), (4.25, 5.5, 20.0, 24.0))
    return Examples(
        "ab" * 32,
        (
            Example("my mug", rows[0], rows[3:6], crop=crop),
            Example("Tasse, groß 👩‍🔬", rows[1], rows[:0], negative=True),
            Example("my mug", rows[2], rows[6:], crop=crop),
        ),
    )


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Path:
    path = tmp_path / "mine"
    write_examples(path, _examples())
    return path


def _arrays(file: Path) -> dict[str, Any]:
    with np.load(file) as found:
        return dict(found)


def test_what_is_written_is_read(file: Path) -> None:
    before, found = _examples(), read_examples(file)
    assert found.space == before.space
    assert found.names == ("my mug",)
    for one, other in zip(found.shown, before.shown, strict=True):
        assert (one.name, one.negative) == (other.name, other.negative)
        np.testing.assert_array_equal(one.embedding, other.embedding)
        np.testing.assert_array_equal(one.others, other.others)
        if one.crop is None or other.crop is None:
            assert one.crop is other.crop
        else:
            assert astuple(one.crop) == astuple(other.crop)
    assert found.shown[0].crop is not None
    assert frame_of(found.shown[0].crop).image.shape == (48, 64, 3)


def test_equal_examples_give_equal_bytes(file: Path) -> None:
    again = file.with_name("again")
    write_examples(again, read_examples(file))
    assert again.read_bytes() == file.read_bytes()


def test_nothing_shown_is_written_and_read(tmp_path: Path) -> None:
    write_examples(tmp_path / "folder" / "none", Examples("a space"))
    found = read_examples(tmp_path / "folder" / "none")
    assert (found.space, len(found)) == ("a space", 0)


def _index(change: Any) -> Any:
    def changed_index(arrays: dict[str, Any]) -> None:
        index = json.loads(arrays["index"].tobytes())
        change(index)
        arrays["index"] = np.frombuffer(json.dumps(index).encode(), np.uint8)

    return changed_index


def _entry(**values: Any) -> Any:
    return _index(lambda index: index["examples"][0].update(values))


def _place(**values: Any) -> Any:
    return _index(lambda index: index["examples"][0]["crop"].update(values))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda a: a.pop("crops"), "expected an .npz file of examples that were shown, found one"),
        (lambda a: a.update(more=a["crops"]), "expected an .npz file of examples"),
        (
            lambda a: a.update(index=np.array([print], object)),
            "index: expected uint8 [0..4096000]",
        ),
        (lambda a: a.update(embeddings=a["embeddings"][0]), "embeddings: expected float32 [0..20"),
        (lambda a: a.update(embeddings=a["embeddings"][:2]), "index: examples: expected 2, found"),
        (
            lambda a: a.update(embeddings=a["embeddings"] * 2),
            "examples.0: embedding: expected uni",
        ),
        (lambda a: a.update(embeddings=a["embeddings"] * np.float32(np.nan)), "found nan"),
        (lambda a: a.update(embeddings=a["embeddings"].astype(">f4")), "found >f4 [3, 8]"),
        (lambda a: a.update(embeddings=np.zeros((3, 0), np.float32)), "found float32 [3, 0]"),
        (
            lambda a: a.update(others=a["others"][:, 1:]),
            "others: expected float32 [0..96, 8], fou",
        ),
        (lambda a: a.update(others=a["others"][:3]), "others: expected 4 or more, as the index"),
        (lambda a: a.update(others=np.zeros((97, 8), np.float32)), "found float32 [97, 8]"),
        (lambda a: a.update(others=np.full((4, 8), np.inf, np.float32)), "others: expected unit"),
        (lambda a: a.update(crops=a["crops"][1:]), "crops: expected "),
        (
            lambda a: a.update(crops=np.append(a["crops"], a["crops"][:1])),
            ", as the index says, f",
        ),
        (lambda a: a.update(crops=a["crops"].astype(np.int64)), "crops: expected uint8"),
        (lambda a: a.update(index=np.zeros(0, np.uint8)), "index: expected JSON"),
        (
            lambda a: a.update(index=np.frombuffer(b"[" * 9999, np.uint8)),
            "nesting that is too dee",
        ),
        (lambda a: a.update(index=np.frombuffer(b"\xff", np.uint8)), "index: expected UTF-8"),
        (lambda a: a.update(index=np.frombuffer(b"[]", np.uint8)), "index: expected a mapping"),
        (_index(lambda i: i.update(format=2)), "index: format: expected an integer 1..1, found 2"),
        (_index(lambda i: i.update(space="a\nb")), "index: space: expected a line"),
        (_index(lambda i: i.update(space=None)), "index: space: expected a text, found None"),
        (_index(lambda i: i.update(examples={})), "index: examples: expected a list"),
        (_index(lambda i: i["examples"].pop()), "index: examples: expected 3, found 2"),
        (
            _entry(name="a\x1b[2Jb"),
            "refused: it has a control character",
        ),
        (_entry(name="x" * 201), "refused: expected at most 200 characters, found 201"),
        (_entry(name="\ud800"), "expected texts in UTF-8"),
        (_entry(name=["a"]), "examples.0: name: expected a text, found ['a']"),
        (_entry(negative=0), "examples.0: negative: expected true or false, found 0"),
        (_entry(others=True), "examples.0: others: expected an integer 0..32, found True"),
        (_entry(others=-1), "examples.0: others: expected an integer 0..32, found -1"),
        (_entry(others=2), "others: expected 3, as the index says, found 4"),
        (_entry(more=1), "examples.0: expected one of name, negative, others, crop, found 'more'"),
        (_entry(crop=3), "examples.0: crop: expected a mapping, found 3"),
        (_place(bytes=0), "examples.0: crop.bytes: expected an integer 1..1000000, found 0"),
        (_place(bytes=10**7), "examples.0: crop.bytes: expected an integer 1..1000000"),
        (_place(x1=float("nan")), "examples.0: crop.x1: expected a number 0..1e+08, found nan"),
        (_place(x2=1), "examples.0: crop: expected a box in a picture of 64x48"),
        (_place(width=10**8), "examples.0: crop: expected a place in a picture of at most"),
        (_place(left=1.5), "examples.0: crop.left: expected an integer"),
        (_place(scale=0), "examples.0: crop: expected a box in a picture of 64x48"),
        (_place(path="/etc/passwd"), "examples.0: crop: expected one of bytes, x1,"),
    ],
)
def test_other_values_are_refused(file: Path, change: Any, found: str) -> None:
    arrays = _arrays(file)
    change(arrays)
    with open(file, "wb") as opened:
        np.savez(opened, **arrays)
    line = refusal_of(ExamplesError, lambda: read_examples(file))
    assert line.startswith(f"{file}: ")
    assert found in line


def _announcing(shape: str) -> bytes:
    """A header that promises more than the file holds."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header


def test_arrays_that_are_only_announced_are_refused_before_they_are_made(file: Path) -> None:
    # 2000 x 32 x 4096 numbers are allowed each, but not together.
    others = _announcing("(64000, 4096)")
    parts = {"embeddings": _announcing("(2000, 4096)"), "others": others}
    with zipfile.ZipFile(file) as archive:
        parts |= {name: archive.read(f"{name}.npy") for name in ("crops", "index")}
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in parts.items():
            archive.writestr(f"{name}.npy", data)
    line = refusal_of(ExamplesError, lambda: read_examples(file))
    assert "expected arrays of at most 268435456 bytes, found 10813" in line


def test_files_that_are_too_large_are_not_read(file: Path) -> None:
    with open(file, "ab") as opened:
        opened.truncate(examples_file.MAX_BYTES + 1)
    line = refusal_of(ExamplesError, lambda: read_examples(file))
    assert line == f"{file}: expected at most 268435456 bytes, found more"


def test_too_much_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples_file, "MAX_BYTES", 2000)
    line = refusal_of(ExamplesError, lambda: write_examples(tmp_path / "mine", _examples()))
    assert f"{tmp_path}/mine: expected examples of at most 2000 bytes, found " in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", NO_FILES)
def test_what_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "mine"
    NO_FILES[kind](path)
    line = refusal_of(ExamplesError, lambda: read_examples(path))
    assert line.startswith(f"{path}: expected a ")


def test_a_folder_is_not_written_over(tmp_path: Path) -> None:
    line = refusal_of(OutputError, lambda: write_examples(tmp_path, _examples()))
    assert line == f"{tmp_path}: expected a file, found something else"


def test_a_crop_that_is_no_picture_is_refused_where_it_is_used(file: Path) -> None:
    arrays = _arrays(file)
    arrays["crops"] = np.zeros_like(arrays["crops"])
    with open(file, "wb") as opened:
        np.savez(opened, **arrays)
    crop = read_examples(file).shown[0].crop
    assert isinstance(crop, Crop)
    assert refusal_of(ExamplesError, lambda: frame_of(crop)).startswith("crop: ")


def _read_or_refused(file: Path) -> Examples | None:
    """Returns what is read; None after a refusal in one line that names the file."""
    try:
        return read_examples(file)
    except ExamplesError as error:
        assert str(error).isprintable()
        assert str(error).startswith(f"{file}: ")
        return None


def test_damage_is_refused_or_read(file: Path) -> None:
    data = file.read_bytes()

    def check(sequence: list[Change]) -> None:
        file.write_bytes(changed(data, sequence))
        found = _read_or_refused(file)
        if found is None:
            return
        assert len(found) <= 3
        for each in found.shown:
            assert np.isfinite(each.embedding).all()
            assert each.embedding.shape == (SIZE,)

    fuzz(changes, check, 300)


def test_damage_inside_the_index_is_refused_or_read(file: Path) -> None:
    arrays = _arrays(file)
    index = arrays["index"].tobytes()

    def check(sequence: list[Change]) -> None:
        arrays["index"] = np.frombuffer(changed(index, sequence), np.uint8)
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        file.write_bytes(buffer.getvalue())
        found = _read_or_refused(file)
        assert found is None or len(found) == 3

    fuzz(changes, check, 300)
