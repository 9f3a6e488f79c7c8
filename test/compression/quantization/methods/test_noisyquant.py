# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""NoisyQuant."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest

torch = pytest.importorskip("torch")

from test.compression.quantization.alone import (  # noqa: E402
    linear,
)
from test.compression.quantization.tiny import of_timm, pictures, tiny_vit  # noqa: E402
from vit_perception.compression.quantization.methods.llm_fp4 import LLMFP4  # noqa: E402
from vit_perception.compression.quantization.methods.noisyquant import (  # noqa: E402
    NoisyQuant,
    fit,
    unit_noise,
    widened,
)
from vit_perception.compression.quantization.methods.quantize import quantize  # noqa: E402
from vit_perception.compression.quantization.methods.repq import RepQ  # noqa: E402
from vit_perception.compression.quantization.methods.uniform import UniformPTQ  # noqa: E402
from vit_perception.compression.quantization.simulation.added import add_vector  # noqa: E402
from vit_perception.compression.quantization.simulation.bits import Bits  # noqa: E402
from vit_perception.compression.quantization.simulation.capture import Record  # noqa: E402
from vit_perception.compression.quantization.simulation.graph import to_qdq  # noqa: E402
from vit_perception.compression.quantization.simulation.layers import (  # noqa: E402
    QuantizedLinear,
    layers_of,
)
from vit_perception.compression.quantization.simulation.observers import minmax  # noqa: E402
from vit_perception.compression.quantization.simulation.quantizers import (  # noqa: E402
    Uniform,
    signal_to_noise,
)

pytestmark = pytest.mark.torch

SIX = Bits(6, 6, 6, 6, 8, 6)
BASE = UniformPTQ(SIX)


def relative(layer: QuantizedLinear, x: torch.Tensor) -> float:
    """Returns the part of the output that quantization changes."""
    layer.quantized = False
    wanted = layer(x)
    layer.quantized = True
    return float((layer(x) - wanted).norm() / wanted.norm())


# The noise


@pytest.mark.parametrize("offset", [0.1, 0.3, 0.45])
@pytest.mark.parametrize("strength", [0.25, 0.5])
def test_noise_trades_bias_for_variance(offset: float, strength: float) -> None:
    """The error of one value as a formula (card 51), with half a step of 0.5."""
    half = 0.5
    quantizer = Uniform(8, torch.tensor(1.0), signed=True)
    noise = strength * unit_noise(2_000_000, seed=0, position=0)
    error = (quantizer(offset + noise) - noise - offset).double()
    if offset + strength <= half:
        mean, square = -offset, offset**2 + strength**2 / 3
    else:
        mean = (strength - half) * (half - offset) / strength
        ends = (offset - strength) ** 3 + (2 * half - offset - strength) ** 3
        square = (2 * half**3 - ends) / (6 * strength)
    assert float(error.mean()) == pytest.approx(mean, abs=1e-3)
    assert float(error.square().mean()) == pytest.approx(square, abs=1e-3)
    table = {
        (0.1, 0.25): (-0.100, 0.0308),
        (0.3, 0.25): (-0.200, 0.1058),
        (0.45, 0.25): (-0.050, 0.1433),
    }
    assert (mean, square) == pytest.approx(table.get((offset, strength), (0.0, 0.0833)), abs=1e-4)


def test_equal_offsets_that_all_round_to_nothing() -> None:
    layer = linear(torch.ones(1, 1024), "fc2", "gelu")
    x = torch.full((4, 1024), 0.3)
    layer.input_quantizer = Uniform(6, torch.tensor(1.0), signed=True)
    assert relative(layer, x) == pytest.approx(1)
    found = []
    for seed in range(20):
        layer.added = layer.correction = None
        add_vector(layer, 0.5 * unit_noise(1024, seed, 0))
        found.append(relative(layer, x))
    assert max(found) < 0.1
    assert float(np.mean(np.square(found)) ** 0.5) == pytest.approx(0.03, abs=0.015)


