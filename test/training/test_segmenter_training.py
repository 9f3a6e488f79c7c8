# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A segmenter learns class maps from a folder, resumes bit-exactly, and refuses in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

torch = pytest.importorskip("torch")

from test.refusals import refusal_of  # noqa: E402
from vit_perception.cli.__main__ import main  # noqa: E402
from vit_perception.evaluation.class_map_data import (  # noqa: E402
    UNKNOWN,
    Mapped,
    load_class_maps,
    read_mapped,
)
from vit_perception.evaluation.errors import EvaluationError  # noqa: E402
from vit_perception.training.class_maps import MapSource, window  # noqa: E402
from vit_perception.training.log import read_log  # noqa: E402
from vit_perception.training.recipe import RecipeError  # noqa: E402
from vit_perception.training.segmenter_recipe import (  # noqa: E402
    SegmenterRecipe,
    load_segmenter_recipe,
)
from vit_perception.training.segmenter_trainer import SegmenterTrainer  # noqa: E402

pytestmark = pytest.mark.torch
torch.set_num_threads(1)

CLASSES = ["background", "thing"]
RED, GREY = (200, 30, 30), (120, 120, 120)


def write_maps(folder: Path, count: int = 6) -> Path:
    """Writes pictures of a red square on grey, whose pixels are class 1."""
    rng = np.random.default_rng(0)
    for name in ("images", "class_maps"):
        (folder / name).mkdir(parents=True)
    images = []
    for number in range(count):
        picture = np.full((48, 64, 3), GREY, np.uint8)
        labels = np.zeros((48, 64), np.uint8)
        y, x = rng.integers(0, 24), rng.integers(0, 40)
        picture[y : y + 24, x : x + 24] = RED
        labels[y : y + 24, x : x + 24] = 1
        cv2.imwrite(str(folder / f"images/{number}.png"), picture[..., ::-1])
        cv2.imwrite(str(folder / f"class_maps/{number}.png"), labels)
        images.append(
            {"id": number + 1, "file_name": f"{number}.png", "width": 64, "height": 48}
            | {"class_map": f"{number}.png"}
        )
    document = {"info": {"classes": CLASSES}, "images": images, "annotations": []}
    (folder / "annotations.json").write_text(json.dumps({**document, "categories": []}))
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_maps(tmp_path_factory.mktemp("maps") / "squares")


def recipe_of(data: Path, **changes: object) -> SegmenterRecipe:
    recipe = SegmenterRecipe(segmenter="pp_mobileseg_tiny", data=(str(data),))
    quick = {"width": 96, "height": 64, "steps": 30, "batch": 4, "warmup": 3, "ema": 0.9}
    return replace(recipe, **{**quick, **changes})


def trainer(data: Path, folder: Path, **changes: object) -> SegmenterTrainer:
    classes, pictures = load_class_maps([str(data)])
    recipe = recipe_of(data, classes=classes, **changes)
    return SegmenterTrainer(recipe, pictures, folder, workers=0)


def test_it_learns(data: Path, tmp_path: Path) -> None:
    run = trainer(data, tmp_path / "run", steps=60, learning_rate=5e-3)
    run.run()
    losses = [row.losses["classes"] for row in read_log(tmp_path / "run/log.jsonl")]
    assert len(losses) == 60
    assert np.mean(losses[-10:]) < 0.6 * np.mean(losses[:10])
    image, labels = read_mapped(run.source.pictures[0], 2)
    canvas, _ = window(image, labels, recipe_of(data, smallest=1.0, largest=1.0), seeded())
    with torch.no_grad():
        logits = run.average(torch.from_numpy(canvas).permute(2, 0, 1)[None].float() / 255)
    assert logits.argmax(1).unique().numel() == 2


def test_a_resumed_run_is_bit_exact(data: Path, tmp_path: Path) -> None:
    whole = trainer(data, tmp_path / "whole", steps=6)
    whole.run()
    trainer(data, tmp_path / "parted", steps=6).run(until=3)
    parted = trainer(data, tmp_path / "parted", steps=6)
    assert parted.step == 3
    parted.run()
    for key, value in whole.average.state_dict().items():
        assert torch.equal(value, parted.average.state_dict()[key])


def test_the_command_trains_a_segmenter(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = {**recipe_of(data, steps=2).as_dict(), "data": ["squares"]}
    recipe = data.parent / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(values))
    options = ["--out", str(tmp_path / "run"), "--workers", "0", "--device", "cpu"]
    assert main(["train", str(recipe), *options]) == 0
    assert "6 pictures, classes background, thing; step 0 of 2 on cpu" in capsys.readouterr().out
    assert (tmp_path / "run/checkpoint.pt").exists()
    assert main(["train", str(recipe), *options, "--from", "tabletop_nano"]) == 2
    assert "--from: expected none with a segmenter" in capsys.readouterr().err


