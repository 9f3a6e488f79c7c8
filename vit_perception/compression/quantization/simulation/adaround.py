# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Learned rounding of weights (AdaRound, arXiv 2004.10568)."""

from __future__ import annotations

from torch import Tensor

from vit_perception.compression.quantization.simulation.quantizers import Uniform

_LOW, _HIGH = -0.1, 1.1
"""Ends of the stretched sigmoid (γ and ζ of the paper, section 3.2)."""


class AdaRound(Uniform):
    """A uniform quantizer of one weight that learns which elements round up.

    While it learns, code = floor(w / scale) + h with h = clamp(1.2·sigmoid(logits) − 0.1, 0, 1).
    `settle` ends it: then h is whether logits ≥ 0. Scale and zero point stay. It starts with h as
    the fraction lost by floor, so the weight is unchanged where no code is clipped.

    Args:
        uniform: from which scale and zero point come.
        weight: the weight it is for, float of any shape; only it can be quantized.

    Attributes:
        logits: float of the shape of the weight; learned. None when settled.
        up: whether an element rounds up, bool of the shape of the weight, when settled.
    """

    logits: Tensor | None
    up: Tensor | None

    def __init__(self, uniform: Uniform, weight: Tensor) -> None:
        super().__init__(uniform.bits, uniform.scale, uniform.zero_point, signed=uniform.signed)
        steps = weight.detach().float() / self.scale
        share = (steps - steps.floor() - _LOW) / (_HIGH - _LOW)
        self.register_buffer("logits", share.logit().requires_grad_())
        self.register_buffer("up", None)

    def raised(self) -> Tensor:
        """Returns how far each element goes up, h, 0 to 1, float of the shape of the weight."""
        if self.logits is None:
            assert self.up is not None
            return self.up.to(self.scale)
        return (self.logits.sigmoid() * (_HIGH - _LOW) + _LOW).clamp(0, 1)

    def settle(self) -> None:
        """Ends learning: each element rounds up or down."""
        if self.logits is not None:
            self.up, self.logits = self.logits.detach() >= 0, None

    def codes(self, x: Tensor) -> Tensor:
        """Returns float codes of the shape of the weight; integer valued when settled."""
        codes = (x / self.scale).floor() + self.raised() + self.zero_point
        return codes.clamp(self.lowest, self.highest)
