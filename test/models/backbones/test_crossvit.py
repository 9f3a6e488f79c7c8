# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""CrossViT against timm's, and its two maps."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import onnxruntime  # noqa: E402
from torch.nn import functional  # noqa: E402

from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.export.backbone import backbone_graph  # noqa: E402
from vit_perception.models.shelf import create_backbone, create_classifier  # noqa: E402

timm = pytest.importorskip("timm")

pytestmark = pytest.mark.torch

NAME = "crossvit_9_dagger_240"


def test_logits_equal_timm_at_240() -> None:
    ours = randomise(create_classifier(f"{NAME}_dense", (240, 240), classes=10))
    theirs = timm.create_model(NAME, num_classes=10).eval()
    theirs.load_state_dict(ours.state_dict())
    image = torch.rand(1, 3, 240, 240)
    with torch.no_grad():
        torch.testing.assert_close(ours(image), theirs(image), rtol=1e-5, atol=1e-6)


def test_maps_are_those_of_timm_resampled() -> None:
    theirs = randomise(timm.create_model(NAME, num_classes=0))
    ours = create_backbone(f"{NAME}_dense", (240, 240)).eval()
    missing, unexpected = ours.body.model.load_state_dict(theirs.state_dict(), strict=False)
    assert not missing
    # The last fusion changes class tokens only.
    assert all(name.startswith("blocks.2.") for name in unexpected)
    image = torch.rand(1, 3, 240, 240)
    with torch.no_grad():
        wanted = theirs.forward_intermediates(image, norm=True, intermediates_only=True)
        found = ours(image)
    for fine, x, side in zip(found, (wanted[2], wanted[5]), (30, 15), strict=True):
        resampled = functional.interpolate(x, (side, side), mode="bilinear")
        torch.testing.assert_close(fine, resampled, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("size", "branches"),
    [
        ((480, 640), ((480, 636), (448, 592))),
        ((416, 416), ((420, 420), (384, 384))),
        ((720, 1280), ((720, 1284), (672, 1200))),
    ],
)
def test_branches_see_sizes_that_their_patches_divide(
    size: tuple[int, int], branches: tuple[tuple[int, int], ...]
) -> None:
    model = create_backbone(f"{NAME}_dense", size).body.model
    assert tuple(embed.img_size for embed in model.patch_embed) == branches
    for branch, ((height, width), patch) in enumerate(zip(branches, (12, 16), strict=True)):
        cells = (height // patch) * (width // patch)
        assert getattr(model, f"pos_embed_{branch}").shape[1] == 1 + cells


def test_a_picture_with_channels_last_is_resized_too() -> None:
    """ONNX Runtime has no bicubic resizing of it; it must not move the transposition behind."""
    size = (96, 128)
    backbone = randomise(create_backbone(f"{NAME}_dense", size))
    picture = torch.randint(0, 256, (1, *size, 3), dtype=torch.uint8)
    session = onnxruntime.InferenceSession(
        backbone_graph(backbone, size), providers=["CPUExecutionProvider"]
    )
    found = session.run(None, {"image": picture.numpy()})
    with torch.no_grad():
        wanted = backbone(picture.permute(0, 3, 1, 2).float() / 255)
    for ours, x in zip(found, wanted, strict=True):
        torch.testing.assert_close(torch.from_numpy(ours), x, rtol=1e-4, atol=1e-4)
