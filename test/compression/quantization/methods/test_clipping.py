# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Clipped ranges of channels: card 48, "How to verify"."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch")

from test.compression.quantization.tiny import pictures, tiny_swin, tiny_vit  # noqa: E402
from vit_perception.compression.quantization.methods.clipping import (  # noqa: E402
    best_clip,
    clipped,
)
from vit_perception.compression.quantization.methods.repq import (  # noqa: E402
    RepQ,
    ranged,
    repq,
)
from vit_perception.compression.quantization.simulation.capture import (  # noqa: E402
    Record,
    record,
)
from vit_perception.compression.quantization.simulation.layers import (  # noqa: E402
    Place,
    QuantizedLinear,
    Source,
    layers_of,
    set_quantized,
)
from vit_perception.compression.quantization.simulation.observers import (  # noqa: E402
    LAST,
    OUT_CHANNEL,
    Range,
    minmax,
)
from vit_perception.compression.quantization.simulation.reparameterised import (  # noqa: E402
    channel_scales,
    reparameterise,
)
from vit_perception.compression.quantization.simulation.search import output_error  # noqa: E402
from vit_perception.compression.quantization.simulation.wrapped import wrap  # noqa: E402

pytestmark = pytest.mark.torch

PERCENTS = (100, 99.5, 99, 98, 95)


def weights(weight: torch.Tensor) -> object:
    return ranged(weight, 4, RepQ(), OUT_CHANNEL)


def behind_a_norm(outliers: int) -> tuple[torch.nn.LayerNorm, QuantizedLinear, torch.Tensor]:
    """Returns a norm, a layer and tokens [2000, 48], some of which are large in one channel."""
    torch.manual_seed(0)
    norm, layer = torch.nn.LayerNorm(48), QuantizedLinear(torch.nn.Linear(48, 60))
    layer.place = Place("layer", "fc1", 0, (Source("layer_norm", "norm", ("layer",)),))
    tokens = torch.randn(2000, 48)
    tokens[:, 5] *= 0.05
    tokens[:outliers, 5] = 100
    with torch.no_grad():
        norm.weight[5] = 5
    return norm, layer, tokens


def test_ends_stay_within_percentiles_over_channels() -> None:
    low = -torch.linspace(1, 101, 101).reshape(1, 1, 101)
    high = torch.linspace(2, 202, 101).reshape(1, 1, 101)
    least, most = clipped((low, high), 98)
    torch.testing.assert_close(most, high.clamp(max=198))
    torch.testing.assert_close(least, low.clamp(min=-99))
    for ends in zip(clipped((low, high), 100), (low, high), strict=True):
        assert torch.equal(*ends)


def test_a_channel_beyond_all_others_keeps_an_order_of_its_ends() -> None:
    low = torch.tensor([-1.0] * 99 + [50.0])
    high = torch.tensor([1.0] * 99 + [60.0])
    least, most = clipped((low, high), 95)
    assert bool((least <= most).all())
    assert (float(least[-1]), float(most[-1])) == (50, 50)


@pytest.mark.parametrize("network", [tiny_vit, tiny_swin])
def test_the_largest_percentile_is_repq_to_the_bit(network: object) -> None:
    images, config = pictures(4), RepQ()
    plain, other = wrap(network(), images[:1]), wrap(network(), images[:1])
    repq(plain, config, [images])
    seen = []

    def clip(layer: QuantizedLinear, norm: object, found: Record, ranges: Range) -> Range:
        seen.append(layer.place.name)
        return best_clip(layer, norm, found, ranges, 4, weights, (100,))

    repq(other, config, [images], clip)
    assert len(seen) == (4 if network is tiny_vit else 9)
    wanted = plain.state_dict()
    assert set(other.state_dict()) == set(wanted)
    assert all(torch.equal(value, wanted[key]) for key, value in other.state_dict().items())
    set_quantized(plain), set_quantized(other)
    with torch.no_grad():
        assert torch.equal(plain(images), other(images))


@torch.no_grad()
def applied(layer: QuantizedLinear, norm: object, x: torch.Tensor, found: Range) -> float:
    """Returns the error of the layer's output, with the norm run anew."""
    layer, norm = copy.deepcopy(layer), copy.deepcopy(norm)
    wanted = layer(norm(x))
    scale, zero_point = channel_scales(found, 4)
    layer.input_quantizer = reparameterise(layer, norm, scale, zero_point, 4)
    layer.weight_quantizer = weights(layer.weight)
    return float(output_error(layer, Record((norm(x),), wanted)))


@pytest.mark.parametrize("outliers", [0, 3])
def test_clipping_never_increases_the_error_that_it_searches(outliers: int) -> None:
    norm, layer, tokens = behind_a_norm(outliers)
    with torch.no_grad():
        x = norm(tokens)
        seen = Record((x,), layer(x))
    ranges = minmax(x, LAST)
    best = best_clip(layer, norm, seen, ranges, 4, weights, PERCENTS)
    errors = [applied(layer, norm, tokens, clipped(ranges, each)) for each in PERCENTS]
    found = applied(layer, norm, tokens, best)
    assert found == pytest.approx(min(errors), rel=1e-3)
    assert found <= errors[0] * (1 + 1e-6)
    # A channel with outliers would spoil the scales of the weight.
    assert (found < 0.9 * errors[0]) == (outliers > 0)


def test_in_a_network_the_error_behind_each_norm_does_not_increase() -> None:
    images = pictures(4)
    model = wrap(tiny_vit(), images[:1])
    layers = [x for x in layers_of(model) if x.place.role in ("qkv", "fc1")]
    for layer in layers:
        norm = model.get_submodule(layer.place.source.module)
        tokens = []
        handle = norm.register_forward_pre_hook(lambda _, x, kept=tokens: kept.append(x[0]))
        seen = record(model, [layer], [images])[layer.place.name]
        handle.remove()
        ranges = minmax(seen.inputs[0], LAST)
        best = best_clip(layer, norm, seen, ranges, 4, weights, PERCENTS)
        plain = applied(layer, norm, tokens[0], ranges)
        assert applied(layer, norm, tokens[0], best) <= plain * (1 + 1e-6)


def test_no_percentile_is_told() -> None:
    images = pictures(1)
    model = wrap(tiny_vit(), images)
    layer = layers_of(model)[1]
    seen = record(model, [layer], [images])[layer.place.name]
    with pytest.raises(ValueError, match="expected at least one percentile"):
        best_clip(layer, model.blocks[0].norm1, seen, minmax(seen.inputs[0], LAST), 4, weights, ())
