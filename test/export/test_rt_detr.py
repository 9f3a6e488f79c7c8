# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""RT-DETR's graph keeps the contract, and its bundle needs no suppression."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.bundle.bundle import Bundle  # noqa: E402
from vit_perception.engine.factory import open_session  # noqa: E402
from vit_perception.export.rt_detr import detr_graph, export_detr  # noqa: E402
from vit_perception.frame import Frame  # noqa: E402
from vit_perception.models.backbones.resnet_vd import ResNetVD  # noqa: E402
from vit_perception.models.detectors.rt_detr import RTDETR  # noqa: E402
from vit_perception.models.shelf import create_backbone  # noqa: E402
from vit_perception.perceiver.candidates import rows_of_anything, rows_of_names  # noqa: E402
from vit_perception.perceiver.perceiver import Perceiver  # noqa: E402
from vit_perception.perceiver.settings import Settings  # noqa: E402
from vit_perception.vocabulary import Vocabulary  # noqa: E402

pytestmark = pytest.mark.torch

HEIGHT, WIDTH, TEXT, QUERIES = 96, 128, 384, 30
NAMES = ("red mug", "spoon", "banana", "hammer")


def lively(seed: int = 0, **options: object) -> RTDETR:
    """Returns a small network with random weights, whose queries differ."""
    torch.manual_seed(seed)
    small = {"width": 32, "neck_width": 32, "neck_hidden": 64, "layers": 2, "queries": QUERIES}
    live = {"classes": 0, "embedding": 48, "text_dimension": TEXT}
    if "backbone" not in options:
        options["backbone"] = ResNetVD((1, 1, 1, 1), (16, 32, 48, 64), bottleneck=False, stem=16)
    model = randomise(RTDETR(**{**small, **live, **options}))
    for perceptron in (model.head.selection_boxes, *model.head.boxes):
        torch.nn.init.normal_(perceptron[-1].weight, std=0.1)
    for head in (model.head.classes.selection, *model.head.classes.layers):
        torch.nn.init.zeros_(head.bias)
    return model.requires_grad_(False)


def unit_text(count: int, seed: int = 1) -> np.ndarray:
    text = np.random.default_rng(seed).normal(size=(count, TEXT)).astype(np.float32)
    return text / np.linalg.norm(text, axis=1, keepdims=True)


def picture(seed: int = 0) -> np.ndarray:
    """Returns large squares, uint8 [HEIGHT, WIDTH, 3]."""
    squares = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return squares.repeat(16, 0).repeat(16, 1)


def pixels(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image)[None].permute(0, 3, 1, 2).float() / 255


def in_order(*columns: np.ndarray) -> np.ndarray:
    """Returns rows in an order of their own: near-equal scores may change places."""
    rows = np.concatenate([each.reshape(len(each), -1) for each in columns], axis=1)
    return rows[np.lexsort(np.rint(rows * 50).T)]


@pytest.mark.parametrize("backbone", ["", pytest.param("mobiledet_cpu", marks=pytest.mark.slow)])
def test_the_live_graph_equals_torch(backbone: str) -> None:
    made = {"backbone": create_backbone(backbone, (HEIGHT, WIDTH))} if backbone else {}
    model = lively(**made)
    image = picture()
    names, anything = model.embed(torch.from_numpy(unit_text(5))), unit_text(1, 7)
    anything = model.embed(torch.from_numpy(anything))
    output = model(pixels(image), torch.cat([names, anything]))
    boxes, scores = model.detect(pixels(image), torch.cat([names, anything]))
    found = open_session(detr_graph(model, HEIGHT, WIDTH)).run(
        {
            "image": image[None],
            "class_thresholds": np.full(5, 1e-6, np.float32),
            "class_embeddings": names.numpy(),
            "anything_embedding": anything.numpy(),
        }
    )
    named, others = rows_of_names(found), rows_of_anything(found)
    assert named["scores"].shape == (1, 5 * QUERIES)
    assert (np.diff(named["scores"][0]) <= 0).all()
    query, label = np.divmod(np.arange(5 * QUERIES), 5)
    wanted = in_order(label, boxes[0].numpy()[query] / WIDTH, scores[0, :, :5].numpy().flatten())
    rows = in_order(named["labels"][0], named["boxes"][0] / WIDTH, named["scores"][0])
    np.testing.assert_allclose(rows, wanted, rtol=0, atol=1e-4)
    embeddings = model.head.classes.layers[-1].embed(output.hidden)[0].numpy()
    wanted = in_order(boxes[0].numpy() / WIDTH, scores[0, :, 5].numpy(), embeddings)
    rows = in_order(others["boxes"][0] / WIDTH, others["scores"][0], others["embeddings"][0])
    np.testing.assert_allclose(rows, wanted, rtol=0, atol=2e-4)


