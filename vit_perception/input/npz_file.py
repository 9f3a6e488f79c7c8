# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Arrays in .npz files of unknown origin: headers first, nothing pickled."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from vit_perception.wording import one_line, shown


class NpzError(ValueError):
    """Bytes are no .npz file, or one of other arrays; one line."""


class Header(NamedTuple):
    """Shape and type of an array that has not been read yet."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __str__(self) -> str:
        kind = "a pickled array" if self.dtype.hasobject else str(self.dtype)
        return f"{kind} {list(self.shape)}"


def read_arrays(
    data: bytes,
    what: str,
    check: Callable[[Mapping[str, Header]], None],
    names: Collection[str] | None = None,
) -> dict[str, NDArray[Any]]:
    """Reads the arrays of an .npz file after their headers have been checked.

    Args:
        data: the file.
        what: it should hold, for messages.
        check: looks at all headers by name, and refuses by raising an NpzError; called before any
            array is allocated.
        names: of the arrays that have to be there, without others; None: `check` knows.

    Raises:
        NpzError: no .npz file, a damaged one, one of other arrays or pickled ones, or of `check`.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.namelist()
            found = [member.removesuffix(".npy") for member in members]
            # Of two members of one name numpy could load another than the one checked here.
            if len(set(found)) < len(found) or (names is not None and set(found) != set(names)):
                raise NpzError(f"expected an .npz file of {what}, found one of {shown(members)}")
            headers = {name: _header(archive, f"{name}.npy") for name in found}
        check(headers)
        for name, header in headers.items():
            if header.dtype.hasobject:
                raise NpzError(f"{name}: expected numbers or text, found {header}")
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return {name: np.ascontiguousarray(arrays[name]) for name in headers}
    except NpzError:
        raise
    except (
        zipfile.BadZipFile,
        zlib.error,
        KeyError,
        EOFError,
        RuntimeError,
        NotImplementedError,  # zipfile: an unknown compression
        OSError,
        MemoryError,
        ValueError,
    ) as error:
        raise NpzError(f"expected an .npz file of {what}, found {one_line(error)}") from error


def _header(archive: zipfile.ZipFile, member: str) -> Header:
    with archive.open(member) as file:
        version = npy.read_magic(file)
        # Version 2 allows a header of 4 GiB, which numpy reads before checking it.
        if version != (1, 0):
            raise NpzError(f"{member}: expected .npy version 1.0, found {version}")
        shape, _, dtype = npy.read_array_header_1_0(file)
    return Header(shape, dtype)
