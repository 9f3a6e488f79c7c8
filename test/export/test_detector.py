# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Training form, live graph and reparameterized graph agree; bundles round-trip."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import save  # noqa: E402

from test.toy_bundle import write_toy_bundle  # noqa: E402
from vit_perception.bundle.bundle import Bundle  # noqa: E402
from vit_perception.engine.factory import open_session  # noqa: E402
from vit_perception.engine.session import Session  # noqa: E402
from vit_perception.export.detector import export_bundle, reparameterize_bundle  # noqa: E402
from vit_perception.export.graph import ANYTHING_ROWS  # noqa: E402
from vit_perception.export.graph_files import adaptor_graph, fixed_graph, live_graph  # noqa: E402
from vit_perception.export.trained import ExportError, Trained, load_bundle_model, load_run  # noqa: E402
from vit_perception.frame import Frame  # noqa: E402
from vit_perception.models.detectors.dosod import DOSOD, dosod_nano  # noqa: E402
from vit_perception.perceiver.candidates import rows_of_names  # noqa: E402
from vit_perception.perceiver.perceiver import Perceiver  # noqa: E402
from vit_perception.perceiver.settings import Settings  # noqa: E402
from vit_perception.training.recipe import Recipe  # noqa: E402
from vit_perception.vocabulary import Vocabulary  # noqa: E402

pytestmark = pytest.mark.torch

HEIGHT, WIDTH = 96, 128


def lively_model(seed: int = 0, **options: object) -> DOSOD:
    """Random weights with BatchNorm statistics and scales away from their defaults."""
    torch.manual_seed(seed)
    model = dosod_nano(**options).eval()
    model.train()
    with torch.no_grad():
        for _ in range(4):
            model(torch.rand(4, 3, HEIGHT, WIDTH), torch.rand(2, 256))
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.uniform_(0.6, 1.4)
                module.bias.uniform_(-0.3, 0.3)
        for level, contrast in enumerate(model.head.cls_contrasts):
            contrast.logit_scale.fill_(0.5 + 0.2 * level)
            contrast.bias.fill_(-1.0 - 0.3 * level)
    return model.eval().requires_grad_(False)


def unit_text(count: int, seed: int = 1) -> np.ndarray:
    text = np.random.default_rng(seed).normal(size=(count, 384)).astype(np.float32)
    return text / np.linalg.norm(text, axis=1, keepdims=True)


