# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Proposals for tests: boxes, and masks of one part, of two, with a hole, and of one pixel."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from vit_perception.evaluation.coco_file import ANNOTATIONS
from vit_perception.evaluation.labelling import coco
from vit_perception.evaluation.labelling.labelled import LabelledPicture, Origin, Thing
from vit_perception.images.compressed import encode_jpeg
from vit_perception.rle import encode_mask

HEIGHT, WIDTH = 120, 200
STAMP = 1_700_000_000_123_456_789


def masked(name: str, mask: np.ndarray, score: float | None = 0.5) -> Thing:
    rows, columns = np.nonzero(mask)
    box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    return Thing(name, tuple(float(side) for side in box), encode_mask(mask), score)


def shapes() -> dict[str, np.ndarray]:
    whole, parts, ring, dot = np.zeros((4, HEIGHT, WIDTH), np.uint8)
    cv2.ellipse(whole, (60, 50), (40, 20), 30, 0, 360, 1, -1)
    parts[80:100, 10:30] = parts[70:85, 40:80] = 1
    cv2.circle(ring, (150, 60), 30, 1, 12)
    dot[5, 7] = 1
    return {"whole": whole > 0, "parts": parts > 0, "ring": ring > 0, "dot": dot > 0}


def boxes_only() -> list[LabelledPicture]:
    things = (
        Thing("mug", (10.25, 20.5, 60.0, 90.75), None, 0.91),
        Thing("red 'mug' & <b>", (0.0, 0.0, 200.0, 120.0), None, 0.4),
    )
    return [
        LabelledPicture("a_000000.jpg", HEIGHT, WIDTH, things, Origin("a", "/rgb", 0, STAMP)),
        LabelledPicture("a_000003.jpg", HEIGHT, WIDTH, (), Origin("a", "/rgb", 3, STAMP + 3)),
        LabelledPicture("b_000000.png", HEIGHT, WIDTH, things[:1], Origin("b", "/rgb", 0, 0)),
    ]


def with_masks() -> list[LabelledPicture]:
    things = tuple(masked(f"a {name}", mask) for name, mask in shapes().items())
    return [LabelledPicture("a_000000.jpg", HEIGHT, WIDTH, things, Origin("a", "/rgb", 0, STAMP))]


def store(folder: Path, pictures: list[LabelledPicture], names: tuple[str, ...] = ()) -> Path:
    """Writes the folder of proposals, with pictures."""
    (folder / "images").mkdir(parents=True)
    for number, picture in enumerate(pictures):
        image = np.full((HEIGHT, WIDTH, 3), 40 * number, np.uint8)
        (folder / "images" / picture.file_name).write_bytes(encode_jpeg(image))
    document = coco.document(pictures, names, "tests")
    (folder / ANNOTATIONS).write_bytes(coco.text(document))
    return folder


def described(thing: Thing) -> tuple[object, ...]:
    counts = None if thing.mask is None else thing.mask["counts"]
    return thing.name, thing.box, counts, thing.score


def equal(one: list[LabelledPicture], other: list[LabelledPicture], *, scores: bool) -> bool:
    """Whether names, boxes, masks and origins are the same."""

    def all_of(pictures: list[LabelledPicture]) -> list[object]:
        return [
            (
                each.file_name,
                each.height,
                each.width,
                each.origin,
                [described(thing)[: 4 if scores else 3] for thing in each.things],
            )
            for each in pictures
        ]

    return all_of(one) == all_of(other)
