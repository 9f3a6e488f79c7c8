# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The plainest quantization: one scale for each weight and each activation (card 55).

This is the protocol of Quantizable Transformers (arXiv 2306.12929, Section 5), by which networks
without outliers show. Unlike the layers of `simulation.wrapped`, it rounds the sums of residual
branches too, in which outliers live, and works on operators of any network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import vit_perception.models  # noqa: F401  # timm needs torchvision's operators

# isort: split
import torch
from timm.layers.attention import maybe_add_mask, resolve_self_attn_mask
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from vit_perception.compression.quantization.simulation.capture import Calibration, batches
from vit_perception.compression.quantization.simulation.observers import minmax
from vit_perception.compression.quantization.simulation.quantizers import Uniform
from vit_perception.models.shelf import for_inference

_MOVING = ("Identity", "Dropout", "DropPath", "Flatten", "Unflatten")
"""Leaf modules that compute nothing for inference."""
_PAIRS = frozenset(("add", "add_", "sub", "mul", "mul_", "div"))
_SINGLES = frozenset(
    ("matmul", "bmm", "einsum", "linear", "conv2d", "softmax", "sigmoid", "gelu", "relu", "silu")
    + ("hardswish", "layer_norm", "group_norm", "batch_norm", "mean", "clamp", "interpolate")
)


@dataclass(frozen=True)
class EveryTensor:
    """Knobs; the defaults are the paper's.

    Weights of Linear and Conv2d are symmetric, activations have a zero point; biases stay float.
    All has a QDQ form. Queries, keys and values are one activation where one layer computes them.

    Attributes:
        weight, activation: bits.
        momentum: of the running extremes over calibration batches.
        last: whether the last linear layer, too, is quantized.
    """

    weight: int = 8
    activation: int = 8
    momentum: float = 0.9
    last: bool = False


class Everywhere(nn.Module):
    """A network whose activations are all rounded.

    Args:
        model: in eval mode.
        last: name of the linear layer whose output stays float, or empty.

    Attributes:
        quantizers: in the order of the activations; none before calibration.
    """

    def __init__(self, model: nn.Module, last: str) -> None:
        super().__init__()
        self.model = model
        self.last = last
        self.quantizers = nn.ModuleList()

    def forward(self, images: Tensor) -> Any:
        """Returns what the network returns."""
        order = iter(self.quantizers)
        return self.visited(images, lambda x: next(order)(x))

    def visited(self, images: Tensor, visit: Callable[[Tensor], Tensor]) -> Any:
        """Runs the network with each activation replaced by what `visit` makes of it."""
        follower = _Follower(visit)
        with _inside_leaves(self.model, follower, self.last), follower:
            return self.model(follower.visit(images))


@torch.no_grad()
def every_tensor(model: nn.Module, config: EveryTensor, calibration: Calibration) -> Everywhere:
    """Returns a copy of a network that computes as if quantized.

    Args:
        model: takes images and always runs the same operators; stays as it is.
        config: see :class:`EveryTensor`.
        calibration: images as the network takes them, float [N, 3, H, W], which are split into
            16 batches, or batches of them. Ranges are those of the float network.

    Raises:
        ValueError: there are no images.
    """
    if isinstance(calibration, Tensor):
        calibration = list(calibration.tensor_split(min(16, max(1, len(calibration)))))
    images = batches(calibration)
    if not images or not len(images[0]):
        raise ValueError("calibration: expected at least one image, found none")
    made = Everywhere(for_inference(model), "")
    if not config.last:
        made.last = _last_linear(made.model, images[0][:1])
    ranges: list[tuple[Tensor, Tensor]] = []
    for number, batch in enumerate(images):
        seen: list[tuple[Tensor, Tensor]] = []
        made.visited(batch, _noting(seen))
        kept = config.momentum if number else 0.0
        ranges = [
            (kept * old[0] + (1 - kept) * new[0], kept * old[1] + (1 - kept) * new[1])
            for old, new in zip(ranges or seen, seen, strict=True)
        ]
    made.quantizers.extend(
        Uniform.from_range(low, high, config.activation) for low, high in ranges
    )
    for name, module in made.model.named_modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)) and name != made.last:
            low, high = minmax(module.weight)
            rounding = Uniform.from_range(low, high, config.weight, symmetric=True)
            module.weight.copy_(rounding(module.weight))
    return made.eval()


def _noting(seen: list[tuple[Tensor, Tensor]]) -> Callable[[Tensor], Tensor]:
    def note(x: Tensor) -> Tensor:
        seen.append((x.amin(), x.amax()))
        return x

    return note


class _Follower(TorchFunctionMode):
    """Visits the result of each operator outside of leaf modules, which are one activation each.

    Attention in one operator is taken apart, as engines do that compute in eight bits.
    """

    def __init__(self, visit: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.depth = 0
        self._visit = visit

    def visit(self, x: Tensor) -> Tensor:
        """Returns what takes the place of an activation."""
        with torch._C.DisableTorchFunction():
            return self._visit(x)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if self.depth:
            return func(*args, **kwargs)
        if func is functional.scaled_dot_product_attention:
            return self._attended(*args, **kwargs)
        result = func(*args, **kwargs)
        name = func.__name__
        # A factor or summand that is a plain number does not change the codes.
        pair = name in _PAIRS and all(isinstance(each, Tensor) for each in args[:2])
        computed = isinstance(result, Tensor) and result.is_floating_point()
        return self.visit(result) if computed and (pair or name in _SINGLES) else result

    def _attended(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
    ) -> Tensor:
        scores = self.visit(q @ k.transpose(-2, -1) * (scale or q.shape[-1] ** -0.5))
        # What hides a key is large and stays float, so that the scores keep their range.
        mask = resolve_self_attn_mask(scores.shape[-1], scores, attn_mask, is_causal)
        return self.visit(self.visit(maybe_add_mask(scores, mask).softmax(-1)) @ v)


@contextmanager
def _inside_leaves(model: nn.Module, follower: _Follower, last: str) -> Iterator[None]:
    """Lets a follower see each module without children as one operator."""

    def enter(module: nn.Module, inputs: Any) -> None:
        follower.depth += 1

    def leave(module: nn.Module, inputs: Any, output: Any) -> Any:
        follower.depth -= 1
        moved = type(module).__name__.startswith(_MOVING)
        computed = isinstance(output, Tensor) and not moved and module is not kept
        return follower.visit(output) if computed else output

    kept = model.get_submodule(last) if last else None
    leaves = [module for module in model.modules() if not any(module.children())]
    hooks = [leaf.register_forward_pre_hook(enter) for leaf in leaves]
    hooks += [leaf.register_forward_hook(leave) for leaf in leaves]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _last_linear(model: nn.Module, image: Tensor) -> str:
    """Returns the name of the linear layer that is called last."""
    called: list[str] = []
    hooks = [
        module.register_forward_pre_hook(lambda *_, name=name: called.append(name))
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear)
    ]
    model(image)
    for hook in hooks:
        hook.remove()
    return called[-1] if called else ""