def test_noise_is_a_function_of_seed_and_place() -> None:
    assert torch.equal(unit_noise(9, 1, 2), unit_noise(9, 1, 2))
    first = unit_noise(9, 1, 2)
    assert not any(torch.equal(first, unit_noise(9, *each)) for each in [(0, 2), (1, 3), (2, 1)])
    many = unit_noise(100_000, 0, 0)
    assert float(many.abs().max()) <= 1
    assert float(many.mean()) == pytest.approx(0, abs=0.01)
    assert float(many.var()) == pytest.approx(1 / 3, abs=0.01)


@pytest.mark.parametrize("symmetric", [True, False])
def test_a_wider_range_holds_all_values_with_noise(symmetric: bool) -> None:
    low, high = torch.tensor(-0.4), torch.tensor(2.0)
    quantizer = Uniform.from_range(low, high, 4, symmetric=symmetric)
    margin = torch.tensor(0.3)
    wide = widened(quantizer, margin)
    assert (wide.bits, wide.signed) == (4, symmetric)
    ends = torch.stack([low - margin, high + margin])
    if symmetric:
        assert float(wide.zero_point) == 0
        ends[0] = -ends[1]
    assert float((wide(ends) - ends).abs().max()) <= 0.5 * float(wide.scale) + 1e-6
    assert torch.equal(widened(quantizer, torch.tensor(0.0))(ends), quantizer(ends))


# The search


