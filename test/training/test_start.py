# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What a run begins with: a backbone's weights, frozen parts, a narrower detector's head."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import save_file  # noqa: E402

from test.models.backbones.randomised import randomise  # noqa: E402
from test.training import toy  # noqa: E402
from vit_perception.export.model_card import folded_parameters, model_card  # noqa: E402
from vit_perception.models.detectors.factory import create_detector  # noqa: E402
from vit_perception.training.annotations import load_pictures  # noqa: E402
from vit_perception.training.phrases import build_phrase_book  # noqa: E402
from vit_perception.training.recipe import Recipe, RecipeError  # noqa: E402
from vit_perception.training.start import (  # noqa: E402
    FILES_OF_A_FOLDER,
    load_backbone,
    load_start,
    read_backbone_weights,
)
from vit_perception.training.trainer import Trainer  # noqa: E402

timm = pytest.importorskip("timm")

pytestmark = pytest.mark.torch

LITE = "tf_efficientnet_lite0_dense"
OPTIONS = {"text_dimension": 64, "activation": "relu", "prototypes": 4}


@pytest.fixture(scope="module")
def published() -> dict[str, torch.Tensor]:
    """Weights as a file of timm's has them, with the classifier."""
    torch.manual_seed(3)
    return randomise(timm.create_model("tf_efficientnet_lite0", num_classes=5)).state_dict()


def small() -> torch.nn.Module:
    return create_detector("dosod_small", backbone=LITE, size=(96, 96), **OPTIONS)


def test_a_small_detector_is_small() -> None:
    model = create_detector("dosod_small", backbone=LITE, text_dimension=384, prototypes=24)
    assert folded_parameters(model) == 5_452_368


def test_weights_of_a_backbone_go_in(tmp_path: Path, published: dict[str, torch.Tensor]) -> None:
    half = {k: v.half() if v.is_floating_point() else v for k, v in published.items()}
    save_file(half, tmp_path / "lite.safetensors")
    model = small()
    unused = load_backbone(model, read_backbone_weights(tmp_path / "lite.safetensors"))
    assert {name.split(".")[0] for name in unused} == {"conv_head", "bn2", "classifier"}
    for name, value in model.backbone.backbone.body.state_dict().items():
        assert torch.equal(value, half[name].to(value.dtype)), name


def test_checkpoints_and_folders_of_hubs_are_read(
    tmp_path: Path, published: dict[str, torch.Tensor]
) -> None:
    for name in FILES_OF_A_FOLDER:
        (tmp_path / name).mkdir()
    save_file(published, tmp_path / "model.safetensors" / "model.safetensors")
    torch.save(published, tmp_path / "pytorch_model.bin" / "pytorch_model.bin")
    torch.save({"state_dict": published}, tmp_path / "lite.pth")
    for name in (*FILES_OF_A_FOLDER, "lite.pth"):
        found = read_backbone_weights(tmp_path / name)
        assert found.keys() == published.keys()
        assert all(torch.equal(found[key], value) for key, value in published.items())


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    torch.save({"state_dict": Runs(ran)}, tmp_path / "evil.pth")
    with pytest.raises(RecipeError, match=r"backbone_weights: .*evil\.pth: expected"):
        read_backbone_weights(tmp_path / "evil.pth")
    assert not ran.exists()


class Runs:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="backbone_weights: .*model.safetensors: expected"):
        read_backbone_weights(tmp_path)


def test_weights_that_do_not_fit_are_told(
    tmp_path: Path, published: dict[str, torch.Tensor]
) -> None:
    less = {k: v for k, v in published.items() if not k.startswith("blocks.3.")}
    with pytest.raises(RecipeError, match=r"the 288 entries .* 54 missing \(blocks\.3\.0\."):
        load_backbone(small(), less)
    other = {**published, "conv_stem.weight": torch.zeros(16, 3, 3, 3)}
    with pytest.raises(RecipeError, match=r"conv_stem.weight: expected \[32, 3, 3, 3\], found"):
        load_backbone(small(), other)
    (tmp_path / "text").write_text("no weights")
    with pytest.raises(RecipeError, match="backbone_weights: .*expected safetensors, found"):
        read_backbone_weights(tmp_path / "text")
    with pytest.raises(RecipeError, match="recipe: backbone_weights: .*nothing"):
        read_backbone_weights(tmp_path / "nothing")


