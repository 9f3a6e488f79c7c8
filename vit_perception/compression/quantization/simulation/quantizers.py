# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Quantizers: modules that map a float tensor to the nearest of few values (card 69)."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

GELU_FLOOR = 0.16997124254703522
"""Lowest value of GELU, negated."""


class _Round(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.round()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0]


def rounded(x: Tensor) -> Tensor:
    """Returns ``x`` rounded half to even; its gradient is that of ``x`` (straight-through)."""
    if torch.is_grad_enabled() and x.requires_grad:
        result: Tensor = _Round.apply(x)  # type: ignore[no-untyped-call]
        return result
    return x.round()


class Quantizer(nn.Module):
    """A quantizer of activations or weights.

    Attributes:
        bits: of a code.
        exportable: whether ONNX has a QuantizeLinear and DequantizeLinear of it.
    """

    exportable = False

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.bits = bits

    @property
    def levels(self) -> int:
        """Number of codes."""
        return int(2**self.bits)

    def extra_repr(self) -> str:
        """Returns the bits for `repr`."""
        return f"bits={self.bits}"


class Uniform(Quantizer):
    """Equal steps: code = clamp(round(x / scale) + zero_point), value = (code − zero_point)·scale.

    Rounds half to even, as ONNX does. The gradient is straight-through inside the range, also with
    respect to ``scale`` (set ``requires_grad`` on the buffer to learn it).

    Args:
        bits: of a code, 2 to 16.
        scale: steps, float > 0, of a shape that broadcasts with what is quantized.
        zero_point: integer valued, of the shape of `scale` or one value. None: 0.
        signed: codes are −2^(bits−1) to 2^(bits−1)−1 instead of 0 to 2^bits−1.
    """

    scale: Tensor
    zero_point: Tensor

    def __init__(
        self, bits: int, scale: Tensor, zero_point: Tensor | None = None, *, signed: bool = False
    ) -> None:
        super().__init__(bits)
        if zero_point is None:
            zero_point = torch.zeros_like(scale)
        self.register_buffer("scale", scale.detach().clone().float())
        self.register_buffer("zero_point", zero_point.detach().clone().float())
        self.signed = signed

    @classmethod
    def from_range(
        cls,
        low: Tensor,
        high: Tensor,
        bits: int,
        *,
        symmetric: bool = False,
        zero_inside: bool = True,
    ) -> Uniform:
        """Returns a quantizer of the values between ``low`` and ``high``.

        Args:
            low, high: ends of the range, one shape that broadcasts with what is quantized.
            bits: of a code.
            symmetric: zero point 0, signed, scale max(|low|, |high|) / (2^(bits−1)−1); otherwise
                zero point round(−low / scale), unsigned, scale (high − low) / (2^bits−1).
            zero_inside: extends the range to include 0, so that the zero point is a code. False:
                a zero point outside the codes is clipped, which destroys the range (card 08).
        """
        smallest = torch.finfo(torch.float32).eps
        low, high = low.float(), high.float()
        if symmetric:
            scale = torch.maximum(low.abs(), high.abs()) / (2 ** (bits - 1) - 1)
            return cls(bits, scale.clamp(min=smallest), signed=True)
        if zero_inside:
            low, high = low.clamp(max=0), high.clamp(min=0)
        scale = ((high - low) / (2**bits - 1)).clamp(min=smallest)
        zero_point = (-low / scale).round().clamp(0, 2**bits - 1)
        return cls(bits, scale, zero_point)

    @property
    def exportable(self) -> bool:  # type: ignore[override]
        """Whether codes fit in eight bits; fewer bits need a Clip beside QuantizeLinear."""
        return self.bits <= 8

    @property
    def lowest(self) -> int:
        """Lowest code."""
        return -(2 ** (self.bits - 1)) if self.signed else 0

    @property
    def highest(self) -> int:
        """Highest code."""
        return self.lowest + self.levels - 1

    def codes(self, x: Tensor) -> Tensor:
        """Returns integer valued float codes of the shape of ``x``."""
        codes = rounded(x / self.scale) + self.zero_point
        return codes.clamp(self.lowest, self.highest)

    def values(self, codes: Tensor) -> Tensor:
        """Returns the values of codes."""
        return (codes - self.zero_point) * self.scale

    def forward(self, x: Tensor) -> Tensor:
        """Returns the nearest values of the shape of ``x``."""
        return self.values(self.codes(x))

    def extra_repr(self) -> str:
        """Returns bits, sign and the shape of the scale for `repr`."""
        kind = "signed" if self.signed else "unsigned"
        return f"bits={self.bits}, {kind}, scale={tuple(self.scale.shape)}"


