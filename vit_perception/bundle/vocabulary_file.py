# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A vocabulary as the bytes of an .npz file: `names` (unicode) and `embeddings` (float32)."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np

from vit_perception.input.npz_file import Header, NpzError, read_arrays
from vit_perception.names import MAX_NAME_LENGTH, MAX_NAMES, VocabularyError
from vit_perception.vocabulary import Vocabulary

_ARRAYS = ("names", "embeddings")
_BYTES_PER_CHARACTER = 4


def write_vocabulary(vocabulary: Vocabulary) -> bytes:
    """Returns .npz bytes, without the version; equal input gives equal bytes."""
    file = io.BytesIO()
    np.savez(
        file,
        names=np.array(vocabulary.names, dtype=np.str_),
        embeddings=vocabulary.embeddings,
    )
    return file.getvalue()


def read_vocabulary(data: bytes, dimension: int) -> Vocabulary:
    """Reads a vocabulary of version 0 from .npz bytes.

    Array headers are checked before arrays are allocated; pickled arrays are refused.

    Args:
        data: the file.
        dimension: D, the length of one embedding.

    Raises:
        VocabularyError: another format, type or shape, or see Vocabulary.
    """

    def check(headers: Mapping[str, Header]) -> None:
        names, embeddings = headers["names"], headers["embeddings"]
        count = names.shape[0] if len(names.shape) == 1 else -1
        if names.dtype.kind != "U" or not 1 <= count <= MAX_NAMES:
            raise NpzError(f"names: expected unicode [1..{MAX_NAMES}], found {names}")
        if names.dtype.itemsize > MAX_NAME_LENGTH * _BYTES_PER_CHARACTER:
            raise NpzError(
                f"names: expected at most {MAX_NAME_LENGTH} characters, "
                f"found {names.dtype.itemsize // _BYTES_PER_CHARACTER}"
            )
        if embeddings.dtype != np.float32 or embeddings.shape != (count, dimension):
            raise NpzError(
                f"embeddings: expected float32 [{count}, {dimension}], found {embeddings}"
            )

    try:
        arrays = read_arrays(data, "names and embeddings", check, _ARRAYS)
    except NpzError as error:
        raise VocabularyError(str(error)) from error
    return Vocabulary(tuple(str(name) for name in arrays["names"]), arrays["embeddings"], 0)
