# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Label Studio's tasks, and what it exports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.labelling import label_studio
from vit_perception.evaluation.labelling.corrections import Corrections
from vit_perception.evaluation.labelling.exports import read_corrections
from vit_perception.evaluation.labelling.labelled import LabelledPicture
from vit_perception.evaluation.labelling.outlines import filled, outlines

from ...fuzzed_bytes import Change, changed, changes, fuzz
from ...refusals import refusal_of
from .proposals import HEIGHT, WIDTH, boxes_only, equal, shapes, with_masks


def accepted(pictures: list[LabelledPicture], **changes: Any) -> list[dict[str, Any]]:
    """The export of someone who submits every prediction as it is."""
    exported = []
    for number, task in enumerate(label_studio.tasks(pictures, "toy fp32"), start=1):
        annotation = {"id": number, "was_cancelled": False, **task["predictions"][0]}
        exported.append({"id": number, **task, "annotations": [annotation | changes]})
    return exported


def read(tmp_path: Path, exported: Any, pictures: list[LabelledPicture]) -> Corrections:
    file = tmp_path / "export.json"
    file.write_text(json.dumps(exported))
    return read_corrections(file, pictures)


def region(**changes: Any) -> dict[str, Any]:
    place = {"x": 10, "y": 20, "width": 30, "height": 40, "rectanglelabels": ["mug"]}
    value = place | changes.pop("value", {})
    return {"id": "x", "type": "rectanglelabels", "value": value} | changes


def read_regions(tmp_path: Path, *regions: dict[str, Any]) -> Corrections:
    pictures = boxes_only()
    return read(tmp_path, accepted(pictures, result=list(regions))[:1], pictures)


def things(corrections: Corrections) -> list[tuple[str, tuple[float, ...]]]:
    return [(each.name, each.box) for each in corrections.pictures[0].things]


def test_boxes_come_back_as_they_went(tmp_path: Path) -> None:
    corrections = read(tmp_path, accepted(boxes_only()), boxes_only())
    assert equal(corrections.pictures, boxes_only(), scores=False)
    assert not corrections.notes
    assert all(thing.score is None for each in corrections.pictures for thing in each.things)


def test_masks_come_back_as_their_outlines(tmp_path: Path) -> None:
    (picture,) = read(tmp_path, accepted(with_masks()), with_masks()).pictures
    assert [thing.name for thing in picture.things] == ["a whole", "a parts", "a ring", "a dot"]
    for thing, given in zip(picture.things, with_masks()[0].things, strict=True):
        assert given.mask is not None
        assert thing.mask == filled(outlines(given.mask), (HEIGHT, WIDTH))


def test_places_are_percent_and_regions_have_ids_of_their_own() -> None:
    task = label_studio.tasks(boxes_only(), "toy fp32")[0]
    assert task["data"] == {"image": "/data/local-files/?d=images/a_000000.jpg"}
    (prediction,) = task["predictions"]
    assert prediction["model_version"] == "toy fp32"
    assert prediction["score"] == pytest.approx((0.91 + 0.4) / 2)
    first = prediction["result"][0]
    assert first["value"] == {
        "x": 5.125,
        "y": pytest.approx(20.5 / 1.2),
        "width": 24.875,
        "height": pytest.approx(70.25 / 1.2),
        "rotation": 0,
        "rectanglelabels": ["mug"],
    }
    assert (first["type"], first["from_name"], first["to_name"]) == (
        "rectanglelabels",
        "box",
        "image",
    )
    assert (first["original_width"], first["original_height"]) == (200, 120)
    found = label_studio.tasks([*boxes_only(), *with_masks()], "toy fp32")
    ids = [each["id"] for task in found for p in task["predictions"] for each in p["result"]]
    assert len(set(ids)) == len(ids) > 5


