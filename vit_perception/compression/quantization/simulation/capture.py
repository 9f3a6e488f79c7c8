# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Records what goes into layers and comes out of them over calibration images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vit_perception.compression.quantization.simulation.layers import Layer

Calibration = Tensor | Sequence[Tensor]
"""Images, float [N, 3, H, W], or batches of them."""


@dataclass(frozen=True)
class Record:
    """What a layer saw over all batches, joined along the first axis.

    Attributes:
        inputs: its operands, one or two.
        output: its result.
        gradient: of a loss with respect to the result, or None.
    """

    inputs: tuple[Tensor, ...]
    output: Tensor
    gradient: Tensor | None = None

    def __len__(self) -> int:
        return len(self.output)

    def part(self, start: int, stop: int) -> Record:
        """Returns rows of the first axis."""
        cut = slice(start, stop)
        gradient = None if self.gradient is None else self.gradient[cut]
        return Record(tuple(each[cut] for each in self.inputs), self.output[cut], gradient)


@dataclass
class _Seen:
    inputs: list[tuple[Tensor, ...]] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)
    gradients: list[Tensor] = field(default_factory=list)


def batches(calibration: Calibration, size: int = 32) -> list[Tensor]:
    """Returns images in batches of at most ``size``; batches given stay."""
    if isinstance(calibration, Tensor):
        return list(calibration.split(size))
    return list(calibration)


@torch.no_grad()
def outputs_of(model: nn.Module, images: Iterable[Tensor]) -> list[Any]:
    """Returns the results of a network, a batch each; targets for `record`."""
    return [model(batch) for batch in images]


def record(
    model: nn.Module,
    layers: Sequence[Layer],
    images: Iterable[Tensor],
    *,
    loss: Callable[[Any, Any], Tensor] | None = None,
    targets: Sequence[Any] | None = None,
) -> dict[str, Record]:
    """Runs a wrapped network as it is set and returns the record of each layer by its name.

    Only what these layers see is kept: few layers at a time bound the memory, many the time.

    Args:
        model: a wrapped network, in whatever mix of float and quantized layers.
        layers: of it.
        images: batches, float [B, 3, H, W].
        loss: of (the network's result, the target of the batch), such as `divergence`. Gives the
            gradients with respect to the results of the layers.
        targets: one a batch, if there is a loss.
    """
    seen = {layer.place.name: _Seen() for layer in layers}
    for number, batch in enumerate(images):
        if loss is None:
            with torch.no_grad(), _watched(layers, seen):
                model(batch)
            continue
        if targets is None:
            raise ValueError("targets: expected one a batch, found none")
        starts = {name: len(each.outputs) for name, each in seen.items()}
        with torch.enable_grad(), _watched(layers, seen):
            # Parameters are frozen; the picture makes autograd follow every layer.
            result = model(batch.detach().clone().requires_grad_())
            new = [(each, each.outputs[starts[name] :]) for name, each in seen.items()]
            flat = [output for _, outputs in new for output in outputs]
            found = torch.autograd.grad(loss(result, targets[number]), flat, allow_unused=True)
        gradients = iter(found)
        for name, each in seen.items():
            for at in range(starts[name], len(each.outputs)):
                output, gradient = each.outputs[at].detach(), next(gradients)
                each.outputs[at] = output
                each.gradients.append(torch.zeros_like(output) if gradient is None else gradient)
    return {name: _joined(each) for name, each in seen.items() if each.outputs}


def records(
    model: nn.Module,
    layers: Sequence[Layer],
    images: Sequence[Tensor],
    *,
    loss: Callable[[Any, Any], Tensor] | None = None,
    targets: Sequence[Any] | None = None,
    at_once: int = 8,
) -> Iterator[tuple[Layer, Record]]:
    """Yields layers with their records, in order; ``at_once`` layers are recorded in one run.

    Other arguments: see `record`. What a caller changes shows in the records of later runs.
    """
    for start in range(0, len(layers), at_once):
        some = layers[start : start + at_once]
        found = record(model, some, images, loss=loss, targets=targets)
        for layer in some:
            yield layer, found.pop(layer.place.name)


def divergence(result: Tensor, target: Tensor) -> Tensor:
    """Returns the mean KL divergence of the result's softmax from the target's (PTQ4ViT).

    Args:
        result, target: logits [B, classes]; the target is the float network's.

    Its gradient is 0 where the result equals the target: of a network in which no layer is
    quantized yet, it is round-off noise. `likelihood` is not.
    """
    log, wanted = F.log_softmax(result, -1), F.softmax(target.detach(), -1)
    return F.kl_div(log, wanted, reduction="batchmean")


def likelihood(result: Tensor, target: Tensor) -> Tensor:
    """Returns the cross-entropy with the target's likeliest class, summed over the batch.

    Its squared gradients estimate Fisher's information, which does not vanish at the target.
    """
    return F.cross_entropy(result, target.detach().argmax(-1), reduction="sum")


@contextmanager
def _watched(layers: Sequence[Layer], seen: dict[str, _Seen]) -> Iterator[None]:
    def hook(layer: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        assert isinstance(layer, Layer)
        each = seen[layer.place.name]
        each.inputs.append(tuple(arg.detach() for arg in args))
        # With a loss, the result stays part of the graph until its gradient is known.
        each.outputs.append(output)

    handles = [layer.register_forward_hook(hook) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _joined(seen: _Seen) -> Record:
    inputs = tuple(torch.cat(each) for each in zip(*seen.inputs, strict=True))
    gradient = torch.cat(seen.gradients) if seen.gradients else None
    return Record(inputs, torch.cat([each.detach() for each in seen.outputs]), gradient)
