# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Layers in the form in which `graph.to_qdq` writes them."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vit_perception.compression.quantization.simulation.layers import (
    QuantizedConv2d,
    QuantizedLinear,
    QuantizedProduct,
)
from vit_perception.compression.quantization.simulation.quantizers import Uniform


class _QuantizeDequantize(torch.autograd.Function):
    """QuantizeLinear and DequantizeLinear of an activation."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, zero_point: Tensor) -> Tensor:
        limits = torch.iinfo(zero_point.dtype)
        zero = zero_point.float()
        codes = ((x / scale).round() + zero).clamp(limits.min, limits.max)
        return (codes - zero) * scale

    @staticmethod
    def symbolic(g: Any, x: Any, scale: Any, zero_point: Any) -> Any:
        codes = g.op("QuantizeLinear", x, scale, zero_point)
        return g.op("DequantizeLinear", codes, scale, zero_point).setType(x.type())


class _Dequantize(torch.autograd.Function):
    """DequantizeLinear of a weight."""

    @staticmethod
    def forward(ctx: Any, codes: Tensor, scale: Tensor, zero_point: Tensor, axis: int) -> Tensor:
        shape = [1] * codes.ndim
        shape[axis] = -1
        zero = zero_point.float().reshape(shape)
        return (codes.float() - zero) * scale.reshape(shape)

    @staticmethod
    def symbolic(g: Any, codes: Any, scale: Any, zero_point: Any, axis: int) -> Any:
        result = g.op("DequantizeLinear", codes, scale, zero_point, axis_i=axis)
        kind = codes.type()
        return result.setType(kind.with_dtype(torch.float32)) if kind.sizes() else result


class _Pair(nn.Module):
    """An activation's quantizer; None is the identity."""

    scale: Tensor
    zero_point: Tensor

    def __init__(self, quantizer: nn.Module | None, signed: bool) -> None:
        super().__init__()
        self.limits: tuple[float, float] | None = None
        self.absent = quantizer is None
        if quantizer is None:
            return
        assert isinstance(quantizer, Uniform)
        # A zero-centred quantizer may be stored shifted.
        signed = quantizer.signed and signed
        shift = 128 if quantizer.signed and not signed else 0
        zero = (quantizer.zero_point.reshape(()) + shift).round()
        dtype = torch.int8 if signed else torch.uint8
        self.register_buffer("scale", quantizer.scale.reshape(()).clone())
        self.register_buffer("zero_point", zero.to(dtype))
        if quantizer.bits < 8:
            ends = torch.tensor([quantizer.lowest, quantizer.highest], device=zero.device)
            low, high = ((ends - quantizer.zero_point.reshape(())) * self.scale).tolist()
            self.limits = (low, high)

    def forward(self, x: Tensor) -> Tensor:
        if self.absent:
            return x
        if self.limits is not None:
            x = x.clamp(*self.limits)
        result: Tensor = _QuantizeDequantize.apply(x, self.scale, self.zero_point)  # type: ignore[no-untyped-call]
        return result


class _Weight(nn.Module):
    """A weight as codes; a float one if it has no quantizer."""

    codes: Tensor
    scale: Tensor
    zero_point: Tensor

    def __init__(
        self, weight: Tensor, quantizer: nn.Module | None, signed: bool, *, turned: bool
    ) -> None:
        super().__init__()
        self.axis = 1 if turned else 0
        if quantizer is None:
            self.values: Tensor | None = weight.T if turned else weight
            return
        self.values = None
        assert isinstance(quantizer, Uniform)
        channels = len(weight)
        codes = quantizer.codes(weight)
        scale = quantizer.scale.reshape(-1).expand(channels)
        zero = quantizer.zero_point.reshape(-1).expand(channels)
        if not quantizer.signed:
            signed = False
        shift = 128 if quantizer.signed and not signed else 0
        dtype = torch.int8 if signed else torch.uint8
        codes = (codes + shift).round().to(dtype)
        self.register_buffer("codes", (codes.T if turned else codes).contiguous())
        self.register_buffer("scale", scale.clone())
        self.register_buffer("zero_point", (zero + shift).round().to(dtype))

    def forward(self) -> Tensor:
        if self.values is not None:
            return self.values
        result: Tensor = _Dequantize.apply(self.codes, self.scale, self.zero_point, self.axis)  # type: ignore[no-untyped-call]
        return result


class WrittenLinear(nn.Module):
    """MatMul with a weight [in, out], and the bias in three dimensions."""

    added: Tensor | None
    bias: Tensor | None

    def __init__(self, layer: QuantizedLinear, signed_weights: bool, signed: bool) -> None:
        super().__init__()
        self.input = _Pair(layer.input_quantizer, signed)
        self.weight = _Weight(layer.weight, layer.weight_quantizer, signed_weights, turned=True)
        self.output = _Pair(layer.output_quantizer, signed)
        bias = layer.quantized_bias()
        self.register_buffer("bias", None if bias is None else bias.reshape(1, 1, -1).clone())
        self.register_buffer("added", layer.added)

    def forward(self, x: Tensor) -> Tensor:
        if self.added is not None:
            x = x + self.added
        flat = x.ndim == 2
        result = torch.matmul(self.input(x[None] if flat else x), self.weight())
        if self.bias is not None:
            result = result + self.bias
        result = self.output(result)
        flattened: Tensor = result[0] if flat else result
        return flattened


class WrittenConv2d(nn.Module):
    """Conv with codes as weight."""

    added: Tensor | None
    bias: Tensor | None

    def __init__(self, layer: QuantizedConv2d, signed_weights: bool, signed: bool) -> None:
        super().__init__()
        inner = layer.inner
        if inner.padding_mode != "zeros" or isinstance(inner.padding, str):
            raise ValueError(
                f"{layer.place.name}: expected padding with zeros by numbers, "
                f"found {inner.padding_mode} {inner.padding}"
            )
        self.input = _Pair(layer.input_quantizer, signed)
        self.weight = _Weight(layer.weight, layer.weight_quantizer, signed_weights, turned=False)
        self.output = _Pair(layer.output_quantizer, signed)
        self.shape = (inner.stride, inner.padding, inner.dilation, inner.groups)
        self.register_buffer("bias", layer.quantized_bias())
        self.register_buffer("added", layer.added)

    def forward(self, x: Tensor) -> Tensor:
        if self.added is not None:
            x = x + self.added
        result = F.conv2d(self.input(x), self.weight(), self.bias, *self.shape)
        quantized: Tensor = self.output(result)
        return quantized


class WrittenProduct(nn.Module):
    """MatMul of two activations."""

    def __init__(self, layer: QuantizedProduct, signed: bool) -> None:
        super().__init__()
        self.left = _Pair(layer.left_quantizer, signed)
        self.right = _Pair(layer.right_quantizer, signed)
        self.output = _Pair(layer.output_quantizer, signed)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        quantized: Tensor = self.output(torch.matmul(self.left(left), self.right(right)))
        return quantized
