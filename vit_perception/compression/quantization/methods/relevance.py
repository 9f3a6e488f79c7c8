# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Layer-wise relevance propagation through a network of any structure (card 48, part 1).

Under `Rules`, what autograd carries backwards is relevance instead of a derivative: the backward
of an operator is its rule. Operators that move values keep their own backward, which moves
relevance likewise, and autograd's sum over the readers of a tensor is the rule for clones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from vit_perception.compression.quantization.methods.relevance_rules import (
    Bilinear,
    of_image,
    of_linear,
    of_mean,
    of_product,
    of_sum,
)

_MOVES = frozenset(
    (
        "reshape",
        "view",
        "view_as",
        "flatten",
        "unflatten",
        "permute",
        "transpose",
        "movedim",
        "contiguous",
        "clone",
        "unbind",
        "chunk",
        "split",
        "select",
        "narrow",
        "__getitem__",
        "cat",
        "stack",
        "expand",
        "expand_as",
        "repeat",
        "squeeze",
        "unsqueeze",
        "roll",
        "flip",
        "index_select",
        "pad",
        "pixel_shuffle",
        "dropout",
        "max_pool2d",
        "to",
        "float",
    )
)
_UNCHANGED = frozenset(
    (
        "softmax",
        "gelu",
        "relu",
        "silu",
        "hardswish",
        "sigmoid",
        "tanh",
        "layer_norm",
        "group_norm",
        "batch_norm",
        "clamp",
        "neg",
        "div",
    )
)
_SIGNS = {"add": 1, "sub": -1}
_MEANS = frozenset(("mean", "sum", "avg_pool2d", "adaptive_avg_pool2d", "interpolate"))
_PRODUCTS = frozenset(("matmul", "bmm", "mul"))


def relevances(
    model: nn.Module,
    images: Tensor,
    names: Sequence[str],
    *,
    top: int = 1,
    alpha: float = 1.0,
    logits: Callable[[Any], Tensor] | None = None,
) -> dict[str, tuple[Tensor, ...]]:
    """Returns the relevance at the inputs of modules for the likeliest classes.

    Args:
        model: in eval mode, in float; it stays as it is.
        images: float [B, 3, H, W].
        names: of called modules; "" is the network itself, whose input is the images.
        top: how many of an image's largest logits are one relevance each; others are none. For a
            detector, take several and ``logits`` that returns those of its head.
        alpha: of the rule for linear layers, at least 1.
        logits: of the network's result, float [B, ...]. None: the result.

    Returns:
        Name to a tensor for each operand, of the operand's shape, summed over calls of the module.
        That of products is halved already, see `relevance_rules.of_product`.

    Raises:
        ValueError: an operator has no rule.
    """
    images = images.detach().clone().requires_grad_()
    seen: dict[str, list[tuple[Tensor, ...]]] = {name: [] for name in names}
    with torch.enable_grad(), _watched(model, seen), Rules(images, alpha):
        result = model(images)
        scores = (logits(result) if logits else result).flatten(1)
    largest = scores.detach().topk(top).indices
    start = torch.zeros_like(scores).scatter_(1, largest, 1)
    flat = [x for calls in seen.values() for call in calls for x in call]
    found = iter(torch.autograd.grad(scores, flat, start, allow_unused=True))
    by_name: dict[str, tuple[Tensor, ...]] = {}
    for name, calls in seen.items():
        parts = [
            tuple(torch.zeros_like(x) if (r := next(found)) is None else r for x in call)
            for call in calls
        ]
        by_name[name] = tuple(sum(each[1:], each[0]) for each in zip(*parts, strict=True))
    return by_name


