# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Q-HyViT: card 08, "How to verify"; its bridges have a file of their own."""

from __future__ import annotations

import tempfile
from dataclasses import replace

import onnx
import onnxruntime
import pytest

torch = pytest.importorskip("torch")

from test.compression.quantization.alone import (  # noqa: E402
    noise,
    placed,
)
from test.compression.quantization.tiny import of_timm, pictures  # noqa: E402
from vit_perception.compression.quantization.methods.bridges import bridges_of  # noqa: E402
from vit_perception.compression.quantization.methods.q_hyvit import (  # noqa: E402
    QHyViT,
    q_hyvit,
    symmetric,
)
from vit_perception.compression.quantization.methods.quantize import quantize  # noqa: E402
from vit_perception.compression.quantization.simulation.bits import Bits  # noqa: E402
from vit_perception.compression.quantization.simulation.capture import (  # noqa: E402
    Record,
    likelihood,
    outputs_of,
    record,
)
from vit_perception.compression.quantization.simulation.graph import (  # noqa: E402
    NoQDQFormError,
    to_qdq,
)
from vit_perception.compression.quantization.simulation.layers import (  # noqa: E402
    Layer,
    Place,
    QuantizedConv2d,
    QuantizedLinear,
    QuantizedProduct,
    Source,
    layers_of,
)
from vit_perception.compression.quantization.simulation.observers import (  # noqa: E402
    HEAD,
    IN_CHANNEL,
    OUT_CHANNEL,
    TENSOR,
    Sharing,
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
from vit_perception.compression.quantization.simulation.wrapped import wrap  # noqa: E402

pytestmark = pytest.mark.torch

SIX = Bits(6, 6, 6, 6, 6, 6)
FAST = QHyViT(SIX, policy="groups", low=0.5, high=1.1, count=4, rounds=1)


BATCHES = pictures(4, 32).split(2)


@pytest.fixture(scope="module")
def without_bridges() -> torch.nn.Module:
    """Returns a quantized mobilevit_xxs, not to be changed."""
    return quantize(of_timm("mobilevit_xxs"), replace(FAST, bridges=()), BATCHES)


def relative(x: torch.Tensor, found: torch.Tensor) -> float:
    return float((found - x).square().sum() / x.square().sum())


def calibrated(layer: Layer, role: str, config: QHyViT, *inputs: torch.Tensor) -> Layer:
    """Returns the layer alone, quantized for some inputs."""

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            return self.layer(*(each[: len(batch)] for each in inputs))

    placed(layer, role)
    q_hyvit(Net(), replace(config, bridges=(), loss=None), [inputs[0]])
    layer.quantized = True
    return layer


# Quantizers


def test_a_range_beside_zero_breaks_only_the_clipped_zero_point() -> None:
    x = torch.rand(4096, generator=torch.Generator().manual_seed(0)) * 4 + 5
    low, high = minmax(x)
    assert relative(x, Uniform.from_range(low, high, 8, zero_inside=False)(x)) > 0.05
    assert relative(x, Uniform.from_range(low, high, 8)(x)) < 1e-4
    assert relative(x, symmetric(x, TENSOR, 8)(x)) < 1e-4


def test_depthwise_channels_gain_twenty_decibels_from_their_own_scales() -> None:
    x = noise(8, 64, 14, 14) * torch.logspace(0, 3, 64)[:, None, None]

    def mean_ratio(sharing: Sharing) -> float:
        found = symmetric(x, sharing, 8)(x)
        ratios = [signal_to_noise(x[:, c], found[:, c]) for c in range(64)]
        return sum(ratios) / 64

    # Card 08 measured 14.9 and 42.2 dB on values of its own.
    assert mean_ratio(IN_CHANNEL) - mean_ratio(TENSOR) > 20
    assert mean_ratio(IN_CHANNEL) == pytest.approx(42.2, abs=1.5)
    assert mean_ratio(TENSOR) == pytest.approx(14.9, abs=3)


def test_the_initial_scale_is_the_largest_value_by_half_a_code_less() -> None:
    x = noise(50)
    quantizer = symmetric(x, TENSOR, 6)
    assert float(quantizer.scale) == pytest.approx(float(x.abs().max()) / 31.5)
    assert (quantizer.lowest, quantizer.highest) == (-32, 31)
    assert float(quantizer.zero_point) == 0


@pytest.mark.parametrize("policy", ["groups", "search"])
@torch.no_grad()
def test_a_channel_of_zeros_gives_the_bias(policy: str) -> None:
    torch.manual_seed(0)
    layer = QuantizedConv2d(torch.nn.Conv2d(6, 6, 3, groups=6))
    x = noise(4, 6, 7, 7) * torch.logspace(0, 3, 6)[:, None, None]
    x[:, 2] = 0
    calibrated(layer, "depthwise", replace(FAST, policy=policy), x)
    found = layer(x)
    assert bool(found.isfinite().all())
    torch.testing.assert_close(found[:, 2], layer.inner.bias[2].expand(4, 5, 5))
    assert layer.input_quantizer.scale.numel() == 6
    nothing = torch.zeros(2, 6, 7, 7)
    torch.testing.assert_close(
        layer(nothing), layer.inner.bias.reshape(6, 1, 1).expand(2, 6, 5, 5)
    )


# Search


def test_gradients_of_ones_find_what_no_gradients_find() -> None:
    scales = []
    for ones in (False, True):
        torch.manual_seed(0)
        layer = QuantizedLinear(torch.nn.Linear(12, 6))
        layer.place = Place("layer", "fc1", 0, (Source("other", "", ()),))
        x = noise(40, 12) ** 3
        with torch.no_grad():
            output = layer(x)
        found = Record((x,), output, torch.ones_like(output) if ones else None)
        layer.weight_quantizer = symmetric(layer.weight, TENSOR, 4)
        layer.input_quantizer = symmetric(x, TENSOR, 4)
        error = search(layer, found, multipliers())
        scales.append((error, layer.weight_quantizer.scale, layer.input_quantizer.scale))
    assert all(torch.equal(a, b) for a, b in zip(*scales, strict=True))


def initial_quantizers(layer: Layer, found: Record, *, grouped: bool) -> dict[str, Uniform]:
    """Returns the quantizers that the policy "groups" begins with, by hand."""
    made = {}
    for name, values in zip(layer.OPERANDS, found.inputs, strict=True):
        sharing = HEAD if isinstance(layer, QuantizedProduct) else TENSOR
        if grouped and isinstance(layer, QuantizedConv2d) and layer.inner.groups > 1:
            sharing = IN_CHANNEL
        made[name] = symmetric(values, sharing, 6)
    if isinstance(layer, QuantizedConv2d):
        made["weight_quantizer"] = symmetric(layer.weight, OUT_CHANNEL, 6)
    elif isinstance(layer, QuantizedLinear):
        thirds = layer.place.role == "qkv"
        made["weight_quantizer"] = symmetric(layer.weight, Sharing(0, 3) if thirds else TENSOR, 6)
    return made


@pytest.mark.parametrize("policy", ["groups", "search"])
def test_no_layer_is_worse_than_with_its_initial_scales(policy: str) -> None:
    images = pictures(2, 32)
    config = replace(FAST, policy=policy, bridges=(), loss="likelihood")
    wrapped = wrap(of_timm("mobilevit_xxs"), images)
    layers = layers_of(wrapped)
    targets = outputs_of(wrapped, [images])
    found = record(wrapped, layers, [images], loss=likelihood, targets=targets)
    q_hyvit(wrapped, config, [images])
    better = 0
    for layer in layers:
        seen = found[layer.place.name]
        searched = float(output_error(layer, seen))
        # The policy "search" is compared with the plainest of its candidates.
        for name, quantizer in initial_quantizers(layer, seen, grouped=policy == "groups").items():
            setattr(layer, name, quantizer)
        initial = float(output_error(layer, seen))
        assert searched <= initial * (1 + 1e-6), layer.place.name
        better += searched < 0.99 * initial
    assert better > len(layers) / 2


def test_without_bridges_each_layer_is_calibrated_alone(without_bridges: torch.nn.Module) -> None:
    alone = wrap(of_timm("mobilevit_xxs"), BATCHES[0][:1])
    targets = outputs_of(alone, BATCHES)
    for name in (
        "stages.1.0.conv2_kxk.conv",
        "stages.2.1.conv_1x1",
        "stages.2.1.transformer.0.attn.qkv",
        "stages.2.1.transformer.0.attn.context",
        "stages.4.1.conv_proj.conv",
        "head.fc",
    ):
        layer = alone.get_submodule(name)
        found = record(alone, [layer], BATCHES, loss=likelihood, targets=targets)[name]
        for attribute, quantizer in initial_quantizers(layer, found, grouped=True).items():
            setattr(layer, attribute, quantizer)
        search(layer, found, multipliers(FAST.low, FAST.high, FAST.count), rounds=FAST.rounds)
        wanted = without_bridges.get_submodule(name).state_dict()
        state = layer.state_dict()
        assert set(state) == set(wanted)
        assert all(torch.equal(value, wanted[key]) for key, value in state.items()), name


def test_a_bridge_shows_in_what_comes_behind_and_only_there(
    without_bridges: torch.nn.Module,
) -> None:
    bridged = quantize(of_timm("mobilevit_xxs"), FAST, BATCHES)
    layers, first = layers_of(without_bridges), 17
    assert layers[first].place.name == bridges_of(without_bridges, BATCHES[0])[0][0]
    same = [
        all(torch.equal(a, b) for a, b in zip(one.buffers(), other.buffers(), strict=True))
        for one, other in zip(layers, layers_of(bridged), strict=True)
    ]
    assert all(same[: first + 1])
    assert sum(same[first + 1 :]) < 0.2 * len(same[first + 1 :])


@pytest.mark.parametrize("policy", ["groups", "search"])
@torch.no_grad()
def test_sixteen_bits_compute_as_float_does(policy: str) -> None:
    model, images = of_timm("mobilevit_xxs"), pictures(2, 64)
    sixteen = Bits(16, 16, 16, 16, 16, 16)
    quantized = quantize(model, replace(FAST, policy=policy, bits=sixteen), images)
    assert signal_to_noise(model(images), quantized(images)) > 60


# Policies


@pytest.mark.slow
@torch.no_grad()
def test_deployable_networks_run_in_integers_as_simulated() -> None:
    images = pictures(2, 64)
    config = replace(FAST, bits=Bits(), policy="search", deployable=True, low=0.9, count=1)
    model = quantize(of_timm("mobilevit_xxs"), config, images)
    layers = layers_of(model)
    for layer in layers:
        for name in layer.OPERANDS:
            quantizer = getattr(layer, name)
            assert quantizer.scale.numel() == 1 and quantizer.exportable
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.optimized_model_filepath = f"{folder}/optimized.onnx"
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(to_qdq(model, images), options)
        kinds = [node.op_type for node in onnx.load(options.optimized_model_filepath).graph.node]
    convolutions = sum(isinstance(layer, QuantizedConv2d) for layer in layers)
    assert kinds.count("QLinearConv") == convolutions and "Conv" not in kinds
    (found,) = session.run(None, {"image": images.numpy()})
    # Kernels round sums elsewhere, so some codes differ by one.
    assert signal_to_noise(model(images), torch.from_numpy(found)) > 40


def test_scales_of_heads_and_channels_have_no_form(without_bridges: torch.nn.Module) -> None:
    with pytest.raises(NoQDQFormError, match="input_quantizer: expected a uniform quantizer"):
        to_qdq(without_bridges, BATCHES[0])


def test_what_is_not_deployable_has_scales_of_channels_and_heads(
    without_bridges: torch.nn.Module,
) -> None:
    by_name = {layer.place.name: layer for layer in layers_of(without_bridges)}
    assert by_name["stages.0.0.conv2_kxk.conv"].input_quantizer.scale.numel() == 32
    assert by_name["stages.0.0.conv1_1x1.conv"].input_quantizer.scale.numel() == 1
    scores = by_name["stages.2.1.transformer.0.attn.scores"]
    assert scores.left_quantizer.scale.shape == (1, 4, 1, 1)
    qkv = by_name["stages.2.1.transformer.0.attn.qkv"].weight_quantizer.scale
    assert qkv.shape == (192, 1) and len(qkv.unique()) <= 3
    assert by_name["stages.2.1.transformer.0.mlp.fc1"].weight_quantizer.scale.numel() == 1


def test_the_search_of_policies_takes_what_fits() -> None:
    config = replace(FAST, policy="search", count=20, bits=Bits(4, 4, 4, 4, 4, 4))
    # Equal channels beside zero: an asymmetric range spends no codes below it.
    torch.manual_seed(0)
    positive = noise(4, 6, 9, 9).abs()
    layer = QuantizedConv2d(torch.nn.Conv2d(6, 6, 1))
    calibrated(layer, "conv", config, positive)
    assert not layer.input_quantizer.signed
    # Channels far apart need scales of their own, which `deployable` does not allow.
    apart = noise(4, 6, 9, 9) * torch.logspace(0, 3, 6)[:, None, None]
    layer = QuantizedConv2d(torch.nn.Conv2d(6, 6, 3, groups=6))
    with torch.no_grad():
        layer.inner.weight.div_(torch.logspace(0, 3, 6).reshape(6, 1, 1, 1))
    calibrated(layer, "depthwise", config, apart)
    assert layer.input_quantizer.scale.shape == (1, 6, 1, 1)
    calibrated(layer, "depthwise", replace(config, policy="groups"), apart)
    assert layer.input_quantizer.scale.shape == (1, 6, 1, 1) and layer.input_quantizer.signed
    calibrated(layer, "depthwise", replace(config, policy="groups", deployable=True), apart)
    assert layer.input_quantizer.scale.shape == () and layer.input_quantizer.signed


def test_bias_correction_leaves_no_mean_error_of_the_weight() -> None:
    x = noise(30, 12) + 0.5
    config = replace(FAST, bits=Bits(3, 8, 8, 8, 8, 3), bias_correction=True)
    for kind in ("linear", "conv"):
        torch.manual_seed(0)
        inner = torch.nn.Linear(12, 6) if kind == "linear" else torch.nn.Conv2d(12, 6, 1)
        layer = QuantizedLinear(inner) if kind == "linear" else QuantizedConv2d(inner)
        values = x if kind == "linear" else x.reshape(5, 6, 1, 12).transpose(1, 3)
        calibrated(layer, kind, config, values)
        found = layer(values)
        layer.weight_quantizer = layer.correction = None
        axis = -1 if kind == "linear" else 1
        error = (found - layer(values)).movedim(axis, 0).flatten(1).mean(1)
        torch.testing.assert_close(error, torch.zeros(6), rtol=0, atol=1e-5)


def test_a_bridge_that_is_no_layer_is_told() -> None:
    with pytest.raises(ValueError, match="bridges: expected names of layers, found 'nothing'"):
        quantize(of_timm("mobilevit_xxs"), QHyViT(bridges=("nothing",)), pictures(1, 64))
