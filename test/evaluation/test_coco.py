# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Known answers, computed by hand from the definition of average precision."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from test.evaluation.measured import measured
from test.images.oriented import encoded, scene, turned
from vit_perception.detections import Detections
from vit_perception.evaluation.dataset import EvaluationError, load_dataset, read_frame
from vit_perception.evaluation.results import predict_all
from vit_perception.evaluation.tables import format_tables
from vit_perception.frame import Frame
from vit_perception.images.compressed import encode_jpeg
from vit_perception.rle import encode_mask

pytest.importorskip("hotcoco")

NAMES = ("mug", "spoon", "hat")
MUG, TRAIN_MUG, SPOON, HAT = (
    (0, 0, 50, 50),
    (100, 100, 150, 150),
    (0, 0, 20, 20),
    (100, 0, 200, 100),
)

MUG_ENTRY = {"id": 1, "image_id": 1, "category_id": 10, "bbox": [0, 0, 9, 9]}


def write_dataset(folder: Path, **changes: Any) -> Path:
    """Two pictures: two mugs (one of them novel to training), a spoon, a hat."""
    objects = [
        (1, "mug", MUG, "val_instances"),
        (1, "mug", TRAIN_MUG, "train"),
        (2, "spoon", SPOON, "train"),
        (2, "hat", HAT, "novel"),
    ]
    document: dict[str, Any] = {
        "images": [
            {"id": i, "file_name": f"{i}.jpg", "width": 220, "height": 160} for i in (1, 2)
        ],
        "categories": [{"id": 10 + i, "name": name} for i, name in enumerate(NAMES)],
        "annotations": [
            {
                "id": index,
                "image_id": image,
                "category_id": 10 + NAMES.index(name),
                "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]],
                "area": (box[2] - box[0]) * (box[3] - box[1]),
                "iscrowd": 0,
                "part": part,
            }
            for index, (image, name, box, part) in enumerate(objects, start=1)
        ],
    }
    (folder / "images").mkdir(parents=True)
    for image in (1, 2):
        picture = np.full((160, 220, 3), 60 * image, np.uint8)
        (folder / "images" / f"{image}.jpg").write_bytes(encode_jpeg(picture))
    (folder / "annotations.json").write_text(json.dumps(document | changes))
    return folder


def answers(
    first: list[tuple[str, float, tuple[int, ...]]],
    second: list[tuple[str, float, tuple[int, ...]]],
) -> Any:
    """Predictor that knows which of the two pictures it sees by its brightness."""

    def predict(frame: Frame) -> Detections:
        rows = first if frame.image.mean() < 90 else second
        return Detections(
            boxes=np.array([row[2] for row in rows], np.float32).reshape(-1, 4),
            scores=np.array([row[1] for row in rows], np.float32),
            labels=np.array([NAMES.index(row[0]) for row in rows], np.int64),
            names=NAMES,
            vocabulary_version=0,
        )

    return predict


def test_everything_right_is_one(tmp_path: Path) -> None:
    predict = answers(
        [("mug", 0.9, MUG), ("mug", 0.8, TRAIN_MUG)], [("spoon", 0.9, SPOON), ("hat", 0.8, HAT)]
    )
    metrics = measured(write_dataset(tmp_path / "data"), predict)
    assert metrics["pictures"] == 2
    assert metrics["detections"] == 4
    for row in (metrics["overall"], *metrics["parts"].values()):
        assert row["AP"] == pytest.approx(1)
        assert row["AP50"] == pytest.approx(1)
        assert row["AR50@100"] == pytest.approx(1)
    assert list(metrics["parts"]) == ["train", "val_instances", "novel"]
    assert metrics["overall"]["AP50_small"] == pytest.approx(1)
    assert metrics["parts"]["novel"]["AP50_small"] is None


def test_wrong_names_cost_precision_but_not_class_agnostic_recall(tmp_path: Path) -> None:
    # The surest hat is a spoon: precision of hat is 1/2 at every recall, spoon is never found.
    predict = answers(
        [("mug", 0.9, MUG), ("mug", 0.8, TRAIN_MUG)], [("hat", 0.9, SPOON), ("hat", 0.8, HAT)]
    )
    metrics = measured(write_dataset(tmp_path / "data"), predict)
    assert metrics["overall"]["AP50"] == pytest.approx((1 + 0 + 0.5) / 3)
    assert metrics["overall"]["AR50@30"] == pytest.approx(1)
    # The spoon is of another part: what it is called is not held against the hats.
    assert metrics["parts"]["novel"]["AP50"] == pytest.approx(1)
    assert metrics["parts"]["train"]["AP50"] == pytest.approx((1 + 0) / 2)


def test_one_box_under_two_names_is_one_proposal(tmp_path: Path) -> None:
    names = [("hat", 0.99 - 0.01 * turn, SPOON) for turn in range(40)]
    predict = answers([("mug", 0.9, MUG), ("mug", 0.8, TRAIN_MUG)], [*names, ("hat", 0.2, HAT)])
    metrics = measured(write_dataset(tmp_path / "data"), predict)
    assert metrics["overall"]["AR50@30"] == pytest.approx(1)


