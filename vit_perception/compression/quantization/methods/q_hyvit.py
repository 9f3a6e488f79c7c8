# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Q-HyViT: quantization of hybrid networks with bridge blocks (arXiv 2303.12557, card 08)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from vit_perception.compression.quantization.methods.bridges import bridges_of
from vit_perception.compression.quantization.methods.depthwise_folding import (
    fold_depthwise_scales,
)
from vit_perception.compression.quantization.simulation.bits import Bits
from vit_perception.compression.quantization.simulation.capture import (
    Record,
    divergence,
    likelihood,
    outputs_of,
    record,
)
from vit_perception.compression.quantization.simulation.correction import correct_bias
from vit_perception.compression.quantization.simulation.layers import (
    Layer,
    QuantizedConv2d,
    WeightedLayer,
    computing,
    layers_of,
)
from vit_perception.compression.quantization.simulation.observers import (
    HEAD,
    IN_CHANNEL,
    OUT_CHANNEL,
    TENSOR,
    Sharing,
    minmax,
)
from vit_perception.compression.quantization.simulation.quantizers import Uniform
from vit_perception.compression.quantization.simulation.search import (
    multipliers,
    search,
)

_THIRDS = Sharing(0, 3)
_COARSE = 8
"""Policies are compared with every eighth factor; the one chosen is searched with all."""
_AT_ONCE = 8


@dataclass(frozen=True)
class QHyViT:
    """Symmetric scales searched by a Hessian-weighted error, with bridges kept quantized.

    What maps to QDQ at 8 bits: the weights (a scale for each output channel, or fewer), and with
    ``deployable`` everything. Symmetric operands fit TensorRT too; asymmetric ones, which the
    search may choose, only ONNX Runtime: ``policy="groups"`` has none. What only simulates: the
    scales of an activation's channels and of a product's heads (without ``deployable``), and
    fewer than 8 bits.

    Attributes:
        bits: of all operands. The paper has 8 and 6.
        policy: "search" tries {tensor, channels} x {symmetric, asymmetric} for the input of each
            convolution and keeps the least error (the abstract); asymmetric ranges include 0, so
            the zero point is a code. "groups" is symmetric, with scales for the channels of
            grouped convolutions alone (the official code).
        deployable: one scale for each activation tensor. Ranges before depthwise convolutions are
            made equal first where that folds, see `depthwise_folding`. The results of convolutions
            are quantized too, to 8 bits: ONNX Runtime computes them in float otherwise.
        bridges: names of layers that stay quantized while later ones are calibrated. None:
            `bridges.bridges_of`; (): none, so each layer is calibrated alone.
        loss: whose gradients weight the error. "divergence" from the float result (the paper);
            it has no gradient before the first bridge, where "likelihood" (see `capture`) takes
            its place. None: no weights, for networks whose result is not logits.
        low, high, count: of the factors of a scale that are searched.
        rounds: over weight and input.
        bias_correction: takes the mean error of the quantized weight from the bias.
    """

    bits: Bits = Bits()
    policy: Literal["search", "groups"] = "search"
    deployable: bool = False
    bridges: tuple[str, ...] | None = None
    loss: Literal["divergence", "likelihood"] | None = "divergence"
    low: float = 0.01
    high: float = 1.2
    count: int = 100
    rounds: int = 3
    bias_correction: bool = False


def q_hyvit(model: nn.Module, config: QHyViT, images: Sequence[Tensor]) -> None:
    """Gives the layers of a wrapped network their quantizers, in place.

    Args:
        model: of `wrap`, in float; its result is logits [B, classes] if there is a loss.
        config: what to do.
        images: calibration batches, float [B, 3, H, W]; the paper has 32 images in batches of 4.

    Raises:
        ValueError: a bridge is not a layer of the network.
    """
    if config.deployable:
        fold_depthwise_scales(model, images)
    names = config.bridges
    if names is None:
        names = tuple(name for each in bridges_of(model, images[0][:1]) for name in each)
    layers = layers_of(model)
    unknown = set(names) - {layer.place.name for layer in layers}
    if unknown:
        raise ValueError(f"bridges: expected names of layers, found {min(unknown)!r}")
    targets = outputs_of(model, images) if config.loss else None
    bridged = False
    for some in _runs(layers, names):
        loss = None
        if config.loss:
            loss = divergence if bridged and config.loss == "divergence" else likelihood
        found = record(model, some, images, loss=loss, targets=targets)
        for layer in some:
            _calibrate(layer, found.pop(layer.place.name), config)
        if some[-1].place.name in names:
            some[-1].quantized = bridged = True


