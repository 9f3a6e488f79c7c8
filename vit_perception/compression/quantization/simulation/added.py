# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Adds fixed vectors to the inputs of layers, which their biases take back (NoisyQuant)."""

from __future__ import annotations

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
    WeightedLayer,
    set_quantized,
)
from vit_perception.compression.quantization.simulation.reparameterised import norm_of


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
def add_vector(layer: WeightedLayer, vector: Tensor) -> None:
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
def fold_added(model: nn.Module, layer: WeightedLayer, images: Tensor) -> bool:
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
    source = norm_of(model, layer) or _values_of(model, layer)
    if vector is None or source is None or source.weight is None:
        return False
    set_quantized(model, False)
    before = record(model, [layer], [images])[layer.place.name].inputs[0]
    kept = source.bias, layer.inner.bias, layer.correction
    taken = product_with(layer.weight, vector)
    source.bias = _parameter(_sum(source.bias, vector, source.weight))
    layer.inner.bias = _parameter(_sum(layer.inner.bias, -taken, layer.weight))
    layer.correction = _sum(layer.correction, taken, layer.weight)
    layer.added = None
    error = record(model, [layer], [images])[layer.place.name].inputs[0] - before - vector
    allowed = 1e-3 * float(vector.abs().max()) + 1e-6 * float(before.abs().max())
    if float(error.abs().max()) <= allowed:
        return True
    source.bias, layer.inner.bias, layer.correction = kept
    layer.added = vector
    return False


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


def _sum(bias: Tensor | None, vector: Tensor, weight: Tensor) -> Tensor:
    """Returns a bias, of zeros if there is none, with a vector added to its last elements."""
    total = weight.new_zeros(len(weight), dtype=torch.float64) if bias is None else bias.double()
    total = total.clone()
    total[len(total) - vector.numel() :] += vector.flatten().double()
    return total.to(weight.dtype)


def _parameter(values: Tensor) -> nn.Parameter:
    return nn.Parameter(values, requires_grad=False)