def test_thresholds_act_before_the_top_k() -> None:
    model = lively()
    names = model.embed(torch.from_numpy(unit_text(6)))
    session = open_session(detr_graph(model, HEIGHT, WIDTH, top_k=8))
    feed = {
        "image": picture()[None],
        "class_embeddings": names.numpy(),
        "anything_embedding": names[:1].numpy(),
    }
    only = np.ones(6, np.float32)
    only[4] = 1e-6
    found = rows_of_names(session.run({**feed, "class_thresholds": only}))
    assert set(found["labels"][0]) == {4} and (found["scores"] > 0).all()
    nothing = rows_of_names(session.run({**feed, "class_thresholds": np.ones(6, np.float32)}))
    assert not nothing["scores"].any()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return export_detr(
        lively(), tmp_path_factory.mktemp("bundle") / "small", name="small",
        architecture="rt_detr_r18", size=(HEIGHT, WIDTH),
        vocabulary=Vocabulary(NAMES, unit_text(4), 0), anything=unit_text(1, 7)[0],
        default_names=NAMES[:2], source="a test", card="# Made for a test.\n",
    )  # fmt: skip


def expected(model: RTDETR, image: np.ndarray, rows: list[int]) -> np.ndarray:
    """Returns sorted scores of the pairs that torch finds for some of NAMES."""
    text = np.concatenate([unit_text(4)[rows], unit_text(1, 7)])
    _, scores = model.detect(pixels(image), model.embed(torch.from_numpy(text)))
    return scores[0, :, : len(rows)].flatten().sort(descending=True).values.numpy()


def test_names_change_while_a_bundle_runs(bundle: Bundle) -> None:
    model = lively()
    assert bundle.iou_threshold == 1 and bundle.regions is not None
    settings = Settings(score_threshold=1e-6, max_detections=300)
    perceiver = Perceiver(bundle, settings=settings)
    image = picture()
    found = perceiver(Frame(image))
    # Every pair of query and name whose box has some area in the picture, however they overlap.
    assert len(found) == 2 * QUERIES and found.names == NAMES[:2]
    np.testing.assert_allclose(found.scores, expected(model, image, [0, 1]), rtol=0, atol=1e-4)
    said = Vocabulary(NAMES[1:], unit_text(4)[1:], 1)
    perceiver.change(vocabulary=said)
    found = perceiver(Frame(image))
    assert found.names == NAMES[1:] and found.vocabulary_version == 1
    np.testing.assert_allclose(found.scores, expected(model, image, [1, 2, 3]), rtol=0, atol=1e-4)
    # Each thing once, by its best name, for those who follow things.
    alone = perceiver.prepare(settings=Settings(score_threshold=1e-6, name_scores=True))
    perceiver.change(settings=alone.settings)
    found = perceiver(Frame(image))
    assert len(found) <= QUERIES and len(set(map(tuple, found.boxes))) == len(found)
    assert found.name_scores is not None and (found.name_scores.labels[:, :3] >= 0).all()


def test_a_thing_is_shown(bundle: Bundle) -> None:
    settings = Settings(score_threshold=1e-6, max_detections=300)
    perceiver = Perceiver(bundle, settings=settings)
    image = picture()
    before = perceiver(Frame(image))
    box = before.boxes[0]
    perceiver.teach(image, box, "my mug")
    after = perceiver(Frame(image))
    said = after[after.labels < 2]
    np.testing.assert_array_equal(said.scores, before.scores)
    assert "my mug" in {each.name for each in after}


def test_a_bundle_of_fixed_classes_and_fewer_layers(tmp_path: Path) -> None:
    model = lively(classes=4)
    bundle = export_detr(
        model, tmp_path / "fixed", name="fixed", architecture="rt_detr_r18",
        size=(HEIGHT, WIDTH), vocabulary=Vocabulary(NAMES, unit_text(4), 0), anything=None,
        default_names=NAMES, layers=1, source="a test", card="# Made for a test.\n",
    )  # fmt: skip
    assert bundle.fixed_vocabulary and bundle.regions is None
    image = picture()
    found = Perceiver(bundle, settings=Settings(1e-6, max_detections=300))(Frame(image))
    all_scores = []
    for model.used in (1, 2):
        _, scores = model.detect(pixels(image))
        all_scores.append(scores.flatten().sort(descending=True).values)
    np.testing.assert_allclose(found.scores, all_scores[0], rtol=0, atol=1e-4)
    assert (all_scores[1] - all_scores[0]).abs().max() > 0.01
