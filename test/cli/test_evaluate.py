# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from vit_perception.cli.__main__ import main
from vit_perception.media import write_picture

from ..toy_bundle import toy_picture

pytest.importorskip("faster_coco_eval")


def test_a_perfect_detector_scores_one(
    tmp_path: Path, toy_bundle_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("red", "green", "yellow")
    pictures, objects = [], []
    for number in range(1, 4):
        image, boxes = toy_picture(128, 192, {"red": (0, number), "yellow": (4, 2 * number)})
        write_picture(tmp_path / "data" / "images" / f"{number}.png", image)
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
    document = {"images": pictures, "annotations": objects, "categories": categories}
    (tmp_path / "data" / "annotations.json").write_text(json.dumps(document))
    arguments = ["evaluate", str(tmp_path / "data"), "--bundle", str(toy_bundle_dir)]
    assert main([*arguments, "--json", str(tmp_path / "metrics.json")]) == 0
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["overall"]["AP50"] == pytest.approx(1)
    assert metrics["overall"]["AR50@100"] == pytest.approx(1)
    assert metrics["overall"]["categories"] == 2
    assert metrics["bundle"] == "toy"
    assert "data: 3 pictures, 3 names asked at once" in capsys.readouterr().out
    assert main([*arguments, "--limit", "1"]) == 0
    assert "data: 1 pictures" in capsys.readouterr().out
