# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""RepQ: exact in float, and one code for all channels."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from test.compression.quantization.tiny import (  # noqa: E402
    of_timm,
    pictures,
    tiny_swin,
    tiny_vit,
)
from vit_perception.compression.quantization.methods.presets import PRESETS  # noqa: E402
from vit_perception.compression.quantization.methods.quantize import quantize  # noqa: E402
from vit_perception.compression.quantization.methods.repq import RepQ, repq  # noqa: E402
from vit_perception.compression.quantization.simulation.bits import Bits  # noqa: E402
from vit_perception.compression.quantization.simulation.capture import record  # noqa: E402
from vit_perception.compression.quantization.simulation.layers import (  # noqa: E402
    QuantizedLinear,
    layers_of,
    set_quantized,
)
from vit_perception.compression.quantization.simulation.observers import (  # noqa: E402
    LAST,
    minmax,
)
from vit_perception.compression.quantization.simulation.quantizers import (  # noqa: E402
    Logarithm,
    Uniform,
    signal_to_noise,
)
from vit_perception.compression.quantization.simulation.reparameterised import (  # noqa: E402
    channel_scales,
    norm_of,
    reparameterise,
)
from vit_perception.compression.quantization.simulation.search import output_error  # noqa: E402
from vit_perception.compression.quantization.simulation.wrapped import wrap  # noqa: E402

pytestmark = pytest.mark.torch


