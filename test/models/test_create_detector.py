# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""DOSOD's neck and head on every family of the shelf: forward, export, and one way through all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from test.models.backbones.randomised import randomise  # noqa: E402
from test.training import toy  # noqa: E402
from vit_perception.bundle.bundle import Bundle  # noqa: E402
from vit_perception.engine.factory import open_session  # noqa: E402
from vit_perception.export.detector import export_bundle, reparameterize_bundle  # noqa: E402
from vit_perception.export.graph_files import live_graph  # noqa: E402
from vit_perception.export.trained import ExportError, load_bundle_model, load_run  # noqa: E402
from vit_perception.frame import Frame  # noqa: E402
from vit_perception.models.detectors.factory import DetectorError, create_detector  # noqa: E402
from vit_perception.models.shelf import Variant, shelf  # noqa: E402
from vit_perception.perceiver.candidates import rows_of_names  # noqa: E402
from vit_perception.perceiver.perceiver import Perceiver  # noqa: E402
from vit_perception.perceiver.settings import Settings  # noqa: E402
from vit_perception.training.annotations import load_pictures  # noqa: E402
from vit_perception.training.phrases import build_phrase_book  # noqa: E402
from vit_perception.training.recipe import Recipe, RecipeError  # noqa: E402
from vit_perception.training.trainer import Trainer  # noqa: E402
from vit_perception.vocabulary import Vocabulary  # noqa: E402

pytestmark = pytest.mark.torch

HEIGHT, WIDTH = 96, 160
TEXT = 64
each_family = pytest.mark.parametrize(
    "variant",
    [
        pytest.param(each, id=each.name, marks=pytest.mark.slow if each.parameters > 15e6 else ())
        for each in shelf().values()
        if each.representative
    ],
)


def unit_text(count: int) -> np.ndarray:
    text = np.random.default_rng(1).normal(size=(count, TEXT)).astype(np.float32)
    return text / np.linalg.norm(text, axis=1, keepdims=True)


@each_family
def test_neck_and_head_on_it(variant: Variant) -> None:
    torch.manual_seed(0)
    options = {"text_dimension": TEXT, "prototypes": 4, "activation": "relu"}
    model = create_detector("dosod", backbone=variant.name, size=(HEIGHT, WIDTH), **options)
    model = randomise(model).requires_grad_(False)
    image = np.random.default_rng(0).integers(0, 256, (1, HEIGHT, WIDTH, 3), np.uint8)
    pixels = torch.from_numpy(image).permute(0, 3, 1, 2).float() / 255
    embeddings = model.embed(torch.from_numpy(unit_text(5)))
    output = model(pixels, embeddings)
    cells = [(HEIGHT // s, WIDTH // s) for s in (8, 16, 32)]
    assert [tuple(x.shape[2:]) for x in output.logits] == cells
    assert output.prototypes.shape == (1, 4, HEIGHT // 4, WIDTH // 4)

    _, scores = model.detect(pixels, embeddings)
    session = open_session(live_graph(model, HEIGHT, WIDTH, embeddings))
    found = session.run(
        {
            "image": image,
            "class_thresholds": np.full(5, 1e-6, np.float32),
            "class_embeddings": embeddings.numpy(),
            "anything_embedding": embeddings[:1].numpy(),
        }
    )
    found = rows_of_names(found)
    best = scores.flatten().topk(found["scores"].shape[1]).values
    np.testing.assert_allclose(found["scores"][0], best, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found["prototypes"], output.prototypes, rtol=0, atol=2e-3)


def test_a_backbone_that_is_not_there() -> None:
    with pytest.raises(DetectorError, match="backbone: expected one of .*, found 'shvit_s9'"):
        create_detector("dosod", backbone="shvit_s9")
    with pytest.raises(DetectorError, match="architecture must be one of dosod, .*found yolo"):
        create_detector("yolo")


def test_from_recipe_to_detections(tmp_path: Path) -> None:
    """Training, export, bundle, reparameterization and Perceiver, with another backbone."""
    data = toy.write_pictures(tmp_path / "data", 24)
    recipe = Recipe(
        data=(str(data),), architecture="dosod", backbone="shvit_s1", activation="relu",
        prototypes=4, size=96, batch=8, texts=8, steps=6, warmup=2, mosaic=0.0,
    )  # fmt: skip
    pictures, described = load_pictures(recipe.data)
    book = build_phrase_book(described, toy.encode)
    trainer = Trainer(recipe, pictures, book, tmp_path / "run", workers=0)
    trainer.run()
    trained = load_run(tmp_path / "run")
    names = ("red square", "blue bar")
    vocabulary = Vocabulary(names, toy.encode(names))
    bundle = export_bundle(
        trained, tmp_path / "bundle", name="toy", vocabulary=vocabulary, default_names=names,
        anything=vocabulary.embeddings[0], size=(96, 128),
    )  # fmt: skip
    assert bundle.architecture == "dosod-shvit_s1"
    again = load_bundle_model(Bundle.load(tmp_path / "bundle"))
    assert again.recipe.backbone == "shvit_s1"
    fixed = reparameterize_bundle(bundle, vocabulary, tmp_path / "fixed")
    frame = Frame(np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8))
    settings = Settings(score_threshold=0.0, iou_threshold=0.6)
    found = [Perceiver(each, settings=settings)(frame) for each in (bundle, fixed)]
    assert len(found[0]) == len(found[1]) > 0
    # The bundle's weights are rounded to half precision, twice the same.
    np.testing.assert_allclose(found[0].scores, found[1].scores, atol=1e-4)


def test_a_size_that_weights_are_tied_to(tmp_path: Path) -> None:
    tied = next((v.name for v in shelf().values() if v.name.startswith("fcaformer")), None)
    if tied is None:
        pytest.skip("no such backbone here")
    data = toy.write_pictures(tmp_path / "data", 4)
    recipe = Recipe(
        data=(str(data),), architecture="dosod", backbone=tied, size=96, batch=2, texts=4,
        steps=1, warmup=1, mosaic=0.0,
    )  # fmt: skip
    pictures, described = load_pictures(recipe.data)
    book = build_phrase_book(described, toy.encode)
    Trainer(recipe, pictures, book, tmp_path / "run", workers=0).run()
    with pytest.raises(ExportError, match=f"{tied}: expected 96x96, the size it was trained at"):
        export_bundle(
            load_run(tmp_path / "run"), tmp_path / "bundle", name="toy", size=(96, 128),
            vocabulary=Vocabulary(("red bar",), toy.encode(["red bar"])), default_names=(),
            anything=toy.encode(["red bar"])[0],
        )  # fmt: skip


def test_a_recipe_names_what_it_cannot_have(tmp_path: Path) -> None:
    data = toy.write_pictures(tmp_path / "data", 4)
    recipe = Recipe(data=(str(data),), backbone="nothing", size=96, texts=8)
    pictures, described = load_pictures(recipe.data)
    book = build_phrase_book(described, toy.encode)
    with pytest.raises(RecipeError, match="recipe: backbone: expected one of"):
        Trainer(recipe, pictures, book, tmp_path / "run", workers=0)
