# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures in which the toy detector misses something at the threshold of its bundle, 0.6."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from vit_perception.evaluation.samples.sample import Sample
from vit_perception.frame import Frame
from vit_perception.images.media import write_picture

from ...toy_bundle import DEFAULT_NAMES, GREY
from .seen import truth_of

RED, BLUE = (0, 0, 16, 16), (48, 40, 64, 56)
# Where a square is, its colour, and whether it is labelled. The toy detector gives them scores of
# 0.43 and 0.13 as red, and of 0.99 and 0.78 as blue.
SQUARES = (
    (RED, (200, 80, 80), True),
    ((48, 0, 64, 16), (180, 100, 100), False),
    (BLUE, (0, 0, 255), True),
    ((0, 40, 16, 56), (60, 60, 220), False),
)


def pictures(count: int, *, first: int = 0, period: int = 0, shown: bool = True) -> list[Sample]:
    """A red and a blue square, and one more of each colour that is nothing."""
    samples = []
    for number in range(first, first + count):
        image = np.full((64, 96, 3), GREY, np.uint8)
        things = []
        for box, colour, labelled in SQUARES:
            left, right = (each + 8 * (number % 4) for each in box[::2])
            image[box[1] : box[3], left:right] = colour
            if labelled:
                things.append(("red" if box == RED else "blue", (left, box[1], right, box[3])))
        frame = Frame(image, stamp=(number + 1) * period)
        samples.append(Sample(number, "", frame, truth_of(things) if shown else None))
    return samples


def write_pictures(folder: Path, count: int = 20) -> Path:
    """The same as a folder in COCO's form."""
    images, objects = [], []
    for sample in pictures(count):
        name = f"{sample.number:02}.png"
        write_picture(folder / "images" / name, sample.frame.image)
        images.append({"id": sample.number, "file_name": name, "width": 96, "height": 64})
        truth = sample.truth
        assert truth is not None
        for label, (left, top, right, bottom) in zip(
            truth.names, truth.boxes.tolist(), strict=True
        ):
            objects.append(
                {
                    "id": len(objects) + 1,
                    "image_id": sample.number,
                    "category_id": DEFAULT_NAMES.index(label),
                    "bbox": [left, top, right - left, bottom - top],
                    "area": (right - left) * (bottom - top),
                    "iscrowd": 0,
                }
            )
    categories = [{"id": index, "name": name} for index, name in enumerate(DEFAULT_NAMES)]
    document = {"images": images, "annotations": objects, "categories": categories}
    (folder / "annotations.json").write_text(json.dumps(document))
    return folder
