# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How exact the graph of one precision is, beside that of fp32."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Literal

from vit_perception.document import Document, Range
from vit_perception.wording import shown

_KEY = "quality"
# Two decimal numbers have a difference that is not one.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Quality:
    """One figure of a graph, measured beside the same of fp32.

    Attributes:
        metric: "AP", average precision against labels, or "agreement" with fp32; of masks with
            "mask_" before it.
        reference: of fp32, 0..1.
        value: of this graph, 0..1.
        limit: the largest drop that is allowed, 0..1.
        pictures: number of pictures it was measured on.
        data: what they are, in one line.
    """

    metric: Literal["AP", "mask_AP", "agreement", "mask_agreement"]
    reference: Annotated[float, Range(0, 1)]
    value: Annotated[float, Range(0, 1)]
    limit: Annotated[float, Range(0, 1)]
    pictures: Annotated[int, Range(1, 2**31)]
    data: str

    @property
    def drop(self) -> float:
        """What is lost against fp32; negative where something is won."""
        return self.reference - self.value

    @property
    def passed(self) -> bool:
        """Whether no more is lost than is allowed."""
        return self.drop <= self.limit + _ROUNDING

    def __str__(self) -> str:
        """The figures in a few words."""
        return (
            f"{self.metric} {self.value:g} of {self.reference:g}, a drop of {self.limit:g} is "
            "allowed"
        )


def checked_quality(document: Document, precisions: Collection[str]) -> dict[str, Quality]:
    """Returns precision to quality; empty where a manifest says nothing about it.

    Args:
        document: the manifest.
        precisions: of the graphs.

    Raises:
        DocumentError: a precision without a graph, an entry that is no mapping, a key that is
            missing or unknown, or a value of another type or range.
    """
    if not document.has(_KEY):
        return {}
    given = document.values[_KEY]
    if not isinstance(given, dict):
        raise document.error(_KEY, "a mapping", shown(given))
    document.only(tuple(precisions), _KEY)
    # A precision may have a dot, and so cannot be part of a key.
    return {
        precision: Quality(
            **Document(entry, f"{document.file}: {_KEY}.{precision}").fields(Quality)
        )
        for precision, entry in given.items()
    }
