# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""NoisyQuant: noise added to inputs and taken back by the bias (arXiv 2211.16056, card 51)."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from vit_perception.compression.quantization.methods.uniform import UniformPTQ
from vit_perception.compression.quantization.simulation.added import (
    add_vector,
    fold_added,
    is_pointwise,
)
from vit_perception.compression.quantization.simulation.capture import Record, records
from vit_perception.compression.quantization.simulation.correction import correct_bias
from vit_perception.compression.quantization.simulation.layers import (
    Layer,
    WeightedLayer,
    layers_of,
    set_quantized,
)
from vit_perception.compression.quantization.simulation.quantizers import Uniform
from vit_perception.compression.quantization.simulation.search import output_error


@dataclass(frozen=True)
class NoisyQuant:
    """A fixed random vector N is added to inputs of linear layers before they are quantized.

    y = Q(x + N)·Ŵᵀ + b − Ŵ·N, which is exact without Q. All of it has a QDQ form, as far as its
    base has: N is an Add in front of QuantizeLinear, or nothing where it folds.

    N is uniform in ±n, as in the paper; the official code draws normal noise with a mean. It
    turns equal offsets of many channels, which add up in the output, into independent ones, and
    hurts where they are independent already. So the output's error decides, and n = 0 stays where
    nothing is better; the layer is then what its base makes it. Wide symmetric steps behind GELU
    gain most. Asymmetric quantizers of searched ranges gain next to nothing, and a corrected bias
    takes the part of the error that is the same in all positions: see `corrected`.

    Attributes:
        base: dataclass of the method that gives quantizers; inputs with one uniform quantizer for
            the tensor get noise. The range is its business: "output_mse" searches 100 clips, as
            the official code does first.
        roles: of the layers with noise, see `Place`; those with a 1x1 kernel at most.
        strongest, count: n is tried from 0 to ``strongest`` steps of the quantizer in ``count``
            equal parts, each with the base's range and with one wider by n.
        shift_count: of constant shifts between ±half a step that are tried before, for the whole
            vector; 0 tries none, as a zero point does the same.
        corrected: biases are corrected with and without noise, before both are compared; to be
            set with a base that corrects biases.
        fold: into the bias of a LayerNorm or of V where that is exact, see `fold_added`.
        seed: of the noise.
    """

    base: Any = UniformPTQ(ranges="output_mse")
    roles: tuple[str, ...] = ("qkv", "proj", "fc1", "fc2")
    strongest: float = 1.0
    count: int = 20
    shift_count: int = 0
    corrected: bool = False
    fold: bool = True
    seed: int = 0


def noisyquant(model: nn.Module, config: NoisyQuant, images: Sequence[Tensor]) -> None:
    """Gives the layers of a wrapped network their quantizers and vectors, in place.

    Layers are searched in order, on inputs from quantized layers before them.

    Args:
        model: of `wrap`, in float.
        config: what to do.
        images: calibration batches, float [B, 3, H, W].

    Raises:
        ValueError: the base is no method.
    """
    # The verb knows all methods, this one too.
    from vit_perception.compression.quantization.methods.quantize import method_of

    method_of(config.base)(model, config.base, images)
    set_quantized(model, False)
    layers = layers_of(model)
    noisy = []
    for layer, record in records(model, layers, images, at_once=1):
        if layer.place.role in config.roles and takes_noise(layer):
            assert isinstance(layer, WeightedLayer)
            fit(layer, record, config)
            noisy.append(layer)
        layer.quantized = True
    set_quantized(model, False)
    for layer in noisy:
        if config.fold and layer.added is not None:
            fold_added(model, layer, images[0][:4])


def takes_noise(layer: Layer) -> bool:
    """Returns whether a layer is linear in each position and its input has one step."""
    quantizer = getattr(layer, "input_quantizer", None)
    return is_pointwise(layer) and isinstance(quantizer, Uniform) and quantizer.scale.numel() == 1


@torch.no_grad()
def fit(layer: WeightedLayer, record: Record, config: NoisyQuant) -> list[float]:
    """Gives a layer with its base's quantizers the best vector, or none, in place.

    Args:
        layer: see `takes_noise`.
        record: of it in float, without a gradient.
        config: what to do.

    Returns:
        The error of the output, see `output_error`: without a vector, with the best shift and
        with the best noise; it never rises.
    """
    base, correction = layer.input_quantizer, layer.correction
    assert isinstance(base, Uniform)
    step = base.scale.reshape(())
    best: tuple[Tensor | None, Uniform] = (None, base)

    def error_of(vector: Tensor | None, quantizer: Uniform) -> float:
        layer.input_quantizer, layer.added, layer.correction = quantizer, None, correction
        if vector is not None:
            add_vector(layer, vector)
        if config.corrected:
            correct_bias(layer, record)
        return float(output_error(layer, record))

    least = error_of(*best)

    def tried(vectors: Iterable[Tensor]) -> float:
        nonlocal best, least
        for vector in vectors:
            for quantizer in (base, widened(base, vector.abs().max())):
                error = error_of(vector, quantizer)
                if error < least:
                    best, least = (vector, quantizer), error
        return least

    unit = unit_noise(layer.weight.shape[1], config.seed, layer.place.position)
    shifts = torch.linspace(-0.5, 0.5, config.shift_count) * step
    losses = [least, tried(torch.full_like(unit, float(each)) for each in shifts)]
    shift = torch.zeros_like(unit) if best[0] is None else best[0]
    strengths = [config.strongest * (n + 1) / config.count for n in range(config.count)]
    losses.append(tried(shift + each * step * unit for each in strengths))
    error_of(*best)
    return losses


def unit_noise(channels: int, seed: int, position: int) -> Tensor:
    """Returns noise, uniform in ±1, float [channels]; equal arguments, equal noise."""
    generator = torch.Generator().manual_seed(1_000_003 * seed + position)
    return 2 * torch.rand(channels, generator=generator) - 1


def widened(quantizer: Uniform, margin: Tensor) -> Uniform:
    """Returns a quantizer of a range that is wider at both ends, with as many codes.

    Args:
        quantizer: with one step; a zero-centred one stays so.
        margin: float ≥ 0.
    """
    made = copy.deepcopy(quantizer)
    low = quantizer.values(torch.tensor(float(quantizer.lowest))) - margin
    high = quantizer.values(torch.tensor(float(quantizer.highest))) + margin
    if quantizer.signed:
        made.scale = high / quantizer.highest
        return made
    made.scale = (high - low) / (quantizer.levels - 1)
    made.zero_point = (-low / made.scale).round()
    return made
