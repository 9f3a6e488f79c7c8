# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Reconstructs blocks: learned rounding and scales make each block's output the float one's."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from timm.layers import PatchEmbed
from timm.models.swin_transformer import PatchMerging, SwinTransformerBlock
from timm.models.vision_transformer import Block
from torch import Tensor, nn

from vit_perception.compression.quantization.simulation.adaptive_logarithm import (
    AdaptiveLogarithm,
)
from vit_perception.compression.quantization.simulation.adaround import AdaRound
from vit_perception.compression.quantization.simulation.capture import divergence
from vit_perception.compression.quantization.simulation.layers import (
    Layer,
    WeightedLayer,
    layers_of,
    set_quantized,
)
from vit_perception.compression.quantization.simulation.progressive import SMALLEST
from vit_perception.compression.quantization.simulation.quantizers import Logarithm, Uniform

BLOCKS = (PatchEmbed, Block, SwinTransformerBlock, PatchMerging)
"""Modules that are reconstructed as one; other layers each on their own."""


@dataclass(frozen=True)
class Reconstruction:
    """How blocks learn; the defaults are the paper's.

    Attributes:
        iterations: of Adam, for each block.
        batch: images in each.
        rounding_rate, scale_rate: learning rates of roundings and, falling to 0 as a cosine, of
            the scales of operands. 0 leaves the scales. With few iterations roundings need a
            higher rate: one that is still between 0 and 1 at the end falls to either side.
        regularisation: weight of Σ(1 − |2h − 1|^β), which drives h to 0 or 1.
        warm_up: part of the iterations without it, 0 to 1.
        sharpness: β at the end of that and at the last iteration; linear between.
        seed: of the choice of images.
    """

    iterations: int = 20_000
    batch: int = 32
    rounding_rate: float = 1e-3
    scale_rate: float = 4e-5
    regularisation: float = 0.01
    warm_up: float = 0.2
    sharpness: tuple[float, float] = (20, 2)
    seed: int = 5


def reconstruct(model: nn.Module, images: Sequence[Tensor], config: Reconstruction) -> None:
    """Gives weights learned roundings, and operands learned scales, in place.

    The target of a block is its float output of its float input, as in AdaLog's official code:
    the blocks before it are not quantized. A head's target is the distribution of classes, by KL
    divergence. Weights and biases themselves stay.

    Args:
        model: a wrapped network whose layers have quantizers; computes in float afterwards.
        images: batches, float [B, 3, H, W].
        config: how.
    """
    set_quantized(model, False)
    generator = torch.Generator().manual_seed(config.seed)
    for unit in units(model):
        x, wanted = _seen(model, unit, images)
        _learn(unit, x, wanted, config, generator)


def units(model: nn.Module) -> list[nn.Module]:
    """Returns the outermost `BLOCKS` with layers, and layers with weights outside of them.

    They are in the order of their first calls.
    """
    found: list[nn.Module] = []

    def visit(module: nn.Module) -> None:
        if isinstance(module, (*BLOCKS, WeightedLayer)):
            found.append(module)
            return
        for child in module.children():
            visit(child)

    visit(model)
    first = [
        (min((x.place.position for x in layers_of(unit)), default=-1), unit) for unit in found
    ]
    return [unit for at, unit in sorted(first, key=lambda pair: pair[0]) if at >= 0]


