# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Objects asked for by a phrase: two of one category in a picture, one of them meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Ask:
    """One question to a picture.

    Attributes:
        picture: COCO id of the picture.
        phrase: what is asked for, "red mug".
        annotation: id of the object that is meant.
        other: id of the object of the same category that is not.
        part: "train" when both were trained on, else "unseen".

    """

    picture: int
    phrase: str
    annotation: int
    other: int
    part: str


def read_asks(image: dict[str, Any]) -> tuple[Ask, ...]:
    """The `asks` of an entry of COCO's `images`; none where it has none.

    Raises:
        KeyError, TypeError, ValueError: an entry of another form.

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
