# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""LLM-FP4."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from test.compression.quantization.alone import (  # noqa: E402
    linear,
    noise,
    placed,
    seen,
)
from test.compression.quantization.tiny import of_timm, pictures, tiny_vit  # noqa: E402
from vit_perception.compression.quantization.methods.llm_fp4 import LLMFP4, fit  # noqa: E402
from vit_perception.compression.quantization.methods.quantize import quantize  # noqa: E402
from vit_perception.compression.quantization.simulation.bits import Bits  # noqa: E402
from vit_perception.compression.quantization.simulation.capture import Record  # noqa: E402
from vit_perception.compression.quantization.simulation.float_formats import (  # noqa: E402
    FloatFormat,
    bias_of,
)
from vit_perception.compression.quantization.simulation.format_search import (  # noqa: E402
    FormatOperand,
    search_formats,
)
from vit_perception.compression.quantization.simulation.layers import (  # noqa: E402
    Layer,
    QuantizedConv2d,
    QuantizedLinear,
    QuantizedProduct,
    layers_of,
)
from vit_perception.compression.quantization.simulation.observers import (  # noqa: E402
    OUT_CHANNEL,
    TENSOR,
    minmax,
)
from vit_perception.compression.quantization.simulation.quantizers import (  # noqa: E402
    Uniform,
    signal_to_noise,
)
from vit_perception.compression.quantization.simulation.search import (  # noqa: E402
    multipliers,
    output_error,
    search,
)

pytestmark = pytest.mark.torch

PLAIN = LLMFP4(count=20, objective="output")


def uneven(octaves: float, *, against: bool, count: int = 512) -> tuple[QuantizedLinear, Record]:
    """Returns a layer whose inputs have channels of scales 1 to 2^octaves.

    Args:
        octaves: of the scales of 256 channels.
        against: weights are small where inputs are large.
        count: of rows.
    """
    generator = torch.Generator().manual_seed(0)
    scale = 2 ** (octaves * torch.rand(256, generator=generator))
    weight = torch.randn(64, 256, generator=generator)
    layer = linear(weight / scale if against else weight)
    return layer, seen(layer, torch.randn(count, 256, generator=generator) * scale)


def error_of_input(layer: Layer, record: Record, *, shifted: bool, **more: object) -> float:
    """Returns the part of the output's power that E2M1 of the input alone loses when searched."""
    x, form = record.inputs[0].abs(), (2, 1)
    operand = FormatOperand("input_quantizer", {form: bias_of(x.max(), *form)}, form, **more)
    if shifted:
        operand.channels = {form: bias_of(x.amax(0), *form)}
    factors = multipliers(0.01 if operand.multiplicative else 0.05, 1.2, 50)
    (_, error) = search_formats(layer, record, [operand], factors, 1)
    return error / float(record.output.double().square().sum())


def error_of(layer: Layer, record: Record, config: LLMFP4) -> float:
    fit(layer, record, config)
    return float(output_error(layer, record))


# One layer


@pytest.mark.parametrize(
    ("octaves", "against", "plain", "shifted", "gain"),
    # Measured when the method was chosen (card 41).
    [
        (0, True, 0.0128, 0.0128, 1.0),
        (3, True, 0.0269, 0.0139, 1.9),
        (6, True, 0.127, 0.021, 6.0),
        (3, False, None, None, 1.4),
        (6, False, None, None, 1.8),
    ],
)
def test_shifts_gain_where_channels_differ(
    octaves: float, against: bool, plain: float | None, shifted: float | None, gain: float
) -> None:
    layer, record = uneven(octaves, against=against)
    base = error_of_input(layer, record, shifted=False)
    found = error_of_input(layer, record, shifted=True)
    assert base / found == pytest.approx(gain, rel=0.1)
    if plain is not None:
        assert base == pytest.approx(plain, rel=0.1)
        assert found == pytest.approx(shifted, rel=0.1)
        assert base >= {0: 0.99, 3: 1.5, 6: 4.0}[octaves] * found


