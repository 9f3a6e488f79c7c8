# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Makes the layers of a network quantizable."""

from __future__ import annotations

import copy
from typing import Any

from torch import Tensor, nn

from vit_perception.compression.quantization.simulation.attentions import expose
from vit_perception.compression.quantization.simulation.folding import fold_norms
from vit_perception.compression.quantization.simulation.layers import (
    Layer,
    Place,
    QuantizedConv2d,
    QuantizedLinear,
    QuantizedProduct,
    Source,
)
from vit_perception.compression.quantization.simulation.provenance import Call, Value, calls_of
from vit_perception.models.shelf import for_inference

_KINDS = (nn.Linear, nn.Conv2d, QuantizedProduct)
_ROLES = {
    "qkv": "qkv",
    "qkv_proj": "qkv",
    "q": "qkv",
    "k": "qkv",
    "v": "qkv",
    "kv": "qkv",
    "proj": "proj",
    "out_proj": "proj",
    "fc1": "fc1",
    "pw1": "fc1",
    "fc2": "fc2",
    "pw2": "fc2",
    "reduction": "reduction",
}
"""Parts of the names of timm's modules, and the role they tell."""


def wrap(model: nn.Module, images: Tensor) -> nn.Module:
    """Returns a copy in eval mode whose layers are `layers.Layer`s, which compute in float.

    What folds is folded, first by `models.shelf.for_inference`, then by `fold_norms`; parameters
    need no gradients. Every called Linear and Conv2d becomes a layer, and so do both products of
    the attentions that `attentions.expose` knows. Subclasses with a `forward` of their own stay
    float. Results equal those of ``model`` within round-off.

    Args:
        model: takes images and returns anything.
        images: an example, float [B, 3, H, W], that is run through the copy; one is enough.
    """
    model = for_inference(_copied(model))
    expose(model)
    _out_of_place(model)
    fold_norms(model, images)
    calls = calls_of(model, _KINDS, images)
    by_name: dict[str, list[Call]] = {}
    for call in calls:
        by_name.setdefault(call.name, []).append(call)
    for position, (name, all_calls) in enumerate(by_name.items()):
        module = model.get_submodule(name)
        sources = tuple(
            _source([call.inputs[operand] for call in all_calls])
            for operand in range(len(all_calls[0].inputs))
        )
        layer = _layer(module)
        if layer is None:
            continue
        layer.place = Place(name, _role(name, module, sources), position, sources)
        if layer is not module:
            parent, _, last = name.rpartition(".")
            setattr(model.get_submodule(parent), last, layer)
    return model.eval()


def _out_of_place(model: nn.Module) -> None:
    """Keeps activations from writing into what `capture` recorded of the layer before."""
    each: Any
    for each in model.modules():
        if getattr(each, "inplace", False):
            each.inplace = False


def _copied(model: nn.Module) -> nn.Module:
    """Returns a copy without timm's caches of biases, which may not be copyable."""
    caches = [getattr(module, "attention_bias_cache", None) for module in model.modules()]
    memo: dict[int, Any] = {id(cache): {} for cache in caches if cache is not None}
    return copy.deepcopy(model, memo)


def _layer(module: nn.Module) -> Layer | None:
    if isinstance(module, QuantizedProduct):
        return module
    if isinstance(module, nn.Linear) and type(module).forward is nn.Linear.forward:
        return QuantizedLinear(module)
    if isinstance(module, nn.Conv2d) and type(module).forward is nn.Conv2d.forward:
        return QuantizedConv2d(module)
    return None


def _source(values: list[Value]) -> Source:
    """Returns the source of one operand; "other" if calls of the layer differ."""
    first = values[0]
    if any((value.kind, value.module) != (first.kind, first.module) for value in values):
        return Source("other", "", ())
    readers = dict.fromkeys(reader for value in values for reader in value.readers)
    return Source(first.kind, first.module, tuple(readers))


def _role(name: str, module: nn.Module, sources: tuple[Source, ...]) -> str:
    if isinstance(module, QuantizedProduct):
        return module.role
    parts = name.split(".")
    convolution = isinstance(module, nn.Conv2d)
    if sources[0].kind == "image" or (convolution and "patch_embed" in parts):
        return "patch_embed"
    if parts[0].startswith(("head", "classifier")):
        return "head"
    if isinstance(module, nn.Conv2d) and 1 < module.groups == module.in_channels:
        return "depthwise"
    known = [_ROLES[part] for part in parts if part in _ROLES]
    return known[0] if known else ("conv" if convolution else "linear")
