# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A logarithm quantizer whose base is a searched number (AdaLog, arXiv 2407.12951)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vit_perception.compression.quantization.simulation.quantizers import (
    GELU_FLOOR,
    Quantizer,
    rounded,
)

RESOLUTION = 37
"""Parts of an octave in which a base is counted (r of the official code)."""


class AdaptiveLogarithm(Quantizer):
    """Powers of 2^(−q/37) below a largest value, and 0: code = round(−log2(x / scale)·37/q).

    The table form is what integer hardware computes: code·q/37 octaves are a shift by their whole
    part and a factor of bits + 1 bits for the rest. The form without tables, scale·2^(−code·q/37),
    has a gradient, also with respect to ``scale``; reconstruction uses it. They differ by at most
    1/(2^(bits+1) − 2) of the value. Neither has a QDQ form.

    Args:
        bits: of a code, 2 to 8.
        q: width of a step, an integer ≥ 1 in the paper; 37 is log2.
        scale: largest value, float > 0, [] or of a shape that broadcasts. None: 1, for a softmax.
        strict: the last of the 2^bits codes means 0. Otherwise, as in the official code and so in
            published figures, 0 is one symbol more than ``bits`` allow.
        tabled: which form.
    """

    q: Tensor
    scale: Tensor

    def __init__(
        self,
        bits: int,
        q: float = RESOLUTION,
        scale: Tensor | None = None,
        *,
        strict: bool = False,
        tabled: bool = True,
    ) -> None:
        super().__init__(bits)
        scale = torch.tensor(1.0) if scale is None else scale.detach().clone().float()
        self.register_buffer("scale", scale)
        self.register_buffer("q", torch.tensor(float(q)))
        self.strict = strict
        self.tabled = tabled

    @property
    def zero_code(self) -> int:
        """The code that means 0; it and lower ones are used."""
        return self.levels - 1 if self.strict else self.levels

    def table(self) -> Tensor:
        """Returns the values of the codes for scale 1, float [zero_code + 1]."""
        code = torch.arange(self.zero_code, dtype=torch.float64, device=self.q.device)
        parts = code * self.q
        steps = 2 * self.levels - 2
        rest = torch.remainder(parts, RESOLUTION) / RESOLUTION
        factor = (torch.exp2(-rest) * steps).round() / steps
        values = factor * torch.exp2(-torch.floor(parts / RESOLUTION))
        return torch.cat([values, values.new_zeros(1)]).float()

    def codes(self, x: Tensor) -> Tensor:
        """Returns integer valued float codes 0 to `zero_code`."""
        # Below it, log2 is not finite; such a value is as good as 0.
        y = (x / self.scale).clamp(1e-15, 1)
        return rounded(-y.log2() * (RESOLUTION / self.q)).clamp(max=self.zero_code)

    def values(self, codes: Tensor) -> Tensor:
        """Returns the values of codes."""
        if self.tabled:
            return self.table()[codes.long()] * self.scale
        values = self.scale * torch.exp2(-codes * (self.q / RESOLUTION))
        return torch.where(codes < self.zero_code, values, torch.zeros_like(values))

    def forward(self, x: Tensor) -> Tensor:
        """Returns the nearest values, in steps of a logarithm, of the shape of ``x``."""
        return self.values(self.codes(x))

    def extra_repr(self) -> str:
        """Returns bits, base and form for `repr`."""
        return f"bits={self.bits}, q={float(self.q):g}, strict={self.strict}, tabled={self.tabled}"


class Shifted(Quantizer):
    """A quantizer of values ≥ 0 for a tensor with a floor below 0: quantizer(x + shift) − shift.

    Args:
        quantizer: of the shifted values.
        shift: the floor, negated.
    """

    def __init__(self, quantizer: Quantizer, shift: float = GELU_FLOOR) -> None:
        super().__init__(quantizer.bits)
        self.quantizer: nn.Module = quantizer
        self.shift = shift

    def forward(self, x: Tensor) -> Tensor:
        """Returns the nearest values of the shape of ``x``, not below the floor."""
        result: Tensor = self.quantizer(x + self.shift) - self.shift
        return result
