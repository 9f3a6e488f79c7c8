# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Learned roundings and scales bring blocks nearer to what they compute in float."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402

from test.compression.quantization.tiny import pictures, tiny_swin, tiny_vit  # noqa: E402
from vit_perception.compression.quantization.methods.uniform import (  # noqa: E402
    UniformPTQ,
    uniform,
)
from vit_perception.compression.quantization.simulation.adaptive_logarithm import (  # noqa: E402
    AdaptiveLogarithm,
)
from vit_perception.compression.quantization.simulation.adaround import AdaRound  # noqa: E402
from vit_perception.compression.quantization.simulation.bits import Bits  # noqa: E402
from vit_perception.compression.quantization.simulation.layers import (  # noqa: E402
    WeightedLayer,
    layers_of,
    set_quantized,
)
from vit_perception.compression.quantization.simulation.observers import (  # noqa: E402
    OUT_CHANNEL,
    minmax,
)
from vit_perception.compression.quantization.simulation.quantizers import Uniform  # noqa: E402
from vit_perception.compression.quantization.simulation.reconstruction import (  # noqa: E402
    Reconstruction,
    reconstruct,
    units,
)
from vit_perception.compression.quantization.simulation.wrapped import wrap  # noqa: E402

pytestmark = pytest.mark.torch

SHORT = Reconstruction(50, 8, 0.1, 1e-4, regularisation=1e-5)


def weight(seed: int = 0) -> torch.Tensor:
    return torch.randn(12, 30, generator=torch.Generator().manual_seed(seed))


def rounding(values: torch.Tensor, bits: int = 3) -> tuple[Uniform, AdaRound]:
    plain = Uniform.from_range(*minmax(values, OUT_CHANNEL), bits)
    return plain, AdaRound(plain, values)


# Rounding


def test_a_rounding_begins_with_the_weight_itself_and_settles_to_the_nearest() -> None:
    values = weight()
    plain, learned = rounding(values)
    inside = (values / plain.scale).floor() + plain.zero_point
    inside = (inside >= 0) & (inside < 7)
    with torch.no_grad():
        torch.testing.assert_close(learned(values)[inside], values[inside], rtol=0, atol=1e-5)
        share = torch.remainder(values / plain.scale, 1)
        torch.testing.assert_close(learned.raised(), share, rtol=0, atol=1e-5)
    learned.settle()
    assert learned.logits is None
    assert torch.equal(learned(values), plain(values))
    assert torch.equal(learned.codes(values), plain.codes(values))
    assert learned.exportable


def test_a_rounding_learns_which_way_lowers_the_output_error() -> None:
    values = weight()
    x = torch.randn(200, 30, generator=torch.Generator().manual_seed(1)).cumsum(1)
    plain, learned = rounding(values, 4)
    wanted = x @ values.T
    logits = learned.logits
    assert logits is not None
    optimizer = torch.optim.Adam([logits], 0.05)
    for step in range(300):
        loss = (x @ learned(values).T - wanted).square().mean()
        if step > 60:
            undecided = 1 - (2 * learned.raised() - 1).abs().pow(20 - 18 * (step - 60) / 240)
            loss = loss + 100 * undecided.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    learned.settle()
    error = [float((x @ each(values).T - wanted).square().mean()) for each in (plain, learned)]
    assert error[1] < 0.2 * error[0]
    # Every code is one of the two neighbours.
    steps = values / plain.scale + plain.zero_point
    codes = learned.codes(values)
    assert torch.equal(codes, codes.round())
    low, high = steps.floor().clamp(0, 15), (steps.floor() + 1).clamp(0, 15)
    assert bool(((codes == low) | (codes == high)).all())
    again = copy.deepcopy(learned)
    assert torch.equal(again(values), learned(values))


# Blocks


def quantized(model: torch.nn.Module, images: torch.Tensor) -> torch.nn.Module:
    """Returns a wrapped network with plain quantizers of four bits, and logarithms for softmax."""
    made = wrap(model, images[:1])
    uniform(made, UniformPTQ(Bits(4, 4, 4, 4, 8)), [images])
    for layer in layers_of(made):
        if layer.place.role == "context":
            layer.left_quantizer = AdaptiveLogarithm(4, 14)
    return made


