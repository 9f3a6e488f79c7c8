# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Corrections of any tool become a data set."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vit_perception.evaluation.coco_file import ANNOTATIONS
from vit_perception.evaluation.dataset import load_dataset
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.labelling import coco, cvat, folder, label_studio
from vit_perception.evaluation.labelling.exports import read_corrections
from vit_perception.output.failure import OutputError
from vit_perception.training.annotations import load_pictures
from vit_perception.training.photographs import PhotographSet

from ...refusals import refusal_of
from .proposals import boxes_only, equal, store, with_masks
from .test_label_studio import accepted

FORMATS = ("coco", "label-studio", "cvat")
NAMES = ("mug", "red 'mug' & <b>", "spoon")


def exported(tmp_path: Path, kind: str) -> Path:
    """What a tool gives back if nothing is changed."""
    file = tmp_path / f"{kind}.export"
    if kind == "coco":
        file.write_bytes(coco.text(coco.document(boxes_only(), NAMES, "exported")))
    elif kind == "cvat":
        file.write_bytes(cvat.text(boxes_only(), NAMES, "exported"))
    else:
        file.write_bytes(label_studio.text(accepted(boxes_only())))
    return file


@pytest.mark.parametrize("kind", ["coco", "cvat", "label-studio"])
def test_each_tool_s_file_becomes_the_same_data_set(tmp_path: Path, kind: str) -> None:
    labels = store(tmp_path / "labels", boxes_only(), NAMES)
    known, names = coco.read_pictures(labels / ANNOTATIONS, stored=True)
    corrections = read_corrections(exported(tmp_path, kind), known)
    with folder.empty_folder(tmp_path / "dataset") as new:
        folder.write_dataset(new, labels, corrections, set(names))
    back, back_names = coco.read_pictures(tmp_path / "dataset" / ANNOTATIONS, stored=True)
    assert equal(list(back), boxes_only(), scores=False)
    assert back_names == NAMES
    for picture in boxes_only():
        files = [tmp_path / each / "images" / picture.file_name for each in ("labels", "dataset")]
        assert files[0].read_bytes() == files[1].read_bytes()
    assert load_dataset(tmp_path / "dataset").names == NAMES
    # Both ways in which a recipe names folders.
    pictures, described = load_pictures((str(tmp_path / "dataset"),))
    assert len(pictures) == 3
    assert {each.names[0] for each in described} == {"mug", "red 'mug' & <b>"}
    assert load_pictures((), [PhotographSet(str(tmp_path / "dataset"))])[0]


def test_coco_files_of_tools_keep_only_the_name_of_a_picture(tmp_path: Path) -> None:
    document = coco.document(boxes_only(), (), "exported")
    for image in document["images"]:
        for key in ("stamp", "topic", "index", "recording"):
            del image[key]
    document["images"][0]["file_name"] = "../../media/upload/3/0a1b2c3d-a_000000.jpg"
    (tmp_path / "result.json").write_text(json.dumps(document))
    corrections = read_corrections(tmp_path / "result.json", boxes_only())
    assert equal(corrections.pictures, boxes_only(), scores=False)


def test_coco_files_of_other_pictures_are_refused(tmp_path: Path) -> None:
    file = exported(tmp_path, "coco")
    line = refusal_of(EvaluationError, lambda: read_corrections(file, boxes_only()[1:]))
    assert "expected pictures of the folder of proposals, found 'a_000000.jpg'" in line
    document = json.loads(file.read_text())
    document["images"][1]["width"] = 100
    file.write_text(json.dumps(document))
    line = refusal_of(EvaluationError, lambda: read_corrections(file, boxes_only()))
    assert "'a_000003.jpg': expected 200x120 px, found 100x120" in line


def test_proposals_with_one_name_for_two_pictures_are_refused(tmp_path: Path) -> None:
    file = exported(tmp_path, "coco")
    twice = [*boxes_only(), boxes_only()[0]]
    assert "found one twice" in refusal_of(EvaluationError, lambda: read_corrections(file, twice))


def test_a_folder_that_is_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "note").write_text("mine")
    line = refusal_of(OutputError, lambda: folder.refuse_filled(tmp_path / "work"))
    assert "expected a new folder" in line
    (tmp_path / "work" / "note").unlink()
    folder.refuse_filled(tmp_path / "work")
    folder.refuse_filled(tmp_path / "absent")


def test_all_files_are_written_and_are_the_same_each_time(tmp_path: Path) -> None:
    pictures = [*boxes_only(), *with_masks()]
    for number in ("1", "2"):
        folder.write_files(tmp_path / number, pictures, NAMES, FORMATS, model="toy fp32")
    names = sorted(each.name for each in (tmp_path / "1").iterdir())
    assert names == [
        "annotations.json",
        "cvat.xml",
        "cvat_labels.json",
        "label_studio.json",
        "label_studio.xml",
    ]
    for name in names:
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()
    folder.write_files(tmp_path / "3", pictures, NAMES, ("coco",), model="toy fp32")
    assert [each.name for each in (tmp_path / "3").iterdir()] == [ANNOTATIONS]
