# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from vit_perception.cli.__main__ import main
from vit_perception.images.media import write_picture

from ..toy_bundle import toy_picture

pytest.importorskip("hotcoco")


def write_dataset(folder: Path) -> Path:
    """Three pictures of a red and a yellow square; in the first both are asked for."""
    names = ("red", "green", "yellow")
    pictures, objects = [], []
    for number in range(1, 4):
        image, boxes = toy_picture(128, 192, {"red": (0, number), "yellow": (4, 2 * number)})
        write_picture(folder / "images" / f"{number}.png", image)
        pictures.append({"id": number, "file_name": f"{number}.png", "width": 192, "height": 128})
        for name, box in boxes.items():
            size = box[2:] - box[:2]
            objects.append(
                {
                    "id": len(objects) + 1,
                    "image_id": number,
                    "category_id": names.index(name),
                    "bbox": np.concatenate([box[:2], size]).tolist(),
                    "area": float(size.prod()),
                    "iscrowd": 0,
                }
            )
    categories = [{"id": index, "name": name} for index, name in enumerate(names)]
    asks = [("red", 1, 2), ("yellow", 2, 1), ("blue", 1, 2), ("YELLOW", 1, 2)]
    pictures[0]["asks"] = [
        {"phrase": phrase, "annotation": asked, "other": other, "part": "train"}
        for phrase, asked, other in asks
    ]
    document = {"images": pictures, "annotations": objects, "categories": categories}
    (folder / "annotations.json").write_text(json.dumps(document))
    return folder


def test_a_perfect_detector_scores_one(
    tmp_path: Path, toy_bundle_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_dataset(tmp_path / "data")
    arguments = ["evaluate", str(tmp_path / "data"), "--bundle", str(toy_bundle_dir)]
    assert main([*arguments, "--json", str(tmp_path / "metrics.json")]) == 0
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["overall"]["AP50"] == pytest.approx(1)
    assert metrics["overall"]["AR50@100"] == pytest.approx(1)
    assert metrics["overall"]["categories"] == 2
    assert metrics["bundle"] == "toy"
    assert "data: 3 pictures, 3 names asked at once" in capsys.readouterr().out
    assert metrics["pairs"]["overall"]["right"] == 2
    assert metrics["pairs"]["overall"]["on_other"] == 1
    assert metrics["false_alarms"]["threshold"] == 0.6
    assert metrics["false_alarms"]["per_picture"] == 0
    assert metrics["command"] == "vit-perception evaluate data --bundle toy"
    assert metrics["limits"]["per_picture_and_name"] == 100


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--score-threshold", "7"], "expected 0 to 1, or -1 (the bundle's own), found 7.0"),
        (["--score-threshold", "nan"], "expected 0 to 1, or -1 (the bundle's own), found nan"),
        (["--iou-threshold", "half"], "argument --iou-threshold: invalid double value: 'half'"),
    ],
)
def test_thresholds_are_refused_as_the_setting_is(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["evaluate", "data", *words])
    assert caught.value.code == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--json", "."], ".: expected a file, found a folder"),
    ],
)
def test_options_are_refused_before_any_picture_is_read(
    words: list[str],
    told: str,
    tmp_path: Path,
    toy_bundle_dir: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = write_dataset(tmp_path / "data")
    for picture in (folder / "images").iterdir():
        picture.unlink()
    assert main(["evaluate", str(folder), "--bundle", str(toy_bundle_dir), *words]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


def test_names_wordings_and_limit(
    tmp_path: Path, toy_bundle_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_dataset(tmp_path / "data")
    wordings = tmp_path / "wordings.yaml"
    wordings.write_text("colour: {red: magenta}\n")
    arguments = ["evaluate", str(folder), "--bundle", str(toy_bundle_dir), "--limit", "1"]
    arguments += ["--names", "red, cyan", "--wordings", str(wordings)]
    report = tmp_path / "new" / "metrics.json"
    assert main([*arguments, "--json", str(report)]) == 0
    assert "data: 1 pictures, 2 names asked at once" in capsys.readouterr().out
    metrics = json.loads(report.read_text())
    assert metrics["overall"]["categories"] == 1
    assert metrics["wordings"]["colour"]["AP50_own"] == pytest.approx(1)
    assert metrics["wordings"]["colour"]["names"]["red"]["phrase"] == "magenta"
    assert "--names 'red, cyan'" in metrics["command"]
    names = tmp_path / "names.txt"
    names.write_text("red\nyellow\n")
    assert main([*arguments[:6], "--names-file", str(names)]) == 0
    assert "2 names asked" in capsys.readouterr().out


def test_masks_that_are_not_measured_are_told(
    tmp_path: Path, toy_bundle_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_dataset(tmp_path / "data")
    document = json.loads((folder / "annotations.json").read_text())
    count = len(document["annotations"])
    arguments = ["evaluate", str(folder), "--bundle", str(toy_bundle_dir)]
    for entry in document["annotations"]:
        x, y, w, h = entry["bbox"]
        entry["segmentation"] = [[x, y, x + w, y, x + w, y + h]]
    for some, told in ((True, f"1 of {count} objects have no mask: masks are not"), (False, "")):
        document["annotations"][0]["segmentation"] = [] if some else [[1, 1, 9, 1, 9, 9]]
        (folder / "annotations.json").write_text(json.dumps(document))
        assert main(arguments) == 0
        error = capsys.readouterr().err
        assert (told in error) and ("objects have no mask" in error) == some