def seen(
    model: torch.nn.Module, unit: torch.nn.Module, images: torch.Tensor
) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []
    handle = unit.register_forward_hook(lambda module, args, out: found.extend([args[0], out]))
    with torch.no_grad():
        model(images)
    handle.remove()
    return found


def kinds(model: torch.nn.Module) -> list[str]:
    return [type(each).__name__ for each in units(model)]


def test_units_are_blocks_in_order_and_what_is_outside() -> None:
    vit, swin = wrap(tiny_vit(), pictures(1)), wrap(tiny_swin(), pictures(1))
    assert kinds(vit) == ["PatchEmbed", "Block", "Block", "QuantizedLinear"]
    block = "SwinTransformerBlock"
    wanted = ["PatchEmbed", block, block, "PatchMerging", block, block, "QuantizedLinear"]
    assert kinds(swin) == wanted
    assert units(swin)[-1].place.role == "head"


@pytest.mark.parametrize("name", ["vit", "swin"])
def test_every_unit_comes_nearer_to_its_float_output(name: str) -> None:
    images = pictures(8)
    model = quantized(tiny_vit() if name == "vit" else tiny_swin(), images)
    values = {key: each.clone() for key, each in model.state_dict().items() if ".inner." in key}

    def errors() -> list[float]:
        set_quantized(model, False)
        found = []
        for unit in units(model):
            x, wanted = seen(model, unit, images)
            set_quantized(unit, True)
            with torch.no_grad():
                result = unit(x)
            set_quantized(unit, False)
            if unit is units(model)[-1]:
                log = F.log_softmax(result, -1)
                found.append(float(F.kl_div(log, wanted.softmax(-1), reduction="batchmean")))
            else:
                found.append(float((result - wanted).square().mean()))
        return found

    before = errors()
    reconstruct(model, images.split(4), SHORT)
    after = errors()
    assert all(new < old for new, old in zip(after, before, strict=True)), (before, after)
    assert sum(after[:-1]) < 0.9 * sum(before[:-1])
    # Float weights stay; what was learned is settled.
    kept = model.state_dict()
    assert values and all(torch.equal(kept[key], each) for key, each in values.items())
    for layer in layers_of(model):
        assert not layer.quantized
        if isinstance(layer, WeightedLayer):
            assert isinstance(layer.weight_quantizer, AdaRound)
            assert layer.weight_quantizer.logits is None
    for module in model.modules():
        if isinstance(module, (Uniform, AdaptiveLogarithm)):
            assert not module.scale.requires_grad and float(module.scale.min()) > 0
        if isinstance(module, AdaptiveLogarithm):
            assert module.tabled


def test_scales_stay_without_a_rate_and_a_seed_gives_one_result() -> None:
    images = pictures(4)
    results = []
    for seed in (5, 5, 6):
        model = quantized(tiny_vit(), images)
        wanted = [each.scale.clone() for each in model.modules() if isinstance(each, Uniform)]
        config = Reconstruction(10, batch=2, rounding_rate=0.1, scale_rate=0, seed=seed)
        reconstruct(model, [images], config)
        scales = [each.scale for each in model.modules() if isinstance(each, Uniform)]
        assert all(torch.equal(a, b) for a, b in zip(scales, wanted, strict=True))
        set_quantized(model)
        with torch.no_grad():
            results.append(model(images))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_a_block_of_two_inputs_is_told() -> None:
    class Pair(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.blocks = tiny_vit().blocks[:1]
            self.embed = torch.nn.Linear(3, 48)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            tokens = self.embed(x.flatten(2).transpose(1, 2))
            return self.blocks[0](tokens, attn_mask=torch.ones(16, 16, dtype=torch.bool))

    images = pictures(2, 4)
    model = wrap(Pair(), images)
    uniform(model, UniformPTQ(), [images])
    with pytest.raises(
        ValueError, match="Block: expected one tensor to reconstruct from, found 2"
    ):
        reconstruct(model, [images], SHORT)