@torch.no_grad()
def _seen(model: nn.Module, unit: nn.Module, images: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Returns inputs and outputs of a unit over all images, joined along the first axis.

    Raises:
        ValueError: the unit takes more than one tensor.
    """
    inputs: list[Tensor] = []
    outputs: list[Tensor] = []

    def hook(
        module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], out: Tensor
    ) -> None:
        given = [each for each in (*args, *kwargs.values()) if isinstance(each, Tensor)]
        if len(given) != 1:
            raise ValueError(
                f"{type(module).__name__}: expected one tensor to reconstruct from, "
                f"found {len(given)}"
            )
        inputs.append(given[0])
        outputs.append(out)

    handle = unit.register_forward_hook(hook, with_kwargs=True)
    try:
        for batch in images:
            model(batch)
    finally:
        handle.remove()
    return torch.cat(inputs), torch.cat(outputs)


def _learn(
    unit: nn.Module,
    x: Tensor,
    wanted: Tensor,
    config: Reconstruction,
    generator: torch.Generator,
) -> None:
    layers = layers_of(unit)
    roundings = list(_roundings(layers))
    scaled = [each for layer in layers for each in _scaled(layer)] if config.scale_rate else []
    logarithms = [each for each in unit.modules() if isinstance(each, AdaptiveLogarithm)]
    for quantizer in scaled:
        quantizer.scale.requires_grad_()
    for logarithm in logarithms:
        # Looking up a table has no gradient.
        logarithm.tabled = False
    set_quantized(unit, True)
    with torch.enable_grad():
        _descend(unit, x, wanted, roundings, [each.scale for each in scaled], config, generator)
    set_quantized(unit, False)
    for logarithm in logarithms:
        logarithm.tabled = True
    for quantizer in scaled:
        quantizer.scale.requires_grad_(False)
    for rounding in roundings:
        rounding.settle()


def _descend(
    unit: nn.Module,
    x: Tensor,
    wanted: Tensor,
    roundings: list[AdaRound],
    scales: list[Tensor],
    config: Reconstruction,
    generator: torch.Generator,
) -> None:
    head = isinstance(unit, Layer) and unit.place.role == "head"
    parameters = [each.logits for each in roundings if each.logits is not None]
    optimizer = torch.optim.Adam([{"params": parameters, "lr": config.rounding_rate}])
    if scales:
        optimizer.add_param_group({"params": scales, "lr": config.scale_rate})
    warm = config.warm_up * config.iterations
    for step in range(config.iterations):
        chosen = torch.randperm(len(x), generator=generator)[: config.batch].to(x.device)
        result, target = unit(x[chosen]), wanted[chosen]
        loss = divergence(result, target) if head else _distance(result, target)
        if step >= warm:
            part = (step - warm) / max(config.iterations - warm, 1)
            loss = loss + config.regularisation * _undecided(roundings, config.sharpness, part)
        optimizer.zero_grad()
        loss.backward()
        if scales:
            angle = math.pi * step / config.iterations
            optimizer.param_groups[1]["lr"] = config.scale_rate * (1 + math.cos(angle)) / 2
        optimizer.step()
        for scale in scales:
            # Adam's steps do not know that a scale is positive.
            scale.data.clamp_(min=SMALLEST)


def _distance(result: Tensor, target: Tensor) -> Tensor:
    """Returns the squared error, summed along the second axis and a tenth of its mean else."""
    return (result - target).square().sum(1).mean() / 10


def _undecided(roundings: list[AdaRound], sharpness: tuple[float, float], part: float) -> Tensor:
    """Returns Σ(1 − |2h − 1|^β) with β at ``part``, 0 to 1, of its way."""
    power = sharpness[0] + (sharpness[1] - sharpness[0]) * part
    terms = [(1 - (2 * each.raised() - 1).abs().pow(power)).sum() for each in roundings]
    return torch.stack(terms).sum()


def _roundings(layers: list[Layer]) -> Iterator[AdaRound]:
    """Gives weights with a uniform quantizer a learned rounding, and yields these."""
    for layer in layers:
        if not isinstance(layer, WeightedLayer):
            continue
        if isinstance(layer.weight_quantizer, Uniform):
            layer.weight_quantizer = AdaRound(layer.weight_quantizer, layer.weight)
            yield layer.weight_quantizer


def _scaled(layer: Layer) -> Iterator[Uniform | Logarithm | AdaptiveLogarithm]:
    """Yields the quantizers of operands that have a scale to learn."""
    for name in layer.OPERANDS:
        quantizer = getattr(layer, name)
        for each in () if quantizer is None else quantizer.modules():
            if isinstance(each, (Uniform, Logarithm, AdaptiveLogarithm)):
                yield each