class Logarithm(Quantizer):
    """Powers of 2 or √2 below a largest value, and 0 (RepQ-ViT, log√2; FQ-ViT, log2).

    code = round(−steps·log2(x / scale)), value = scale·2^(−code / steps); codes of 2^bits and more
    mean 0. Values are at least 0. The 0 is one symbol more than 2^bits, as in the official code.

    Args:
        bits: of a code.
        steps: to an octave: 1 for log2, 2 for log√2.
        scale: largest value, float > 0, of a shape that broadcasts. None: 1, for a softmax.
    """

    scale: Tensor

    def __init__(self, bits: int, steps: int = 2, scale: Tensor | None = None) -> None:
        super().__init__(bits)
        self.steps = steps
        scale = torch.tensor(1.0) if scale is None else scale.detach().clone().float()
        self.register_buffer("scale", scale)

    def codes(self, x: Tensor) -> Tensor:
        """Returns integer valued float codes 0 to 2^bits, of which the last means 0."""
        # Below it, log2 is not finite; it is far below the last code.
        y = (x / self.scale).clamp(1e-15, 1)
        return rounded(-self.steps * y.log2()).clamp(max=self.levels)

    def values(self, codes: Tensor) -> Tensor:
        """Returns the values of codes."""
        values = self.scale * torch.exp2(-codes / self.steps)
        return torch.where(codes < self.levels, values, torch.zeros_like(values))

    def forward(self, x: Tensor) -> Tensor:
        """Returns the nearest values, in steps of a logarithm, of the shape of ``x``."""
        return self.values(self.codes(x))

    def extra_repr(self) -> str:
        """Returns bits and steps for `repr`."""
        return f"bits={self.bits}, steps={self.steps}"


class TwinUniform(Quantizer):
    """One step for negative values, another for the others (PTQ4ViT, for GELU's output).

    Half of the codes serve each sign.

    Args:
        bits: of a code.
        positive: step of values ≥ 0, float > 0, of a shape that broadcasts.
        negative: step of values < 0. None: GELU's lowest value gets the last code.
    """

    positive: Tensor
    negative: Tensor

    def __init__(self, bits: int, positive: Tensor, negative: Tensor | None = None) -> None:
        super().__init__(bits)
        if negative is None:
            negative = torch.tensor(GELU_FLOOR / 2 ** (bits - 1))
        self.register_buffer("positive", positive.detach().clone().float())
        self.register_buffer("negative", negative.detach().clone().float())

    def forward(self, x: Tensor) -> Tensor:
        """Returns the nearest values of the shape of ``x``."""
        half = 2 ** (self.bits - 1)
        above = rounded(x / self.positive).clamp(0, half - 1) * self.positive
        below = rounded(x / self.negative).clamp(-half, 0) * self.negative
        return above + below


def unit_range(bits: int) -> Uniform:
    """Returns the quantizer of the fixed range 0 to 1 of a softmax."""
    return Uniform(bits, torch.tensor(1 / (2**bits - 1)))


def signal_to_noise(wanted: Tensor, found: Tensor) -> float:
    """Returns 10·log10(Σwanted² / Σ(wanted − found)²) in decibels; infinite if they are equal."""
    noise = float((wanted - found).double().square().sum())
    signal = float(wanted.double().square().sum())
    return 10 * math.log10(signal / noise) if noise else math.inf
