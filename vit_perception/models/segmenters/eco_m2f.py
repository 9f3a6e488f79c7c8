# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""ECO-M2F: Mask2Former whose encoder stops early where it may (arXiv 2404.15244, card 52).

The parent is the transformers library's. A gate reads the coarsest map and says after how many
layers of the encoder to go on to the decoder, which takes the result of any of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import Mask2FormerForUniversalSegmentation

LEAST_EXIT = 2
"""Layers that always run."""


class Layers(nn.ModuleList):
    """The layers of an encoder, of which the first ones run; weights have the parent's names.

    Attributes:
        stop: how many run.
    """

    def __init__(self, layers: nn.ModuleList) -> None:
        super().__init__(layers)
        self.stop = len(layers)

    def __iter__(self) -> Iterator[nn.Module]:
        return islice(super().__iter__(), self.stop)


class Gate(nn.Module):
    """Says which exit is best: means over a map [B, C, h, w] to logits [B, exits]."""

    def __init__(self, channels: int, exits: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, exits)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.linear(x.mean((2, 3)))
        return logits


class Seen(NamedTuple):
    """What was found, and at which cost.

    Attributes:
        output: of Mask2Former.
        exit: layers of the encoder that ran.
        gate: logits [B, exits].
    """

    output: Any
    exit: int
    gate: Tensor


class EcoMask2Former(nn.Module):
    """Mask2Former with an exit after each layer of its encoder from LEAST_EXIT on.

    Args:
        parent: takes part in the network; its encoder is wrapped.

    Attributes:
        exits: numbers of layers.
        parent, gate: the parts; the second learns alone, see `gate_loss`.
    """

    def __init__(self, parent: Mask2FormerForUniversalSegmentation) -> None:
        super().__init__()
        self.parent = parent
        decoder = parent.model.pixel_level_module.decoder
        self._layers = decoder.encoder.layers = Layers(decoder.encoder.layers)
        self.exits = tuple(range(LEAST_EXIT, len(self._layers) + 1))
        self.gate = Gate(parent.config.feature_size, len(self.exits))
        self._asked: int | None = None
        self._most = self.exits[-1]
        self._seen: Tensor | None = None
        # The coarsest map comes first, before any layer runs.
        decoder.input_projections[0].register_forward_hook(self._choose)

    def forward(
        self, pixels: Tensor, exit: int | None = None, most: int | None = None, **others: Any
    ) -> Seen:
        """Runs the network.

        Args:
            pixels: float [B, 3, H, W]; one picture where the gate chooses.
            exit: layers of the encoder; None lets the gate choose.
            most: the gate's choice is no greater, for a frame's budget of time.
            others: of Mask2Former, as its labels.

        Raises:
            ValueError: there is no such exit, or the gate should choose for several pictures.
        """
        for value in (exit, most):
            if value is not None and value not in self.exits:
                raise ValueError(f"exit: expected one of {self.exits}, found {value}")
        if exit is None and len(pixels) != 1:
            raise ValueError(f"pictures: expected one where the gate chooses, found {len(pixels)}")
        self._asked, self._most = exit, most or self.exits[-1]
        output = self.parent(pixel_values=pixels, **others)
        assert self._seen is not None
        return Seen(output, self._layers.stop, self._seen)

    def _choose(self, module: nn.Module, given: object, coarsest: Tensor) -> None:
        # Only the gate learns from its own loss.
        self._seen = self.gate(coarsest.detach())
        chosen = self._asked
        if chosen is None:
            chosen = min(self.exits[int(self._seen[0].argmax())], self._most)
        self._layers.stop = chosen

    def drawn_exit(self, generator: torch.Generator | None = None) -> int:
        """Returns a random exit, with which the parent learns to bear all of them."""
        return self.exits[int(torch.randint(len(self.exits), (1,), generator=generator))]


def exit_weight(exit: int) -> float:
    """Returns the weight of Mask2Former's loss at an exit: deeper ones count more."""
    return float(exit)


def best_exits(quality: Tensor, beta: float) -> Tensor:
    """Returns the index of the exit with the greatest use for each picture, int64 [N].

    Args:
        quality: panoptic quality [N, exits] of each picture at each exit, 0 to 1.
        beta: what a layer costs.
    """
    return utility(quality, beta).argmax(1)


def utility(quality: Tensor, beta: float) -> Tensor:
    """Returns quality less the cost of the layers [N, exits]; see `best_exits`."""
    return quality - beta * torch.arange(1, quality.shape[1] + 1, device=quality.device)


def gate_loss(logits: Tensor, quality: Tensor, beta: float, *, soft: bool = False) -> Tensor:
    """Returns the loss of a gate.

    Args:
        logits: [N, exits].
        quality, beta: see `best_exits`.
        soft: whether all of the utilities are learnt, by their softmax, in place of the best.
    """
    if soft:
        wanted = utility(quality, beta).softmax(1)
        return F.kl_div(logits.log_softmax(1), wanted, reduction="batchmean")
    return F.cross_entropy(logits, best_exits(quality, beta))
