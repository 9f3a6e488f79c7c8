# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The verb, and plain post-training quantization."""

from __future__ import annotations

import copy
import pickle

import pytest

torch = pytest.importorskip("torch")

from test.compression.quantization.tiny import (  # noqa: E402
    of_timm,
    pictures,
    tiny_swin,
    tiny_vit,
)
from vit_perception.compression.quantization.methods.quantize import quantize  # noqa: E402
from vit_perception.compression.quantization.methods.uniform import UniformPTQ  # noqa: E402
from vit_perception.compression.quantization.simulation.bits import Bits  # noqa: E402
from vit_perception.compression.quantization.simulation.capture import record  # noqa: E402
from vit_perception.compression.quantization.simulation.layers import (  # noqa: E402
    layers_of,
    set_quantized,
)
from vit_perception.compression.quantization.simulation.quantizers import (  # noqa: E402
    signal_to_noise,
)

pytestmark = pytest.mark.torch

SIXTEEN = Bits(16, 16, 16, 16, 16, 16)
FOUR = Bits(4, 4, 4, 4, 8, 4)


def ratio(model: torch.nn.Module, config: object, side: int = 32) -> float:
    """Returns the signal-to-noise ratio of the logits in decibels."""
    quantized = quantize(model, config, pictures(8, side))
    images = pictures(8, side, seed=1)
    with torch.no_grad():
        return signal_to_noise(model(images), quantized(images))


@pytest.mark.parametrize("name", ["vit", "swin", "mobilevit_xxs"])
def test_sixteen_bits_compute_as_float_does(name: str) -> None:
    networks = {"vit": tiny_vit, "swin": tiny_swin}
    model = networks[name]() if name in networks else of_timm(name)
    # Only weights lose their least codes to a fixed range; images outside calibration clip.
    assert ratio(model, UniformPTQ(SIXTEEN), 32 if name in networks else 64) > 40


def test_more_bits_are_better() -> None:
    found = [ratio(tiny_vit(), UniformPTQ(Bits(b, b, b, b, b, b))) for b in (3, 4, 6, 8)]
    assert found == sorted(found)
    assert found[-1] > 20


@pytest.mark.parametrize("ranges", ["minmax", "percentile", "mse", "output_mse", "hessian"])
def test_every_way_to_find_ranges(ranges: str) -> None:
    config = UniformPTQ(FOUR, ranges=ranges, count=10, rounds=1, low=0.5)
    model = quantize(tiny_vit(), config, pictures(8))
    layers = layers_of(model)
    assert all(layer.quantized for layer in layers)
    by_name = {layer.place.name: layer for layer in layers}
    context = by_name["blocks.0.attn.context"]
    assert float(context.left_quantizer.scale) == pytest.approx(1 / 15)
    assert by_name["patch_embed.proj"].input_quantizer.bits == 8
    assert by_name["patch_embed.proj"].weight_quantizer.bits == 4
    assert by_name["head"].input_quantizer.bits == 4
    assert by_name["head"].weight_quantizer.scale.shape == (7, 1)


def test_output_search_beats_min_max_at_four_bits() -> None:
    plain = ratio(tiny_vit(), UniformPTQ(FOUR))
    searched = ratio(tiny_vit(), UniformPTQ(FOUR, ranges="output_mse", low=0.3, count=30))
    assert searched > plain + 0.5


def test_bias_correction_removes_the_mean_error_of_each_channel() -> None:
    images = pictures(8)
    errors = []
    for corrected in (False, True):
        config = UniformPTQ(FOUR, bias_correction=corrected)
        model = quantize(tiny_vit(), config, images)
        layers = [x for x in layers_of(model) if hasattr(x, "weight_quantizer")]
        set_quantized(model, False)
        found = record(model, layers, [images])
        set_quantized(model)
        means, squares = [], []
        for layer in layers:
            seen = found[layer.place.name]
            axis = 1 if layer.place.role == "patch_embed" else -1
            with torch.no_grad():
                error = (layer(*seen.inputs) - seen.output).movedim(axis, 0).flatten(1)
            means.append(float(error.mean(1).abs().max() / seen.output.abs().max()))
            squares.append(float(error.square().mean()))
        errors.append((means, squares))
    (means, squares), (corrected_means, corrected_squares) = errors
    assert max(corrected_means) < 1e-5
    assert max(means) > 1e-2
    assert all(new < old for new, old in zip(corrected_squares, squares, strict=True))


def test_the_network_given_stays_and_the_result_can_be_kept() -> None:
    model = tiny_vit()
    before = copy.deepcopy(model.state_dict())
    quantized = quantize(model, UniformPTQ(), pictures(4).split(2))
    after = model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[key], before[key]) for key in before)
    images = pictures(2, seed=3)
    with torch.no_grad():
        wanted = quantized(images)
        assert not torch.equal(wanted, model(images))
        again = pickle.loads(pickle.dumps(quantized))
        torch.testing.assert_close(again(images), wanted, rtol=0, atol=0)


def test_what_cannot_be_quantized_is_told() -> None:
    with pytest.raises(ValueError, match="config: expected one of .*UniformPTQ.*, found dict"):
        quantize(tiny_vit(), {}, pictures(1))
    for nothing in ([], torch.zeros(0, 3, 32, 32)):
        with pytest.raises(ValueError, match="at least one image, found none"):
            quantize(tiny_vit(), UniformPTQ(), nothing)
