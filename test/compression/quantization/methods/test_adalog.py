# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""AdaLog: what goes where, what is exact, and what it brings."""

from __future__ import annotations

from dataclasses import replace

import onnxruntime
import pytest

torch = pytest.importorskip("torch")

from test.compression.quantization.tiny import (  # noqa: E402
    of_timm,
    pictures,
    tiny_swin,
    tiny_vit,
)
from vit_perception.compression.quantization.methods.adalog import (  # noqa: E402
    AdaLog,
    adalog,
    fold_shift,
)
from vit_perception.compression.quantization.methods.adalog_operands import (  # noqa: E402
    bases,
    logarithm_of_gelu,
    logarithm_of_softmax,
    twin_of_gelu,
)
from vit_perception.compression.quantization.methods.quantize import quantize  # noqa: E402
from vit_perception.compression.quantization.simulation.adaptive_logarithm import (  # noqa: E402
    AdaptiveLogarithm,
    Shifted,
)
from vit_perception.compression.quantization.simulation.adaround import AdaRound  # noqa: E402
from vit_perception.compression.quantization.simulation.bits import Bits  # noqa: E402
from vit_perception.compression.quantization.simulation.capture import record  # noqa: E402
from vit_perception.compression.quantization.simulation.graph import (  # noqa: E402
    NoQDQFormError,
    to_qdq,
)
from vit_perception.compression.quantization.simulation.layers import (  # noqa: E402
    Layer,
    Place,
    QuantizedConv2d,
    QuantizedLinear,
    Source,
    WeightedLayer,
    computing,
    layers_of,
    set_quantized,
)
from vit_perception.compression.quantization.simulation.output_errors import (  # noqa: E402
    own_error,
)
from vit_perception.compression.quantization.simulation.progressive import Effort  # noqa: E402
from vit_perception.compression.quantization.simulation.quantizers import (  # noqa: E402
    GELU_FLOOR,
    Logarithm,
    TwinUniform,
    Uniform,
    signal_to_noise,
)
from vit_perception.compression.quantization.simulation.reconstruction import (  # noqa: E402
    Reconstruction,
)
from vit_perception.compression.quantization.simulation.search import output_error  # noqa: E402
from vit_perception.compression.quantization.simulation.wrapped import wrap  # noqa: E402

pytestmark = pytest.mark.torch

BRIEF = AdaLog(effort=Effort(16, 4, 2), rounds=1)


def bits(count: int) -> Bits:
    return Bits(count, count, count, count, 8)


def made(config: AdaLog, model: torch.nn.Module | None = None) -> dict[str, Layer]:
    """Returns the layers of a quantized network by their names."""
    model = quantize(model or tiny_vit(), config, pictures(4))
    return {layer.place.name: layer for layer in layers_of(model)}


# What goes where


def test_four_bits_of_the_paper() -> None:
    layers = made(BRIEF)
    patches = layers["patch_embed.proj"]
    assert patches.input_quantizer.bits == 8 and patches.input_quantizer.scale.numel() == 1
    for layer in layers.values():
        if not hasattr(layer, "weight_quantizer"):
            continue
        weight = layer.weight_quantizer
        assert isinstance(weight, Uniform) and not weight.signed and weight.bits == 4
        assert weight.scale.numel() == len(layer.weight)
        if layer.place.role not in ("fc2", "patch_embed"):
            each = layer.input_quantizer
            assert isinstance(each, Uniform) and each.bits == 4 and each.scale.numel() == 1
    block = "blocks.1."
    scores, context = layers[block + "attn.scores"], layers[block + "attn.context"]
    for each in (scores.left_quantizer, scores.right_quantizer, context.right_quantizer):
        assert isinstance(each, Uniform) and each.scale.shape == (1, 3, 1, 1) and each.bits == 4
    for each in (context.left_quantizer, layers[block + "mlp.fc2"].input_quantizer):
        assert isinstance(each, AdaptiveLogarithm) and each.bits == 4
        assert each.q.numel() == each.scale.numel() == 1
        assert 10 <= int(each.q) <= 26 and each.tabled and not each.strict
    assert float(context.left_quantizer.scale) == 1


