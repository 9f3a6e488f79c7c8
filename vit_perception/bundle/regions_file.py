# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What a bundle knows of region embeddings, as the bytes of an .npz file."""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from vit_perception.wording import one_line, shown

ANYTHING = "object"
"""The name that asks a detector for anything."""
_MAX_DIMENSION = 4096


class RegionsError(ValueError):
    """The bytes are no file of regions; one line."""


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """The class embedding that asks a detector for anything.

    Attributes:
        anything: float32 [E], finite; read-only.

    Raises:
        RegionsError: another type or shape, or numbers that are not finite.
    """

    anything: NDArray[np.float32]

    def __post_init__(self) -> None:
        value = self.anything
        if value.dtype != np.float32 or value.ndim != 1 or not 1 <= len(value) <= _MAX_DIMENSION:
            raise RegionsError(
                f"anything: expected float32 [1..{_MAX_DIMENSION}], "
                f"found {value.dtype} {list(value.shape)}"
            )
        if not np.isfinite(value).all():
            raise RegionsError("anything: expected finite numbers, found others")
        view = value.view()
        view.flags.writeable = False
        object.__setattr__(self, "anything", view)


def write_regions(regions: Regions) -> bytes:
    """Returns .npz bytes; equal input gives equal bytes."""
    file = io.BytesIO()
    np.savez(file, anything=regions.anything)
    return file.getvalue()


def read_regions(data: bytes) -> Regions:
    """Reads regions from .npz bytes; headers are checked before arrays are allocated.

    Raises:
        RegionsError: another format, type or shape.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if archive.namelist() != ["anything.npy"]:
                raise RegionsError(
                    f"expected an .npz file of anything, found one of {shown(archive.namelist())}"
                )
            with archive.open("anything.npy") as file:
                if npy.read_magic(file) != (1, 0):
                    raise RegionsError("anything: expected .npy version 1.0, found another")
                shape, _, dtype = npy.read_array_header_1_0(file)
            if dtype != np.float32 or len(shape) != 1 or not 1 <= shape[0] <= _MAX_DIMENSION:
                raise RegionsError(
                    f"anything: expected float32 [1..{_MAX_DIMENSION}], found "
                    f"{'a pickled array' if dtype.hasobject else dtype} {list(shape)}"
                )
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return Regions(np.ascontiguousarray(arrays["anything"]))
    except RegionsError:
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
        raise RegionsError(
            f"expected an .npz file of anything, found {one_line(error)}"
        ) from error
