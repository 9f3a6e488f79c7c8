# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Layers with quantizers, their records and the search of their scales."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from test.compression.quantization.alone import (  # noqa: E402
    noise,
    placed,
    seen,
)
from test.compression.quantization.tiny import (  # noqa: E402
    of_timm,
    pictures,
    tiny_swin,
    tiny_vit,
)
from vit_perception.compression.quantization.simulation.capture import (  # noqa: E402
    Record,
    batches,
    divergence,
    likelihood,
    outputs_of,
    record,
    records,
)
from vit_perception.compression.quantization.simulation.layers import (  # noqa: E402
    Layer,
    QuantizedConv2d,
    QuantizedLinear,
    QuantizedProduct,
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
    Logarithm,
    Uniform,
)
from vit_perception.compression.quantization.simulation.search import (  # noqa: E402
    multipliers,
    output_error,
    search,
)
from vit_perception.compression.quantization.simulation.wrapped import wrap  # noqa: E402

pytestmark = pytest.mark.torch


def symmetric(x: torch.Tensor, sharing: Sharing, bits: int = 4) -> Uniform:
    return Uniform.from_range(*minmax(x, sharing), bits, symmetric=True)


# Layers


def test_a_quantized_linear_layer_is_its_formula() -> None:
    torch.manual_seed(0)
    layer = QuantizedLinear(torch.nn.Linear(6, 5))
    x = noise(2, 7, 6)
    layer.input_quantizer = Uniform.from_range(*minmax(x), 4)
    layer.weight_quantizer = symmetric(layer.weight, Sharing(0, 5))
    layer.output_quantizer = symmetric(layer(x), TENSOR)
    layer.added = torch.linspace(-0.3, 0.3, 6)
    layer.correction = torch.linspace(0, 1, 5)
    plain = layer.inner(x)
    torch.testing.assert_close(layer(x), plain, rtol=0, atol=0)
    layer.quantized = True
    weight = layer.weight_quantizer(layer.weight)
    result = layer.input_quantizer(x + layer.added) @ weight.T
    wanted = layer.output_quantizer(result + layer.inner.bias + layer.correction)
    torch.testing.assert_close(layer(x), wanted)
    assert float((layer(x) - plain).detach().abs().max()) > 0.1


@torch.no_grad()
def test_a_depthwise_convolution_takes_a_scale_for_each_channel() -> None:
    torch.manual_seed(0)
    layer = QuantizedConv2d(torch.nn.Conv2d(8, 8, 3, padding=1, groups=8))
    x = noise(2, 8, 6, 6) * torch.logspace(0, 3, 8)[:, None, None]
    x[:, 3] = 0
    layer.input_quantizer = symmetric(x, IN_CHANNEL, 8)
    layer.quantized = True
    found = layer(x)
    torch.testing.assert_close(found[:, 3], layer.inner.bias[3].expand(2, 6, 6))
    for channel in (0, 1, 2, 4, 5, 6, 7):
        wanted = layer.inner(x)[:, channel]
        assert float((found[:, channel] - wanted).norm() / wanted.norm()) < 0.02


def test_a_product_takes_any_quantizer_for_each_operand() -> None:
    product = QuantizedProduct("context")
    left, right = noise(2, 3, 5, 5).softmax(-1), noise(2, 3, 5, 4)
    product.left_quantizer, product.right_quantizer = Logarithm(4), symmetric(right, HEAD, 3)
    torch.testing.assert_close(product(left, right), left @ right, rtol=0, atol=0)
    product.quantized = True
    wanted = product.left_quantizer(left) @ product.right_quantizer(right)
    torch.testing.assert_close(product(left, right), wanted, rtol=0, atol=0)


# Records


@pytest.mark.parametrize("name", ["swin", "mobilevit_xxs"])
def test_records_are_what_the_layers_see_at_any_batch_size(name: str) -> None:
    # MobileViT's activations are in place, which must not change what was recorded.
    model = wrap(tiny_swin(), pictures(1)) if name == "swin" else wrap(of_timm(name), pictures(1))
    layers = layers_of(model)
    images = pictures(5)
    whole = record(model, layers, [images])
    assert list(whole) == [layer.place.name for layer in layers]
    for layer, found in records(model, layers, images.split(2), at_once=7):
        wanted = whole[layer.place.name]
        torch.testing.assert_close(found.output, wanted.output, rtol=1e-4, atol=1e-5)
        with torch.no_grad():
            torch.testing.assert_close(layer(*found.inputs), found.output, rtol=1e-4, atol=1e-5)


def test_activations_in_place_do_not_change_records() -> None:
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.SiLU(inplace=True))
    images = pictures(2, 8)
    wrapped = wrap(net, images)
    (layer,) = layers_of(wrapped)
    found = record(wrapped, [layer], [images])["0"]
    with torch.no_grad():
        torch.testing.assert_close(found.output, net[0](images))
    assert net[1].inplace  # that of the network given


def test_gradients_are_those_of_the_loss() -> None:
    model = wrap(tiny_vit(), pictures(1))
    images = pictures(4)
    head = layers_of(model)[-1]
    wanted = outputs_of(model, [images])
    found = record(model, [head], [images], loss=likelihood, targets=wanted)["head"]
    one_hot = torch.nn.functional.one_hot(found.output.argmax(-1), 7)
    assert found.gradient is not None
    torch.testing.assert_close(found.gradient, found.output.softmax(-1) - one_hot)
    fc1 = next(x for x in layers_of(model) if x.place.role == "fc1")
    split = record(model, [fc1], images.split(2), loss=likelihood, targets=wanted[0].split(2))[
        fc1.place.name
    ]
    assert split.gradient is not None and split.gradient.shape == split.output.shape
    assert float(split.gradient.abs().max()) > 1e-4


