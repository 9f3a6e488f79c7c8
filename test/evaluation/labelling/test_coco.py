# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Labelled pictures in COCO's form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vit_perception.evaluation.coco_file import ANNOTATIONS
from vit_perception.evaluation.dataset import load_dataset
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.labelling import coco
from vit_perception.rle import decode_mask

from ...refusals import refusal_of
from .proposals import STAMP, boxes_only, equal, shapes, store, with_masks


def test_all_comes_back(tmp_path: Path) -> None:
    for number, pictures in enumerate((boxes_only(), with_masks())):
        folder = store(tmp_path / str(number), pictures, ("spoon",))
        back, names = coco.read_pictures(folder / ANNOTATIONS, stored=True)
        assert equal(list(back), pictures, scores=True)
        assert "spoon" in names


def test_evaluation_reads_it(tmp_path: Path) -> None:
    data = load_dataset(store(tmp_path / "labels", with_masks(), ("spoon",)))
    assert data.names == ("a dot", "a parts", "a ring", "a whole", "spoon")
    assert data.has_masks
    areas = [annotation["area"] for annotation in data.annotations]
    assert areas == [mask.sum() for mask in shapes().values()]


def test_stamps_topics_and_places_are_told() -> None:
    images = coco.document(boxes_only(), (), "tests")["images"]
    assert images[0] == {
        "id": 1,
        "file_name": "a_000000.jpg",
        "width": 200,
        "height": 120,
        "stamp": STAMP,
        "topic": "/rgb",
        "index": 0,
        "recording": "a",
    }


def test_masks_can_be_outlines() -> None:
    found = coco.document(with_masks(), (), "tests", as_polygons=True)["annotations"]
    assert [len(each["segmentation"]) for each in found] == [1, 2, 1, 1]
    assert found[1]["segmentation"][1] == pytest.approx([10, 80, 10, 100, 30, 100, 30, 80])


def test_bytes_are_the_same_each_time() -> None:
    texts = {coco.text(coco.document(with_masks(), ("b", "a"), "tests")) for _ in range(2)}
    assert len(texts) == 1
    assert json.loads(texts.pop())["categories"][0] == {"id": 1, "name": "a"}


def spoiled(tmp_path: Path, **changes: Any) -> str:
    folder = store(tmp_path / "labels", boxes_only())
    document = json.loads((folder / ANNOTATIONS).read_text())
    for key, value in changes.items():
        document[key][0] |= value
    (folder / ANNOTATIONS).write_text(json.dumps(document))
    return refusal_of(
        EvaluationError, lambda: coco.read_pictures(folder / ANNOTATIONS, stored=True)
    )


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"images": {"width": None}}, "expected height and width in px"),
        ({"images": {"width": 2**40}}, "expected at most"),
        ({"images": {"file_name": "../../etc/passwd"}}, "inside the folder"),
        ({"images": {"file_name": "absent.jpg"}}, "no such file"),
        ({"images": {"id": 2}}, "found 2 again"),
        ({"annotations": {"iscrowd": 1}}, "CVAT for images 1.1"),
        ({"annotations": {"bbox": [0, 0, 1e9, 1]}}, "inside 200x120 px"),
        ({"annotations": {"segmentation": {"size": [9, 9], "counts": "x"}}}, "picture's size"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, changes: Any, line: str) -> None:
    found = spoiled(tmp_path, **changes)
    assert line in found
    assert ANNOTATIONS in found


def test_what_others_wrote_beside_it_is_no_origin(tmp_path: Path) -> None:
    folder = store(tmp_path / "labels", boxes_only())
    document = json.loads((folder / ANNOTATIONS).read_text())
    document["images"][0] |= {"stamp": "then"}
    document["annotations"][0] |= {"score": "much"}
    (folder / ANNOTATIONS).write_text(json.dumps(document))
    back, _ = coco.read_pictures(folder / ANNOTATIONS, stored=True)
    assert back[0].origin is None
    assert back[0].things[0].score is None
    assert back[1].origin is not None


def test_masks_are_those_that_were_given(tmp_path: Path) -> None:
    folder = store(tmp_path / "labels", with_masks())
    back, _ = coco.read_pictures(folder / ANNOTATIONS, stored=True)
    for thing, mask in zip(back[0].things, shapes().values(), strict=True):
        assert thing.mask is not None
        assert np.array_equal(decode_mask(thing.mask), mask)
