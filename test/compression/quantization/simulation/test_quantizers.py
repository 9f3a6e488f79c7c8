# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Quantizers of values."""

from __future__ import annotations

import math

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

torch = pytest.importorskip("torch")

from test.compression.quantization.alone import (  # noqa: E402
    noise,
)
from vit_perception.compression.quantization.simulation.quantizers import (  # noqa: E402
    GELU_FLOOR,
    Logarithm,
    Quantizer,
    TwinUniform,
    Uniform,
    signal_to_noise,
    unit_range,
)

pytestmark = pytest.mark.torch


def by_onnxruntime(quantizer: Uniform, x: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Returns codes and values of ONNX Runtime's QuantizeLinear and DequantizeLinear."""
    dtype = np.int8 if quantizer.signed else np.uint8
    code = TensorProto.INT8 if quantizer.signed else TensorProto.UINT8
    scale = numpy_helper.from_array(quantizer.scale.numpy(), "scale")
    zero = numpy_helper.from_array(quantizer.zero_point.numpy().astype(dtype), "zero")
    graph = helper.make_graph(
        [
            helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["codes"]),
            helper.make_node("DequantizeLinear", ["codes", "scale", "zero"], ["values"]),
        ],
        "pair",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(x.shape))],
        [
            helper.make_tensor_value_info("codes", code, list(x.shape)),
            helper.make_tensor_value_info("values", TensorProto.FLOAT, list(x.shape)),
        ],
        [scale, zero],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    codes, values = session.run(None, {"x": x.numpy()})
    return codes, values


@pytest.mark.parametrize("symmetric", [True, False])
def test_codes_and_values_are_those_of_onnxruntime_to_the_bit(symmetric: bool) -> None:
    x = 3 * noise(10_000)
    found = Uniform.from_range(x.min() * 0.8, x.max() * 0.9, 8, symmetric=symmetric)
    # Every tie between two codes, and what lies outside of the range.
    ties = (torch.arange(-140, 300) + 0.5) * found.scale
    for values in (x, ties):
        codes, dequantized = by_onnxruntime(found, values)
        np.testing.assert_array_equal(found.codes(values).numpy(), codes)
        np.testing.assert_array_equal(found(values).numpy(), dequantized)


def test_ties_round_to_the_even_code() -> None:
    quantizer = Uniform(8, torch.tensor(1.0), torch.tensor(100.0))
    x = torch.tensor([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])
    assert quantizer(x).tolist() == [-2, -2, 0, 0, 2, 2]
    codes, _ = by_onnxruntime(quantizer, x)
    assert quantizer.codes(x).tolist() == codes.tolist()


QUANTIZERS: dict[str, Quantizer] = {
    "symmetric": Uniform.from_range(torch.tensor(-3.0), torch.tensor(2.0), 4, symmetric=True),
    "asymmetric": Uniform.from_range(torch.tensor(-3.0), torch.tensor(2.0), 4),
    "channels": Uniform.from_range(-torch.arange(1.0, 6.0), torch.arange(5.0, 0.0, -1), 6),
    "softmax": unit_range(3),
    "log2": Logarithm(4, 1),
    "log√2": Logarithm(4, 2, torch.tensor(0.7)),
    "twin": TwinUniform(4, torch.tensor(0.3)),
}


@pytest.mark.parametrize("name", QUANTIZERS)
def test_quantizing_twice_is_quantizing_once(name: str) -> None:
    quantizer = QUANTIZERS[name]
    once = quantizer(noise(400, 5))
    assert len(once.unique()) > 4
    torch.testing.assert_close(quantizer(once), once, rtol=0, atol=0)


@pytest.mark.parametrize("symmetric", [True, False])
def test_sixteen_bits_are_as_good_as_float(symmetric: bool) -> None:
    x = noise(50_000)
    found = Uniform.from_range(x.min(), x.max(), 16, symmetric=symmetric)(x)
    assert float((found - x).norm() / x.norm()) < 1e-4


def test_a_range_on_one_side_of_zero() -> None:
    x = torch.rand(10_000, generator=torch.Generator().manual_seed(0)) * 4 + 5
    low, high = x.min(), x.max()

    def error(quantizer: Uniform) -> float:
        return float((quantizer(x) - x).square().sum() / x.square().sum())

    assert error(Uniform.from_range(low, high, 8, zero_inside=False)) > 0.05
    assert error(Uniform.from_range(low, high, 8)) < 1e-4
    assert error(Uniform.from_range(low, high, 8, symmetric=True)) < 1e-4


def test_all_zeros_stay_zeros() -> None:
    for symmetric in (True, False):
        zero = torch.zeros(3)
        quantizer = Uniform.from_range(zero, zero, 8, symmetric=symmetric)
        assert quantizer(zero).tolist() == [0, 0, 0]


def test_gradients_pass_inside_the_range_and_reach_the_scale() -> None:
    quantizer = Uniform(4, torch.tensor(0.5), signed=True)
    quantizer.scale.requires_grad_()
    x = torch.tensor([0.6, 1.1, 9.0], requires_grad=True)
    quantizer(x).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [1, 1, 0]
    # Learned step size: round(x/s) − x/s inside the range, the last code outside.
    wanted = (1 - 1.2) + (2 - 2.2) + 7
    assert quantizer.scale.grad is not None
    assert float(quantizer.scale.grad) == pytest.approx(wanted, abs=1e-6)


def test_logarithm_has_its_powers_and_zero() -> None:
    powers = 2 ** (-torch.arange(16) / 2)
    quantizer = Logarithm(4, 2)
    torch.testing.assert_close(quantizer(powers), powers, rtol=1e-6, atol=0)
    below = torch.tensor([0.0, 1e-30, 2**-8.3])
    assert quantizer(below).tolist() == [0, 0, 0]
    x = torch.rand(5000, generator=torch.Generator().manual_seed(1))
    assert len(quantizer(x).unique()) == 17
    # Half a step of log√2 away at most, which is a factor of 2^(1/4).
    kept = quantizer(x) > 0
    ratio = (quantizer(x) / x)[kept].log2().abs().max()
    assert float(ratio) <= 0.25 + 1e-5


def test_twin_steps_reach_gelus_floor() -> None:
    quantizer = TwinUniform(4, torch.tensor(0.25))
    x = torch.tensor([-GELU_FLOOR, -1.0, -0.05, 0.2, 9.0])
    step = GELU_FLOOR / 8
    wanted = [-GELU_FLOOR, -GELU_FLOOR, -2 * step, 0.25, 1.75]
    torch.testing.assert_close(quantizer(x), torch.tensor(wanted))


def test_ratio_in_decibels() -> None:
    x = torch.tensor([3.0, 4.0])
    assert signal_to_noise(x, x) == math.inf
    assert signal_to_noise(x, x + torch.tensor([0.3, 0.4])) == pytest.approx(20, abs=1e-4)


def test_state_dict_keeps_scales() -> None:
    first = Uniform(4, torch.tensor([0.5, 0.25]), torch.tensor([3.0, 4.0]))
    second = Uniform(4, torch.ones(2))
    second.load_state_dict(first.state_dict())
    x = noise(20, 2)
    torch.testing.assert_close(first(x), second(x), rtol=0, atol=0)