def test_three_bits_have_three_but_for_the_image() -> None:
    layers = made(replace(BRIEF, bits=bits(3)))
    found = {
        (name, key): each.bits
        for name, layer in layers.items()
        for key, each in layer.named_children()
        if hasattr(each, "bits")
    }
    image = found.pop(("patch_embed.proj", "input_quantizer"))
    assert image == 8 and set(found.values()) == {3} and len(found) == 27


def test_no_logarithm_at_eight_bits() -> None:
    layers = made(replace(BRIEF, bits=bits(8)))
    for layer in layers.values():
        assert all(isinstance(getattr(layer, name), Uniform) for name in layer.OPERANDS)
    softmax = layers["blocks.0.attn.context"].left_quantizer
    assert float(softmax.scale) == pytest.approx(1 / 255) and float(softmax.zero_point) == 0
    assert layers["blocks.0.mlp.fc2"].added is None


def test_bases_begin_at_one_from_six_bits() -> None:
    effort = Effort()
    for count, first in ((3, 10), (4, 10), (5, 10), (6, 1), (7, 1)):
        assert bases(count, effort).tolist() == list(range(first, 139))
    # A rough search is enough to get below the official bound.
    x = (3 * torch.randn(2, 2, 60, 60, generator=torch.Generator().manual_seed(0))).softmax(-1)
    operand = logarithm_of_softmax(x, 6, effort, strict=False)
    operand.improve(own_error(x))
    assert int(operand.quantizer.q) < 10


@pytest.mark.parametrize("base", ["log2", "logsqrt2", "twin", "uniform"])
def test_other_quantizers(base: str) -> None:
    softmax = "uniform" if base == "twin" else base
    layers = made(replace(BRIEF, softmax=softmax, gelu=base))
    left = layers["blocks.0.attn.context"].left_quantizer
    fc2 = layers["blocks.0.mlp.fc2"]
    if base in ("log2", "logsqrt2"):
        for each in (left, fc2.input_quantizer):
            assert isinstance(each, Logarithm) and each.steps == {"log2": 1, "logsqrt2": 2}[base]
        assert float(left.scale) == 1
        assert float(fc2.added) == pytest.approx(GELU_FLOOR)
    else:
        assert isinstance(left, Uniform) and left.scale.numel() == 1
        assert isinstance(fc2.input_quantizer, TwinUniform if base == "twin" else Uniform)
        assert fc2.added is None


def test_options() -> None:
    layers = made(replace(BRIEF, strict=True, per_head=False, images=2))
    context = layers["blocks.0.attn.context"]
    assert context.left_quantizer.strict and layers["blocks.0.mlp.fc2"].input_quantizer.strict
    assert context.right_quantizer.scale.numel() == 1
    # Only the first images were used.
    model = quantize(tiny_vit(), replace(BRIEF, strict=True, per_head=False), pictures(4)[:2])
    again = {layer.place.name: layer for layer in layers_of(model)}
    for name, layer in layers.items():
        for key, each in layer.named_buffers():
            assert torch.equal(each, dict(again[name].named_buffers())[key]), (name, key)


@pytest.mark.parametrize("inputs", [4, 5])
def test_norms_are_reparameterised_where_bits_are_equal(inputs: int) -> None:
    model = tiny_vit()
    config = replace(BRIEF, bits=Bits(4, inputs, 4, 4, 8))
    images = pictures(4)
    found = quantize(model, config, images)
    norms = [found.get_submodule(f"blocks.{i}.norm{j}") for i in (0, 1) for j in (1, 2)]
    given = [model.get_submodule(f"blocks.{i}.norm{j}") for i in (0, 1) for j in (1, 2)]
    for new, old in zip(norms, given, strict=True):
        assert torch.equal(new.weight, old.weight) == (inputs == 5)
    # In float it is the same network.
    set_quantized(found, False)
    layers = [layer for layer in layers_of(found) if isinstance(layer, QuantizedLinear)]
    with torch.no_grad():
        torch.testing.assert_close(found(images), model(images), rtol=0, atol=1e-5)
    assert record(found, layers, [images])


# The shift of GELU


