# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Single layers outside of a network, for tests of quantizers."""

from __future__ import annotations

import torch
from torch import Tensor

from vit_perception.compression.quantization.simulation.capture import Record
from vit_perception.compression.quantization.simulation.layers import (
    Layer,
    Place,
    QuantizedLinear,
    Source,
)


def noise(*shape: int, seed: int = 0) -> Tensor:
    """Returns normal values, the same each time."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def placed(layer: Layer, role: str = "linear", kind: str = "other") -> Layer:
    """Returns a layer with a place whose operands are from something of a kind."""
    layer.place = Place("layer", role, 0, (Source(kind, "", ()),) * len(layer.OPERANDS))
    return layer


def linear(weight: Tensor, role: str = "linear", kind: str = "other") -> QuantizedLinear:
    """Returns a layer of a weight [out, in], without bias."""
    inner = torch.nn.Linear(weight.shape[1], len(weight), bias=False)
    inner.weight = torch.nn.Parameter(weight, requires_grad=False)
    layer = QuantizedLinear(inner)
    placed(layer, role, kind)
    return layer


def seen(layer: Layer, *inputs: Tensor) -> Record:
    """Returns what a layer makes of its operands."""
    with torch.no_grad():
        return Record(inputs, layer(*inputs))