def spiky(mean: float, seed: int) -> tuple[QuantizedLinear, Record]:
    """Returns 6 bits of GELU's output with four large channels (card 51, Figures)."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(512, 1536, generator=generator) * 1.2 - 0.8
    x = torch.nn.functional.gelu(x)
    x[:, :4] *= 20
    layer = linear(0.02 * torch.randn(384, 1536, generator=generator) + mean, "fc2", "gelu")
    layer.input_quantizer = Uniform.from_range(*minmax(x), 6, symmetric=True)
    return layer, Record((x,), layer(x))


@pytest.mark.parametrize(("mean", "gains"), [(0.0, False), (0.005, False), (0.02, True)])
def test_noise_helps_where_errors_add_up(mean: float, gains: bool) -> None:
    layer, record = spiky(mean, seed=1)
    losses = fit(layer, record, NoisyQuant())
    assert losses == sorted(losses, reverse=True)
    assert losses[0] == losses[1]
    assert (losses[2] < losses[0]) == gains
    assert (layer.added is not None) == gains
    if gains:
        before, _, after = (each / float(record.output.square().sum()) for each in losses)
        assert before == pytest.approx(0.0681, rel=0.1)
        assert after == pytest.approx(0.0541, rel=0.1)


def test_the_mean_error_gives_more_than_noise() -> None:
    """What nncf calls bias correction takes the same error (card 51)."""
    plain = fit(*spiky(0.02, seed=1), NoisyQuant())
    corrected = fit(*spiky(0.02, seed=1), NoisyQuant(corrected=True))
    assert corrected[0] < 0.5 * plain[-1]
    assert corrected[-1] > 0.9 * corrected[0]


def test_shifts_are_tried_before_noise() -> None:
    layer = linear(torch.ones(1, 64), "fc2", "gelu")
    x = torch.full((4, 64), 0.3)
    layer.input_quantizer = Uniform(6, torch.tensor(1.0), signed=True)
    record = Record((x,), layer(x))
    losses = fit(layer, record, NoisyQuant(shift_count=33, count=0))
    assert losses[0] == pytest.approx(4 * 19.2**2)
    assert losses[1] == losses[2] < 0.01 * losses[0]
    assert layer.added is not None
    assert len(layer.added.unique()) == 1
    assert float(layer.added.abs().max()) <= 0.5


# Networks


def test_no_layer_gets_worse_and_some_gain() -> None:
    config = NoisyQuant(BASE, fold=False)
    plain = layers_of(quantize(tiny_vit(), BASE, pictures(8)))
    model = quantize(tiny_vit(), config, pictures(8))
    noisy = [layer for layer in layers_of(model) if getattr(layer, "added", None) is not None]
    assert noisy
    assert {layer.place.role for layer in noisy} <= set(config.roles)
    for layer, before in zip(layers_of(model), plain, strict=True):
        if layer in noisy:
            n = float(layer.added.abs().max())
            assert n <= float(before.input_quantizer.scale)
            weight = layer.quantized_weight().double()
            torch.testing.assert_close(
                layer.correction.double(), -(weight @ layer.added.double()), rtol=1e-4, atol=1e-6
            )


@pytest.mark.parametrize(
    "base",
    [BASE, RepQ(replace(SIX, softmax=4)), LLMFP4(SIX, rounds=0)],
    ids=["minmax", "repq", "fp"],
)
def test_without_noise_a_network_is_what_its_base_makes_it(base: object) -> None:
    images = pictures(4, seed=1)
    with torch.no_grad():
        wanted = quantize(tiny_vit(), base, pictures(4))(images)
        found = quantize(tiny_vit(), NoisyQuant(base, count=0), pictures(4))(images)
    assert torch.equal(found, wanted)


@pytest.mark.parametrize("base", [BASE, RepQ(SIX)], ids=["minmax", "repq"])
def test_folds_leave_the_result(base: object) -> None:
    images = pictures(4, seed=1)
    made = [
        quantize(tiny_vit(), NoisyQuant(base, fold=fold), pictures(4)) for fold in (True, False)
    ]
    with torch.no_grad():
        folded, added = (model(images) for model in made)
    torch.testing.assert_close(folded, added, rtol=1e-3, atol=1e-4)
    left = [
        {
            layer.place.role
            for layer in layers_of(model)
            if getattr(layer, "added", None) is not None
        }
        for model in made
    ]
    assert left[0] <= {"proj", "fc2"}
    assert left[1] > left[0]


def test_equal_seeds_give_equal_networks_that_keep_their_noise() -> None:
    images = pictures(4, seed=1)
    config = NoisyQuant(BASE, fold=False)
    first, second, other = (
        quantize(tiny_vit(), replace(config, seed=seed), pictures(4)) for seed in (0, 0, 1)
    )
    states = first.state_dict(), second.state_dict()
    assert list(states[0]) == list(states[1])
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    assert [key for key in states[0] if key.endswith(".added")]
    with torch.no_grad():
        wanted = first(images)
        assert torch.equal(pickle.loads(pickle.dumps(first))(images), wanted)
        assert not torch.equal(other(images), wanted)


def test_one_by_one_convolutions_get_noise() -> None:
    config = NoisyQuant(BASE, roles=("conv",), count=3, strongest=0.5, fold=False)
    model = quantize(of_timm("mobilevit_xxs"), config, pictures(2, 64))
    noisy = [layer for layer in layers_of(model) if getattr(layer, "added", None) is not None]
    assert noisy
    assert all(layer.inner.kernel_size == (1, 1) for layer in noisy)


def test_the_graph_is_an_addition_before_standard_operators() -> None:
    images = pictures(4, seed=1)
    config = NoisyQuant(UniformPTQ(), strongest=0.5)
    model = quantize(tiny_vit(), config, pictures(8))
    left = [layer for layer in layers_of(model) if getattr(layer, "added", None) is not None]
    assert left
    graph = to_qdq(model, images)
    plain = to_qdq(quantize(tiny_vit(), UniformPTQ(), pictures(8)), images)
    kinds, before = (
        [n.op_type for n in onnx.load_from_string(g).graph.node] for g in (graph, plain)
    )
    assert kinds.count("Add") == before.count("Add") + len(left)
    assert set(kinds) == set(before)
    with torch.no_grad():
        wanted = model(images)
    (found,) = onnxruntime.InferenceSession(graph).run(None, {"image": images.numpy()})
    assert signal_to_noise(wanted, torch.from_numpy(found)) > 40
