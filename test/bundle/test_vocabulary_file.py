# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""vocabulary.npz comes from anybody: what is no vocabulary is refused, and nothing is run."""

from __future__ import annotations

import io
import os
import pickle
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vit_perception.bundle.bundle import Bundle, BundleError
from vit_perception.names import MAX_NAMES

from ..refusals import refusal_of
from ..toy_bundle import (
    DIMENSION,
)
from .damaged_bundle import put


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


class Exploit:
    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, ("touch exploited",))


def bomb() -> bytes:
    """A header that promises 4 TB, in 300 bytes of file."""
    file = io.BytesIO()
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000000), }\n"
    member = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("names.npy", npy(np.array(["a"])))
        archive.writestr("embeddings.npy", member)
    return file.getvalue()


def long_header() -> bytes:
    """A version 2 header of 200 MB, compressed to 200 kB."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        size = 200_000_000
        member = b"\x93NUMPY\x02\x00" + struct.pack("<I", size) + b" " * size
        archive.writestr("names.npy", member)
        archive.writestr("embeddings.npy", member[:20])
    return file.getvalue()


def with_second_member(name: str) -> bytes:
    """A vocabulary with another member, of which numpy makes "names" as well."""
    file = io.BytesIO(npz(names=NAMES, embeddings=UNIT))
    with zipfile.ZipFile(file, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr(name, npy(np.array(["unchecked"] * 2)))
    return file.getvalue()


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


UNIT = np.eye(2, DIMENSION, dtype=np.float32)
NAMES = np.array(["a", "b"])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            lambda: npz(names=np.array([Exploit(), "b"], object), embeddings=UNIT),
            "names: expected unicode [1..4096], found a pickled array [2]",
        ),
        (
            lambda: npz(names=NAMES, embeddings=np.array([[Exploit()] * DIMENSION] * 2)),
            "embeddings: expected float32 [2, 384], found a pickled array [2, 384]",
        ),
        (lambda: pickle.dumps(Exploit()), "expected an .npz file of names and embeddings, found"),
        (lambda: npy(UNIT), "expected an .npz file of names and embeddings, found"),
        (lambda: b"", "expected an .npz file of names and embeddings, found"),
        (
            lambda: npz(names=NAMES, embeddings=UNIT)[:-40],
            "expected an .npz file of names and embeddings, found",
        ),
        (lambda: npz(embeddings=UNIT), "expected an .npz file of names and embeddings, found"),
        (lambda: npz(names=NAMES), "expected an .npz file of names and embeddings, found"),
        (
            lambda: npz(names=NAMES[:1], embeddings=UNIT),
            "embeddings: expected float32 [1, 384], found float32 [2, 384]",
        ),
        (
            lambda: npz(names=NAMES, embeddings=UNIT.astype(np.float64)),
            "embeddings: expected float32 [2, 384], found float64 [2, 384]",
        ),
        (
            lambda: npz(names=np.arange(2), embeddings=UNIT),
            "names: expected unicode [1..4096], found int64 [2]",
        ),
        (
            lambda: npz(names=NAMES.reshape(2, 1), embeddings=UNIT),
            "names: expected unicode [1..4096], found <U1 [2, 1]",
        ),
        (
            lambda: npz(names=np.array([str(i) for i in range(MAX_NAMES + 1)]), embeddings=UNIT),
            "names: expected unicode [1..4096], found <U4 [4097]",
        ),
        (
            lambda: npz(names=np.array(["a", "b" * 201]), embeddings=UNIT),
            "names: expected at most 200 characters, found 201",
        ),
        (
            lambda: npz(names=np.array(["a", "a"]), embeddings=UNIT),
            "name 'a' refused: it is there twice",
        ),
        (lambda: npz(names=NAMES, embeddings=UNIT * 3), "embeddings: expected unit length, found"),
        (
            lambda: with_second_member("names"),
            "expected an .npz file of names and embeddings, found one of ['names.npy', 'embedd",
        ),
        (
            lambda: with_second_member("names.npy"),
            "expected an .npz file of names and embeddings, found one of ['names.npy', 'embedd",
        ),
        (bomb, "embeddings: expected float32 [1, 384], found float32 [1000000, 1000000]"),
        (long_header, "names.npy: expected .npy version 1.0, found (2, 0)"),
    ],
)
def test_a_vocabulary_that_is_none_is_refused(
    bundle_copy: Path, monkeypatch: pytest.MonkeyPatch, data: Callable[[], bytes], message: str
) -> None:
    monkeypatch.chdir(bundle_copy)
    put(bundle_copy, "vocabulary.npz", data())
    assert refusal_of(BundleError, lambda: Bundle.load(bundle_copy)).startswith(
        f"{bundle_copy}/vocabulary.npz: {message}"
    )
    assert not (bundle_copy / "exploited").exists()
