# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Errors by one operand are those of the whole layer."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from test.compression.quantization.alone import (  # noqa: E402
    placed,
    seen,
)
from vit_perception.compression.quantization.simulation.capture import Record  # noqa: E402
from vit_perception.compression.quantization.simulation.layers import (  # noqa: E402
    Layer,
    QuantizedConv2d,
    QuantizedLinear,
    QuantizedProduct,
)
from vit_perception.compression.quantization.simulation.observers import (  # noqa: E402
    OUT_CHANNEL,
    TENSOR,
    minmax,
)
from vit_perception.compression.quantization.simulation.output_errors import (  # noqa: E402
    operand_error,
    own_error,
    weight_error,
)
from vit_perception.compression.quantization.simulation.quantizers import Uniform  # noqa: E402
from vit_perception.compression.quantization.simulation.search import output_error  # noqa: E402

pytestmark = pytest.mark.torch


def recorded(layer: Layer, *inputs: torch.Tensor) -> tuple[Layer, Record]:
    placed(layer, "conv").requires_grad_(False)
    return layer, seen(layer, *inputs)


def linear(inputs: int, outputs: int, *, tokens: int, bias: bool = True) -> tuple[Layer, Record]:
    layer = QuantizedLinear(torch.nn.Linear(inputs, outputs, bias))
    return recorded(layer, torch.randn(3, tokens, inputs))


def convolution(side: int = 9, **options: object) -> tuple[Layer, Record]:
    layer = QuantizedConv2d(torch.nn.Conv2d(6, 12, **options))
    return recorded(layer, torch.randn(3, 6, side, side))


WEIGHTED = {
    "linear wide": lambda: linear(8, 20, tokens=50),
    "linear narrow": lambda: linear(20, 8, tokens=50),
    "linear of few tokens": lambda: linear(20, 30, tokens=4),
    "linear without bias": lambda: linear(8, 20, tokens=50, bias=False),
    "patches": lambda: convolution(kernel_size=3, stride=3),
    "padded": lambda: convolution(kernel_size=3, stride=2, padding=(1, 0)),
    "same, dilated": lambda: convolution(kernel_size=(3, 2), padding="same", dilation=2),
    "reflecting": lambda: convolution(kernel_size=3, padding=1, padding_mode="reflect"),
    "grouped": lambda: convolution(kernel_size=3, padding=1, groups=2, bias=False),
    "depthwise": lambda: convolution(kernel_size=3, padding=1, groups=6),
}


def quantizer(x: torch.Tensor, bits: int, sharing: object = TENSOR) -> Uniform:
    return Uniform.from_range(*minmax(x, sharing), bits)


@pytest.mark.parametrize("name", WEIGHTED)
@pytest.mark.parametrize("bits", [3, 8])
def test_of_a_weighted_layer(name: str, bits: int) -> None:
    torch.manual_seed(0)
    layer, record = WEIGHTED[name]()
    x, axis = record.inputs[0], 1 if isinstance(layer, QuantizedConv2d) else -1
    layer.weight_quantizer = quantizer(layer.weight, bits, OUT_CHANNEL)
    layer.input_quantizer = quantizer(x, bits)
    by_channel = weight_error(layer, record)(layer.quantized_weight())
    assert by_channel.dtype == torch.float64
    wanted = output_error(layer, record, axis)
    torch.testing.assert_close(by_channel, wanted, rtol=2e-4, atol=0)
    of_input = operand_error(layer, record, 0)(layer.quantized_input(x))
    assert of_input.shape == (1,)
    torch.testing.assert_close(of_input[0], wanted.sum(), rtol=2e-4, atol=0)
    # It is a function of the operand: no error where nothing is quantized.
    layer.input_quantizer = layer.weight_quantizer = None
    energy = record.output.double().square().sum()
    assert float(weight_error(layer, record)(layer.weight).sum() / energy) < 1e-10
    assert float(operand_error(layer, record, 0)(x) / energy) < 1e-10


@pytest.mark.parametrize("number", [0, 1])
def test_of_a_product_by_head(number: int) -> None:
    torch.manual_seed(0)
    left, right = torch.randn(2, 3, 5, 4), torch.randn(2, 3, 4, 6)
    layer, record = recorded(QuantizedProduct("scores"), left, right)
    layer.left_quantizer, layer.right_quantizer = quantizer(left, 3), quantizer(right, 4)
    found = operand_error(layer, record, number)
    operand = layer.left_quantizer(left) if number == 0 else layer.right_quantizer(right)
    torch.testing.assert_close(found(operand), output_error(layer, record, 1))
    setattr(layer, layer.OPERANDS[1 - number], None)
    assert float(operand_error(layer, record, number)(record.inputs[number]).sum()) < 1e-9


def test_of_a_tensor_itself() -> None:
    x = torch.arange(6.0).reshape(2, 3)
    found = x + torch.tensor([[1.0], [2.0]])
    assert own_error(x)(found).tolist() == [15]
    assert own_error(x, OUT_CHANNEL)(found).tolist() == [3, 12]
