# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Mamba YOLO: counts, blocks, both heads, graph, bundle and learning (card 11)."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from test.models.backbones.randomised import randomise  # noqa: E402
from test.training import toy  # noqa: E402
from vit_perception.bundle.bundle import Bundle  # noqa: E402
from vit_perception.engine.factory import open_session  # noqa: E402
from vit_perception.export.detector import export_bundle  # noqa: E402
from vit_perception.export.graph_files import fixed_graph  # noqa: E402
from vit_perception.export.released import with_an_axis_a_class  # noqa: E402
from vit_perception.export.trained import load_bundle_model, load_run  # noqa: E402
from vit_perception.frame import Frame  # noqa: E402
from vit_perception.models.backbones.mamba_yolo import (  # noqa: E402
    LocalSpatial,
    MambaYOLOBackbone,
    ODSSBlock,
    ResidualGated,
    VisionClueMerge,
    side_by_side,
)
from vit_perception.models.detectors.factory import create_detector  # noqa: E402
from vit_perception.models.macs import multiply_adds  # noqa: E402
from vit_perception.models.ss2d import SS2D  # noqa: E402
from vit_perception.perceiver.candidates import rows_of_names  # noqa: E402
from vit_perception.perceiver.perceiver import Perceiver  # noqa: E402
from vit_perception.perceiver.settings import Settings  # noqa: E402
from vit_perception.training.annotations import load_pictures  # noqa: E402
from vit_perception.training.losses import Targets, detection_losses  # noqa: E402
from vit_perception.training.phrases import build_phrase_book  # noqa: E402
from vit_perception.training.recipe import Recipe  # noqa: E402
from vit_perception.training.trainer import Trainer  # noqa: E402
from vit_perception.vocabulary import Vocabulary  # noqa: E402

pytestmark = pytest.mark.torch

