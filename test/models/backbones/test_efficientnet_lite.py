# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""EfficientNet-Lite: timm's network with another padding, and what eight bits make of ReLU6."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch")

from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.compression.quantization.noise import quantized_with_noise  # noqa: E402
from vit_perception.export.backbone import backbone_graph  # noqa: E402
from vit_perception.models.backbones.efficientnet_lite import pad_by_attribute  # noqa: E402
from vit_perception.models.shelf import create_backbone, create_classifier  # noqa: E402

timm = pytest.importorskip("timm")

pytestmark = pytest.mark.torch

NAME = "tf_efficientnet_lite0"
SIZE = (96, 128)


@torch.no_grad()
@pytest.mark.parametrize("size", [(96, 128), (224, 224), (75, 101)])
def test_it_is_the_network_of_timm(size: tuple[int, int]) -> None:
    theirs = randomise(timm.create_model(NAME)).eval()
    ours = create_classifier(f"{NAME}_dense", size).eval()
    ours.load_state_dict(theirs.state_dict())
    torch.manual_seed(0)
    image = torch.rand(2, 3, *size)
    torch.testing.assert_close(ours(image), theirs(image), rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_maps_are_those_of_pixels_from_minus_one_to_one() -> None:
    theirs = randomise(timm.create_model(NAME, features_only=True, out_indices=(1, 2, 3, 4)))
    ours = create_backbone(f"{NAME}_dense", SIZE).eval()
    ours.body.load_state_dict(theirs.state_dict())
    torch.manual_seed(0)
    image = torch.rand(1, 3, *SIZE)
    for found, wanted in zip(ours(image), theirs.eval()(image * 2 - 1), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
    again = create_backbone(f"{NAME}_dense", SIZE).eval()
    again.load_state_dict(ours.state_dict())
    again.scale_input(1 / 255)
    for found, wanted in zip(again(image * 255), ours(image), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


def test_weights_of_timm_without_head_fit() -> None:
    ours = create_backbone(f"{NAME}_dense", SIZE).body.state_dict()
    theirs = timm.create_model(NAME).state_dict()
    assert ours.keys() <= theirs.keys()
    head = {name.split(".")[0] for name in theirs.keys() - ours.keys()}
    assert head == {"conv_head", "bn2", "classifier"}
    assert all(value.shape == theirs[name].shape for name, value in ours.items())


def test_only_strided_convolutions_are_exchanged() -> None:
    theirs = timm.create_model(NAME)
    before = {n: m.weight for n, m in theirs.named_modules() if isinstance(m, torch.nn.Conv2d)}
    names = [n for n, m in theirs.named_modules() if type(m).__name__ == "Conv2dSame"]
    ours = pad_by_attribute(theirs)
    after = {n: m.weight for n, m in ours.named_modules() if isinstance(m, torch.nn.Conv2d)}
    assert before == after
    assert names == [n for n, m in ours.named_modules() if type(m).__name__ == "SameConv2d"]
    assert len(names) == 5


def test_the_graph_has_no_pad_and_eight_bits_need_no_clip() -> None:
    graph = backbone_graph(randomise(create_backbone(f"{NAME}_dense", SIZE)), SIZE)
    kinds = Counter(node.op_type for node in onnx.load_from_string(graph).graph.node)
    assert kinds["Clip"] == 32
    assert not {"Pad", "BatchNormalization"} & kinds.keys()
    eight = onnx.load_from_string(quantized_with_noise(graph, SIZE))
    kinds = Counter(node.op_type for node in eight.graph.node)
    assert not {"Clip", "Pad"} & kinds.keys()
    # The range that takes the place of ReLU6 is inside 0..6.
    values = {
        tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in eight.graph.initializer
    }
    users = {node.input[0]: node for node in eight.graph.node if node.op_type == "QuantizeLinear"}
    clipped = 0
    for node in eight.graph.node:
        quantizer = users.get(node.output[0]) if node.op_type == "Conv" else None
        if quantizer is not None and values[quantizer.input[2]] == 0:
            clipped += 1
            assert values[quantizer.input[1]] * 255 <= 6 * (1 + np.finfo(np.float32).eps)
    assert clipped >= 32