class Rules(TorchFunctionMode):
    """Within it, operators record the rules of relevance for backward passes.

    - Linear layers and convolutions: `relevance_rules.of_linear`; a convolution of the images:
      `of_image`. Means and interpolation: `of_mean`.
    - a + b and a − b: `of_sum`. Constants [1, N, C], such as embeddings of positions, are a part
      like any other, as in the public code; other constants, such as biases of scores and masks,
      get nothing.
    - Products of two activations, also of elements: `of_product`.
    - Softmax, activations, norms, constant factors: unchanged.

    Args:
        images: float [B, C, H, W], of which relevance is asked; they need gradients.
        alpha: of `of_linear`.

    Raises:
        ValueError: under it, an operator without a rule is called.
    """

    def __init__(self, images: Tensor, alpha: float = 1.0) -> None:
        super().__init__()
        self._images = images.untyped_storage().data_ptr()
        self._batch = len(images)
        self._alpha = alpha

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Returns the result of an operator, with its rule."""
        kwargs = kwargs or {}
        carried = tuple(x for x in args if _carries(x))
        # Rules need what was read, so an operator in place gets a copy.
        name = func.__name__ if func.__name__.startswith("__") else func.__name__.rstrip("_")
        rule = self._rule(name, func, args, kwargs, carried) if carried else None
        if rule is not None and torch.is_grad_enabled():
            plain = [x.detach().clone() if isinstance(x, Tensor) else x for x in args]
            return _Ruled.apply(rule, func(*plain, **kwargs), *carried)  # type: ignore[no-untyped-call]
        result = func(*args, **kwargs)
        results = result if isinstance(result, tuple) else (result,)
        if name not in _MOVES and any(_carries(x) for x in results):
            raise ValueError(f"relevance: expected operators with a rule, found {name}")
        return result

    def _rule(
        self, name: str, func: Any, args: Any, kwargs: dict[str, Any], carried: tuple[Tensor, ...]
    ) -> _Rule | None:
        """Returns what gives the relevance of the inputs that carry it."""
        if name in ("linear", "conv2d"):
            return self._of_weighted(func, args, kwargs)
        if name in _MEANS:
            return lambda r, x: (of_mean(lambda x: func(x, *args[1:], **kwargs), x, r),)
        if name in _SIGNS and not kwargs:
            return self._of_sum(_SIGNS[name], args[0], args[1])
        if name in _PRODUCTS and len(carried) == 2:
            return lambda r, a, b: of_product(func, a, b, r)
        if name in ("matmul", "bmm"):
            if carried[0] is args[0]:
                return self._of_linear(func, args[1])
            return self._of_linear(lambda x, w: func(w, x), args[0])
        # Two carriers, as in a quotient of activations, have no rule.
        known = name in _UNCHANGED or name == "mul"
        return _unchanged if known and len(carried) == 1 else None

    def _of_weighted(self, func: Any, args: Any, kwargs: dict[str, Any]) -> _Rule:
        named = dict(zip(("input", "weight", "bias"), args, strict=False)) | kwargs
        options = {key: named[key] for key in named if key not in ("input", "weight", "bias")}

        def op(x: Tensor, weight: Tensor) -> Tensor:
            result: Tensor = func(x, weight, None, *args[3:], **options)
            return result

        weight = named["weight"].detach()
        if func is not F.linear and args[0].untyped_storage().data_ptr() == self._images:
            return lambda r, x: (of_image(op, x, weight, r),)
        return self._of_linear(op, weight)

    def _of_linear(self, op: Bilinear, weight: Tensor) -> _Rule:
        return lambda r, x: (of_linear(op, x, weight.detach(), r, self._alpha),)

    def _of_sum(self, sign: int, a: Any, b: Any) -> _Rule:
        carried = [isinstance(x, Tensor) and x.requires_grad for x in (a, b)]
        if all(carried):
            return lambda r, a, b: of_sum(a, sign * b, r, self._batch)
        x, constant = (a, b) if carried[0] else (b, a)
        positions = isinstance(constant, Tensor) and constant.ndim == 3
        if not positions or constant.shape[1:] != x.shape[1:]:
            return _unchanged
        return lambda r, x: (of_sum(x, sign * constant.detach(), r, self._batch)[0],)


_Rule = Callable[..., tuple[Tensor, ...]]
"""Relevance of a result and the inputs, to the relevance of the inputs."""


class _Ruled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rule: _Rule, result: Tensor, *inputs: Tensor) -> Tensor:
        ctx.rule = rule
        ctx.save_for_backward(*inputs)
        return result.view_as(result)

    @staticmethod
    def backward(ctx: Any, *relevance: Tensor) -> tuple[Tensor | None, ...]:
        return (None, None, *ctx.rule(relevance[0], *ctx.saved_tensors))


def _unchanged(relevance: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
    return tuple(relevance.sum_to_size(x.shape) for x in inputs)


@contextmanager
def _watched(model: nn.Module, seen: dict[str, list[tuple[Tensor, ...]]]) -> Iterator[None]:
    """Gives modules inputs of their own, so that other readers of a tensor do not count."""

    def hook(name: str) -> Callable[[nn.Module, tuple[Any, ...]], tuple[Any, ...]]:
        def own(module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
            made = tuple(x.view_as(x) if _carries(x) else x for x in args)
            seen[name].append(tuple(x for x in made if _carries(x)))
            return made

        return own

    handles = [model.get_submodule(name).register_forward_pre_hook(hook(name)) for name in seen]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _carries(x: Any) -> bool:
    return isinstance(x, Tensor) and x.requires_grad