def test_the_shift_moves_into_the_bias_exactly() -> None:
    images = pictures(4)
    model = quantize(tiny_vit(), BRIEF, images)
    layer = next(x for x in layers_of(model) if x.place.role == "fc2")
    x = torch.nn.functional.gelu(2 * torch.randn(4, 17, 192))
    with torch.no_grad():
        after = layer(x)
        # As it was: the shift is subtracted behind the quantizer.
        shifted, correction = Shifted(layer.input_quantizer), layer.correction
        layer.input_quantizer, layer.added, layer.correction = shifted, None, None
        before = layer(x)
        torch.testing.assert_close(after, before, rtol=0, atol=1e-5)
        fold_shift(layer)
        torch.testing.assert_close(layer.correction, correction)
        assert float(correction.abs().max()) > 1e-3
        fold_shift(layer)
        assert torch.equal(layer(x), after)
        # A correction that is there stays.
        layer.input_quantizer, layer.added = shifted, None
        layer.correction = torch.ones_like(correction)
        fold_shift(layer)
        torch.testing.assert_close(layer(x), before + 1, rtol=0, atol=1e-5)


@pytest.mark.parametrize("padding", [0, 1, "same"])
def test_the_shift_of_a_padded_convolution_stays(padding: int | str) -> None:
    torch.manual_seed(0)
    layer = QuantizedConv2d(torch.nn.Conv2d(4, 5, 3, padding=padding)).requires_grad_(False)
    layer.place = Place("layer", "conv", 0, (Source("gelu", "", ()),))
    x = torch.nn.functional.gelu(torch.randn(2, 4, 8, 8))
    layer.input_quantizer = Shifted(AdaptiveLogarithm(4, 16, x.max() + GELU_FLOOR))
    with computing(layer, True):
        before = layer(x)
        fold_shift(layer)
        torch.testing.assert_close(layer(x), before, rtol=0, atol=1e-5)
    assert isinstance(layer.input_quantizer, AdaptiveLogarithm if padding == 0 else Shifted)


# The searches


@pytest.mark.parametrize("base", ["adalog", "log2", "logsqrt2"])
def test_a_logarithm_of_gelu_searches_scale_and_base(base: str) -> None:
    x = torch.nn.functional.gelu(
        1.5 * torch.randn(20_000, generator=torch.Generator().manual_seed(0)) - 0.5
    )
    operand = logarithm_of_gelu(x, 4, base, Effort(), strict=False)
    before = float((operand.quantizer(x) - x).square().sum())
    operand.improve(own_error(x))
    first = float((operand.quantizer(x) - x).square().sum())
    operand.improve(own_error(x))
    second = float((operand.quantizer(x) - x).square().sum())
    assert second <= first < before
    inner = operand.quantizer.quantizer
    positive = x[x > 0]
    assert 0.9 * float(positive.quantile(0.9)) < float(inner.scale) - GELU_FLOOR
    assert float(inner.scale) - GELU_FLOOR < 1.1 * float(x.max())
    energy = float(x.square().sum())
    if base == "adalog":
        assert second / energy < 0.0085
        # No pair of a fine grid is much better.
        least = min(
            float((Shifted(AdaptiveLogarithm(4, q, scale))(x) - x).square().sum())
            for q in range(10, 30)
            for scale in torch.linspace(2.3, float(x.max()) + GELU_FLOOR, 40)
        )
        assert second <= 1.02 * least


def test_a_tensor_without_positive_values_has_a_scale() -> None:
    x = -0.1 * torch.rand(100, generator=torch.Generator().manual_seed(0))
    operand = logarithm_of_gelu(x, 4, "adalog", Effort(16, 4, 2), strict=False)
    operand.improve(own_error(x))
    assert float(operand.quantizer.quantizer.scale) > 0
    assert float((operand.quantizer(x) - x).abs().max()) < 0.1


def test_a_twin_takes_the_best_power_of_two() -> None:
    x = torch.nn.functional.gelu(
        1.5 * torch.randn(5_000, generator=torch.Generator().manual_seed(0))
    )
    operand = twin_of_gelu(x, 4)
    operand.improve(own_error(x))
    quantizer = operand.quantizer
    ratio = float(quantizer.positive / quantizer.negative)
    assert ratio == 2 ** round(torch.tensor(ratio).log2().item())
    error = float(own_error(x)(quantizer(x)))
    for factor in (0.5, 2):
        other = TwinUniform(4, quantizer.positive * factor)
        assert float(own_error(x)(other(x))) > error