def test_divergence_from_itself_has_no_gradient_and_passes_quantized_layers() -> None:
    model = wrap(tiny_vit(), pictures(1))
    images = pictures(4)
    targets = outputs_of(model, [images])
    first, fc1 = layers_of(model)[0], layers_of(model)[5]
    options = {"loss": divergence, "targets": targets}
    before = record(model, [first], [images], **options)["patch_embed.proj"].gradient
    assert isinstance(fc1, QuantizedLinear)
    fc1.input_quantizer = symmetric(noise(100), TENSOR, 2)
    fc1.quantized = True
    after = record(model, [first], [images], **options)["patch_embed.proj"].gradient
    assert before is not None and after is not None
    assert float(after.norm()) > 100 * float(before.norm())


def test_images_come_in_batches() -> None:
    assert [len(x) for x in batches(pictures(5), 2)] == [2, 2, 1]
    assert [len(x) for x in batches([pictures(3), pictures(1)])] == [3, 1]


# Search


def test_the_error_of_a_gradient_of_ones_is_the_plain_one() -> None:
    torch.manual_seed(0)
    layer = placed(QuantizedLinear(torch.nn.Linear(6, 5)))
    x = noise(70, 6)
    plain = seen(layer, x)
    layer.input_quantizer = symmetric(x, TENSOR)
    ones = Record(plain.inputs, plain.output, torch.ones_like(plain.output))
    layer.quantized = True
    wanted = (layer(x) - plain.output).double().square().sum()
    layer.quantized = False
    torch.testing.assert_close(output_error(layer, plain), wanted, rtol=1e-5, atol=0)
    torch.testing.assert_close(output_error(layer, ones), wanted, rtol=1e-5, atol=0)
    torch.testing.assert_close(output_error(layer, plain, -1).sum(), wanted, rtol=1e-5, atol=0)
    assert not layer.quantized


def cases() -> dict[str, tuple[Layer, tuple[torch.Tensor, ...], dict[str, Sharing]]]:
    torch.manual_seed(0)
    heavy = noise(40, 12) ** 3
    maps = noise(4, 6, 5, 5) ** 3 * torch.logspace(0, 1, 6)[:, None, None]
    q, k = noise(4, 3, 9, 4) ** 3, noise(4, 3, 4, 9) ** 3
    linear = QuantizedLinear(torch.nn.Linear(12, 6))
    rows = QuantizedLinear(torch.nn.Linear(12, 6))
    depthwise = QuantizedConv2d(torch.nn.Conv2d(6, 6, 3, groups=6))
    by = {"input_quantizer": TENSOR, "weight_quantizer": OUT_CHANNEL}
    return {
        "linear": (linear, (heavy,), by),
        "rows": (rows, (heavy,), by | {"weight_quantizer": Sharing(0, 3)}),
        "depthwise": (depthwise, (maps,), by | {"input_quantizer": IN_CHANNEL}),
        "product": (
            QuantizedProduct("scores"),
            (q, k),
            {"left_quantizer": HEAD, "right_quantizer": HEAD},
        ),
    }


@pytest.mark.parametrize("name", ["linear", "rows", "depthwise", "product"])
def test_search_improves_on_min_max_and_keeps_groups(name: str) -> None:
    layer, inputs, sharing = cases()[name]
    placed(layer, name)
    found = seen(layer, *inputs)
    operands = dict(zip(layer.OPERANDS, inputs, strict=True))
    if "weight_quantizer" in sharing:
        operands["weight_quantizer"] = layer.weight
    for attribute, each in sharing.items():
        setattr(layer, attribute, symmetric(operands[attribute], each))
    initial = float(output_error(layer, found))
    final = float(search(layer, found, multipliers(0.2, 1.2, 20), rounds=2))
    assert final < 0.9 * initial
    assert final == pytest.approx(float(output_error(layer, found)))
    for attribute, each in sharing.items():
        scales = each.rows(getattr(layer, attribute).scale).reshape(-1)
        groups = each.groups or len(scales)
        assert len(scales.unique()) <= groups
    if name == "linear":
        assert len(layer.weight_quantizer.scale.unique()) == 6


def test_search_over_channels_is_as_good_as_each_alone() -> None:
    torch.manual_seed(0)
    layer = placed(QuantizedLinear(torch.nn.Linear(12, 6)))
    found = seen(layer, noise(40, 12) ** 3)
    layer.weight_quantizer = symmetric(layer.weight, OUT_CHANNEL)
    initial = layer.weight_quantizer.scale.clone()
    factors = multipliers(0.2, 1.2, 20)
    search(layer, found, factors, rounds=1)
    best = layer.weight_quantizer.scale.clone()
    for channel in range(6):
        errors = []
        for factor in factors:
            scale = initial.clone()
            scale[channel] *= factor
            layer.weight_quantizer.scale = scale
            errors.append(float(output_error(layer, found, -1)[channel]))
        at = errors.index(min(errors))
        assert float(best[channel]) == pytest.approx(float(initial[channel]) * factors[at])


def test_a_search_that_finds_nothing_better_changes_nothing() -> None:
    torch.manual_seed(0)
    layer = placed(QuantizedLinear(torch.nn.Linear(12, 6)))
    found = seen(layer, noise(40, 12))
    layer.weight_quantizer = symmetric(layer.weight, OUT_CHANNEL, 8)
    layer.input_quantizer = symmetric(found.inputs[0], TENSOR, 8)
    before = {key: value.clone() for key, value in layer.state_dict().items()}
    initial = float(output_error(layer, found))
    assert float(search(layer, found, [0.01, 50.0])) == initial
    assert all(torch.equal(before[key], value) for key, value in layer.state_dict().items())