def test_the_interface_has_the_tags_that_the_tasks_name() -> None:
    names = ["mug", "red 'mug' & <b>"]
    view = ElementTree.fromstring(label_studio.interface(names, masks=True))
    tags = {each.get("name"): each for each in view}
    assert tags["image"].get("value") == "$image"
    for name in ("box", "outline"):
        assert tags[name].get("toName") == "image"
        assert [label.get("value") for label in tags[name]] == names
    assert "outline" not in label_studio.interface(names, masks=False).decode()


@pytest.mark.parametrize(
    "address",
    [
        "/data/local-files/?d=labels/images/a_000000.jpg",
        "/data/upload/12/0a1b2c3d-a_000000.jpg",
        "https://host/pictures/a_000000.jpg?token=1",
        "a_000000.jpg",
        r"C:\labels\images\a_000000.jpg",
    ],
)
def test_pictures_are_found_wherever_they_were_served(tmp_path: Path, address: str) -> None:
    exported = accepted(boxes_only())[:1]
    exported[0]["data"]["image"] = address
    (picture,) = read(tmp_path, exported, boxes_only()).pictures
    assert picture.file_name == "a_000000.jpg"
    assert picture.origin == boxes_only()[0].origin


def test_only_what_people_went_through_is_taken(tmp_path: Path) -> None:
    exported = accepted(boxes_only())
    exported[0]["annotations"] = []
    exported[1]["annotations"][0]["was_cancelled"] = True
    corrections = read(tmp_path, exported, boxes_only())
    assert [each.file_name for each in corrections.pictures] == ["b_000000.png"]
    assert dict(corrections.notes) == {
        "pictures not annotated yet, left out": 1,
        "pictures skipped, left out": 1,
    }
    exported[2]["annotations"] = []
    line = refusal_of(EvaluationError, lambda: read(tmp_path, exported, boxes_only()))
    assert "found 2 pictures not annotated yet, left out; 1 pictures skipped, left out" in line


def test_of_several_annotations_the_last_or_the_ground_truth_counts(tmp_path: Path) -> None:
    exported = accepted(boxes_only())[:1]
    older = {"result": [region()], "updated_at": "2026-01-02T00:00:00Z"}
    newer = {"result": [], "updated_at": "2026-01-03T00:00:00Z"}
    exported[0]["annotations"] = [newer, older]
    corrections = read(tmp_path, exported, boxes_only())
    assert things(corrections) == []
    assert sum(corrections.notes.values()) == 1
    exported[0]["annotations"] = [newer, older | {"ground_truth": True}]
    assert things(read(tmp_path, exported, boxes_only())) == [("mug", (20, 24, 80, 72))]


def test_rotated_boxes_become_the_boxes_around_them(tmp_path: Path) -> None:
    # A quarter turn clockwise about the left upper corner (20, 24) of a box of 40 x 36 px.
    turned = region(value={"width": 20, "height": 30, "rotation": 90})
    corrections = read_regions(tmp_path, turned)
    assert things(corrections) == [("mug", (0.0, 24.0, 20.0, 64.0))]
    assert corrections.notes == {"rotated rectangles, taken as the boxes around them": 1}


def test_boxes_end_where_the_picture_does(tmp_path: Path) -> None:
    over, out = region(value={"x": -10, "width": 200}), region(value={"x": 120})
    corrections = read_regions(tmp_path, over, out)
    assert things(corrections) == [("mug", (0.0, 24.0, 200.0, 72.0))]
    assert corrections.notes == {"things without a pixel in the picture, left out": 1}


def test_other_kinds_are_counted(tmp_path: Path) -> None:
    found = read_regions(tmp_path, region(), {"type": "keypointlabels"}, {"type": "choices"})
    assert len(things(found)) == 1
    assert set(found.notes) == {
        "regions of the kind 'keypointlabels', left out",
        "regions of the kind 'choices', left out",
    }


