# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of recordings with the things in them, as annotation tools show them."""

from __future__ import annotations

from dataclasses import dataclass, field

from vit_perception.rle import Rle

Box = tuple[float, float, float, float]
"""x1 y1 x2 y2 px."""


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """One thing in a picture.

    Attributes:
        name: what it is.
        box: inside the picture.
        mask: of the whole picture, or None.
        score: 0..1 of a proposal; None for what a person drew.
    """

    name: str
    box: Box
    mask: Rle | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a picture was recorded.

    Attributes:
        recording: name of the bag.
        topic: of the images.
        index: its place among the images of the topic, from 0.
        stamp: of its header, ns; 0 without.
    """

    recording: str
    topic: str
    index: int
    stamp: int


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPicture:
    """A picture and the things in it.

    Attributes:
        file_name: in the folder `images/`.
        height, width: px.
        things: that were proposed or drawn.
        origin: None for a picture that is of no recording.
    """

    file_name: str
    height: int
    width: int
    things: tuple[Thing, ...] = field(default=())
    origin: Origin | None = None


def last_part(name: str) -> str:
    """Returns the name of a file without the folders before it, Windows' too."""
    return name.replace("\\", "/").rpartition("/")[2]