def test_objects_of_other_parts_are_neither_right_nor_wrong(tmp_path: Path) -> None:
    # The train mug is found first and surer; for val_instances it must not be a false positive.
    predict = answers([("mug", 0.99, TRAIN_MUG), ("mug", 0.5, MUG)], [])
    metrics = measured(write_dataset(tmp_path / "data"), predict)
    part = metrics["parts"]["val_instances"]
    assert part["AP50"] == pytest.approx(1)
    assert (part["objects"], part["categories"]) == (1, 1)
    # A box on nothing does count.
    predict = answers([("mug", 0.99, (60, 60, 90, 90)), ("mug", 0.5, MUG)], [])
    metrics = measured(load_dataset(tmp_path / "data"), predict)
    assert metrics["parts"]["val_instances"]["AP50"] == pytest.approx(0.5)


def test_the_strict_reading_counts_boxes_on_objects_of_other_parts(tmp_path: Path) -> None:
    # The surest hat lies on the spoon, of another part: false in the strict reading, so that
    # the precision of hat is 1/2. The mug of val_instances is surely a mug: not judged.
    predict = answers(
        [("mug", 0.99, MUG), ("mug", 0.5, TRAIN_MUG)],
        [("hat", 0.9, SPOON), ("hat", 0.8, HAT), ("spoon", 0.7, SPOON)],
    )
    metrics = measured(write_dataset(tmp_path / "data"), predict)
    novel, train = metrics["parts"]["novel"], metrics["parts"]["train"]
    assert (novel["AP50"], novel["AP50_strict"]) == pytest.approx((1, 0.5))
    assert (train["AP50"], train["AP50_strict"]) == pytest.approx((1, 1))
    assert metrics["overall"]["AP50"] == metrics["overall"]["AP50_strict"]


def test_average_precision_without_names(tmp_path: Path) -> None:
    # Three boxes of four objects, one false box between them: precisions 1, 1, 3/4 at the
    # recalls 1/4, 1/2, 3/4; COCO reads them at 0, 0.01, ..., 1.
    predict = answers(
        [("spoon", 0.9, MUG), ("hat", 0.8, MUG), ("hat", 0.7, TRAIN_MUG)],
        [("mug", 0.6, (150, 110, 200, 150)), ("mug", 0.5, HAT)],
    )
    metrics = measured(write_dataset(tmp_path / "data"), predict)
    assert metrics["overall"]["AP50_any"] == pytest.approx((51 * 1 + 25 * 0.75) / 101)
    # The other mug and the hat are not judged: one mug of two objects, the background false.
    assert metrics["parts"]["val_instances"]["AP50_any"] == pytest.approx(1)


def test_names_that_are_not_asked_for_are_objects_without_a_name(tmp_path: Path) -> None:
    data = load_dataset(write_dataset(tmp_path / "data")).asking(("mug", "sock"))
    assert data.names == ("mug", "sock")
    right = answers([("mug", 0.9, MUG), ("mug", 0.8, TRAIN_MUG)], [])
    metrics = measured(data, right)
    assert (metrics["categories"], metrics["overall"]["categories"]) == (2, 1)
    assert (metrics["overall"]["objects"], metrics["overall"]["named_objects"]) == (4, 2)
    assert metrics["overall"]["AP50"] == pytest.approx(1)
    assert metrics["overall"]["AR50@100"] == pytest.approx(0.5)
    assert metrics["parts"]["novel"]["AP50"] is None


def test_looser_boxes_count_at_50_only(tmp_path: Path) -> None:
    # IoU 0.64: found at thresholds 0.50, 0.55 and 0.60 of ten.
    predict = answers([("mug", 0.9, (0, 0, 40, 40))], [])
    metrics = measured(write_dataset(tmp_path / "data"), predict)
    part = metrics["parts"]["val_instances"]
    assert part["AP50"] == pytest.approx(1)
    assert part["AP"] == pytest.approx(0.3)


def test_nothing_found_is_zero_and_the_table_says_so(tmp_path: Path) -> None:
    metrics = measured(write_dataset(tmp_path / "data"), answers([], []))
    assert metrics["overall"]["AP50"] == 0
    head, boxes, readings, unnamed, _ = format_tables(metrics).split("\n\n")
    assert head == "data: 2 pictures, 3 names asked at once"
    for table in (boxes, unnamed):
        firsts = [line.split()[0] for line in table.splitlines()]
        assert firsts == ["boxes", "all", "train", "val_instances", "novel"]
    assert "strict" in boxes and "AP50 any" in unnamed and "is false" in readings


def test_limit_and_progress(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    folder = write_dataset(tmp_path / "data")
    data = load_dataset(folder, limit=1)
    predict_all(data, answers([], []), progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 1)]
    assert len(data.annotations) == 2