def symmetric(x: Tensor, sharing: Sharing, bits: int) -> Uniform:
    """Returns the signed quantizer with the scale max|x| / (2^(bits−1) − 1/2) of each group.

    A group of zeros gets the least step of float32, so it is quantized to zeros.
    """
    low, high = minmax(x, sharing)
    scale = torch.maximum(low.abs(), high.abs()) / (2 ** (bits - 1) - 0.5)
    return Uniform(bits, scale.clamp(min=torch.finfo(torch.float32).eps), signed=True)


def _runs(layers: Sequence[Layer], bridges: Sequence[str]) -> Iterator[list[Layer]]:
    """Yields layers to be recorded together: none stands behind a bridge of the same run."""
    run: list[Layer] = []
    for layer in layers:
        run.append(layer)
        if layer.place.name in bridges or len(run) == _AT_ONCE:
            yield run
            run = []
    if run:
        yield run


def _calibrate(layer: Layer, found: Record, config: QHyViT) -> None:
    factors = multipliers(config.low, config.high, config.count)
    if isinstance(layer, WeightedLayer):
        bits = config.bits.of_weight(layer.place)
        layer.weight_quantizer = symmetric(layer.weight, _of_weight(layer), bits)
    if isinstance(layer, QuantizedConv2d):
        layer.input_quantizer = _policy(layer, found, config)
    else:
        sharing = TENSOR if config.deployable or len(layer.OPERANDS) == 1 else HEAD
        for number, values in enumerate(found.inputs):
            bits = config.bits.of_operand(layer.place, number)
            setattr(layer, layer.OPERANDS[number], symmetric(values, sharing, bits))
    search(layer, found, factors, rounds=config.rounds)
    if config.bias_correction and isinstance(layer, WeightedLayer):
        _correct(layer, found.inputs)
    if config.deployable and isinstance(layer, QuantizedConv2d):
        layer.output_quantizer = symmetric(found.output, TENSOR, 8)


def _of_weight(layer: WeightedLayer) -> Sharing:
    if isinstance(layer, QuantizedConv2d):
        return OUT_CHANNEL
    # The official code splits the rows in thirds whatever they hold, here if they can be split.
    thirds = layer.place.role == "qkv" and len(layer.weight) % 3 == 0
    return _THIRDS if thirds else TENSOR


def _policy(layer: QuantizedConv2d, found: Record, config: QHyViT) -> Uniform:
    """Returns the input quantizer of the best policy, with its initial scale."""
    x, bits = found.inputs[0], config.bits.of_operand(layer.place, 0)
    if config.policy == "groups":
        grouped = layer.inner.groups > 1 and not config.deployable
        return symmetric(x, IN_CHANNEL if grouped else TENSOR, bits)
    sharings = (TENSOR,) if config.deployable else (TENSOR, IN_CHANNEL)
    tried: list[tuple[float, Uniform]] = []
    for sharing in sharings:
        asymmetric = Uniform.from_range(*minmax(x, sharing), bits)
        for quantizer in (symmetric(x, sharing, bits), asymmetric):
            initial = quantizer.scale.clone()
            layer.input_quantizer = quantizer
            factors = multipliers(config.low, config.high, config.count)[::_COARSE]
            error = search(layer, found, factors, rounds=1, names=["input_quantizer"])
            quantizer.scale = initial
            tried.append((float(error), quantizer))
    return min(tried, key=lambda each: each[0])[1]


@torch.no_grad()
def _correct(layer: WeightedLayer, inputs: tuple[Tensor, ...]) -> None:
    """Takes mean(F(x̂)(Ŵ − W)) of each output channel from the bias."""
    quantizer, layer.weight_quantizer = layer.weight_quantizer, None
    with computing(layer, True):
        exact = layer(*inputs)
    layer.weight_quantizer = quantizer
    correct_bias(layer, Record(inputs, exact))