def test_outlines_with_a_parent_of_another_name_are_things(tmp_path: Path) -> None:
    def outline(key: str, parent: str, name: str, left: float) -> dict[str, Any]:
        points = [[left, 0], [left + 10, 0], [left, 10]]
        value = {"points": points, "polygonlabels": [name]}
        return {"id": key, "parentID": parent, "type": "polygonlabels", "value": value}

    corrections = read_regions(
        tmp_path,
        outline("a", "b", "mug", 0),
        outline("b", "a", "mug", 20),  # each other's parent
        outline("c", "a", "spoon", 40),
        outline("d", "gone", "mug", 60),
        outline("e", "e", "mug", 80),
    )
    assert sorted(name for name, _ in things(corrections)) == ["mug"] * 4 + ["spoon"]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"type": "brushlabels"}, "found a brush: export such a project as COCO"),
        ({"value": {"rectanglelabels": []}}, "expected one label"),
        ({"value": {"rectanglelabels": ["a", "b"]}}, "expected one label"),
        ({"value": {"rectanglelabels": [7]}}, "label: name ''"),
        ({"value": {"rectanglelabels": ["a\u202eb"]}}, "label: name"),
        ({"value": {"x": float("nan")}}, "x: expected a number of percent"),
        ({"value": {"x": True}}, "x: expected a number of percent"),
        ({"value": {"height": 1e300}}, "height: expected a number of percent"),
        ({"value": {"rotation": "much"}}, "rotation: expected a number"),
        ({"image_rotation": 90}, "not turned"),
        ({"original_width": 640, "original_height": 480}, "found one of 640x480"),
        ({"type": "polygonlabels", "value": {"polygonlabels": ["a"]}}, "points: expected three"),
        (
            {"type": "polygonlabels", "value": {"polygonlabels": ["a"], "points": [[1], 2, "x"]}},
            "expected [x, y] in percent",
        ),
    ],
)
def test_regions_that_do_not_fit_are_refused_in_one_line(
    tmp_path: Path, changes: dict[str, Any], line: str
) -> None:
    found = refusal_of(EvaluationError, lambda: read_regions(tmp_path, region(**changes)))
    assert line in found
    assert "export.json: task 1: " in found


@pytest.mark.parametrize(
    ("exported", "line"),
    [
        ([{"image": "x.jpg", "label": []}], "not 'JSON-MIN'"),
        ([], "expected pictures that were gone through, found none"),
        ([{"data": {"image": "other.jpg"}, "annotations": []}], "found 'other.jpg'"),
        ([{"data": {}, "annotations": []}], "expected the address of an 'image'"),
        ([{"data": {"image": "http://[x"}, "annotations": []}], "found 'http://[x'"),
        ([{"data": {"image": "a_000000.jpg"}}], "annotations: expected a list"),
        (
            [{"data": {"image": "a_000000.jpg"}, "annotations": [{"result": 1}]}],
            "expected a list of regions",
        ),
        (
            [{"data": {"image": "a_000000.jpg"}, "annotations": [{"result": []}]}] * 2,
            "once, found it again",
        ),
    ],
)
def test_tasks_that_do_not_fit_are_refused_in_one_line(
    tmp_path: Path, exported: Any, line: str
) -> None:
    found = refusal_of(EvaluationError, lambda: read(tmp_path, exported, boxes_only()))
    assert line in found
    assert "export.json" in found


def test_a_mask_of_several_parts_is_one_thing(tmp_path: Path) -> None:
    (picture,) = read(tmp_path, accepted(with_masks()), with_masks()).pictures
    rows, columns = np.nonzero(shapes()["parts"])
    box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert picture.things[1].box == box


def test_damaged_exports_are_read_or_refused(tmp_path: Path) -> None:
    content = json.dumps(accepted(boxes_only())).encode()
    file = tmp_path / "export.json"

    def check(sequence: list[Change]) -> None:
        file.write_bytes(changed(content, sequence))
        try:
            read_corrections(file, boxes_only())
        except EvaluationError as error:
            assert str(error).isprintable()

    fuzz(changes, check, 200)
