# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A vocabulary as the bytes of an .npz file: `names` (unicode) and `embeddings` (float32)."""

from __future__ import annotations

import io
import zipfile
import zlib

import numpy as np
from numpy.lib import format as npy

from vit_perception.names import MAX_NAME_LENGTH, MAX_NAMES, VocabularyError
from vit_perception.vocabulary import Vocabulary
from vit_perception.wording import one_line, shown

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
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.namelist()
            # numpy could load another member called "names" than the one checked here.
            if sorted(members) != ["embeddings.npy", "names.npy"]:
                raise VocabularyError(
                    f"expected an .npz file of names and embeddings, found one of {shown(members)}"
                )
            shape, names_type = _header(archive, "names.npy")
            count = shape[0] if len(shape) == 1 else -1
            if names_type.kind != "U" or not 1 <= count <= MAX_NAMES:
                raise VocabularyError(
                    f"names: expected unicode [1..{MAX_NAMES}], "
                    f"found {_kind(names_type)} {list(shape)}"
                )
            if names_type.itemsize > MAX_NAME_LENGTH * _BYTES_PER_CHARACTER:
                raise VocabularyError(
                    f"names: expected at most {MAX_NAME_LENGTH} characters, "
                    f"found {names_type.itemsize // _BYTES_PER_CHARACTER}"
                )
            shape, embeddings_type = _header(archive, "embeddings.npy")
            if embeddings_type != np.float32 or shape != (count, dimension):
                raise VocabularyError(
                    f"embeddings: expected float32 [{count}, {dimension}], "
                    f"found {_kind(embeddings_type)} {list(shape)}"
                )
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            names = tuple(str(name) for name in arrays["names"])
            embeddings = np.ascontiguousarray(arrays["embeddings"])
    except VocabularyError:
        raise
    except (
        zipfile.BadZipFile,
        zlib.error,
        ValueError,
        KeyError,
        EOFError,
        RuntimeError,
        NotImplementedError,  # zipfile: an unknown compression
        OSError,
    ) as error:
        raise VocabularyError(
            f"expected an .npz file of names and embeddings, found {one_line(error)}"
        ) from error
    return Vocabulary(names, embeddings, 0)


def _header(archive: zipfile.ZipFile, member: str) -> tuple[tuple[int, ...], np.dtype]:
    with archive.open(member) as file:
        version = npy.read_magic(file)
        # Version 2 allows a header of 4 GiB, which numpy reads before checking it.
        if version != (1, 0):
            raise VocabularyError(f"{member}: expected .npy version 1.0, found {version}")
        shape, _, dtype = npy.read_array_header_1_0(file)
    return shape, dtype


def _kind(dtype: np.dtype) -> str:
    return "a pickled array" if dtype.hasobject else str(dtype)
