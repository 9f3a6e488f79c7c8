# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Adds fixed vectors to the inputs of layers, which their biases take back (NoisyQuant)."""

from __future__ import annotations

from collections.abc import Callable

import vit_perception.models  # noqa: F401  # timm needs torchvision's operators

# isort: split
import torch
from timm.layers.attention import Attention
from timm.models.swin_transformer import WindowAttention
from torch import Tensor, nn

from vit_perception.compression.quantization.simulation.capture import record
from vit_perception.compression.quantization.simulation.layers import (
    Layer,
    QuantizedConv2d,
    QuantizedLinear,
    QuantizedProduct,
    set_quantized,
)
from vit_perception.compression.quantization.simulation.reparameterised import norm_of

Pointwise = QuantizedLinear | QuantizedConv2d


def is_pointwise(layer: Layer) -> bool:
    """Returns whether a layer is linear in each position alone, without padding."""
    if isinstance(layer, QuantizedConv2d):
        inner = layer.inner
        return inner.kernel_size == (1, 1) and inner.groups == 1 and inner.padding == (0, 0)
    return isinstance(layer, QuantizedLinear)


@torch.no_grad()
def product_with(weight: Tensor, vector: Tensor) -> Tensor:
    """Returns weight times vector, float64 [out].

    Args:
        weight: [out, in] or [out, in, 1, 1].
        vector: of ``in`` elements.
    """
    return weight.flatten(1).double() @ vector.flatten().double()


@torch.no_grad()
def add_vector(layer: Pointwise, vector: Tensor) -> None:
    """Lets a quantized layer compute Q(x + N)·Ŵᵀ + b − Ŵ·N, in place; float results stay.

    Args:
        layer: see `is_pointwise`, with its weight's quantizer and no vector yet.
        vector: N, float [in].
    """
    shape = (-1, 1, 1) if isinstance(layer, QuantizedConv2d) else (-1,)
    layer.added = vector.detach().clone().reshape(shape)
    taken = product_with(layer.quantized_weight(), vector)
    correction = 0 if layer.correction is None else layer.correction.double()
    layer.correction = (correction - taken).to(vector.dtype)


@torch.no_grad()
def fold_added(model: nn.Module, layer: Pointwise, images: Tensor) -> bool:
    """Moves the vector added to a layer's input into what computes the input, where it is exact.

    That is the bias of a LayerNorm which the layer alone reads, or the bias of V, whose rows reach
    the projection unchanged because rows of a softmax sum to 1, as long as neither P nor V is
    quantized. The layer's bias takes the vector back, so that float results stay. Each fold is
    tried: where the input does not change by the vector everywhere, as where a window is padded
    behind the norm, it is undone.

    Args:
        model: the wrapped network; all its layers are left in float.
        layer: of it, with a vector.
        images: an example, float [B, 3, H, W].

    Returns:
        Whether the addition is gone.
    """
    vector = layer.added
    holder = _holder(model, layer)
    if vector is None or holder is None:
        return False
    set_quantized(model, False)
    before = record(model, [layer], [images])[layer.place.name].inputs[0]
    bias, correction = layer.inner.bias, layer.correction
    assert correction is not None
    undo = holder(vector)
    taken = product_with(layer.weight, vector)
    layer.inner.bias = _parameter((0 if bias is None else bias.double()) - taken, layer.weight)
    layer.correction = (correction.double() + taken).to(correction.dtype)
    layer.added = None
    error = record(model, [layer], [images])[layer.place.name].inputs[0] - before - vector
    if float(error.abs().max()) <= 1e-3 * float(vector.abs().max()) + _round_off(before):
        return True
    undo()
    layer.inner.bias, layer.correction, layer.added = bias, correction, vector
    return False


def _holder(model: nn.Module, layer: Layer) -> Callable[[Tensor], Callable[[], None]] | None:
    """Returns what adds a vector to the bias of a layer's source and returns its undoing."""
    norm = norm_of(model, layer)
    qkv = None if norm is not None else _values_of(model, layer)
    module = norm if norm is not None else qkv
    if module is None:
        return None
    bias = module.bias
    size = module.weight.shape[0]

    def undo() -> None:
        module.bias = bias

    def add(vector: Tensor) -> Callable[[], None]:
        old = torch.zeros(size).double() if bias is None else bias.double()
        new = old.clone()
        new[size - vector.numel() :] += vector.flatten().double()
        module.bias = _parameter(new, module.weight)
        return undo

    return add


def _values_of(model: nn.Module, layer: Layer) -> nn.Linear | None:
    """Returns the linear layer whose last third of rows is V, if V reaches ``layer`` in float."""
    source = layer.place.source
    if source.kind != "product" or source.readers != (layer.place.name,):
        return None
    context = model.get_submodule(source.module)
    attention = model.get_submodule(source.module.rpartition(".")[0])
    if not isinstance(context, QuantizedProduct) or not isinstance(layer, QuantizedLinear):
        return None
    if context.left_quantizer is not None or context.right_quantizer is not None:
        return None
    if context.place.source.kind != "softmax" or context.output_quantizer is not None:
        return None
    qkv = attention.qkv if isinstance(attention, (Attention, WindowAttention)) else None
    if not isinstance(qkv, QuantizedLinear) or qkv.output_quantizer is not None:
        return None
    return qkv.inner if qkv.inner.out_features == 3 * layer.inner.in_features else None


def _parameter(values: Tensor, like: Tensor) -> nn.Parameter:
    return nn.Parameter(values.to(like.dtype), requires_grad=False)


def _round_off(x: Tensor) -> float:
    return 1e-6 * float(x.abs().max())