def test_the_official_grid_degenerates_near_a_bias_of_zero() -> None:
    layer, record = uneven(0, against=False, count=64)
    # E2M1's bias is 0 where the largest value is 12: all factors give the same.
    record = seen(layer, record.inputs[0] * 12 / record.inputs[0].abs().max())
    multiplied = error_of_input(layer, record, shifted=False, multiplicative=True)
    assert float(layer.input_quantizer.bias.abs()) < 1e-5
    assert error_of_input(layer, record, shifted=False) < 0.9 * multiplied


def test_the_official_grid_works_away_from_a_bias_of_zero() -> None:
    layer, record = uneven(0, against=False, count=64)
    record = seen(layer, record.inputs[0] / 8)
    first = error_of_input(layer, record, shifted=False, multiplicative=True)
    assert first == pytest.approx(error_of_input(layer, record, shifted=False), rel=0.02)


def test_equal_channels_leave_one_bias() -> None:
    x = noise(64, 32)
    layer = linear(noise(8, 32, seed=1))
    record = seen(layer, x / x.abs().amax(0))
    plain = error_of_input(layer, record, shifted=False), layer.input_quantizer.bias
    assert error_of_input(layer, record, shifted=True) == plain[0]
    assert torch.equal(layer.input_quantizer.bias, plain[1])
    assert float(layer.input_quantizer.shift.abs().max()) == 0


def cases() -> dict[str, tuple[Layer, tuple[torch.Tensor, ...]]]:
    torch.manual_seed(0)
    scale = torch.logspace(0, 4, 12, 2)
    maps = noise(4, 12, 5, 5) * scale[:, None, None]
    return {
        "linear": (linear(noise(6, 12) / scale), (noise(4, 20, 12) ** 3 * scale,)),
        "pointwise": (QuantizedConv2d(torch.nn.Conv2d(12, 6, 1)), (maps,)),
        "depthwise": (QuantizedConv2d(torch.nn.Conv2d(12, 12, 3, groups=12)), (maps,)),
        "product": (QuantizedProduct("scores"), (noise(4, 3, 9, 4) ** 3, noise(4, 3, 4, 9))),
    }


@pytest.mark.parametrize("bits", [4, 6, 8])
@pytest.mark.parametrize("name", ["linear", "pointwise", "depthwise", "product"])
def test_losses_fall_from_min_max_over_the_baseline(name: str, bits: int) -> None:
    layer, inputs = cases()[name]
    record = seen(placed(layer, name), *inputs)
    config = replace(PLAIN, bits=Bits(bits, bits, bits, bits), count=6)
    minmax_loss = error_of(layer, record, replace(config, rounds=0, pre_shift=False))
    losses = fit(layer, record, replace(config, pre_shift=False))
    baseline = float(output_error(layer, record))
    assert losses[0] == minmax_loss
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] == baseline < minmax_loss
    for fold in ("post", "pre"):
        losses = fit(layer, record, replace(config, fold=fold))
        assert losses == sorted(losses, reverse=True)
        assert float(output_error(layer, record)) == losses[-1] <= baseline
    if bits == 4:
        shifted = getattr(layer, layer.OPERANDS[0]).shift is not None
        assert shifted == (name in ("linear", "pointwise"))


def test_weights_are_lowered_before_or_after_they_are_quantized() -> None:
    layer, record = uneven(6, against=True, count=64)
    config = replace(PLAIN, exponent=2, rounds=0)
    fit(layer, record, config)
    rows = layer.weight_quantizer
    assert rows.shift is None
    # A power of two for each channel, after rounding: Ŵ is that of the plain method.
    fit(layer, record, replace(config, pre_shift=False))
    assert torch.equal(layer.weight_quantizer(layer.weight), rows(layer.weight))
    fit(layer, record, replace(config, fold="pre"))
    lowered, shift = layer.weight_quantizer, layer.input_quantizer.shift
    assert len(shift.unique()) == 4
    beta = torch.exp2(-shift)
    plain = FloatFormat(2, 1, lowered.bias)
    assert torch.equal(lowered(layer.weight) * beta, plain(layer.weight * beta))
    assert not torch.equal(lowered(layer.weight), rows(layer.weight))
    # Inputs are those of one bias for all channels, smoothed.
    smooth = FloatFormat(2, 1, layer.input_quantizer.bias)
    x = record.inputs[0]
    torch.testing.assert_close(layer.quantized_input(x), smooth(x / beta) * beta)