def spread(model: torch.nn.Module) -> torch.nn.Module:
    """Gives the channels behind each LayerNorm scales and offsets that differ widely."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.LayerNorm):
                module.weight.copy_(
                    torch.exp(torch.randn(module.weight.shape, generator=generator))
                )
                module.bias.copy_(torch.randn(module.bias.shape, generator=generator))
    return model


def compensated(vit: torch.nn.Module) -> torch.nn.Module:
    """Spreads channels, and has the weights behind undo it, as training does."""
    norms = [norm for block in vit.blocks for norm in (block.norm1, block.norm2)]
    layers = [layer for block in vit.blocks for layer in (block.attn.qkv, block.mlp.fc1)]
    before = [norm.weight.detach().clone() for norm in norms]
    spread(vit)
    with torch.no_grad():
        for norm, layer, gain in zip(norms, layers, before, strict=True):
            layer.weight *= gain / norm.weight
    return vit


@pytest.mark.parametrize("name", ["vit", "swin"])
@pytest.mark.parametrize("bits", [4, 8])
def test_float_stays_and_codes_are_those_of_the_channels(name: str, bits: int) -> None:
    images = pictures(4)
    model = wrap(spread(tiny_vit() if name == "vit" else tiny_swin()), images[:1])
    layers = [x for x in layers_of(model) if x.place.role in ("qkv", "fc1", "reduction")]
    assert len(layers) == {"vit": 4, "swin": 9}[name]
    before = record(model, layers, [images])
    with torch.no_grad():
        logits = model(images)
    old, new = {}, {}
    for layer in layers:
        norm = norm_of(model, layer)
        assert norm is not None and isinstance(layer, QuantizedLinear)
        values = before[layer.place.name].inputs[0]
        scale, zero = channel_scales(minmax(values, LAST), bits)
        old[layer.place.name] = values / scale + zero
        new[layer.place.name] = reparameterise(layer, norm, scale, zero, bits)
    after = record(model, layers, [images])
    with torch.no_grad():
        torch.testing.assert_close(
            model(images), logits, rtol=0, atol=1e-5 * float(logits.abs().max())
        )
    for key, quantizer in new.items():
        wanted, found = before[key].output, after[key].output
        assert float((wanted - found).abs().max() / wanted.abs().max()) < 1e-5
        assert quantizer.scale.numel() == quantizer.zero_point.numel() == 1
        assert float(quantizer.zero_point) == round(float(quantizer.zero_point))
        codes = quantizer.codes(after[key].inputs[0])
        channel_codes = old[key].round().clamp(0, 2**bits - 1)
        # A value in the middle between two codes falls to either by round-off.
        tie = ((old[key] - old[key].floor()) - 0.5).abs() < 1e-3
        assert float(tie.float().mean()) < 0.01
        assert torch.equal(codes[~tie], channel_codes[~tie])
        assert float((codes - channel_codes).abs().max()) <= 1


def test_a_constant_channel_and_a_missing_bias() -> None:
    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.qkv = torch.nn.LayerNorm(6), torch.nn.Linear(6, 5, bias=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.qkv(self.norm(x.flatten(2).transpose(1, 2).repeat(1, 1, 2)))

    torch.manual_seed(0)
    net = Net()
    with torch.no_grad():
        net.norm.weight[2], net.norm.bias[2] = 0, 5
        net.norm.weight[3], net.norm.bias[3] = 0, 0
    images = pictures(2, 8)
    wanted = net(images).detach()
    model = wrap(net, images)
    (layer,) = layers_of(model)
    assert isinstance(layer, QuantizedLinear)
    repq(model, RepQ(Bits(8, 8, 8, 8, 8)), [images])
    layer.quantized = False
    torch.testing.assert_close(model(images), wanted, rtol=0, atol=1e-5)
    assert layer.inner.bias is not None
    layer.quantized = True
    assert signal_to_noise(wanted, model(images)) > 30


def test_a_norm_that_others_read_is_left() -> None:
    model = wrap(tiny_vit(), pictures(1))
    layers = {x.place.name: x for x in layers_of(model)}
    assert norm_of(model, layers["blocks.0.attn.qkv"]) is model.get_submodule("blocks.0.norm1")
    assert norm_of(model, layers["blocks.0.attn.proj"]) is None
    assert norm_of(model, layers["blocks.0.attn.context"]) is None
    from dataclasses import replace

    qkv = layers["blocks.0.attn.qkv"]
    shared = replace(qkv.place.source, readers=(qkv.place.name, "elsewhere"))
    qkv.place = replace(qkv.place, sources=(shared,))
    assert norm_of(model, qkv) is None


def test_the_preset_puts_what_the_paper_says() -> None:
    config = PRESETS["repq-w4a4"]
    model = quantize(spread(tiny_vit()), config, pictures(8))
    for layer in layers_of(model):
        quantizers = [getattr(layer, name) for name in layer.OPERANDS]
        if layer.place.role == "context":
            probabilities = quantizers.pop(0)
            assert isinstance(probabilities, Logarithm)
            assert (probabilities.bits, probabilities.steps) == (4, 2)
        for quantizer in quantizers:
            assert isinstance(quantizer, Uniform) and not quantizer.signed
            assert quantizer.bits == (8 if layer.place.role == "patch_embed" else 4)
            assert quantizer.scale.numel() == 1
        if isinstance(layer, QuantizedLinear):
            assert layer.weight_quantizer.bits == 4
            assert layer.weight_quantizer.scale.shape == (layer.inner.out_features, 1)
    # In float, the network is still the one given.
    set_quantized(model, False)
    images = pictures(2, seed=9)
    with torch.no_grad():
        torch.testing.assert_close(model(images), spread(tiny_vit())(images), rtol=0, atol=1e-5)


@pytest.mark.parametrize("sequential", [True, False])
def test_outputs_behind_norms_are_better_where_channels_differ(sequential: bool) -> None:
    images = pictures(8, seed=1)
    ratios: dict[bool, list[float]] = {}
    for reparameterised in (False, True):
        config = RepQ(reparameterised=reparameterised, sequential=sequential)
        model = quantize(compensated(tiny_vit()), config, pictures(8))
        set_quantized(model, False)
        layers = [x for x in layers_of(model) if x.place.role in ("qkv", "fc1")]
        found = record(model, layers, [images])
        ratios[reparameterised] = []
        for layer in layers:
            error = output_error(layer, found[layer.place.name])
            signal = found[layer.place.name].output.double().square().sum()
            ratios[reparameterised].append(10 * math.log10(float(signal / error)))
    for plain, better in zip(ratios[False], ratios[True], strict=True):
        assert better > plain + 10


@pytest.mark.parametrize("name", ["swin", "mobilevit_xxs"])
def test_sixteen_bits_compute_as_float_does(name: str) -> None:
    side = {"swin": 32, "mobilevit_xxs": 64}[name]
    model = tiny_swin() if name == "swin" else of_timm(name)
    config = RepQ(Bits(16, 16, 16, 16, 16), (1.0,), logarithm=0, sequential=False)
    images = pictures(2, side)
    with torch.no_grad():
        assert signal_to_noise(model(images), quantize(model, config, images)(images)) > 60