def test_a_limit_below_one_picture_is_refused(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "data")
    for limit in (0, -1):
        with pytest.raises(EvaluationError, match=f"limit: expected at least 1.*found {limit}"):
            load_dataset(folder, limit)


def test_a_name_that_the_dataset_lacks_is_refused(tmp_path: Path) -> None:
    categories = [
        {"id": 10, "name": "cup"},
        {"id": 11, "name": "spoon"},
        {"id": 12, "name": "hat"},
    ]
    folder = write_dataset(tmp_path / "data", categories=categories)
    with pytest.raises(EvaluationError, match="found 'mug'"):
        measured(folder, answers([("mug", 0.9, MUG)], []))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"images": []}, "expected pictures, found none"),
        ({"images": [{"id": 1}]}, "file_name"),
        ({"images": [{"id": 1, "file_name": "../../etc/passwd"}]}, "inside the folder"),
        ({"categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "a"}]}, "category"),
        ({"annotations": [{"id": 1, "image_id": 1, "category_id": 10, "bbox": [1]}]}, "bbox"),
        ({"categories": [{"id": 1, "name": "a\ud800"}]}, "category 1: expected a name, found"),
        ({"annotations": [MUG_ENTRY | {"part": "\ud800"}]}, "annotation 1: part: expected a word"),
        ({"annotations": None}, "annotations: expected a list, as COCO has"),
        ({"categories": ["mug"]}, "categories: expected COCO entries, found 'mug'"),
        ({"images": [{"id": "one", "file_name": "1.jpg"}]}, "image: id: .* found 'one'"),
        ({"images": [{"id": 1, "file_name": "a\0b"}]}, "image 1: file_name: .*'a.x00b'"),
        ({"images": 2 * [{"id": 1, "file_name": "1.jpg"}]}, "every picture id once, found 1"),
        ({"annotations": 2 * [MUG_ENTRY]}, "every annotation id once, found 1"),
        ({"annotations": [MUG_ENTRY | {"category_id": 9}]}, "annotation 1: .* category, found 9"),
        (
            {"annotations": [MUG_ENTRY | {"bbox": [0, 0, float("nan"), 9]}]},
            "annotation 1: expected a bbox",
        ),
        ({"annotations": [MUG_ENTRY | {"bbox": [9, 9, -4, 4]}]}, "annotation 1: expected a bbox"),
        (
            {"annotations": [MUG_ENTRY | {"segmentation": encode_mask(np.ones((9, 9), bool))}]},
            r"annotation 1: .*picture's size \[160, 220\], found \[9, 9\]",
        ),
        (
            {
                "annotations": [
                    {
                        "id": 1,
                        "image_id": 1,
                        "category_id": 10,
                        "bbox": [0, 0, 9, 9],
                        "segmentation": {"size": [160, 220], "counts": "04"},
                    }
                ]
            },
            "segmentation: expected .*runs that fill",
        ),
        (
            {
                "images": [
                    {
                        "id": 1,
                        "file_name": "1.jpg",
                        "asks": [
                            {"phrase": "red mug", "annotation": 1, "other": 3, "part": "train"}
                        ],
                    },
                    {"id": 2, "file_name": "2.jpg"},
                ]
            },
            "asks: expected annotations of picture 1, found 1 and 3",
        ),
        (
            {
                "images": [{"id": 1, "file_name": "1.jpg", "asks": [{"phrase": "red mug"}]}],
                "annotations": [],
            },
            "COCO",
        ),
    ],
)
def test_bad_datasets_are_refused(tmp_path: Path, changes: dict[str, Any], complaint: str) -> None:
    folder = write_dataset(tmp_path / "data", **changes)
    with pytest.raises(EvaluationError, match=complaint) as refused:
        load_dataset(folder)
    assert str(refused.value).startswith(str(folder / "annotations.json"))
    assert "\n" not in str(refused.value)


def test_a_picture_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "data")
    (folder / "images" / "2.jpg").write_bytes(b"no picture")
    with pytest.raises(EvaluationError, match=r"2\.jpg: expected a picture, found"):
        measured(folder, answers([], []))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_read_upright_and_of_the_annotated_size(
    tmp_path: Path, orientation: int
) -> None:
    data = load_dataset(write_dataset(tmp_path / "data"))
    first, second = data.pictures
    for picture, shown in ((first, scene(160, 220)), (second, scene(220, 160))):
        picture.path.write_bytes(encoded("png", turned(shown, orientation), orientation))
    np.testing.assert_array_equal(read_frame(first).image, scene(160, 220))
    with pytest.raises(EvaluationError) as caught:
        predict_all(data, answers([], []))
    assert str(caught.value) == (f"{second.path}: expected 220x160 px as annotated, found 160x220")


def test_absent_and_unreadable_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"annotations\.json: expected a readable file"):
        load_dataset(tmp_path)
    for text in ("{", "[]", "{}"):
        (tmp_path / "annotations.json").write_text(text)
        with pytest.raises(EvaluationError, match=r"annotations\.json"):
            load_dataset(tmp_path)