def named(session: Session, feed: dict[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    """The rows of names that a live graph gives."""
    anything = np.zeros((1, feed["class_embeddings"].shape[1]), np.float32)
    return rows_of_names(session.run({**feed, "anything_embedding": anything}))


@pytest.mark.parametrize("prototypes", [0, 8])
def test_rows_of_anything_are_the_models(prototypes: int) -> None:
    """Each row has the box, score and region embedding of one anchor; the best are there."""
    model = lively_model(prototypes=prototypes)
    image = np.random.default_rng(3).integers(0, 256, (1, HEIGHT, WIDTH, 3), np.uint8)
    pixels = torch.from_numpy(image).permute(0, 3, 1, 2).float() / 255
    anything = model.embed(torch.from_numpy(unit_text(1, 7)))
    boxes, scores = model.detect(pixels, anything)
    maps = [
        model.head.class_maps(level, x).flatten(2)[0].T
        for level, x in enumerate(model.features(pixels)[:3])
    ]
    regions = torch.cat(maps)
    session = open_session(live_graph(model, HEIGHT, WIDTH, anything.repeat(3, 1)))
    names = model.embed(torch.from_numpy(unit_text(6)))
    found = session.run(
        {
            "image": image,
            "class_thresholds": np.full(6, 1e-6, np.float32),
            "class_embeddings": names.numpy(),
            "anything_embedding": anything.numpy(),
        }
    )
    there = found["labels"][0] == -1
    assert there.sum() == min(ANYTHING_ROWS, len(regions))
    assert not there[: -there.sum()].any()
    best = scores[0, :, 0].topk(int(there.sum())).values
    np.testing.assert_allclose(found["scores"][0][there], best, rtol=0, atol=1e-4)
    for row in range(0, len(there), 7):
        box = torch.from_numpy(found["boxes"][0, row])
        at = (boxes[0] - box).abs().amax(dim=1).argmin()
        np.testing.assert_allclose(found["embeddings"][0, row], regions[at], rtol=0, atol=1e-3)


@pytest.mark.parametrize("classes", [1, 7, 40])
def test_three_forms_agree(classes: int) -> None:
    model = lively_model()
    rng = np.random.default_rng(3)
    image = rng.integers(0, 256, (1, HEIGHT, WIDTH, 3), np.uint8)
    text = unit_text(classes)
    embeddings = model.embed(torch.from_numpy(text))
    boxes, scores = model.detect(
        torch.from_numpy(image).permute(0, 3, 1, 2).float() / 255, embeddings
    )
    thresholds = np.full(classes, 1e-6, np.float32)
    example = model.embed(torch.from_numpy(unit_text(3, 9)))
    live = open_session(live_graph(model, HEIGHT, WIDTH, example))
    fixed = open_session(fixed_graph(model, HEIGHT, WIDTH, embeddings))
    adaptor = open_session(adaptor_graph(model, torch.from_numpy(unit_text(3, 9))))
    adapted = adaptor.run({"text_embeddings": text})["class_embeddings"]
    np.testing.assert_allclose(adapted, embeddings, rtol=0, atol=1e-5)
    feed = {"image": image, "class_thresholds": thresholds}
    outputs = [named(live, {**feed, "class_embeddings": adapted}), fixed.run(feed)]
    rows = min(scores.numel(), 252, 300)
    best = scores[0].flatten().topk(rows)
    for found in outputs:
        np.testing.assert_allclose(found["scores"][0][:rows], best.values, rtol=0, atol=1e-4)
        by_pair = scores[0][:, found["labels"][0][:rows]]
        # Each row's box is one of the anchors', and that anchor has the row's score there.
        for row in range(0, rows, 5):
            at = (boxes[0] - torch.from_numpy(found["boxes"][0, row])).abs().amax(dim=1).argmin()
            np.testing.assert_allclose(found["boxes"][0, row], boxes[0, at], rtol=0, atol=5e-3)
            np.testing.assert_allclose(
                found["scores"][0, row], by_pair[at, row], rtol=0, atol=1e-4
            )
    np.testing.assert_allclose(outputs[0]["scores"], outputs[1]["scores"], rtol=0, atol=1e-4)


@pytest.mark.parametrize("activation", ["silu", "relu"])
def test_masks_of_all_forms_are_the_models(activation: str) -> None:
    model = lively_model(activation=activation, prototypes=8)
    image = np.random.default_rng(3).integers(0, 256, (1, HEIGHT, WIDTH, 3), np.uint8)
    embeddings = model.embed(torch.from_numpy(unit_text(5)))
    output = model(torch.from_numpy(image).permute(0, 3, 1, 2).float() / 255, embeddings)
    boxes, _ = model.detect(torch.from_numpy(image).permute(0, 3, 1, 2).float() / 255, embeddings)
    coefficients = torch.cat([x.flatten(2) for x in output.coefficients], dim=2)[0].T
    feed = {"image": image, "class_thresholds": np.full(5, 1e-6, np.float32)}
    live = open_session(live_graph(model, HEIGHT, WIDTH, embeddings))
    fixed = open_session(fixed_graph(model, HEIGHT, WIDTH, embeddings))
    asked = named(live, {**feed, "class_embeddings": embeddings.numpy()})
    for found in (asked, fixed.run(feed)):
        assert found["prototypes"].shape == (1, 8, HEIGHT // 4, WIDTH // 4)
        np.testing.assert_allclose(found["prototypes"], output.prototypes, rtol=0, atol=1e-4)
        assert found["mask_coefficients"].shape == (1, 300, 8)
        for row in range(0, 300, 15):
            box = torch.from_numpy(found["boxes"][0, row])
            at = (boxes[0] - box).abs().amax(dim=1).argmin()
            np.testing.assert_allclose(
                found["mask_coefficients"][0, row], coefficients[at], rtol=0, atol=1e-4
            )


def test_thresholds_act_before_the_top_k() -> None:
    model = lively_model()
    image = np.random.default_rng(3).integers(0, 256, (1, HEIGHT, WIDTH, 3), np.uint8)
    text = torch.from_numpy(unit_text(30))
    embeddings = model.embed(text)
    session = open_session(live_graph(model, HEIGHT, WIDTH, embeddings, top_k=20))
    feed = {"image": image, "class_embeddings": embeddings.numpy()}
    open_to_all = named(session, {**feed, "class_thresholds": np.full(30, 1e-6, np.float32)})
    crowded_out = sorted(set(range(30)) - set(open_to_all["labels"][0].tolist()))
    assert crowded_out
    only = np.full(30, 1.0, np.float32)
    only[crowded_out[0]] = 1e-6
    found = named(session, {**feed, "class_thresholds": only})
    assert (found["scores"][0] > 0).all()
    assert set(found["labels"][0].tolist()) == {crowded_out[0]}
    nothing = named(session, {**feed, "class_thresholds": np.ones(30, np.float32)})
    assert (nothing["scores"] == 0).all()


def small_bundle(folder: Path, prototypes: int = 0) -> Bundle:
    names = ("red mug", "spoon", "banana")
    recipe = Recipe(data=("/somewhere/private/train",), prototypes=prototypes)
    trained = Trained(lively_model(prototypes=prototypes), recipe, 12)
    return export_bundle(
        trained,
        folder,
        name="small",
        vocabulary=Vocabulary(names, unit_text(3), 0),
        anything=unit_text(1)[0],
        default_names=names[:2],
        size=(HEIGHT, WIDTH),
        card="Made for a test.",
    )


@pytest.mark.parametrize("prototypes", [0, 8])
def test_a_bundle_perceives_and_reparameterizes_alike(tmp_path: Path, prototypes: int) -> None:
    bundle = small_bundle(tmp_path / "live", prototypes)
    assert bundle.task == ("instance_segmentation" if prototypes else "detection")
    assert "private" not in (tmp_path / "live" / "recipe.json").read_text()
    fixed = reparameterize_bundle(bundle, bundle.default_vocabulary(), tmp_path / "fixed")
    frame = Frame(np.random.default_rng(4).integers(0, 256, (120, 200, 3), np.uint8))
    # No suppression: on random weights it would hang on ties.
    settings = Settings(score_threshold=0.01, iou_threshold=1.0, max_detections=300)
    first, second = (Perceiver(b, settings=settings)(frame) for b in (bundle, fixed))
    assert len(first) == len(second) > 0
    np.testing.assert_allclose(first.scores, second.scores, rtol=0, atol=1e-4)
    # Sorted, since near-equal scores may change places.
    for x, y in zip(first.boxes.T, second.boxes.T, strict=True):
        np.testing.assert_allclose(np.sort(x), np.sort(y), rtol=0, atol=5e-3)
    assert first.names == second.names == ("red mug", "spoon")
    if prototypes:
        assert first.masks is not None
        assert second.masks is not None
        np.testing.assert_array_equal(np.sort(first.masks.areas()), np.sort(second.masks.areas()))
    with pytest.raises(ExportError, match="expected a live vocabulary, found a fixed one"):
        reparameterize_bundle(fixed, bundle.default_vocabulary(), tmp_path / "again")


@pytest.mark.parametrize("prototypes", [0, 8])
def test_what_is_exported_again_from_a_bundle_is_the_same(tmp_path: Path, prototypes: int) -> None:
    bundle = small_bundle(tmp_path / "live", prototypes)
    again = load_bundle_model(Bundle.load(tmp_path / "live"))
    example = again.model.embed(torch.from_numpy(unit_text(3))).detach()
    assert again.recipe == Recipe(data=("train",), prototypes=prototypes)
    assert again.steps == 12
    assert live_graph(again.model, HEIGHT, WIDTH, example) == bundle.graph()


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("recipe.json", b"[]", "recipe.json: expected recipe and steps, found []"),
        ("recipe.json", b"{", "recipe.json: expected JSON, found Expecting property name"),
        (
            "recipe.json",
            b'{"recipe": {"data": ["a"]}}',
            "expected recipe and steps, found {'recipe'",
        ),
        ("recipe.json", b"\xff", "recipe.json: expected UTF-8, found byte 0xff at 0"),
        ("recipe.json", b"[" * 9999, "recipe.json: expected JSON, found "),
        ("weights.safetensors", b"none", "weights.safetensors: expected weights of dosod_nano"),
    ],
)
def test_broken_training_files_of_a_bundle_are_refused(
    tmp_path: Path, file: str, content: bytes, message: str
) -> None:
    """The toy has no network of ours, and does not need one to be refused."""
    recipe = {"recipe": {"data": ["train"]}, "steps": 1}
    files = {"recipe.json": json.dumps(recipe).encode(), "weights.safetensors": save({})}
    bundle = write_toy_bundle(
        tmp_path / "toy", architecture="dosod_nano", extra_files=files | {file: content}
    )
    with pytest.raises(ExportError) as error:
        load_bundle_model(bundle)
    assert message in str(error.value)
    assert str(error.value).isprintable()


def test_a_folder_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"expected a training run with checkpoint\.pt"):
        load_run(tmp_path)
    (tmp_path / "checkpoint.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(ExportError, match="expected a training checkpoint") as error:
        load_run(tmp_path)
    assert "\n" not in str(error.value)