BINS = 16
"""Constants that the paper's counts include."""


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    ("name", "total", "backbone", "channels", "blocks", "gflops"),
    [
        ("t", 6.131704, 2.850, (32, 64, 128, 256), (1, 1, 3, 1), 14.3),
        ("b", 21.828, 10.695, (64, 128, 256, 512), (1, 1, 3, 1), 49.7),
        ("l", 57.631, 33.586, (96, 192, 384, 576), (2, 2, 6, 2), 156.2),
    ],
)
def test_counts_of_the_card(
    name: str,
    total: float,
    backbone: float,
    channels: tuple[int, ...],
    blocks: tuple[int, ...],
    gflops: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with torch.device("meta"):
        model = create_detector(f"mamba_yolo_{name}", classes=80).eval()
        image = torch.zeros(1, 3, 640, 640)
    assert round((count(model) + BINS) / 1e6, 6 if name == "t" else 3) == total
    trunk = model.backbone
    assert isinstance(trunk, MambaYOLOBackbone)
    assert round(count(trunk) / 1e6, 3) == backbone
    assert (trunk.detail, *trunk.channels) == channels
    stages = [[each for each in s if isinstance(each, ODSSBlock)] for s in trunk.stages]
    assert tuple(map(len, stages)) == blocks
    fusions = [*model.neck.top_down_layers, *model.neck.bottom_up_layers]
    assert [sum(isinstance(m, SS2D) for m in f.modules()) for f in fusions] == [blocks[0]] * 4
    # The published figure has no products with bare parameters, which all of a scan are.
    monkeypatch.setattr(SS2D, "scan", lambda self, x: x)
    assert 2 * multiply_adds(model, image) / 1e9 == pytest.approx(gflops, rel=0.02)


def test_the_closed_head_is_yolov8s() -> None:
    with torch.device("meta"):
        assert count(create_detector("dosod_s", classes=80)) + BINS == 11_166_560


def test_parts_have_the_predicted_parameters() -> None:
    width = 48
    hidden = 128
    assert count(LocalSpatial(width)) == 12 * width + 2 * (width**2 + width)
    predicted = (width + 1) * 2 * hidden + 10 * hidden + (hidden + 1) * width
    assert count(ResidualGated(width)) == predicted
    light, whole = (create_detector(f"mamba_yolo_t{x}", classes=9) for x in ("_light", ""))
    # The scan of the first stage and its norm.
    assert count(whole) - count(light) == count(SS2D(32)) + 2 * 32


def test_the_published_start_reaches_all_scans() -> None:
    made = create_detector("mamba_yolo_t", classes=3, published_start=True)
    scans = [each for each in made.modules() if isinstance(each, SS2D)]
    assert len(scans) == 10 and not any(each.decay_log.any() for each in scans)


def test_merging_puts_a_ramp_in_the_cards_order() -> None:
    ramp = torch.arange(16.0).reshape(1, 1, 4, 4)
    wanted = [[[0, 2], [8, 10]], [[4, 6], [12, 14]], [[1, 3], [9, 11]], [[5, 7], [13, 15]]]
    assert side_by_side(ramp)[0].tolist() == wanted
    merge = VisionClueMerge(1, 4).eval()
    merge.project.conv.weight.data = torch.eye(4)[:, :, None, None]
    merge.project.conv.bias.data.zero_()
    torch.testing.assert_close(merge(ramp), F.silu(side_by_side(ramp)), rtol=1e-3, atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("neck", [False, True])
def test_the_residual_adds_what_was_before_the_local_convolutions(neck: bool) -> None:
    block = randomise(ODSSBlock(6, 16, 2, neck=neck))
    nn.init.zeros_(block.scans[-1].out_proj.weight)
    nn.init.zeros_(block.gated.reduce.weight)
    nn.init.zeros_(block.gated.reduce.bias)
    x = torch.randn(1, 6, 4, 5)
    assert torch.equal(block(x), block.project(x))
    assert isinstance(ODSSBlock(16, 16, neck=True).project, nn.Identity)
    assert not isinstance(ODSSBlock(16, 16).project, nn.Identity)


def targets(size: int, classes: int) -> Targets:
    """One object of class 1 in the middle."""
    labels = torch.zeros(1, 1, classes, dtype=torch.bool)
    labels[0, 0, 1] = True
    low, high = size / 4, 3 * size / 4
    return Targets(
        boxes=torch.tensor([[[low, low, high, high]]]),
        labels=labels,
        ignored=torch.zeros_like(labels),
        valid=torch.ones(1, 1, dtype=torch.bool),
        owner=torch.full((1, size // 4, size // 4), -1, dtype=torch.int16),
        things=torch.full((1, 1), -1),
        regions=torch.zeros(1, 0, 4),
        unlabelled=torch.zeros(1, 0, classes, dtype=torch.bool),
    )


@pytest.mark.parametrize("closed", [True, False])
def test_the_loss_reaches_all_parts(closed: bool) -> None:
    torch.manual_seed(0)
    options = {"classes": 3} if closed else {"text_dimension": 8, "embedding": 16}
    model = create_detector("mamba_yolo_t", **options)
    embeddings = None if closed else model.embed(F.normalize(torch.randn(3, 8), dim=1))
    output = model(torch.rand(1, 3, 64, 64), embeddings)
    assert [x.shape for x in output.logits] == [(1, 3, n, n) for n in (8, 4, 2)]
    detection_losses(output, targets(64, 3)).total.backward()
    still = [name for name, each in model.named_parameters() if each.grad is None]
    assert still == []
    if closed:
        # Every score begins as rare as an object of a class is at an anchor.
        biases = [float(branch.last.bias[0].detach()) for branch in model.head.class_branches]
        assert biases == pytest.approx([np.log(5 / 3 / n**2) for n in (80, 40, 20)])


def test_a_closed_set_in_a_graph_is_the_model() -> None:
    torch.manual_seed(0)
    # The head does not ask what is in front of it; this trunk has the smallest graph.
    model = randomise(create_detector("dosod_nano", classes=5)).requires_grad_(False)
    image = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), np.uint8)
    _, scores = model.detect(torch.from_numpy(image).permute(0, 3, 1, 2).float() / 255)
    live, axes = with_an_axis_a_class(model)
    session = open_session(fixed_graph(live, 64, 64, axes))
    found = session.run({"image": image, "class_thresholds": np.full(5, 1e-6, np.float32)})
    best = scores.flatten().topk(found["scores"].shape[1]).values
    np.testing.assert_allclose(found["scores"][0], best, rtol=1e-3, atol=1e-4)
    assert best.max() - best.min() > 0.01


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Trained for a moment by a recipe, without changes to trainer or export."""
    folder = tmp_path_factory.mktemp("mamba")
    data = toy.write_pictures(folder / "data", 8)
    recipe = Recipe(
        data=(str(data),), architecture="mamba_yolo_t", prototypes=4, size=64, batch=2, texts=8,
        steps=1, warmup=1, mosaic=0.0,
    )  # fmt: skip
    pictures, described = load_pictures(recipe.data)
    book = build_phrase_book(described, toy.encode)
    Trainer(recipe, pictures, book, folder / "run", workers=0).run()
    names = ("red square", "blue bar")
    vocabulary = Vocabulary(names, toy.encode(names))
    return export_bundle(
        load_run(folder / "run"), folder / "bundle", name="toy", vocabulary=vocabulary,
        default_names=names, anything=vocabulary.embeddings[0], size=(64, 64),
    )  # fmt: skip


def test_a_bundle_of_it_is_the_model(bundle: Bundle) -> None:
    assert bundle.architecture == "mamba_yolo_t"
    model = load_bundle_model(bundle).model.requires_grad_(False)
    image = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), np.uint8)
    pixels = torch.from_numpy(image).permute(0, 3, 1, 2).float() / 255
    embeddings = model.embed(torch.from_numpy(toy.encode(("a", "b", "c"))))
    _, scores = model.detect(pixels, embeddings)
    session = open_session(bundle.graph())
    found = session.run(
        {
            "image": image,
            "class_thresholds": np.full(3, 1e-9, np.float32),
            "class_embeddings": embeddings.numpy(),
            "anything_embedding": embeddings[:1].numpy(),
        }
    )
    found = rows_of_names(found)
    best = scores.flatten().topk(found["scores"].shape[1]).values
    np.testing.assert_allclose(found["scores"][0], best, rtol=1e-3, atol=1e-5)
    prototypes = model(pixels, embeddings).prototypes
    np.testing.assert_allclose(found["prototypes"], prototypes, rtol=0, atol=2e-3)


def test_names_that_are_said_and_shown(bundle: Bundle) -> None:
    names = ("green cross", "white circle", "black bar")
    vocabulary = Vocabulary(names, toy.encode(names), 1)
    settings = Settings(score_threshold=0.0, iou_threshold=0.6)
    perceiver = Perceiver(bundle, vocabulary=vocabulary, settings=settings)
    image = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    found = perceiver(Frame(image))
    assert len(found) > 0 and found.names == names and found.masks is not None
    perceiver.teach(image, found.boxes[0], "my mug")
    assert perceiver.vocabulary.shown == ("my mug",)
    assert "my mug" in {each.name for each in perceiver(Frame(image))}


def corners(pictures: int, side: int, seed: int) -> tuple[Tensor, Tensor]:
    """Returns noise with a marker in two opposite corners, each of two kinds, and the pair's."""
    generator = torch.Generator().manual_seed(seed)
    images = 0.1 * torch.randn(pictures, 2, side, side, generator=generator)
    first, last = torch.randint(2, (2, pictures), generator=generator)
    rows = torch.arange(pictures)
    images[rows, first, :2, :2] += 2
    images[rows, last, -2:, -2:] += 2
    return images, 2 * first + last


class Local(nn.Sequential):
    """Convolutions in place of a scan, on [B, H, W, C]."""

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = super().forward(x.permute(0, 3, 1, 2))
        return out.permute(0, 2, 3, 1)


def learned(block: ODSSBlock, width: int) -> float:
    """Returns how often the pair is right, as told by the last pixel."""
    model = nn.ModuleList([nn.Conv2d(2, width, 3, padding=1), block, nn.Linear(width, 4)])

    def told(images: Tensor) -> Tensor:
        first, middle, last = model
        return last(middle(first(images))[:, :, -1, -1])

    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for step in range(300):
        images, wanted = corners(16, 8, step)
        optimizer.zero_grad()
        loss = F.cross_entropy(told(images), wanted)
        loss.backward()
        optimizer.step()
        if loss < 0.02:
            break
    images, wanted = corners(256, 8, 10**6)
    model.eval()
    with torch.no_grad():
        return float((told(images).argmax(1) == wanted).double().mean())


@pytest.mark.slow
def test_scans_see_markers_that_convolutions_cannot() -> None:
    width, inner, found = 8, 27, {}
    for kind in ("scan", "convolutions"):
        torch.manual_seed(0)
        block = ODSSBlock(width, width)
        if kind == "convolutions":
            block.scans[1] = Local(
                nn.Conv2d(width, inner, 3, padding=1),
                nn.GELU(),
                nn.Conv2d(inner, width, 3, padding=1),
            )
        found[kind] = (count(block), learned(block, width))
    print(found)
    assert found["convolutions"][0] >= found["scan"][0]
    assert found["scan"][1] > 0.9 > 0.6 > found["convolutions"][1]
