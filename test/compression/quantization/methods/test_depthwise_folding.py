# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Scales of channels folded around depthwise convolutions."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from test.compression.quantization.tiny import of_timm, pictures  # noqa: E402
from vit_perception.compression.quantization.methods.depthwise_folding import (  # noqa: E402
    fold_depthwise_scales,
)
from vit_perception.compression.quantization.methods.q_hyvit import symmetric  # noqa: E402
from vit_perception.compression.quantization.simulation.capture import record  # noqa: E402
from vit_perception.compression.quantization.simulation.layers import layers_of  # noqa: E402
from vit_perception.compression.quantization.simulation.observers import (  # noqa: E402
    IN_CHANNEL,
    TENSOR,
)
from vit_perception.compression.quantization.simulation.wrapped import wrap  # noqa: E402

pytestmark = pytest.mark.torch


def network(between: torch.nn.Module, *, read_twice: bool = False) -> torch.nn.Module:
    """Returns a convolution, what is between, and a depthwise one with two kernels a channel."""

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.between = torch.nn.Conv2d(3, 8, 1), between
            self.depthwise = torch.nn.Conv2d(8, 16, 3, padding=1, groups=8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.between(self.first(x))
            y = self.depthwise(x)
            return torch.cat([y, x], 1) * 2 if read_twice else y

    torch.manual_seed(0)
    net = Net()
    with torch.no_grad():
        net.first.weight.mul_(torch.logspace(0, 3, 8).reshape(8, 1, 1, 1))
        net.first.weight[3] = 0
        net.first.bias[3] = 0
    return net


@pytest.mark.parametrize("between", [torch.nn.Identity(), torch.nn.ReLU()])
def test_one_scale_then_gives_the_codes_of_channels(between: torch.nn.Module) -> None:
    images = pictures(4, 8)
    net = network(between)
    wrapped = wrap(net, images)
    depthwise = layers_of(wrapped)[1]
    before = record(wrapped, [depthwise], [images])["depthwise"]
    codes = symmetric(before.inputs[0], IN_CHANNEL, 8).codes(before.inputs[0])
    assert fold_depthwise_scales(wrapped, images.split(2)) == ("depthwise",)
    after = record(wrapped, [depthwise], [images])["depthwise"]
    torch.testing.assert_close(after.output, before.output, rtol=1e-5, atol=1e-4)
    folded = symmetric(after.inputs[0], TENSOR, 8).codes(after.inputs[0])
    # Values half-way between two codes may round to either side.
    assert float((folded - codes).abs().max()) <= 1
    assert float((folded == codes).float().mean()) > 0.999
    assert float(codes.abs().amax((0, 2, 3)).min()) == 0  # the channel without values


@pytest.mark.parametrize("between", [torch.nn.SiLU(), torch.nn.GELU(), torch.nn.Hardswish()])
def test_nothing_folds_through_what_is_not_homogeneous(between: torch.nn.Module) -> None:
    images = pictures(2, 8)
    assert fold_depthwise_scales(wrap(network(between), images), [images]) == ()


@pytest.mark.parametrize("between", [torch.nn.Identity(), torch.nn.ReLU()])
def test_nothing_folds_if_another_reads(between: torch.nn.Module) -> None:
    images = pictures(2, 8)
    assert fold_depthwise_scales(wrap(network(between, read_twice=True), images), [images]) == ()


@torch.no_grad()
def test_mobilevitv2_folds_before_its_local_convolutions() -> None:
    model, images = of_timm("mobilevitv2_050"), pictures(2, 64)
    wrapped = wrap(model, images)
    found = fold_depthwise_scales(wrapped, [images])
    assert found == tuple(f"stages.{stage}.1.conv_kxk.conv" for stage in (2, 3, 4))
    torch.testing.assert_close(wrapped(images), model(images), rtol=1e-4, atol=1e-5)
