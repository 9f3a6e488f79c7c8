# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Layers that compute in float or with quantized operands."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Source:
    """What computed an operand of a layer, seen through reshapes and other moves of data.

    Attributes:
        kind: "image", "layer_norm", "group_norm", "batch_norm", "softmax", "gelu", "relu",
            "silu", "conv", "linear", "product", "add", … or "other".
        module: name of the innermost module that computed it, "" outside of one.
        readers: names of the innermost modules that compute from it or from a part of it, such as
            the queries of a qkv, each once.
    """

    kind: str
    module: str
    readers: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """Where a layer stands in a network.

    Attributes:
        name: of the module.
        role: "patch_embed" (reads the picture), "qkv", "scores" (q·kᵀ), "context" (P·v), "proj",
            "fc1", "fc2", "reduction", "head", "depthwise", "conv" or "linear".
        position: of its first call among all layers, from 0.
        sources: of its operands, one or two.
    """

    name: str
    role: str
    position: int
    sources: tuple[Source, ...]

    @property
    def source(self) -> Source:
        """The source of the first operand."""
        return self.sources[0]


class Layer(nn.Module):
    """A layer of a wrapped network.

    Attributes:
        place: where it stands; set by `wrap`.
        quantized: whether quantizers apply; a layer computes in float otherwise.
        output_quantizer: of the result; None leaves it.
    """

    place: Place
    output_quantizer: nn.Module | None
    OPERANDS: tuple[str, ...] = ()
    """Names of the attributes of the quantizers, in the order of the operands."""

    def __init__(self) -> None:
        super().__init__()
        self.quantized = False
        self.output_quantizer = None

    def result(self, x: Tensor) -> Tensor:
        """Returns a result as the layer gives it."""
        return _by(self.output_quantizer, x) if self.quantized else x

    def extra_repr(self) -> str:
        """Returns role and state for `repr`."""
        role = self.place.role if hasattr(self, "place") else "unplaced"
        return f"{role}, quantized={self.quantized}"


class WeightedLayer(Layer):
    """A layer with a weight: `QuantizedLinear` or `QuantizedConv2d`.

    Args:
        inner: the float module; methods may change its weight and bias where float stays equal.

    Attributes:
        input_quantizer, weight_quantizer: modules of the shape-preserving kind; None leaves float.
        added: fixed vector added to the input before its quantizer, only when quantized.
        correction: added to the bias [out], only when quantized.
    """

    inner: nn.Linear | nn.Conv2d
    input_quantizer: nn.Module | None
    weight_quantizer: nn.Module | None
    added: Tensor | None
    correction: Tensor | None
    OPERANDS = ("input_quantizer",)

    def __init__(self, inner: nn.Linear | nn.Conv2d) -> None:
        super().__init__()
        self.inner = inner
        self.input_quantizer = None
        self.weight_quantizer = None
        self.register_buffer("added", None)
        self.register_buffer("correction", None)

    @property
    def weight(self) -> Tensor:
        """The float weight, [out, in] or [out, in / groups, kernel, kernel]."""
        return self.inner.weight

    @property
    def bias(self) -> Tensor | None:
        """The bias [out] as the layer uses it now."""
        return self.quantized_bias() if self.quantized else self.inner.bias

    def __getattr__(self, name: str) -> Any:
        """Returns what networks read of the float module, such as its number of channels."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            inner = self.__dict__.get("_modules", {}).get("inner")
            if inner is None:
                raise
            return getattr(inner, name)

    def quantized_input(self, x: Tensor) -> Tensor:
        """Returns the input as the quantized layer uses it."""
        return _by(self.input_quantizer, x if self.added is None else x + self.added)

    def quantized_weight(self) -> Tensor:
        """Returns the weight as the quantized layer uses it."""
        return _by(self.weight_quantizer, self.inner.weight)

    def quantized_bias(self) -> Tensor | None:
        """Returns the bias [out] as the quantized layer uses it."""
        bias = self.inner.bias
        if self.correction is None:
            return bias
        return self.correction if bias is None else bias + self.correction

    def forward(self, x: Tensor) -> Tensor:
        """Returns what the float module returns of ``x``, or that with quantized operands."""
        if not self.quantized:
            return self._computed(x, self.inner.weight, self.inner.bias)
        weight, bias = self.quantized_weight(), self.quantized_bias()
        return self.result(self._computed(self.quantized_input(x), weight, bias))

    @abstractmethod
    def _computed(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Returns what the float module would with another weight and bias."""


class QuantizedLinear(WeightedLayer):
    """A linear layer, [..., in] to [..., out]; `added` is [in] or broadcasts with the input."""

    inner: nn.Linear

    def _computed(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return F.linear(x, weight, bias)


class QuantizedConv2d(WeightedLayer):
    """A convolution, [B, in, H, W] to [B, out, H', W']; `added` broadcasts with the input."""

    inner: nn.Conv2d

    def _computed(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        result: Tensor = self.inner._conv_forward(x, weight, bias)  # pads as the module does
        return result


class QuantizedProduct(Layer):
    """The matrix product of two activations [B, heads, …]: q·kᵀ or P·v.

    Args:
        role: "scores" or "context".

    Attributes:
        left_quantizer, right_quantizer: of the operands; None leaves float.
    """

    left_quantizer: nn.Module | None
    right_quantizer: nn.Module | None
    OPERANDS = ("left_quantizer", "right_quantizer")

    def __init__(self, role: str) -> None:
        super().__init__()
        self.role = role
        self.left_quantizer = None
        self.right_quantizer = None

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Returns ``left`` [B, heads, …, N, K] times ``right`` [B, heads, …, K, M]."""
        if not self.quantized:
            return left @ right
        return self.result(_by(self.left_quantizer, left) @ _by(self.right_quantizer, right))


def layers_of(model: nn.Module) -> list[Layer]:
    """Returns the layers of a wrapped network in the order of their first calls."""
    layers = [each for each in model.modules() if isinstance(each, Layer)]
    return sorted(layers, key=lambda layer: layer.place.position)


def set_quantized(model: nn.Module, on: bool = True) -> None:
    """Lets all layers of a wrapped network compute quantized, or in float."""
    for layer in layers_of(model):
        layer.quantized = on


@contextmanager
def computing(layer: Layer, quantized: bool) -> Iterator[None]:
    """Lets one layer compute quantized, or in float, and puts it back."""
    before, layer.quantized = layer.quantized, quantized
    try:
        yield
    finally:
        layer.quantized = before


def _by(quantizer: nn.Module | None, x: Tensor) -> Tensor:
    if quantizer is None:
        return x
    result: Tensor = quantizer(x)
    return result
