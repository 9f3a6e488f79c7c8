# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The embedding for anything, and the mean region embedding."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from vit_perception.boxes import box_iou  # noqa: E402
from vit_perception.bundle.bundle import Bundle  # noqa: E402
from vit_perception.cli.__main__ import main  # noqa: E402
from vit_perception.engine.factory import open_session  # noqa: E402
from vit_perception.evaluation.dataset import Dataset, load_dataset, spread  # noqa: E402
from vit_perception.export.anything import fit_anything  # noqa: E402
from vit_perception.export.detector import export_bundle  # noqa: E402
from vit_perception.export.trained import Trained  # noqa: E402
from vit_perception.frame import Frame  # noqa: E402
from vit_perception.images.inputs import letterboxed  # noqa: E402
from vit_perception.models.detectors.factory import create_detector  # noqa: E402
from vit_perception.perceiver.perceiver import Perceiver  # noqa: E402
from vit_perception.perceiver.region_mean import region_mean  # noqa: E402
from vit_perception.perceiver.settings import PerceiverError, Settings  # noqa: E402
from vit_perception.training.recipe import Recipe  # noqa: E402
from vit_perception.vocabulary import Vocabulary  # noqa: E402

pytestmark = pytest.mark.torch
SIZE = 256
BOX = (120, 120)
"""An untrained network has boxes of this size around its finest anchors."""
TEXT = 16


@pytest.fixture(scope="module")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Pictures with a bright square each, everywhere else dark."""
    folder = tmp_path_factory.mktemp("squares")
    (folder / "images").mkdir()
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for number in range(1, 7):
        picture = rng.integers(0, 40, (SIZE, SIZE, 3), dtype=np.uint8)
        x, y = (int(value) for value in rng.integers(0, SIZE - BOX[0], 2))
        picture[y : y + BOX[1], x : x + BOX[0]] = 220
        cv2.imwrite(str(folder / "images" / f"{number}.png"), picture)
        images.append({"id": number, "file_name": f"{number}.png", "height": SIZE, "width": SIZE})
        entry = {"id": number, "image_id": number, "category_id": 1, "iscrowd": 0}
        annotations.append({**entry, "bbox": [x, y, *BOX], "area": BOX[0] * BOX[1]})
    document = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "square"}],
    }
    (folder / "annotations.json").write_text(json.dumps(document))
    return load_dataset(folder)


@pytest.fixture(scope="module")
def trained() -> Trained:
    torch.manual_seed(0)
    model = create_detector("dosod_nano", text_dimension=TEXT, size=(SIZE, SIZE)).eval()
    recipe = Recipe(data=("squares",), size=SIZE)
    return Trained(model.requires_grad_(False), recipe, 1)


def exported(trained: Trained, folder: Path, data: Dataset | None) -> Bundle:
    unit = np.eye(TEXT, dtype=np.float32)
    return export_bundle(
        trained,
        folder,
        name="squares",
        vocabulary=Vocabulary(("square", "circle"), unit[:2], 0),
        anything=unit[2],
        default_names=("square",),
        data=data,
    )


def test_what_was_fitted_ranks_boxes_on_objects_before_others(
    trained: Trained, squares: Dataset, tmp_path: Path
) -> None:
    """Even a network that was never trained has boxes that lie on the squares, by chance."""

    def mean_overlap(bundle: Bundle) -> float:
        perceiver = Perceiver(bundle, settings=Settings(masks=False))
        found = []
        for path, entry in zip(
            (picture.path for picture in squares.pictures), squares.annotations, strict=True
        ):
            image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
            _, rows = perceiver.rows(Frame(image))
            x, y, w, h = entry["bbox"]
            truth = np.array([[x, y, x + w, y + h]], np.float32)
            best = np.argsort(-rows.objectness, kind="stable")[:5]
            found.append(float(box_iou(rows.boxes[best], truth).mean()))
        return float(np.mean(found))

    before = mean_overlap(exported(trained, tmp_path / "said", None))
    after = mean_overlap(exported(trained, tmp_path / "fitted", squares))
    assert after > before + 0.05


def test_the_mean_is_the_weighted_mean_of_rows_of_anything(
    trained: Trained, squares: Dataset, tmp_path: Path
) -> None:
    bundle = exported(trained, tmp_path / "b", squares)
    assert bundle.regions is not None
    session = open_session(bundle.graph())
    asked = bundle.regions.anything[None]
    feed = {
        "class_thresholds": np.full(1, 0.5, np.float32),
        "class_embeddings": np.zeros_like(asked),
        "anything_embedding": asked,
    }
    total, weight = 0.0, 0.0
    for pixels in letterboxed([picture.path for picture in squares.pictures], SIZE, SIZE):
        found = session.run({**feed, "image": pixels})
        anything = found["labels"][0] < 0
        scores = found["scores"][0][anything]
        total = total + scores @ found["embeddings"][0][anything]
        weight += scores.sum()
    np.testing.assert_allclose(bundle.regions.mean("fp32"), total / weight, rtol=1e-4, atol=1e-5)


def test_no_picture_gives_no_mean(trained: Trained, tmp_path: Path) -> None:
    bundle = exported(trained, tmp_path / "b", None)
    assert bundle.regions is not None
    with pytest.raises(PerceiverError, match="expected pictures"):
        region_mean(bundle.graph(), bundle.regions.anything, [])


def test_the_fit_is_the_same_in_every_run(trained: Trained, squares: Dataset) -> None:
    start = np.zeros(trained.model.head.embedding, np.float32)
    first, second = (fit_anything(trained.model, squares, SIZE, SIZE, start) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_an_export_of_a_bundle_keeps_what_it_knows_of_regions_at_every_size(
    trained: Trained, squares: Dataset, tmp_path: Path
) -> None:
    first = exported(trained, tmp_path / "first", squares)
    again = tmp_path / "second"
    assert main(["export", str(first.directory), "--out", str(again), "--size", "64x128"]) == 0
    second = Bundle.load(again)
    assert first.regions is not None
    assert second.regions is not None
    np.testing.assert_array_equal(second.regions.anything, first.regions.anything)
    np.testing.assert_array_equal(second.regions.mean("fp32"), first.regions.mean("fp32"))
    assert second.embedding_id == first.embedding_id
    assert second.sha256["model.onnx"] != first.sha256["model.onnx"]


def test_pictures_are_spread_evenly_with_their_annotations(squares: Dataset) -> None:
    few = spread(squares, 3)
    assert [picture.id for picture in few.pictures] == [1, 3, 5]
    assert [each["image_id"] for each in few.annotations] == [1, 3, 5]
    assert spread(squares, 100).pictures == squares.pictures
