# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import pytest

from vit_perception.cli.__main__ import main
from vit_perception.images.media import write_picture

from ..toy_bundle import toy_picture, write_toy_region_bundle

pytest.importorskip("hotcoco")


def write_dataset(folder: Path) -> Path:
    """Three pictures, each of a red square, which is called 'a thing' there."""
    images, annotations = [], []
    for number in range(1, 4):
        image, boxes = toy_picture(256, 384, {"red": (number, 2 * number)})
        write_picture(folder / "images" / f"{number}.png", image)
        left, top, right, bottom = boxes["red"].tolist()
        images.append({"id": number, "file_name": f"{number}.png"})
        annotations.append(
            {
                "id": number,
                "image_id": number,
                "category_id": 1,
                "bbox": [left, top, right - left, bottom - top],
                "object": "can_7",
                "caption": "red",
            }
        )
    categories = [{"id": 1, "name": "blue"}]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations.json").write_text(json.dumps(document))
    return folder


@pytest.mark.parametrize(("by", "said"), [("category", 0.0), ("object", 1.0)])
def test_things_are_shown_beside_being_said(
    by: str, said: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = write_toy_region_bundle(tmp_path / "toy").directory
    data, report = write_dataset(tmp_path / "data"), tmp_path / "metrics.json"
    arguments = ["evaluate", str(data), "--bundle", str(bundle), "--shots", "2,1", "--seeds", "2"]
    assert main([*arguments, "--by", by, "--json", str(report)]) == 0
    metrics = json.loads(report.read_text())
    row = metrics["parts"]["all"]
    assert row["said"]["AP50"] == pytest.approx(said, abs=0.05)
    assert list(row["shots"]) == ["1", "2"]
    for shots in row["shots"].values():
        assert shots["shown"]["AP50"] == pytest.approx(1)
        assert len(shots["shown"]["AP50_seeds"]) == 2
    words = "" if by == "category" else " --by object"
    assert metrics["command"] == (
        f"vit-perception evaluate data --bundle toy --shots 1,2 --seeds 2{words}"
    )
    assert f"data: 3 pictures, 1 things by {by}, toy fp32" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--shots", "0"], "expected numbers of examples, 1 to 100, such as 1,3,5, found '0'"),
        (["--shots", "1,,3"], "expected numbers of examples, 1 to 100"),
        (["--shots", "1", "--seeds", "0"], "argument --seeds"),
        (["--shots", "1", "--by", "scene"], "argument --by: invalid choice: 'scene'"),
    ],
)
def test_options_are_refused_that_mean_nothing(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["evaluate", "data", *words])
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--wordings", "w.yaml"], "--shots: expected no --wordings with --by category"),
        (["--by", "object", "--names", "red"], "--shots: expected no --names with --by object"),
    ],
)
def test_options_of_other_measures_are_refused(
    words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_dataset(tmp_path / "data")
    assert main(["evaluate", str(data), "--shots", "1", *words]) == 2
    assert told in capsys.readouterr().err


def test_a_bundle_that_cannot_be_taught_is_refused(
    tmp_path: Path, toy_bundle_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_dataset(tmp_path / "data")
    assert main(["evaluate", str(data), "--bundle", str(toy_bundle_dir), "--shots", "1"]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "expected a bundle of format 2" in told
