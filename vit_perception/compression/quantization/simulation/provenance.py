# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Follows tensors through a network: what computed the inputs of its modules, and who reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from vit_perception.models.quantizable_attention import ClippedSoftmax

# Operators that move values and do not change them; `cat` only if it joins parts of one tensor.
_MOVES = frozenset(
    (
        "view",
        "_unsafe_view",
        "_reshape_alias",
        "reshape",
        "expand",
        "permute",
        "transpose",
        "t",
        "slice",
        "select",
        "split",
        "split_with_sizes",
        "unbind",
        "clone",
        "roll",
        "constant_pad_nd",
        "unsqueeze",
        "squeeze",
        "detach",
        "alias",
        "index",
        "index_select",
        "unfold",
        "repeat",
        "_to_copy",
        "lift_fresh",
        "contiguous",
        "as_strided",
        "cat",
    )
)
_KINDS = {
    "native_layer_norm": "layer_norm",
    "native_group_norm": "group_norm",
    "_softmax": "softmax",
    "_native_batch_norm_legit_no_training": "batch_norm",
    "native_batch_norm": "batch_norm",
    "cudnn_batch_norm": "batch_norm",
    "convolution": "conv",
    "addmm": "linear",
    "mm": "linear",
    "linear": "linear",
    "bmm": "product",
    "relu_": "relu",
    "silu_": "silu",
    "hardswish_": "hardswish",
    "add_": "add",
}
_AS_NAMED = frozenset(("gelu", "relu", "silu", "hardswish", "sigmoid", "add", "mul"))


@dataclass
class Value:
    """A tensor under way, with its reshaped copies.

    Attributes:
        kind: see `layers.Source`.
        module: name of the innermost module that computed it.
        readers: names of the innermost modules with an operator that computes from it.
    """

    kind: str
    module: str
    readers: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Call:
    """A call of a module.

    Attributes:
        name: of the module.
        inputs: its tensors.
        output: its result; "other" if that is no tensor.
    """

    name: str
    inputs: tuple[Value, ...]
    output: Value


class _Follower(TorchDispatchMode):
    """Knows the value of each storage; storages stay alive, so that none is used again."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.inside = [""]
        self._values: dict[int, Value] = {}
        self._alive: list[Tensor] = []

    def value(self, tensor: Tensor) -> Value:
        return self._values.get(_key(tensor), Value("other", ""))

    def name(self, tensor: Tensor, value: Value) -> None:
        self._values[_key(tensor)] = value
        self._alive.append(tensor)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        operator = func.overloadpacket.__name__
        read = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
        known = {id(v): v for x in read if (v := self._values.get(_key(x))) is not None}
        if operator in _MOVES and len(known) <= 1:
            value = next(iter(known.values()), None)
        else:
            for each in known.values():
                each.readers.append(self.inside[-1])
            kind = _KINDS.get(operator, operator if operator in _AS_NAMED else "other")
            value = Value(kind, self.inside[-1])
        for made in tree_leaves(result):
            if isinstance(made, Tensor) and value is not None:
                self.name(made, value)
        return result


def calls_of(
    model: nn.Module, kinds: tuple[type[nn.Module], ...], images: Tensor
) -> tuple[Call, ...]:
    """Runs a network once and returns the calls of its modules of some kinds, in order.

    Args:
        model: in eval mode.
        kinds: classes of modules; subclasses count.
        images: float [B, 3, H, W]; their value has the kind "image".
    """
    follower = _Follower()
    calls: list[Call] = []
    follower.name(images, Value("image", ""))
    with torch.no_grad(), _followed(model, kinds, follower, calls), follower:
        model(images)
    return tuple(calls)


@contextmanager
def _followed(
    model: nn.Module,
    kinds: tuple[type[nn.Module], ...],
    follower: _Follower,
    calls: list[Call],
) -> Iterator[None]:
    names = {module: name for name, module in model.named_modules()}
    inputs: list[tuple[Value, ...]] = []

    def enter(module: nn.Module, args: tuple[Any, ...]) -> None:
        follower.inside.append(names[module])
        inputs.append(tuple(follower.value(x) for x in args if isinstance(x, Tensor)))

    def leave(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        follower.inside.pop()
        read = inputs.pop()
        if isinstance(module, ClippedSoftmax):
            follower.value(output).kind = "softmax"
        if isinstance(module, kinds):
            made = follower.value(output) if isinstance(output, Tensor) else Value("other", "")
            calls.append(Call(names[module], read, made))

    handles = [
        handle
        for module in names
        for handle in (
            module.register_forward_pre_hook(enter),
            module.register_forward_hook(leave),
        )
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _key(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
