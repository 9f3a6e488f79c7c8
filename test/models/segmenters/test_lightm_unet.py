# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""LightM-UNet: counts, direction, sizes, graph and learning (card 07)."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402

from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.export.onnx_graph import to_onnx  # noqa: E402
from vit_perception.models.macs import multiply_adds  # noqa: E402
from vit_perception.models.segmenters.lightm_unet import (  # noqa: E402
    LightMUNet,
    VisionMamba,
    lightm_unet,
)
from vit_perception.models.shelf import for_inference  # noqa: E402
from vit_perception.training.segmentation_losses import segmentation_loss  # noqa: E402

from .scenes import mean_iou  # noqa: E402

pytestmark = pytest.mark.torch


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    ("classes", "filters", "parameters"),
    [(2, 32, 5_011_765), (19, 32, 5_012_326), (2, 16, 1_342_965), (2, 8, 380_821)],
)
def test_counts_of_the_card(classes: int, filters: int, parameters: int) -> None:
    assert count(lightm_unet(classes, filters)) == parameters


def test_parts_and_macs_of_the_card() -> None:
    with torch.device("meta"):
        model, image = lightm_unet(2).eval(), torch.zeros(1, 3, 512, 512)
    stages = [count(stage) for stage in model.backbone.stages]
    assert stages == [22_210, 160_325, 575_109, 4_186_377]
    assert count(model.decoder) == 67_427
    assert sum(isinstance(each, VisionMamba) for each in model.modules()) == 21
    # The card leaves out the scans, whose two products with states ours counts.
    scans = 0
    for stage, (width, blocks) in enumerate(zip((32, 64, 128, 256), (1, 2, 2, 4), strict=True)):
        pixels = (512 >> stage) ** 2
        scans += 4 * blocks * pixels * 2 * width * 16
        if stage:
            scans += 8 * pixels * width * 16
    assert round((multiply_adds(model, image) - scans) / 1e9, 2) == 47.75


@torch.no_grad()
def test_rows_and_directions_matter() -> None:
    """The scan goes from the first row to the last, so a mirrored picture gives another map."""
    model = randomise(lightm_unet(3, 8))
    image = torch.rand(1, 3, 32, 48)
    found = model(image)
    gap = (model(image.flip(3)).flip(3) - found).abs().mean() / found.abs().mean()
    assert gap > 0.01
    assert not torch.allclose(model(image.roll(8, 2)).roll(-8, 2), found, atol=1e-3)


@torch.no_grad()
@pytest.mark.parametrize(("patch", "height", "width"), [(1, 37, 50), (4, 96, 128), (4, 68, 100)])
def test_any_size_has_logits(patch: int, height: int, width: int) -> None:
    found = lightm_unet(3, 8, patch)(torch.rand(2, 3, height, width))
    assert found.shape == (2, 3, height // patch, width // patch)


@torch.no_grad()
def test_exported_it_is_the_same() -> None:
    model = for_inference(randomise(lightm_unet(3, 8, 4)))
    image = torch.rand(1, 3, 64, 96)
    graph = to_onnx(model, (image,), ["image"], ["logits"], {})
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    found = session.run(None, {"image": image.numpy()})[0]
    np.testing.assert_allclose(found, model(image), rtol=1e-4, atol=1e-4)


def curves(count: int, side: int, seed: int) -> tuple[Tensor, Tensor]:
    """Returns pictures of broken curves [count, 3, side, side] and where the whole ones lie."""
    generator = torch.Generator().manual_seed(seed)

    def drawn(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, 1, 1, generator=generator)

    grid = torch.linspace(0, 1, side)
    x, y = grid[None, None, :], grid[None, :, None]
    labels = torch.zeros(count, side, side, dtype=torch.long)
    seen = torch.zeros(count, side, side)
    for _ in range(2):
        height = drawn(0.2, 0.8) + drawn(0.05, 0.2) * torch.sin(drawn(4, 9) * x + drawn(0, 6))
        line = (y - height).abs() < 0.02
        gaps = torch.zeros(count, side, side, dtype=torch.bool)
        for _ in range(2):
            gaps |= (x - drawn(0.1, 0.9)).abs() < 0.06
        labels[line] = 1
        seen = torch.where(line & ~gaps, 1.0, seen)
    noise = 0.2 * torch.randn(count, 3, side, side, generator=generator)
    return 0.3 + 0.5 * seen[:, None] + noise, labels


def learned(model: LightMUNet, steps: int, side: int) -> tuple[float, float]:
    """Returns mean IoU before and after some steps."""
    images, labels = curves(32, side, 999_999)

    @torch.no_grad()
    def judged() -> float:
        logits = torch.cat([model(each) for each in images.split(8)])
        size = labels.shape[1:]
        found = nn.functional.interpolate(logits, size, mode="bilinear").argmax(1)
        return mean_iou(found, labels, 2)

    before = judged()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    for step in range(steps):
        batch, wanted = curves(8, side, step)
        optimizer.zero_grad()
        segmentation_loss(model(batch), wanted, overlap=0.5).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 12.0)
        optimizer.step()
        schedule.step()
    return before, judged()


@pytest.mark.slow
def test_it_learns_broken_curves() -> None:
    """The card expects scans to close gaps better than convolutions of as many parameters."""
    found = {}
    for name, options in (("scans", {"filters": 8}), ("convolutions", {"filters": 24})):
        torch.manual_seed(0)
        model = lightm_unet(2, **options, scans=name == "scans")
        found[name] = (count(model), *learned(model, 150, 64))
    print(found)
    _, before, after = found["scans"]
    assert after > max(0.6, before + 0.1)
