# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""LLM-FP4: floating-point formats with pre-shifted exponent bias (arXiv 2310.16836, card 41)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from vit_perception.compression.quantization.simulation.bits import Bits
from vit_perception.compression.quantization.simulation.capture import (
    Record,
    likelihood,
    outputs_of,
    records,
)
from vit_perception.compression.quantization.simulation.float_formats import (
    Format,
    bias_of,
    formats_of,
    shifts,
)
from vit_perception.compression.quantization.simulation.format_search import (
    FormatOperand,
    search_formats,
)
from vit_perception.compression.quantization.simulation.layers import (
    Layer,
    QuantizedConv2d,
    QuantizedLinear,
    WeightedLayer,
    layers_of,
)
from vit_perception.compression.quantization.simulation.observers import (
    IN_CHANNEL,
    LAST,
    OUT_CHANNEL,
    TENSOR,
    Sharing,
    minmax,
)
from vit_perception.compression.quantization.simulation.search import multipliers

_GRIDS = {"clip": (0.05, 1.2), "multiplicative": (0.01, 1.2)}


@dataclass(frozen=True)
class LLMFP4:
    """Joint search of formats and biases (the paper's FPQ), biases of channels pre-shifted.

    All of it simulates. At 8 bits an operand in E4M3 has the values of FP8 QDQ with the scale
    2^(7 − bias), as TensorRT computes it, if no code is above 448; ONNX Runtime's CPU engine has
    no kernel for it, so nothing is exported. At 4 bits there is no equal: NVFP4 has scales of
    blocks along the reduced axis, not of output channels, and no shifted exponents.

    Operands of q·kᵀ and P·v get one bias each, weights one for each output channel, all in signed
    formats. ``rounds=0, pre_shift=False`` is the paper's min-max row, ``pre_shift=False`` its
    FPQ baseline.

    Attributes:
        bits: of all operands; the paper's rows are 4, 6 and 8 everywhere.
        exponent: bits of the exponent of all formats. None: the search chooses for each operand,
            beginning at half of its bits (E2M1, E3M2, E4M3).
        rounds: of the search over biases and formats.
        pre_shift: a bias for each input channel of linear layers and 1x1 convolutions, which are
            a shared one plus an integer, so that the difference moves to the weights. A layer
            keeps one bias where that is no worse. The largest values of channels need more images
            than those of tensors.
        fold: when the integers reach the weights: "post" lowers exponents of quantized weights,
            which is exact and the paper's method; "pre" quantizes the lowered weights, a smoothing
            by powers of two.
        grid: of the search: "clip" tries fractions 0.05 to 1.2 of the largest value,
            "multiplicative" multiplies the bias by 0.01 to 1.2 as the official code does, which
            degenerates for biases near 0.
        count: of steps in the grid.
        objective: "hessian" weights the error of the layer's output with squared gradients of
            `capture.likelihood`, as the paper does for ViTs; "output" does not, and does better
            where the network is sure of all but a few images, from which gradients then come.
    """

    bits: Bits = Bits(4, 4, 4, 4, image=8, head=4)
    exponent: int | None = None
    rounds: int = 3
    pre_shift: bool = True
    fold: Literal["post", "pre"] = "post"
    grid: Literal["clip", "multiplicative"] = "clip"
    count: int = 100
    objective: Literal["hessian", "output"] = "hessian"


def llm_fp4(model: nn.Module, config: LLMFP4, images: Sequence[Tensor]) -> None:
    """Gives the layers of a wrapped network their quantizers, in place.

    Args:
        model: of `wrap`, in float.
        config: what to do.
        images: calibration batches, float [B, 3, H, W].

    Raises:
        ValueError: a format has fewer bits than its exponent needs.
    """
    loss = likelihood if config.objective == "hessian" else None
    targets = outputs_of(model, images) if loss else None
    for layer, record in records(model, layers_of(model), images, loss=loss, targets=targets):
        fit(layer, record, config)


@torch.no_grad()
def fit(layer: Layer, record: Record, config: LLMFP4) -> list[float]:
    """Gives one layer its quantizers, in place.

    Args:
        layer: with its place.
        record: of it in float, see `output_error`.
        config: what to do.

    Returns:
        The error of the layer's output by min-max and after each round; it never rises.
    """
    factors = multipliers(*_GRIDS[config.grid], config.count)

    def searched(channels: Sharing | None) -> list[float]:
        operands = _operands(layer, record, config, channels)
        return search_formats(layer, record, operands, factors, config.rounds)

    losses = searched(None)
    channels = _channels(layer) if config.pre_shift else None
    if channels is not None:
        kept = layer.input_quantizer, layer.weight_quantizer
        shifted = searched(channels)
        if shifted[-1] < losses[-1]:
            return shifted
        layer.input_quantizer, layer.weight_quantizer = kept
    return losses


def _operands(
    layer: Layer, record: Record, config: LLMFP4, channels: Sharing | None
) -> list[FormatOperand]:
    """Returns the operands in the order of the search: the weight before the input."""
    multiplicative = config.grid == "multiplicative"
    found = []
    lowered = None
    for number, (name, x) in enumerate(zip(layer.OPERANDS, record.inputs, strict=True)):
        formats, first = _formats(config, config.bits.of_operand(layer.place, number))
        largest = _largest(x, TENSOR)
        operand = FormatOperand(name, _biases(largest, formats), first, None, multiplicative)
        if channels is not None:
            each = _largest(x, channels)
            if config.fold == "post":
                operand.channels = _biases(each, formats)
            else:
                lowered = shifts(bias_of(each, *first), bias_of(largest, *first), first[0])
                operand.shift = lowered
        found.append(operand)
    if isinstance(layer, WeightedLayer):
        weight, shift = layer.weight, None
        if lowered is not None:
            shift = -lowered.reshape(1, -1, *[1] * (weight.ndim - 2))
            weight = weight * torch.exp2(shift)
        formats, first = _formats(config, config.bits.of_weight(layer.place))
        starts = _biases(_largest(weight, OUT_CHANNEL), formats)
        axis = 1 if isinstance(layer, QuantizedConv2d) else -1
        operand = FormatOperand("weight_quantizer", starts, first, axis, multiplicative, shift)
        found.insert(0, operand)
    return found


def _formats(config: LLMFP4, bits: int) -> tuple[list[Format], Format]:
    """Returns the formats to search and the one to begin with."""
    exponent = bits // 2 if config.exponent is None else config.exponent
    if not 1 <= exponent < bits:
        raise ValueError(f"exponent: expected 1 to {bits - 1} of {bits} bits, found {exponent}")
    first = (exponent, bits - 1 - exponent)
    return (formats_of(bits) if config.exponent is None else [first]), first


def _biases(largest: Tensor, formats: Sequence[Format]) -> dict[Format, Tensor]:
    return {each: bias_of(largest, *each) for each in formats}


def _largest(x: Tensor, sharing: Sharing) -> Tensor:
    low, high = minmax(x, sharing)
    return torch.maximum(low.abs(), high.abs())


def _channels(layer: Layer) -> Sharing | None:
    """Returns which inputs share an exponent where it can move to the weight, else None."""
    if isinstance(layer, QuantizedLinear):
        return LAST
    if isinstance(layer, QuantizedConv2d) and layer.place.role != "patch_embed":
        pointwise = layer.inner.kernel_size == (1, 1) and layer.inner.groups == 1
        return IN_CHANNEL if pointwise else None
    return None
