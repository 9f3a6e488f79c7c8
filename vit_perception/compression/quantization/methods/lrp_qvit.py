# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""LRP-QViT: bits of each layer by the relevance that reaches it (arXiv 2401.11243, card 48)."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from scipy.stats import spearmanr
from torch import Tensor, nn

from vit_perception.compression.quantization.methods.bit_allocation import (
    Budget,
    Utility,
    allocate,
)
from vit_perception.compression.quantization.methods.clipping import best_clip
from vit_perception.compression.quantization.methods.contribution import Score, contributions
from vit_perception.compression.quantization.methods.layer_bits import LayerBits
from vit_perception.compression.quantization.methods.layer_costs import costs_of
from vit_perception.compression.quantization.methods.repq import Clip, RepQ, ranged, repq
from vit_perception.compression.quantization.methods.sensitivity import sensitivities
from vit_perception.compression.quantization.methods.uniform import UniformPTQ, uniform
from vit_perception.compression.quantization.simulation.bits import Bits
from vit_perception.compression.quantization.simulation.capture import Record
from vit_perception.compression.quantization.simulation.layers import (
    Layer,
    QuantizedLinear,
    layers_of,
)
from vit_perception.compression.quantization.simulation.observers import OUT_CHANNEL, Range


@dataclass(frozen=True)
class LRPQViT:
    """Mixed precision by relevance, with RepQ's scales behind LayerNorm clipped.

    The defaults are the paper's mean of 4 bits; for 6 give ``candidates=(5, 6, 7), budget=
    Budget(6)``. The paper's formula for scores, its solver and its percentile are not public to
    us: scores, knapsack and search here are card 48's reconstruction.

    What maps to QDQ: `deploy`, whose layers have 8 bits or stay float. What only simulates: every
    other number of bits, and the logarithm of RepQ's softmax.

    Attributes:
        candidates: numbers of bits of a layer; its weight and its operands share one. The picture
            has 8.
        budget: by the mean number of bits.
        utility: of bits, see `bit_allocation.allocate`.
        solver: see there.
        score: see `contribution.contributions`.
        top, alpha, logits: see `relevance.relevances`; ``logits`` also serves ``least``.
        least: Spearman's correlation of the scores with the measured sensitivity, below which the
            latter decides, with a warning: relevance alone may not tell which layers suffer. None:
            relevance decides unmeasured.
        probe: bits of the layer that is quantized to measure its sensitivity.
        clips: percentiles over channels to try behind each LayerNorm, see `clipping`; (100,) is
            plain RepQ.
        base: what makes the quantizers; its ``bits`` do not count.
        float_bits: a candidate that means to leave a layer in float. None: none does.
    """

    candidates: tuple[int, ...] = (3, 4, 5)
    budget: Budget = Budget(4)
    utility: Utility = "noise"
    solver: Literal["exact", "greedy"] = "exact"
    score: Score = "absolute"
    top: int = 1
    alpha: float = 1.0
    logits: Callable[[Any], Tensor] | None = None
    least: float | None = 0.3
    probe: int = 4
    clips: tuple[float, ...] = (100, 99.5, 99, 98, 95)
    base: RepQ | UniformPTQ = RepQ()
    float_bits: int | None = None

    @classmethod
    def deploy(cls, share: float = 0.15) -> LRPQViT:
        """Returns settings for engines: 8 bits, and layers of a share of the operations float.

        Args:
            share: 0 to 1, of all multiplications with an addition. `simulation.graph.to_qdq`
                then writes one file for each share.
        """
        mean = math.sqrt(8**2 * (1 - share) + 16**2 * share)
        budget = Budget(mean, size=False)
        return cls((8, 16), budget, base=UniformPTQ(conv_outputs=True), float_bits=16)


@dataclass(frozen=True)
class Plan:
    """Bits for the layers of a network, and why.

    Attributes:
        bits: by the names of layers, in order.
        scores: the contributions of layers, 1 in sum.
        sensitivity: the divergence when one layer is quantized; None if not measured.
        correlation: Spearman's, of both; None if not measured.
        measured: whether sensitivity took the place of scores.
    """

    bits: dict[str, int]
    scores: dict[str, float]
    sensitivity: dict[str, float] | None
    correlation: float | None
    measured: bool