# Windows


def seeded() -> np.random.Generator:
    return np.random.default_rng(1)


@pytest.mark.parametrize("scale", [0.4, 1.0, 2.7])
def test_labels_lie_where_the_picture_does(data: Path, scale: float) -> None:
    """Of plain colours, whatever is red is labelled so, and what is filled up is not known."""
    _, pictures = load_class_maps([str(data)])
    recipe = recipe_of(data, smallest=scale, largest=scale)
    rng = seeded()
    for mapped in pictures:
        image, labels = window(*read_mapped(mapped, 2), recipe, rng)
        assert image.shape == (64, 96, 3) and labels.shape == (64, 96)
        red = image[..., 0].astype(int) - image[..., 1] > 85
        known = labels != UNKNOWN
        # An edge between two pixels may fall on either side.
        assert ((labels == 1) != red)[known].mean() < 0.04
        assert (image[~known] == 114).all()
        assert known.all() == (scale >= 2.7)


def test_batches_depend_on_the_step_alone(data: Path) -> None:
    _, pictures = load_class_maps([str(data)])
    first, again = (MapSource(recipe_of(data), pictures, 2) for _ in range(2))
    again[0]
    assert torch.equal(first[5].images, again[5].images)
    assert torch.equal(first[5].labels, again[5].labels)
    assert not torch.equal(first[5].images, first[6].images)
    assert first[5].images.shape == (4, 3, 64, 96) and first[5].labels.dtype == torch.int64


# Refusals


def spoil_classes(folder: Path) -> None:
    _edit(folder, lambda d: d["info"].update(classes="thing"))


def spoil_name(folder: Path) -> None:
    _edit(folder, lambda d: d["images"][2].update(class_map="../0.png"))


def empty(folder: Path) -> None:
    _edit(folder, lambda d: d.update(images=[]))


def _edit(folder: Path, change: Callable[[dict], object]) -> None:
    document = json.loads((folder / "annotations.json").read_text())
    change(document)
    (folder / "annotations.json").write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_classes, "annotations.json: info.classes: expected names, found 'thing'"),
        (spoil_name, "image 3: class_map: expected a file name, found '../0.png'"),
        (empty, "expected at least one picture, found none"),
    ],
)
def test_wrong_annotations_are_one_line(
    spoil: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    folder = write_maps(tmp_path / "maps")
    spoil(folder)
    found = refusal_of(EvaluationError, lambda: load_class_maps([str(folder)]))
    assert message in found and str(folder) in found


def test_other_classes_are_refused(data: Path, tmp_path: Path) -> None:
    other = write_maps(tmp_path / "maps")
    _edit(other, lambda d: d["info"].update(classes=["table", "thing"]))
    found = refusal_of(EvaluationError, lambda: load_class_maps([str(data), str(other)]))
    assert found.endswith(
        "info.classes: expected background, thing as in the folders before, found 'table, thing'"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.zeros((10, 10), np.uint8), "expected uint8 [48, 64], found uint8 [10, 10]"),
        (np.full((48, 64), 7, np.uint8), "expected classes below 2, found 7"),
        (None, "expected uint8 [48, 64], found another file"),
    ],
)
def test_a_wrong_map_is_one_line(
    content: np.ndarray | None, message: str, tmp_path: Path, data: Path
) -> None:
    path = tmp_path / "map.png"
    path.write_bytes(b"no picture" if content is None else cv2.imencode(".png", content)[1])
    found = refusal_of(
        EvaluationError, lambda: read_mapped(Mapped(data / "images/0.png", path), 2)
    )
    assert found == f"{path}: {message}"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 100}, "width: expected a multiple of 32, found 100"),
        ({"data": []}, "data: expected at least one data set folder, found none"),
        ({"smallest": 3.0}, "smallest: expected at most largest, found 3"),
        ({"texts": 3}, "recipe.yaml: expected 'steps', found 'texts'"),
    ],
)
def test_a_wrong_recipe_is_one_line(
    changes: dict[str, object], message: str, tmp_path: Path, data: Path
) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump({**recipe_of(data).as_dict(), **changes}))
    assert message in refusal_of(RecipeError, lambda: load_segmenter_recipe(path))


def test_an_unknown_segmenter_is_one_line(data: Path, tmp_path: Path) -> None:
    found = refusal_of(RecipeError, lambda: trainer(data, tmp_path / "run", segmenter="u_net"))
    assert found.startswith("recipe: segmenter: expected one of pp_mobileseg_base,")
