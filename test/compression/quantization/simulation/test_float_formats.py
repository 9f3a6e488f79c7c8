# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Floating-point formats of few bits."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from vit_perception.compression.quantization.simulation.float_formats import (  # noqa: E402
    FloatFormat,
    bias_of,
    formats_of,
    shifts,
)
from vit_perception.compression.quantization.simulation.quantizers import Uniform  # noqa: E402

pytestmark = pytest.mark.torch

FORMATS = [(1, 2), (2, 1), (3, 0), (3, 2), (4, 3), (5, 2), (1, 4), (5, 0)]


def format_of(exponent: int, mantissa: int, bias: float) -> FloatFormat:
    return FloatFormat(exponent, mantissa, torch.tensor(bias))


def everywhere(largest: float) -> torch.Tensor:
    """Returns finite float32 numbers of all magnitudes up to one, among them subnormals and ±0."""
    bits = torch.arange(-(2**31), 2**31, 1999, dtype=torch.int64).to(torch.int32)
    x = torch.cat([bits.view(torch.float32), torch.tensor([0.0, -0.0, largest, -largest])])
    return x[x.isfinite() & (x.abs() <= largest)]


@pytest.mark.parametrize(
    ("exponent", "mantissa", "levels"),
    [
        (2, 1, [0, 0.5, 1, 1.5, 2, 3, 4, 6]),
        (1, 2, [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75]),
        (3, 0, [0, 1, 2, 4, 8, 16, 32, 64]),
    ],
)
def test_levels_of_four_bits(exponent: int, mantissa: int, levels: list[float]) -> None:
    quantizer = format_of(exponent, mantissa, 1)
    assert (quantizer.bits, quantizer.exportable) == (4, False)
    found = quantizer(torch.linspace(-100, 100, 200_001)).unique().tolist()
    assert found == sorted({-each for each in levels} | set(levels))


@pytest.mark.parametrize(
    ("exponent", "mantissa", "bias", "largest", "dtype"),
    [(4, 3, 7, 448.0, torch.float8_e4m3fn), (5, 2, 15, 57344.0, torch.float8_e5m2)],
)
def test_eight_bits_are_those_of_torch(
    exponent: int, mantissa: int, bias: float, largest: float, dtype: torch.dtype
) -> None:
    x = everywhere(largest)
    assert len(x) > 1_000_000
    assert torch.equal(format_of(exponent, mantissa, bias)(x), x.to(dtype).float())


def test_codes_that_torch_has_no_room_for() -> None:
    assert float(format_of(4, 3, 7)(torch.tensor(1e9))) == 480
    assert float(format_of(5, 2, 15)(torch.tensor(1e9))) == 114688


def test_a_bias_is_a_scale_of_onnx_for_eight_bits() -> None:
    """The QDQ form that TensorRT computes, with ONNX's reference in its place."""
    helper = pytest.importorskip("onnx").helper
    from onnx.reference import ReferenceEvaluator

    bias = 4.3
    scale = helper.make_tensor("scale", 1, [], [2 ** (7 - bias)])
    zero = helper.make_tensor("zero", helper.TensorProto.FLOAT8E4M3FN, [], [0.0])
    value = helper.make_tensor_value_info
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["codes"]),
        helper.make_node("DequantizeLinear", ["codes", "scale", "zero"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes, "qdq", [value("x", 1, [None])], [value("y", 1, [None])], [scale, zero]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)])
    x = 1000 * torch.randn(3000, generator=torch.Generator().manual_seed(0)) ** 3
    x = x[x.abs() <= 448 * 2 ** (7 - bias)]
    (wanted,) = ReferenceEvaluator(model).run(None, {"x": x.numpy()})
    torch.testing.assert_close(
        format_of(4, 3, bias)(x), torch.from_numpy(wanted), rtol=1e-6, atol=1e-7
    )


def test_a_wide_format_is_float32() -> None:
    x = everywhere(torch.finfo(torch.float32).max).double()
    assert torch.equal(format_of(8, 23, 127)(x), x)


@pytest.mark.parametrize("exponent, mantissa", FORMATS)
@pytest.mark.parametrize("bias", [-3.7, 0.0, 0.61, 9.2])
def test_monotone_odd_and_idempotent(exponent: int, mantissa: int, bias: float) -> None:
    quantizer = format_of(exponent, mantissa, bias)
    top = quantizer.highest * 2**-bias
    small = top * torch.logspace(-36, 0, 9001, 2)
    x = torch.cat([small, torch.linspace(0, 1.5 * top, 4001)]).sort().values
    found = quantizer(x)
    assert bool((found.diff() >= 0).all())
    assert len(found.unique()) == 2 ** (exponent + mantissa)
    assert torch.equal(quantizer(-x), -found)
    assert torch.equal(quantizer(found), found)
    assert float(found.max()) == pytest.approx(top, rel=1e-6)


