# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The quantizers that `quantizers.py` compares: a name and the dataclass for given bits."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from vit_perception.compression.quantization.methods.adalog import AdaLog
from vit_perception.compression.quantization.methods.bit_allocation import Budget
from vit_perception.compression.quantization.methods.llm_fp4 import LLMFP4
from vit_perception.compression.quantization.methods.lrp_qvit import LRPQViT
from vit_perception.compression.quantization.methods.noisyquant import NoisyQuant
from vit_perception.compression.quantization.methods.q_hyvit import QHyViT
from vit_perception.compression.quantization.methods.repq import RepQ
from vit_perception.compression.quantization.methods.uniform import UniformPTQ
from vit_perception.compression.quantization.simulation.bits import Bits
from vit_perception.compression.quantization.simulation.progressive import Effort


def bits_of(text: str) -> Bits:
    """Returns the bits that "W/A" names: those of weights, and of all operands but the picture."""
    weight, operand = (int(each) for each in text.split("/"))
    return Bits(weight=weight, input=operand, product=operand, softmax=operand)


_COARSE: dict[str, Any] = {"low": 0.4, "high": 1.1, "count": 14, "rounds": 1}
"""In steps of 0.05, in place of a hundred factors from 0.01 on and three rounds."""
_SHORT: dict[str, Any] = {"effort": Effort(32, 8, 3), "rounds": 1}
"""In place of 128 pairs, six steps and three rounds."""


def _uniform(bits: Bits, ranges: Any, **search: Any) -> UniformPTQ:
    """Returns uniform quantizers; fewer than eight bits of [0, 1] round most of a softmax to 0."""
    return UniformPTQ(bits, ranges, fixed_softmax=bits.softmax >= 8, **search)


def _noisy(bits: Bits) -> NoisyQuant:
    """Returns noise on the row "output mse"."""
    return NoisyQuant(_uniform(bits, "output_mse", **_COARSE))


def _lrp(bits: Bits, around: int) -> LRPQViT:
    """Returns bits of layers that differ by so much from a mean; 0 gives all layers the mean."""
    candidates = tuple(range(bits.weight - around, bits.weight + around + 1))
    return LRPQViT(candidates, Budget(bits.weight))


ROWS: dict[str, Callable[[Bits], Any]] = {
    "minmax": partial(_uniform, ranges="minmax"),
    "percentile": partial(_uniform, ranges="percentile"),
    "mse": partial(_uniform, ranges="mse"),
    "output mse": partial(_uniform, ranges="output_mse", **_COARSE),
    "hessian": partial(_uniform, ranges="hessian", **_COARSE),
    "noisyquant": _noisy,
    "repq": RepQ,
    "lrp-qvit, equal bits": partial(_lrp, around=0),
    "lrp-qvit": partial(_lrp, around=1),
    "q-hyvit": partial(QHyViT, **_COARSE),
    "adalog, uniform": partial(AdaLog, softmax="uniform", gelu="uniform", **_SHORT),
    "adalog, log2": partial(AdaLog, softmax="log2", gelu="log2", **_SHORT),
    "adalog": partial(AdaLog, **_SHORT),
    "llm-fp4": partial(LLMFP4, count=20),
}