@pytest.mark.parametrize("name", ["weight_quantizer", "input_quantizer"])
def test_one_exponent_bit_searches_as_four_bit_integers_do(name: str) -> None:
    # Without negative values: the integers have one negative code more, -8.
    layer = linear(noise(8, 24).abs() ** 3)
    record = seen(layer, noise(60, 24, seed=1).abs() ** 3)
    weight = name == "weight_quantizer"
    values, sharing = (layer.weight, OUT_CHANNEL) if weight else (record.inputs[0], TENSOR)
    low, high = minmax(values, sharing)
    uniform = Uniform.from_range(low, high, 4, symmetric=True)
    factors = multipliers(0.05, 1.2, 100)
    setattr(layer, name, uniform)
    search(layer, record, factors, rounds=1)
    wanted = getattr(layer, name).scale * 7
    form = (1, 2)
    operand = FormatOperand(name, {form: bias_of(high, *form)}, form, -1 if weight else None)
    search_formats(layer, record, [operand], factors, 1)
    found = getattr(layer, name)
    ends = found.highest * found.scale
    assert float(((ends - wanted) / high).abs().max()) <= 1.15 / 100
    assert float((ends / high - 1).abs().max()) > 0.05


# Networks


@pytest.mark.parametrize("bits", [4, 6, 8])
def test_a_network_gets_formats_everywhere(bits: int) -> None:
    config = replace(PLAIN, bits=Bits(bits, bits, bits, bits, 8, bits), rounds=1, count=2)
    model = quantize(tiny_vit(), config, pictures(4))
    for layer in layers_of(model):
        for name in layer.OPERANDS:
            quantizer = getattr(layer, name)
            image = layer.place.role == "patch_embed"
            assert isinstance(quantizer, FloatFormat)
            assert quantizer.bits == (8 if image else bits)
            assert quantizer.bias.numel() == 1
        if isinstance(layer, QuantizedLinear):
            assert layer.weight_quantizer.bits == bits
            assert layer.weight_quantizer.bias.numel() == layer.inner.out_features
    images = pictures(2, seed=3)
    with torch.no_grad():
        wanted = model(images)
        assert torch.equal(pickle.loads(pickle.dumps(model))(images), wanted)


def test_more_bits_and_more_search_are_better() -> None:
    model, images = tiny_vit(), pictures(8, seed=1)
    with torch.no_grad():
        wanted = model(images)

    def ratio(bits: int, **more: object) -> float:
        config = replace(PLAIN, bits=Bits(bits, bits, bits, bits, 8, bits), count=5, **more)
        with torch.no_grad():
            return signal_to_noise(wanted, quantize(model, config, pictures(8))(images))

    found = [ratio(bits, rounds=1, pre_shift=False) for bits in (4, 6, 8)]
    assert found == sorted(found)
    assert found[-1] > 30
    assert found[0] > ratio(4, rounds=0, pre_shift=False) + 2


def test_convolutional_networks_and_the_weighted_error() -> None:
    config = LLMFP4(rounds=1, count=1, exponent=2)
    model = quantize(of_timm("mobilevit_xxs"), config, pictures(2, 64))
    shifted = {
        layer.place.role
        for layer in layers_of(model)
        for name in layer.OPERANDS
        if getattr(layer, name).shift is not None
    }
    assert shifted
    assert shifted.isdisjoint({"scores", "context", "depthwise", "patch_embed"})


def test_exponents_that_do_not_fit() -> None:
    for exponent in (0, 4):
        with pytest.raises(ValueError, match="exponent: expected 1 to 3 of 4 bits"):
            quantize(tiny_vit(), LLMFP4(Bits(4, 4, 4, 4, 4), exponent=exponent), pictures(1))
