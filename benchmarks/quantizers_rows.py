# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The quantizers that `quantizers.py` compares: a name and the dataclass for given bits."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from vit_perception.compression.quantization.methods.repq import RepQ
from vit_perception.compression.quantization.methods.uniform import UniformPTQ
from vit_perception.compression.quantization.simulation.bits import Bits


def bits_of(text: str) -> Bits:
    """Returns the bits that "W/A" names: those of weights, and of all operands but the picture."""
    weight, operand = (int(each) for each in text.split("/"))
    return Bits(weight=weight, input=operand, product=operand, softmax=operand)


_COARSE: dict[str, Any] = {"low": 0.4, "high": 1.1, "count": 14, "rounds": 1}
"""In steps of 0.05, in place of a hundred factors from 0.01 on and three rounds."""

ROWS: dict[str, Callable[[Bits], Any]] = {
    "minmax": partial(UniformPTQ, ranges="minmax"),
    "percentile": partial(UniformPTQ, ranges="percentile"),
    "mse": partial(UniformPTQ, ranges="mse"),
    "output mse": partial(UniformPTQ, ranges="output_mse", **_COARSE),
    "hessian": partial(UniformPTQ, ranges="hessian", **_COARSE),
    "repq": RepQ,
}
