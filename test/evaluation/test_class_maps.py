# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Measures of class maps, and the command that prints them."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from vit_perception.cli.__main__ import main
from vit_perception.evaluation.class_map_data import UNKNOWN, Mapped
from vit_perception.evaluation.class_maps import boundary_f, evaluate_class_maps

from ..toy_segmenter import CLASSES, write_toy_segmenter


def write_colours(folder: Path, count: int = 3) -> Path:
    """Writes pictures whose class is their strongest colour, as the toy segmenter sees them."""
    rng = np.random.default_rng(0)
    images = []
    for name in ("images", "class_maps"):
        (folder / name).mkdir(parents=True)
    for number in range(count):
        labels = np.zeros((64, 96), np.uint8)
        x, y = rng.integers(8, 40, 2) // 4 * 4
        labels[y:] = 1
        labels[y - 4 : y + 12, x : x + 20] = 2
        picture = np.zeros((64, 96, 3), np.uint8)
        np.put_along_axis(picture, labels[..., None], 200, axis=2)
        cv2.imwrite(str(folder / f"images/{number}.png"), picture[..., ::-1])
        labels[:2] = UNKNOWN
        cv2.imwrite(str(folder / f"class_maps/{number}.png"), labels)
        images.append(
            {"id": number + 1, "file_name": f"{number}.png", "class_map": f"{number}.png"}
        )
    document = {"info": {"classes": list(CLASSES)}, "images": images}
    (folder / "annotations.json").write_text(
        json.dumps({**document, "annotations": [], "categories": []})
    )
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_colours(tmp_path_factory.mktemp("maps") / "colours")


def pictures_of(data: Path) -> list[Mapped]:
    return [
        Mapped(data / f"images/{number}.png", data / f"class_maps/{number}.png")
        for number in range(3)
    ]


def test_figures_are_those_of_counting(data: Path) -> None:
    """Every pixel of table is called thing, below the unknown rows."""

    def look(image: np.ndarray) -> np.ndarray:
        found = image.argmax(axis=2)
        return np.where(found == 1, 2, found).astype(np.uint8)

    metrics = evaluate_class_maps(pictures_of(data), CLASSES, look)
    background = table = thing = 0
    for mapped in pictures_of(data):
        labels = cv2.imread(str(mapped.map), cv2.IMREAD_UNCHANGED)
        background += np.count_nonzero(labels == 0)
        table += np.count_nonzero(labels == 1)
        thing += np.count_nonzero(labels == 2)
    assert metrics["pixels"] == background + table + thing == 3 * 62 * 96
    classes = metrics["classes"]
    assert classes["background"]["IoU"] == 1.0
    assert classes["table"]["IoU"] == classes["table"]["recall"] == 0.0
    assert classes["table"]["precision"] is None
    assert classes["thing"]["IoU"] == pytest.approx(thing / (table + thing))
    assert metrics["mIoU"] == pytest.approx((1 + thing / (table + thing)) / 3)
    assert metrics["accuracy"] == pytest.approx((background + thing) / metrics["pixels"])
    assert classes["background"]["boundary_F"] == 1.0 and classes["table"]["boundary_F"] == 0.0


def test_boundaries_agree_within_a_share_of_the_diagonal() -> None:
    mask = np.zeros((300, 400), bool)  # its diagonal is 500 px, the tolerance 3.75
    mask[100:200, 100:300] = True
    assert boundary_f(mask, mask) == 1.0
    assert boundary_f(mask, np.roll(mask, 3, axis=1)) == pytest.approx(1.0)
    far = boundary_f(mask, np.roll(mask, 40, axis=1))
    assert far is not None and 0.5 < far < 0.9  # top and bottom still agree
    assert boundary_f(mask, np.zeros_like(mask)) == 0.0
    assert boundary_f(np.ones_like(mask), mask) is None


def test_the_command_prints_and_writes_them(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = write_toy_segmenter(tmp_path / "toy").directory
    out = tmp_path / "metrics.json"
    words = ["evaluate", str(data), "--bundle", str(bundle), "--json", str(out)]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("colours: 3 pictures, toy fp32, ")
    metrics = json.loads(out.read_text())
    # Cells of the network's output are smaller than what is in the pictures.
    assert metrics["mIoU"] > 0.93 and metrics["boundary_F"] > 0.9
    row = next(line for line in printed.splitlines() if line.startswith("table")).split()
    assert row[2] == f"{100 * metrics['classes']['table']['IoU']:.1f}"
    assert main([*words[:-2], "--limit", "1"]) == 0
    assert "1 pictures" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--names", "mug"], "--names: expected none with a bundle of class maps"),
        (["--shots", "1"], "--shots: expected none with a bundle of class maps"),
    ],
)
def test_options_of_detectors_are_refused(
    options: list[str], message: str, data: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    bundle = write_toy_segmenter(tmp_path / "toy").directory
    assert main(["evaluate", str(data), "--bundle", str(bundle), *options]) == 2
    assert message in capsys.readouterr().err


def test_a_data_set_of_other_classes_is_refused(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = write_toy_segmenter(tmp_path / "toy", default_names=CLASSES[:2]).directory
    assert main(["evaluate", str(data), "--bundle", str(bundle)]) == 2
    assert "expected the classes of toy, background, table, found" in capsys.readouterr().err
