# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What a bundle knows of region embeddings, as the bytes of an .npz file."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.input.npz_file import Header, NpzError, read_arrays
from vit_perception.wording import shown

ANYTHING = "object"
"""The name that asks a detector for anything, where no embedding was fitted to that."""
_MAX_DIMENSION = 4096
_MAX_MEANS = 32
_MEAN = "mean."


class RegionsError(ValueError):
    """The bytes are no file of regions; one line."""


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """What taught names need to know of a detector.

    Attributes:
        anything: float32 [E], finite: the class embedding that asks for anything; read-only.
        means: precision to float32 [E], finite: the mean region embedding of rows of anything;
            read-only. A precision may have none.

    Raises:
        RegionsError: another type or shape, or numbers that are not finite.
    """

    anything: NDArray[np.float32]
    means: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.means) > _MAX_MEANS:
            raise RegionsError(f"means: expected at most {_MAX_MEANS}, found {len(self.means)}")
        anything = _checked("anything", self.anything)
        object.__setattr__(self, "anything", anything)
        means = {name: _checked(_MEAN + name, value) for name, value in self.means.items()}
        for name, value in means.items():
            if value.shape != anything.shape:
                raise RegionsError(
                    f"{shown(_MEAN + name)}: expected {list(anything.shape)}, "
                    f"found {list(value.shape)}"
                )
        object.__setattr__(self, "means", MappingProxyType(means))

    def mean(self, precision: str) -> NDArray[np.float32]:
        """Returns the mean [E] of one precision; of fp32, or zeros, where it has none."""
        found = self.means.get(precision, self.means.get("fp32"))
        return np.zeros_like(self.anything) if found is None else found

    def with_mean(self, precision: str, mean: NDArray[np.float32]) -> Regions:
        """Returns the same with the mean [E] of one precision.

        Raises:
            RegionsError: another shape or type, or numbers that are not finite.
        """
        return Regions(self.anything, {**self.means, precision: mean})


def write_regions(regions: Regions) -> bytes:
    """Returns .npz bytes; equal input gives equal bytes."""
    file = io.BytesIO()
    means: dict[str, Any] = {_MEAN + name: regions.means[name] for name in sorted(regions.means)}
    np.savez(file, anything=regions.anything, **means)
    return file.getvalue()


def read_regions(data: bytes) -> Regions:
    """Reads regions from .npz bytes; headers are checked before arrays are allocated.

    Raises:
        RegionsError: another format, type or shape.
    """
    try:
        arrays = read_arrays(data, "anything", _check)
    except NpzError as error:
        raise RegionsError(str(error)) from error
    means = {name[len(_MEAN) :]: value for name, value in arrays.items() if name != "anything"}
    return Regions(arrays["anything"], means)


def _check(headers: Mapping[str, Header]) -> None:
    others = [name for name in headers if name != "anything" and not name.startswith(_MEAN)]
    if others or "anything" not in headers:
        raise NpzError(f"expected an .npz file of anything, found one of {shown(list(headers))}")
    for name, header in headers.items():
        if not _fits(*header):
            raise NpzError(
                f"{shown(name)}: expected float32 [1..{_MAX_DIMENSION}], found {header}"
            )


def _checked(name: str, value: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns a read-only view of an embedding.

    Raises:
        RegionsError: another type or shape, or numbers that are not finite.
    """
    if not _fits(value.shape, value.dtype):
        raise RegionsError(
            f"{shown(name)}: expected float32 [1..{_MAX_DIMENSION}], "
            f"found {value.dtype} {list(value.shape)}"
        )
    if not np.isfinite(value).all():
        raise RegionsError(f"{shown(name)}: expected finite numbers, found others")
    view: NDArray[np.float32] = value.view()
    view.flags.writeable = False
    return view


def _fits(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
    return dtype == np.float32 and len(shape) == 1 and 1 <= shape[0] <= _MAX_DIMENSION
