# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Squared errors of what a layer gives, as functions of one operand alone.

A search tries thousands of quantizers of one operand while the others stay. What does not depend
on it is computed once here: the quantized other operand, and the part of the error that no value
can change.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vit_perception.compression.quantization.simulation.capture import Record
from vit_perception.compression.quantization.simulation.layers import (
    Layer,
    QuantizedConv2d,
    QuantizedLinear,
    QuantizedProduct,
    WeightedLayer,
)
from vit_perception.compression.quantization.simulation.observers import TENSOR, Sharing

Error = Callable[[Tensor], Tensor]
"""Of a quantized operand: the error of each group of its elements, float64 [G]."""


def own_error(x: Tensor, sharing: Sharing = TENSOR) -> Error:
    """Returns the squared error of a tensor itself, for each group that shares a scale."""
    return lambda found: sharing.rows((found - x).square()).sum(1).double()


@torch.no_grad()
def weight_error(layer: WeightedLayer, record: Record) -> Error:
    """Returns the squared error of the output, for each output channel, by the weight.

    Args:
        layer: its input is as it is quantized now.
        record: of it in float.
    """
    x, wanted = layer.quantized_input(record.inputs[0]), record.output
    if isinstance(layer, QuantizedConv2d):
        groups = layer.inner.groups
        rows = _patches(layer.inner, x)
        wanted = wanted.flatten(2).movedim(1, 2).flatten(0, 1)
    else:
        groups, rows = 1, x.reshape(1, -1, x.shape[-1])
        wanted = wanted.flatten(0, -2)
    if layer.inner.bias is not None:
        wanted = wanted - layer.inner.bias
    # [groups, places, channels of a group]
    wanted = wanted.reshape(len(wanted), groups, -1).movedim(1, 0)
    rows, wanted, rest = _fewer(rows, wanted)

    def error(weight: Tensor) -> Tensor:
        kernels = weight.reshape(groups, -1, rows.shape[-1])
        found = (wanted - rows @ kernels.mT).square().sum(1).double()
        return (found + rest).flatten()

    return error


@torch.no_grad()
def operand_error(layer: Layer, record: Record, number: int) -> Error:
    """Returns the squared error of the output by an operand; of a product, for each head.

    Args:
        layer: its other operand is as it is quantized now.
        record: of it in float.
        number: of the operand, from 0.
    """
    if isinstance(layer, QuantizedLinear):
        return _linear_error(layer, record)
    if isinstance(layer, QuantizedConv2d):
        return _convolution_error(layer, record)
    assert isinstance(layer, QuantizedProduct)
    other = getattr(layer, layer.OPERANDS[1 - number])
    fixed = record.inputs[1 - number]
    fixed = fixed if other is None else other(fixed)

    def by_head(x: Tensor) -> Tensor:
        result = x @ fixed if number == 0 else fixed @ x
        return (record.output - result).square().movedim(1, 0).flatten(1).sum(1).double()

    return by_head


def _linear_error(layer: QuantizedLinear, record: Record) -> Error:
    wanted = record.output.flatten(0, -2)
    if layer.inner.bias is not None:
        wanted = wanted - layer.inner.bias
    weight, wanted, rest = _fewer(layer.quantized_weight()[None], wanted.mT[None])
    weight, wanted, constant = weight[0].mT, wanted[0].mT, rest.sum()

    def error(x: Tensor) -> Tensor:
        found = (wanted - x.reshape(-1, x.shape[-1]) @ weight).square().sum().double()
        return (found + constant).reshape(1)

    return error


def _convolution_error(layer: QuantizedConv2d, record: Record) -> Error:
    convolution, kernel = layer.inner, layer.quantized_weight()

    def error(x: Tensor) -> Tensor:
        result: Tensor = convolution._conv_forward(x, kernel, convolution.bias)
        return (record.output - result).square().sum().double().reshape(1)

    return error


def _fewer(rows: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Returns a least-squares problem with no more rows than columns, and what it leaves out.

    ‖rows·v − wanted‖² = ‖fewer·v − part‖² + rest for each v: with rows = Q·R, fewer is R and part
    is Qᵀ·wanted.

    Args:
        rows: float [B, M, D].
        wanted: float [B, M, N].

    Returns:
        fewer [B, min(M, D), D], part [B, min(M, D), N] and rest float64 [B, N].
    """
    if rows.shape[1] <= rows.shape[2]:
        return rows, wanted, rows.new_zeros(len(rows), wanted.shape[2], dtype=torch.float64)
    q, r = torch.linalg.qr(rows)
    part = q.mT @ wanted
    rest = (wanted - q @ part).double().square().sum(1)
    return r, part, rest


def _patches(convolution: nn.Conv2d, x: Tensor) -> Tensor:
    """Returns what each output of a convolution sees, [groups, places, inputs of a kernel]."""
    padded = convolution._reversed_padding_repeated_twice
    mode = "constant" if convolution.padding_mode == "zeros" else convolution.padding_mode
    x = F.pad(x, padded, mode)
    columns = F.unfold(x, convolution.kernel_size, convolution.dilation, 0, convolution.stride)
    columns = columns.reshape(len(x), convolution.groups, -1, columns.shape[-1])
    return columns.permute(1, 0, 3, 2).flatten(1, 2)
