# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Vectors added to inputs and taken back by biases."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from test.compression.quantization.alone import (  # noqa: E402
    noise,
)
from test.compression.quantization.tiny import pictures, tiny_vit  # noqa: E402

# isort: split
from timm.models.swin_transformer import SwinTransformer  # noqa: E402

from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.compression.quantization.simulation.added import (  # noqa: E402
    add_vector,
    fold_added,
    is_pointwise,
)
from vit_perception.compression.quantization.simulation.capture import (  # noqa: E402
    record,
)
from vit_perception.compression.quantization.simulation.layers import (  # noqa: E402
    QuantizedConv2d,
    QuantizedLinear,
    WeightedLayer,
    layers_of,
    set_quantized,
)
from vit_perception.compression.quantization.simulation.observers import (  # noqa: E402
    OUT_CHANNEL,
    minmax,
)
from vit_perception.compression.quantization.simulation.quantizers import (  # noqa: E402
    Uniform,
    unit_range,
)
from vit_perception.compression.quantization.simulation.wrapped import wrap  # noqa: E402

pytestmark = pytest.mark.torch


def pointwise(kind: str, bias: bool) -> tuple[WeightedLayer, torch.Tensor]:
    torch.manual_seed(0)
    if kind == "linear":
        layer = QuantizedLinear(torch.nn.Linear(48, 20, bias=bias))
        return layer.requires_grad_(False), noise(4, 9, 48)
    layer = QuantizedConv2d(torch.nn.Conv2d(48, 20, 1, stride=2, bias=bias))
    return layer.requires_grad_(False), noise(4, 48, 6, 6)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", ["linear", "convolution"])
def test_without_quantizers_of_the_input_nothing_changes(kind: str, bias: bool) -> None:
    layer, x = pointwise(kind, bias)
    layer.weight_quantizer = Uniform.from_range(
        *minmax(layer.weight, OUT_CHANNEL), 3, symmetric=True
    )
    plain = layer(x)
    layer.quantized = True
    wanted = layer(x)
    add_vector(layer, 5 * noise(48, seed=1))
    assert float((layer(x) - wanted).abs().max() / wanted.abs().max()) < 1e-4
    layer.quantized = False
    assert torch.equal(layer(x), plain)


@pytest.mark.parametrize("kind", ["linear", "convolution"])
def test_the_vector_is_quantized_with_the_input(kind: str) -> None:
    layer, x = pointwise(kind, True)
    layer.input_quantizer = Uniform.from_range(*minmax(x), 4)
    vector = noise(48, seed=1)
    add_vector(layer, vector)
    channels = vector if kind == "linear" else vector.reshape(-1, 1, 1)
    layer.quantized = True
    wanted = layer.inner(layer.input_quantizer(x + channels) - channels)
    torch.testing.assert_close(layer(x), wanted, rtol=1e-4, atol=1e-4)


def test_layers_that_are_not_linear_in_each_position() -> None:
    kinds = {
        True: [torch.nn.Conv2d(4, 4, 1), torch.nn.Conv2d(4, 4, 1, stride=2)],
        False: [
            torch.nn.Conv2d(4, 4, 3),
            torch.nn.Conv2d(4, 4, 1, padding=1),
            torch.nn.Conv2d(4, 4, 1, groups=2),
        ],
    }
    for wanted, convolutions in kinds.items():
        assert all(is_pointwise(QuantizedConv2d(each)) == wanted for each in convolutions)
    assert is_pointwise(QuantizedLinear(torch.nn.Linear(4, 4)))


# Folds


def noisy(model: torch.nn.Module, images: torch.Tensor, role: str) -> QuantizedLinear:
    """Gives the first layer of a role a quantizer and a vector; returns it."""
    layer = next(x for x in layers_of(model) if x.place.role == role)
    assert isinstance(layer, QuantizedLinear)
    x = record(model, [layer], [images])[layer.place.name].inputs[0]
    layer.input_quantizer = Uniform.from_range(*minmax(x), 6)
    layer.weight_quantizer = Uniform.from_range(
        *minmax(layer.weight, OUT_CHANNEL), 4, symmetric=True
    )
    add_vector(layer, layer.input_quantizer.scale * noise(x.shape[-1], seed=1))
    return layer


def codes_of(model: torch.nn.Module, layer: QuantizedLinear, images: torch.Tensor) -> torch.Tensor:
    x = record(model, [layer], [images])[layer.place.name].inputs[0]
    return layer.input_quantizer.codes(x if layer.added is None else x + layer.added)


@pytest.mark.parametrize("role", ["qkv", "fc1", "proj"])
def test_a_fold_leaves_the_codes_and_all_results(role: str) -> None:
    images = pictures(4)
    model = wrap(tiny_vit(), images[:1])
    layer = noisy(model, images, role)
    plain = model(images)
    codes = codes_of(model, layer, images)
    layer.quantized = True
    quantized = model(images)
    source = model.blocks[0].attn.qkv.inner if role == "proj" else None
    source = source or model.get_submodule(layer.place.source.module)
    before = source.bias.clone()
    assert fold_added(model, layer, images)
    assert layer.added is None
    assert not torch.equal(source.bias, before)
    torch.testing.assert_close(model(images), plain, rtol=1e-5, atol=1e-5)
    # Sums over tokens are in another order where the vector goes through the product.
    differing = (codes_of(model, layer, images) != codes).float().mean()
    assert float(differing) <= (1e-4 if role == "proj" else 0)
    layer.quantized = True
    torch.testing.assert_close(model(images), quantized, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("quantized", ["left_quantizer", "right_quantizer"])
def test_v_takes_no_vector_where_the_product_is_quantized(quantized: str) -> None:
    images = pictures(2)
    model = wrap(tiny_vit(), images[:1])
    layer = noisy(model, images, "proj")
    context = model.blocks[0].attn.context
    setattr(context, quantized, unit_range(8))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    assert not fold_added(model, layer, images)
    after = model.state_dict()
    assert all(torch.equal(value, after[key]) for key, value in before.items())
    assert layer.added is not None


def test_gelu_takes_no_vector() -> None:
    images = pictures(2)
    model = wrap(tiny_vit(), images[:1])
    layer = noisy(model, images, "fc2")
    assert not fold_added(model, layer, images)
    assert layer.added is not None


@pytest.mark.parametrize(("window", "exact"), [(4, True), (5, False)])
def test_a_fold_before_padding_is_undone(window: int, exact: bool) -> None:
    """Padded tokens are zeros behind the norm, so they would miss the vector."""
    torch.manual_seed(0)
    swin = SwinTransformer(
        img_size=24, patch_size=2, embed_dim=24, depths=(2,), num_heads=(2,), window_size=window
    )
    images = pictures(2, 24)
    model = wrap(randomise(swin, 0), images[:1])
    layer = noisy(model, images, "qkv")
    plain = model(images)
    layer.quantized = True
    quantized = model(images)
    assert fold_added(model, layer, images) == exact
    assert (layer.added is None) == exact
    torch.testing.assert_close(model(images), plain, rtol=1e-5, atol=1e-5)
    layer.quantized = True
    torch.testing.assert_close(model(images), quantized, rtol=1e-5, atol=1e-5)
    set_quantized(model, False)