def test_more_effort_lowers_the_error_of_every_layer() -> None:
    images = pictures(4)

    def errors(config: AdaLog) -> dict[str, float]:
        model = wrap(tiny_vit(), images[:1])
        # Without it, as it changes inputs.
        adalog(model, replace(config, reparameterised=False), [images])
        set_quantized(model, False)
        found = record(model, layers_of(model), [images])
        return {
            layer.place.name: float(output_error(layer, found[layer.place.name]))
            for layer in layers_of(model)
        }

    brief = errors(AdaLog(effort=Effort(32, 4, 1), rounds=1))
    longer = errors(AdaLog(effort=Effort(32, 4, 3), rounds=2))
    assert sum(longer.values()) < sum(brief.values())
    assert sum(longer[name] < brief[name] for name in brief) >= 0.8 * len(brief)


# Networks


@pytest.mark.parametrize("name", ["vit", "swin", "mobilevit_xxs"])
def test_sixteen_bits_compute_as_float_does(name: str) -> None:
    model = {"vit": tiny_vit, "swin": tiny_swin}.get(name, lambda: of_timm(name))()
    images = pictures(2, 64 if name == "mobilevit_xxs" else 32)
    config = replace(BRIEF, bits=Bits(16, 16, 16, 16, 16), effort=Effort(16, 2, 1))
    with torch.no_grad():
        assert signal_to_noise(model(images), quantize(model, config, images)(images)) > 50


def test_more_bits_are_better() -> None:
    images = pictures(8, seed=1)
    model = tiny_vit()
    found = []
    for count in (3, 4, 6, 8):
        config = replace(BRIEF, bits=bits(count))
        with torch.no_grad():
            result = quantize(model, config, pictures(8))(images)
            found.append(signal_to_noise(model(images), result))
    assert found == sorted(found)
    assert found[0] > 10 and found[-1] > 35


def test_reconstruction_comes_before_the_shift_is_folded() -> None:
    config = replace(BRIEF, reconstruction=Reconstruction(6, 2, 0.1, 1e-3))
    layers = made(config)
    for layer in layers.values():
        if isinstance(layer, WeightedLayer):
            assert isinstance(layer.weight_quantizer, AdaRound)
            assert layer.weight_quantizer.logits is None
    layer = layers["blocks.0.mlp.fc2"]
    wanted = -GELU_FLOOR * layer.quantized_weight().sum(1)
    torch.testing.assert_close(layer.correction, wanted)
    assert isinstance(layer.input_quantizer, AdaptiveLogarithm) and layer.input_quantizer.tabled


# Export


def run(graph: bytes, images: torch.Tensor) -> torch.Tensor:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(graph, options)
    return torch.from_numpy(session.run(None, {"image": images.numpy()})[0])


def test_eight_bits_with_learned_roundings_have_a_qdq_form() -> None:
    images = pictures(4)
    config = replace(BRIEF, bits=bits(8), per_head=False, reconstruction=Reconstruction(0))
    model = quantize(tiny_vit(), config, images)
    nearest = model(images).detach()
    generator = torch.Generator().manual_seed(0)
    for module in model.modules():
        if isinstance(module, AdaRound):
            module.up = torch.rand(module.up.shape, generator=generator) > 0.5
    wanted = model(images).detach()
    found = run(to_qdq(model, images), images)
    # The codes written are those that were chosen.
    assert signal_to_noise(wanted, found) > signal_to_noise(wanted, nearest) + 10


def test_four_bits_export_with_substitutes() -> None:
    images = pictures(4)
    model = tiny_vit()
    found = quantize(model, replace(BRIEF, per_head=False), images)
    with pytest.raises(NoQDQFormError, match=r"blocks.0.attn.context.left_quantizer.*Adaptive"):
        to_qdq(found, images)
    per_head = quantize(model, BRIEF, images)
    with pytest.raises(NoQDQFormError, match=r"blocks.0.attn.scores.left_quantizer"):
        to_qdq(per_head, images)
    wanted = model(images).detach()
    simulated = signal_to_noise(wanted, found(images).detach())
    # Eight bits behind softmax and GELU: the shift in the bias is still right.
    assert signal_to_noise(wanted, run(to_qdq(found, images, substitute=True), images)) > (
        simulated - 1
    )