@pytest.mark.parametrize("exponent, mantissa", FORMATS)
def test_the_bias_of_a_largest_value_makes_it_the_largest_code(
    exponent: int, mantissa: int
) -> None:
    largest = torch.tensor([1e-3, 0.7, 6.0, 448.0])
    quantizer = FloatFormat(exponent, mantissa, bias_of(largest, exponent, mantissa))
    torch.testing.assert_close(quantizer(largest), largest, rtol=1e-5, atol=0)
    torch.testing.assert_close(quantizer(10 * largest), largest, rtol=1e-5, atol=0)


def test_channels_of_zeros_stay_zeros() -> None:
    bias = bias_of(torch.tensor([0.0, 1.0]), 5, 2)
    x = torch.tensor([[0.0, 0.3], [0.0, -1.0]])
    found = FloatFormat(5, 2, bias)(x)
    assert bool(found.isfinite().all())
    assert found[:, 0].tolist() == [0, 0]


def test_one_exponent_bit_is_a_symmetric_uniform_quantizer() -> None:
    x = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    largest = x.abs().max()
    uniform = Uniform.from_range(-largest, largest, 4, symmetric=True)
    found = FloatFormat(1, 2, bias_of(largest, 1, 2))(x)
    torch.testing.assert_close(found, uniform(x), rtol=1e-5, atol=1e-6)


def test_gradients_pass_inside_the_range() -> None:
    x = torch.tensor([-9.0, -5.0, 0.0, 0.2, 5.9, 7.0], requires_grad=True)
    format_of(2, 1, 1)(x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0, 1, 1, 1, 1, 0]


def test_searched_formats() -> None:
    assert formats_of(4) == [(1, 2), (2, 1), (3, 0)]
    assert formats_of(6) == [(1, 4), (2, 3), (3, 2), (4, 1), (5, 0)]
    assert formats_of(8) == [(1, 6), (2, 5), (3, 4), (4, 3), (5, 2)]


# Shifted exponents


def test_unclipped_shifts_leave_half_an_exponent() -> None:
    channels = 3 + 6.9 * torch.rand(1000, generator=torch.Generator().manual_seed(0))
    bias = channels.min()
    found = shifts(channels, bias, 3)
    assert torch.equal(found, found.round())
    assert float(found.max()) == 7
    assert float((bias + found - channels).abs().max()) <= 0.5 + 1e-5
    assert float(shifts(channels, bias, 2).max()) == 3
    assert float(shifts(channels, bias + 20, 2).max()) == 0


def test_equal_channels_are_not_shifted() -> None:
    x = torch.randn(50, 8, generator=torch.Generator().manual_seed(0))
    x = x / x.abs().amax(0)
    bias = bias_of(x.abs().max(), 2, 1)
    shift = shifts(bias_of(x.abs().amax(0), 2, 1), bias, 2)
    shifted = FloatFormat(2, 1, bias, shift)
    assert torch.equal(shifted(x), FloatFormat(2, 1, bias)(x))


def test_shifts_move_to_the_other_factor() -> None:
    """The sum over integer codes equals that over values (card 41)."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(40, 16, generator=generator) * torch.logspace(0, 5, 16, 2)
    weight = torch.randn(5, 16, generator=generator)
    bias = bias_of(x.abs().max(), 2, 1)
    shift = shifts(bias_of(x.abs().amax(0), 2, 1), bias, 2)
    assert len(shift.unique()) == 4
    shifted = FloatFormat(2, 1, bias, shift)
    rows = FloatFormat(2, 1, bias_of(weight.abs().amax(1, keepdim=True), 2, 1))
    codes = shifted.codes(x)
    assert set(codes.abs().unique().tolist()) == {0, 1, 2, 3, 4, 6, 8, 12}
    lowered = FloatFormat(2, 1, rows.bias, shift).values(rows.codes(weight))
    torch.testing.assert_close(lowered, rows(weight) * torch.exp2(-shift), rtol=1e-6, atol=0)
    found = torch.exp2(-bias) * (codes @ lowered.T)
    torch.testing.assert_close(shifted(x) @ rows(weight).T, found, rtol=1e-5, atol=1e-5)
