# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""`evaluate` on a tiny LVIS set, with a detector that finds squares of pure colour."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vit_perception.cli.__main__ import main
from vit_perception.images.media import write_picture

from ..toy_bundle import COLOURS, toy_picture, toy_vocabulary, write_toy_bundle

pytest.importorskip("hotcoco")

SYNONYMS = {
    1: ("red_(colour)", "r"),
    2: ("yellow", "c"),
    3: ("Red_(political)", "f"),
    4: ("cyan", "f"),
}


def write_lvis(folder: Path, name: str = "lvis_tiny.json") -> Path:
    """Three pictures of a red and a yellow square; of the last nothing is known of yellow."""
    images, annotations = [], []
    for number in range(1, 4):
        image, boxes = toy_picture(128, 192, {"red": (0, number), "yellow": (4, 2 * number)})
        (folder / "images" / "train2017").mkdir(parents=True, exist_ok=True)
        write_picture(folder / "images" / "train2017" / f"{number:012}.png", image)
        images.append(
            {
                "id": number,
                "coco_url": f"http://images.cocodataset.org/train2017/{number:012}.png",
                "height": 128,
                "width": 192,
                "neg_category_ids": [4],
                "not_exhaustive_category_ids": [],
            }
        )
        for category, colour in ((1, "red"), (2, "yellow")):
            if (number, colour) != (3, "yellow"):
                left, top, right, bottom = boxes[colour].tolist()
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": number,
                        "category_id": category,
                        "bbox": [left, top, right - left, bottom - top],
                        "area": (right - left) * (bottom - top),
                        "segmentation": [[left, top, right, top, right, bottom]],
                    }
                )
    categories = [
        {"id": key, "name": synonym, "synonyms": [synonym, "other"], "frequency": frequency}
        for key, (synonym, frequency) in SYNONYMS.items()
    ]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (folder / name).write_text(json.dumps(document))
    return folder / name


def test_a_perfect_detector_scores_one(
    tmp_path: Path, toy_bundle_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_lvis(tmp_path)
    report = tmp_path / "metrics.json"
    arguments = ["evaluate", str(source), "--bundle", str(toy_bundle_dir), "--json", str(report)]
    assert main(arguments) == 0
    metrics = json.loads(report.read_text())
    for kind in ("AP", "fixed_AP"):
        assert metrics[kind]["AP"] == metrics[kind]["APr"] == pytest.approx(1)
        assert metrics[kind]["APc"] == metrics[kind]["AP75"] == pytest.approx(1)
        assert metrics[kind]["APf"] is None
    assert (metrics["categories"], metrics["names"]) == (4, 3)
    assert metrics["objects"] == 5
    assert metrics["limits"] == {
        "score_threshold": 0.001,
        "iou_threshold": 0.7,
        "pairs": 77 * 3,
        "per_picture": 300,
        "per_category": 10000,
    }
    assert metrics["command"] == "vit-perception evaluate lvis_tiny.json --bundle toy"
    out = capsys.readouterr().out
    assert "lvis_tiny.json: 3 pictures, 5 objects, 3 names of 4 categories" in out
    assert [line.split()[:2] for line in out.splitlines() if "100.0" in line] == [
        ["AP", "2"],
        ["Fixed", "AP"],
    ]


def test_a_folder_and_pictures_that_lie_elsewhere(
    tmp_path: Path, toy_bundle_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "small"
    write_lvis(folder, "annotations.json")
    arguments = ["evaluate", str(folder), "--bundle", str(toy_bundle_dir), "--limit", "1"]
    assert main(arguments) == 0
    assert "small: 1 pictures, 2 objects" in capsys.readouterr().out
    (folder / "images").rename(tmp_path / "coco")
    report = tmp_path / "metrics.json"
    arguments += ["--images", str(tmp_path / "coco"), "--json", str(report)]
    assert main(arguments) == 0
    command = json.loads(report.read_text())["command"]
    assert command == "vit-perception evaluate small --bundle toy --images coco --limit 1"


def test_a_graph_that_leaves_pairs_out_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # 301 names of 77 boxes each, of which the toy's graph gives the best 300 pairs.
    names = (*COLOURS, *(f"thing {number}" for number in range(295)))
    write_toy_bundle(tmp_path / "toy", vocabulary=toy_vocabulary(names))
    source = write_lvis(tmp_path)
    document = json.loads(source.read_text())
    asked = [name for name in names if name not in ("red", "yellow", "cyan")]
    document["categories"] += [
        {"id": number, "name": name.replace(" ", "_"), "frequency": "r"}
        for number, name in enumerate(asked, start=5)
    ]
    source.write_text(json.dumps(document))
    assert main(["evaluate", str(source), "--bundle", str(tmp_path / "toy")]) == 2
    error = capsys.readouterr().err
    assert "toy: expected a graph that gives 30000 pairs of box and name, found" in error
    assert "--top-k 30000" in error


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--names", "red"], "--names: expected a COCO dataset, found LVIS"),
        (["--wordings", "w.yaml"], "--wordings: expected a COCO dataset, found LVIS"),
        (["--taught", "mine"], "--taught: expected a COCO dataset, found LVIS"),
        (["--score-threshold", "0.5"], "--score-threshold: expected a COCO dataset, found LVIS"),
        (["--images", "nowhere"], "000000000001.png: expected a picture of lvis_tiny.json"),
    ],
)
def test_options_that_do_not_go_with_lvis(
    options: list[str],
    told: str,
    tmp_path: Path,
    toy_bundle_dir: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = write_lvis(tmp_path)
    assert main(["evaluate", str(source), "--bundle", str(toy_bundle_dir), *options]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda d: d["images"][1].pop("neg_category_ids"), "image 2: neg_category_ids: expected"),
        (lambda d: d["annotations"][0].update(category_id=77), "a known category, found 77"),
        (lambda d: d.pop("annotations"), "expected COCO keys, found no annotations"),
        (
            lambda d: d.update(images=[{"id": 1, "file_name": "1.png"}], categories=[]),
            "expected LVIS, whose pictures have neg_category_ids, found none",
        ),
    ],
)
def test_other_files_are_refused_in_one_line(
    spoil: Any,
    told: str,
    tmp_path: Path,
    toy_bundle_dir: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = write_lvis(tmp_path)
    document = json.loads(source.read_text())
    spoil(document)
    source.write_text(json.dumps(document))
    assert main(["evaluate", str(source), "--bundle", str(toy_bundle_dir)]) == 2
    error = capsys.readouterr().err
    assert told in error and str(source) in error
    assert error.count("\n") == 1


def test_a_file_that_is_not_there_is_named(
    tmp_path: Path, toy_bundle_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = tmp_path / "absent.json"
    assert main(["evaluate", str(absent), "--bundle", str(toy_bundle_dir)]) == 2
    assert f"{absent}: expected a readable file, found No such file" in capsys.readouterr().err
