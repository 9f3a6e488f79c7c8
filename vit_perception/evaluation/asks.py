# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Questions about two objects of one category in a picture, of which the phrase means one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Ask:
    """One question about a picture.

    Attributes:
        picture: COCO id of the picture.
        phrase: the text that is asked for, e.g. "red mug".
        annotation: id of the object that the phrase describes.
        other: id of the other object of the same category.
        part: "train" if both were trained on, else "unseen".
    """

    picture: int
    phrase: str
    annotation: int
    other: int
    part: str


def read_asks(image: dict[str, Any]) -> tuple[Ask, ...]:
    """Returns the `asks` of an entry of COCO's `images`; empty if it has none.

    Raises:
        KeyError, TypeError, ValueError: the entry has another form.
    """
    return tuple(
        Ask(
            picture=int(image["id"]),
            phrase=str(entry["phrase"]),
            annotation=int(entry["annotation"]),
            other=int(entry["other"]),
            part=str(entry["part"]),
        )
        for entry in image.get("asks", ())
    )
