# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""ConvNeXt against torchvision's, and what is adapted of timm's."""

from __future__ import annotations

import re

import pytest

torch = pytest.importorskip("torch")

from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.compression.quantization.float_graph import simplified  # noqa: E402
from vit_perception.export.backbone import backbone_graph  # noqa: E402
from vit_perception.models.shelf import create_backbone, create_classifier  # noqa: E402

pytestmark = pytest.mark.torch

SIZE = (64, 96)
#: Parts of a block's Sequential in torchvision.
PARTS = {"0": "conv_dw", "2": "norm", "3": "mlp.fc1", "5": "mlp.fc2"}


def to_torchvision(name: str) -> str:
    """Name of a weight of timm's network in torchvision's."""
    numbers = {part: number for number, part in PARTS.items()}
    name = re.sub(r"^stem\.", "features.0.", name)
    name = name.replace("head.norm.", "classifier.0.").replace("head.fc.", "classifier.2.")
    if match := re.match(r"stages\.(\d)\.downsample\.(.*)", name):
        return f"features.{2 * int(match[1])}.{match[2]}"
    if match := re.match(r"stages\.(\d)\.blocks\.(\d+)\.(.*)\.(weight|bias)", name):
        return f"features.{2 * int(match[1]) + 1}.{match[2]}.block.{numbers[match[3]]}.{match[4]}"
    if match := re.match(r"stages\.(\d)\.blocks\.(\d+)\.gamma", name):
        return f"features.{2 * int(match[1]) + 1}.{match[2]}.layer_scale"
    return name


def test_logits_equal_torchvision() -> None:
    from torchvision.models import convnext_tiny

    ours = randomise(create_classifier("convnext_tiny_dense", SIZE))
    theirs = convnext_tiny().eval()
    shapes = {name: tensor.shape for name, tensor in theirs.state_dict().items()}
    weights = {to_torchvision(name): tensor for name, tensor in ours.state_dict().items()}
    theirs.load_state_dict({name: w.reshape(shapes[name]) for name, w in weights.items()})
    image = torch.rand(2, 3, *SIZE)
    with torch.no_grad():
        torch.testing.assert_close(ours(image), theirs(image), rtol=1e-5, atol=1e-5)


def test_layer_scale_of_zero_leaves_the_downsampler() -> None:
    model = randomise(create_backbone("convnext_atto_dense", SIZE)).body.model
    with torch.no_grad():
        x = model.stem(torch.rand(1, 3, *SIZE))
        for stage in model.stages:
            for block in stage.blocks:
                block.gamma.zero_()
            assert torch.equal(stage(x), stage.downsample(x))
            x = stage(x)


def test_maps_are_normed_and_the_network_goes_on_without() -> None:
    backbone = randomise(create_backbone("convnext_atto_dense", SIZE))
    image = torch.rand(1, 3, *SIZE)
    with torch.no_grad():
        maps = backbone(image)
        x = backbone.body.model.stem(image)
        for stage, norm, found in zip(
            backbone.body.model.stages, backbone.body.norms, maps, strict=True
        ):
            x = stage(x)
            cells = (x - x.mean(1, keepdim=True)) / (
                x.var(1, correction=0, keepdim=True) + 1e-6
            ).sqrt()
            wanted = cells * norm.weight[:, None, None] + norm.bias[:, None, None]
            torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_layer_scales_are_part_of_the_convolutions_in_the_graph() -> None:
    graph = simplified(backbone_graph(create_backbone("convnext_atto_dense", SIZE), SIZE)).graph
    operators = [node.op_type for node in graph.node]
    # GELU takes two.
    assert operators.count("Mul") == 2 * operators.count("Erf") == 24