def plan(model: nn.Module, config: LRPQViT, images: Sequence[Tensor]) -> Plan:
    """Returns the bits of each layer; warns if scores do not rank layers as measured.

    Args:
        model: of `wrap`, in float; it stays as it is.
        config: what to do.
        images: batches, float [B, 3, H, W]; about 64 images or more make steady scores.

    Raises:
        ValueError: the budget cannot be met, or relevance has no rule for an operator.
    """
    scores = contributions(
        model,
        images,
        score=config.score,
        top=config.top,
        alpha=config.alpha,
        logits=config.logits,
    )
    decisive, sensitivity, correlation = scores, None, None
    if config.least is not None:
        sensitivity = _measured(model, config, images)
        correlation = _correlation([*scores.values()], [*sensitivity.values()])
        if not correlation >= config.least:
            warnings.warn(
                f"relevance: expected a rank correlation with the measured sensitivity of at "
                f"least {config.least}, found {correlation:.2f}; bits follow the sensitivity",
                stacklevel=2,
            )
            whole = sum(sensitivity.values()) or 1.0
            decisive = {name: each / whole for name, each in sensitivity.items()}
    costs = costs_of(model, images[0][:1])
    bits = allocate(
        [*decisive.values()],
        [*costs.values()],
        config.candidates,
        config.budget,
        utility=config.utility,
        solver=config.solver,
    )
    by_name = dict(zip(decisive, bits, strict=True))
    return Plan(by_name, scores, sensitivity, correlation, decisive is not scores)


def lrp_qvit(model: nn.Module, config: LRPQViT, images: Sequence[Tensor]) -> None:
    """Gives the layers of a wrapped network their quantizers, in place.

    `layer_bits.bits_of` then tells the bits of each layer; `plan` also tells why.

    Args:
        model: of `wrap`, in float.
        config: what to do.
        images: calibration batches, float [B, 3, H, W].
    """
    apply(model, plan(model, config, images).bits, config, images)


def apply(
    model: nn.Module, bits: dict[str, int], config: LRPQViT, images: Sequence[Tensor]
) -> None:
    """Gives the layers of a wrapped network quantizers of given bits, in place.

    Args:
        model: of `wrap`, in float.
        bits: by the names of all its layers.
        config: what to do; candidates and budget do not count.
        images: calibration batches, float [B, 3, H, W].
    """
    made = replace(config.base, bits=LayerBits(by_name=bits))
    if isinstance(made, RepQ):
        repq(model, made, images, _clip(made, config.clips))
    else:
        uniform(model, made, images)
    for layer in layers_of(model):
        if bits[layer.place.name] == config.float_bits:
            _leave(layer)


def _clip(config: RepQ, percents: Sequence[float]) -> Clip:
    def clip(layer: QuantizedLinear, norm: nn.LayerNorm, record: Record, found: Range) -> Range:
        place = layer.place
        bits, weight_bits = config.bits.of_operand(place, 0), config.bits.of_weight(place)
        return best_clip(
            layer,
            norm,
            record,
            found,
            bits,
            lambda weight: ranged(weight, weight_bits, config, OUT_CHANNEL),
            percents,
        )

    return clip


def _measured(model: nn.Module, config: LRPQViT, images: Sequence[Tensor]) -> dict[str, float]:
    probed, bits = copy.deepcopy(model), config.probe
    same = Bits(bits, bits, bits, bits, head=bits)
    if isinstance(config.base, RepQ):
        repq(probed, replace(config.base, bits=same, sequential=False), images)
    else:
        uniform(probed, replace(config.base, bits=same), images)
    return sensitivities(probed, images, config.logits)


def _correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Returns Spearman's rank correlation; not a number if all values of one are equal."""
    if len({*a}) == 1 or len({*b}) == 1:
        return math.nan
    return float(spearmanr(a, b)[0])


def _leave(layer: Layer) -> None:
    """Leaves a layer in float."""
    for name in ("weight_quantizer", "output_quantizer", *layer.OPERANDS):
        if hasattr(layer, name):
            setattr(layer, name, None)
