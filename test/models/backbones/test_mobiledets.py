# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""MobileDets' own invariants (card 64)."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.export.onnx_graph import to_onnx  # noqa: E402
from vit_perception.models.bottlenecks import (  # noqa: E402
    Block,
    SqueezeExcite,
    fused,
    inverted,
    no_expand,
    rounded,
    tucker,
)
from vit_perception.models.same_padding import SameConv2d, SameConvNorm  # noqa: E402
from vit_perception.models.shelf import (  # noqa: E402
    create_backbone,
    create_classifier,
    for_inference,
)

pytestmark = pytest.mark.torch

#: Parameters of the backbone alone, and blocks that add their input.
NETWORKS = {
    "mobiledet_cpu": (3_006_440, 12),
    "mobiledet_dsp": (5_839_952, 15),
    "mobiledet_edgetpu": (2_777_040, 15),
    "mobiledet_gpu": (11_689_920, 15),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_counts_of_the_backbone_alone(name: str) -> None:
    model = create_classifier(name, (320, 320), classes=0)
    blocks = [module for module in model.modules() if isinstance(module, Block)]
    parameters = sum(p.numel() for p in model.parameters())
    assert (parameters, sum(block.residual for block in blocks)) == NETWORKS[name]


@pytest.mark.parametrize("name", NETWORKS)
def test_sides_at_320(name: str) -> None:
    with torch.no_grad():
        maps = create_backbone(name, (320, 320)).eval()(torch.zeros(1, 3, 320, 320))
    assert [x.shape[2:] for x in maps] == [(side, side) for side in (160, 80, 40, 20, 10)]


def test_activations_and_squeezes() -> None:
    cpu = create_classifier("mobiledet_cpu", (320, 320))
    kinds = Counter(type(module) for module in cpu.modules())
    assert kinds[SqueezeExcite] == kinds[Block] == 19
    assert kinds[nn.Hardswish] == 57
    assert not kinds[nn.ReLU6]
    dsp = Counter(
        type(module) for module in create_classifier("mobiledet_dsp", (320, 320)).modules()
    )
    assert not dsp[SqueezeExcite]
    assert not dsp[nn.Hardswish]
    norms = [module for module in cpu.modules() if isinstance(module, nn.BatchNorm2d)]
    assert {(norm.eps, norm.momentum) for norm in norms} == {(0.01, 0.01)}


def test_widths_are_rounded_to_eights() -> None:
    assert [rounded(x) for x in (1, 8, 11.9, 12, 20, 24)] == [8, 8, 8, 16, 24, 24]


@pytest.mark.parametrize("height", [7, 8])
@pytest.mark.parametrize("width", [9, 12])
@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("groups", [1, 4])
def test_same_padding_at_stride_2(height: int, width: int, kernel: int, groups: int) -> None:
    torch.manual_seed(0)
    conv = SameConv2d(4, 4, kernel, 2, groups=groups)
    x = torch.randn(2, 4, height, width)
    pads = []
    for side in (width, height):
        missing = (-(-side // 2) - 1) * 2 + kernel - side
        pads += [missing // 2, missing - missing // 2]
    wanted = functional.conv2d(
        functional.pad(x, pads), conv.weight, conv.bias, stride=2, groups=groups
    )
    found = conv(x)
    assert found.shape[2:] == (-(-height // 2), -(-width // 2))
    assert torch.equal(found, wanted)
    symmetric = functional.conv2d(
        x, conv.weight, conv.bias, stride=2, padding=kernel // 2, groups=groups
    )
    # Torch's padding begins a pixel earlier where a side is even.
    assert torch.allclose(found, symmetric, atol=1e-6) == (height % 2 == 1 and width % 2 == 1)


def test_the_exported_padding_is_an_attribute_and_serves_every_size() -> None:
    torch.manual_seed(0)
    conv = SameConv2d(3, 8, 3, 2, bias=False)
    graph = to_onnx(conv, (torch.zeros(1, 3, 8, 8),), ("x",), ("y",), {"x": {2: "h", 3: "w"}})
    assert [node.op_type for node in onnx.load_from_string(graph).graph.node][-1] == "Conv"
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    for size in ((8, 8), (7, 9), (8, 9), (31, 30)):
        x = torch.randn(1, 3, *size)
        (found,) = session.run(None, {"x": x.numpy()})
        np.testing.assert_allclose(found, conv(x).detach().numpy(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "activations"),
    [
        ("mobiledet_cpu", {"HardSwish": 57, "Sigmoid": 19}),
        ("mobiledet_dsp", {"Clip": 36}),
    ],
)
def test_operators_of_the_graph(name: str, activations: dict[str, int]) -> None:
    backbone = for_inference(randomise(create_backbone(name, (64, 64))))
    image = torch.zeros(1, 3, 64, 64)
    graph = to_onnx(backbone, (image,), ("image",), [f"c{level}" for level in range(1, 6)], {})
    kinds = Counter(node.op_type for node in onnx.load_from_string(graph).graph.node)
    rest = {"Conv", "Add", "Mul", "GlobalAveragePool", "Constant"}
    assert {kind: kinds[kind] for kind in kinds.keys() - rest} == activations


@torch.no_grad()
@pytest.mark.parametrize(
    "spec", [inverted(4, 16, 5, 2), fused(4, 16, 3, 2), tucker(0.25, 0.75, 16), no_expand(16)]
)
def test_folded_norms_change_nothing(spec) -> None:  # noqa: ANN001
    torch.manual_seed(0)
    block = randomise(nn.Sequential(Block(spec, 16, nn.ReLU6, squeeze=True)))
    x = torch.randn(2, 16, 9, 12)
    folded = for_inference(block)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    torch.testing.assert_close(folded(x), block(x), rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_a_tucker_block_can_be_its_convolution() -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(8, 16, 5, padding=2, bias=False)
    block = for_inference(nn.Sequential(Block(tucker(1, 1, 16, 5), 8, nn.Identity)))[0]
    first, _, core, _, last = block.layers
    first.weight.copy_(torch.eye(8)[:, :, None, None])
    core.weight.copy_(conv.weight)
    last.weight.copy_(torch.eye(16)[:, :, None, None])
    for part in (first, core, last):
        part.bias.zero_()
    x = torch.randn(1, 8, 10, 11)
    torch.testing.assert_close(block(x), conv(x), rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_pixels_are_folded_by_scale_and_not_by_offset() -> None:
    torch.manual_seed(0)
    stem = SameConvNorm(3, 8, 3, 2).eval()
    pixels = torch.rand(1, 3, 8, 8)
    wanted = stem(pixels * 2 - 1)
    weight = stem.conv.weight.clone()
    stem.conv.weight.mul_(2)
    torch.testing.assert_close(stem(pixels - 0.5), wanted, rtol=1e-5, atol=1e-5)
    # An offset folded into the norm would be wrong where the padding of 0 comes in.
    stem.norm.running_mean.add_(weight.sum((1, 2, 3)))
    folded = stem(pixels)
    torch.testing.assert_close(folded[..., :-1, :-1], wanted[..., :-1, :-1], rtol=1e-5, atol=1e-5)
    assert (folded - wanted)[..., -1, :].abs().max() > 1e-2