@torch.no_grad()
def test_a_narrower_head_goes_on_as_it_was() -> None:
    """Behind the same maps, the wider network begins with the answers of the narrower one."""
    torch.manual_seed(0)
    nano = randomise(create_detector("dosod_nano", **OPTIONS)).eval()
    model = small()
    load_start(model, nano.state_dict(), other_backbone=True)
    model.eval()
    maps = tuple(torch.rand(1, c, s, s) for c, s in ((64, 12), (128, 6), (256, 3)))
    embeddings = nano.embed(torch.randn(3, 64))
    torch.testing.assert_close(model.embed(torch.ones(2, 64)), nano.embed(torch.ones(2, 64)))
    ours = model.head(model.neck(maps), embeddings, model.mask_head)
    wanted = nano.head(nano.neck(maps), embeddings, nano.mask_head)
    for name in ("logits", "distances", "coefficients"):
        for found, expected in zip(getattr(ours, name), getattr(wanted, name), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    # The new channels see something, and what is behind them can learn to use it.
    features = ours.class_features[0]
    assert features.shape[1] == 128
    assert features[:, 64:].any()


def test_a_wider_start_and_another_backbone_without_its_weights_are_refused() -> None:
    nano = create_detector("dosod_nano", **OPTIONS).state_dict()
    with pytest.raises(RecipeError, match="expected weights of the recipe's architecture"):
        load_start(small(), nano)
    wide = create_detector("dosod_s", **OPTIONS).state_dict()
    with pytest.raises(RecipeError, match="expected weights of the recipe's architecture"):
        load_start(small(), wide, other_backbone=True)


def test_frozen_parts_stay_and_others_move_slowly(
    tmp_path: Path, published: dict[str, torch.Tensor]
) -> None:
    data = toy.write_pictures(tmp_path / "data", 8)
    recipe = Recipe(
        data=(str(data),), architecture="dosod_small", backbone=LITE, activation="relu",
        backbone_rate=0.1, frozen=("conv_stem", "bn1", "blocks.0"), size=96, batch=2, texts=8,
        steps=2, warmup=0, mosaic=0.0, weight_decay=0.0, clip=1e9,
    )  # fmt: skip
    pictures, described = load_pictures(recipe.data)
    book = build_phrase_book(described, toy.encode)
    folder = tmp_path / "run"
    trainer = Trainer(recipe, pictures, book, folder, workers=0, backbone=published)
    body = trainer.model.backbone.backbone.body
    before = {name: value.clone() for name, value in body.state_dict().items()}
    lateral = trainer.model.backbone.laterals["8"].conv.weight.detach().clone()
    trainer.run(until=1)
    after = body.state_dict()
    for name, value in before.items():
        still = name.startswith(("conv_stem.", "bn1.", "blocks.0."))
        if still or not value.is_floating_point():
            assert torch.equal(after[name], value) == (still or "num_batches" not in name), name
        elif "running" in name:
            assert not torch.equal(after[name], value), name
    # AdamW's first step moves each weight by its rate.
    moved = (after["blocks.6.0.conv_pwl.weight"] - before["blocks.6.0.conv_pwl.weight"]).abs()
    free = (trainer.model.backbone.laterals["8"].conv.weight.detach() - lateral).abs()
    assert float(moved.max()) == pytest.approx(0.1 * float(free.max()), rel=0.02)
    assert float(free.max()) == pytest.approx(recipe.learning_rate, rel=0.02)
    again = Trainer(recipe, pictures, book, folder, workers=0, backbone=published)
    assert again.step == 1
    assert torch.equal(
        again.model.backbone.backbone.body.state_dict()["bn1.weight"], before["bn1.weight"]
    )
    again.run()


def test_modules_that_are_not_there_are_not_frozen(tmp_path: Path) -> None:
    data = toy.write_pictures(tmp_path / "data", 4)
    recipe = Recipe(data=(str(data),), backbone=LITE, frozen=("stem",), size=96, texts=4)
    pictures, described = load_pictures(recipe.data)
    book = build_phrase_book(described, toy.encode)
    with pytest.raises(RecipeError, match=r"frozen: expected modules .*conv_stem.*, found stem"):
        Trainer(recipe, pictures, book, tmp_path / "run", workers=0)


def test_the_model_card_credits_the_backbone() -> None:
    options = {"backbone": LITE, "backbone_weights": "/far/away/lite.safetensors"}
    for licence, words in (("MIT, A. Author", "MIT, A. Author"), ("", "licence not stated")):
        recipe = Recipe(data=("a",), **options, backbone_licence=licence)
        card = model_card("small", small(), recipe, 3, (), "Finds things.")
        assert f"- its backbone began with lite.safetensors ({words})\n" in card
